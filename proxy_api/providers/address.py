"""Where a call goes: the credential's or the provider's address, with what stands between it and a dialect's path.

Pure. Invariant: an option or a model is always percent-encoded, so none of them can lead to another host or path.
"""

from __future__ import annotations

import re
from functools import cache
from urllib.parse import quote

from keys.secrecy.secret import parts_of
from proxy_api.errors import UpstreamError
from proxy_api.upstream import Mount, Route

_PLACEHOLDER = re.compile(r"\{(\w+)(?::([^{}]*))?\}")
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_SCHEME = re.compile(r"https?://")


def located(route: Route, path: str) -> str:
    """The URL of `path` (with its own query, if it has one) for this route. Raises UpstreamError where its credential
    lacks an option that the address needs; another credential may do."""
    base, _, query = _mounted(route).partition("?")
    below, _, own = path.partition("?")
    joined = "&".join(filter(None, (own, query)))
    return f"{base}{below}?{joined}" if joined else f"{base}{below}"


def address(route: Route) -> str:
    """The address as it is configured, options included: two routes with the same one reach the same place."""
    chosen = ";".join(f"{name}={value}" for name, value in sorted(route.credential.options.items()))
    return f"{route.credential.base_url or route.provider.base_url};{chosen}".rstrip(";/")


def option(route: Route, name: str) -> str:
    """The value of an option: the credential's, its secret's, or the row's default; empty: none."""
    given = route.credential.options.get(name)
    if given:
        return given
    row = next((one for one in route.provider.options if one.name == name), None)
    if row is None:
        return ""
    secret = route.credential.secret
    said = (parts_of(secret.reveal()) or {}).get(row.part, "") if row.part and secret is not None else ""
    return said or row.default


def _mounted(route: Route) -> str:
    base = _base(route)
    for mount in route.provider.mounts:
        hit = _pattern(mount.found).search(base) if _fits(mount, route) else None
        if hit is not None:
            return base[: hit.start()] + _filled(hit.expand(mount.becomes), route) + base[hit.end() :]
    return base


def _fits(mount: Mount, route: Route) -> bool:
    fits_model = not mount.model or _pattern(mount.model).search(route.model) is not None
    return fits_model and mount.dialect in ("", route.dialect)


_pattern = cache(re.compile)  # re's own memory costs as much as the search


def _base(route: Route) -> str:
    """Without a trailing slash."""
    if route.credential.base_url:
        return route.credential.base_url.rstrip("/")
    filled = _filled(route.provider.base_url, route)
    return route.provider.irregular.get(filled, filled).rstrip("/")


def _filled(template: str, route: Route) -> str:
    if "{" not in template:
        return template
    kept = _OPTIONAL.sub(lambda part: part[1] if _complete(part[1], route) else "", template)
    return _PLACEHOLDER.sub(lambda hit: _needed(hit, route), kept)


def _complete(template: str, route: Route) -> bool:
    return all(_value(hit, route) for hit in _PLACEHOLDER.finditer(template))


def _needed(hit: re.Match[str], route: Route) -> str:
    value = _value(hit, route)
    if not value:
        message = f"The credential of {route.provider.name} does not say its {hit[1]}."
        raise UpstreamError(message, code="provider_auth", retryable=True)
    return value


def _value(hit: re.Match[str], route: Route) -> str:
    if hit[1] == "model":
        return quote(route.model, safe="")
    value = route.credential.options.get(hit[1]) or hit[2] or option(route, hit[1])
    return quote(_SCHEME.sub("", value).rstrip("/"), safe=":")
