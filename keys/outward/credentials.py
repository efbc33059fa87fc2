"""With which secrets we call others: the operator's environment and the admin's rows, as one snapshot in memory.

Which providers exist is told by `declare()` when the proxy starts: this app knows no list of them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from django.conf import settings

from keys import freshness
from keys.models import ProviderCredential, globs
from keys.outward.extra_headers import NO_HEADERS, filled
from keys.outward.options import NO_OPTIONS, VALUE, Option, Part
from keys.reading import DATABASE, DatabaseAway
from keys.secrecy.sealing import SealBroken
from keys.secrecy.secret import Secret, presentable

log = logging.getLogger("dragoman.keys")
REGIONS = ("region", "location")  # what providers call the option that a row's regions are values of


@dataclass(frozen=True, slots=True)
class Credential:
    """One way into one provider.

    secret: None where there is none to send (a keyless provider, or the caller brings a key); base_url: None = the
    provider's public address; models: globs, () = all; trusted: from the environment, so its address is not checked;
    headers: sent with every request, with parts of the secret in them; broken: its sealed secret did not open (moved,
    changed, or its master key is gone): it must not be called with; options: what its address and signature need beside
    the key (region, project, api_version, ...); project: the id of the one whose keys alone may use it, "" = all may;
    priority: the lowest is tried first; weight: its share of the first tries among those of one priority.
    """

    id: str
    name: str
    provider: str
    secret: Secret | None = None
    base_url: str | None = None
    models: tuple[str, ...] = ()
    trusted: bool = False
    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS, repr=False)
    broken: bool = False
    options: Mapping[str, str] = field(default_factory=lambda: NO_OPTIONS)
    project: str = ""
    priority: int = 0
    weight: int = 1


class Declared(NamedTuple):
    """What is known here of a provider.

    names: of its key's variable; keyless: it answers without a key; options: that its credentials may have;
    parts: of a secret that is no single word: all the needed ones given, they make a JSON object in the key's place;
    addresses: further names of its address's variable.
    """

    names: tuple[str, ...] = ()
    keyless: bool = False
    options: tuple[Option, ...] = ()
    parts: tuple[Part, ...] = ()
    addresses: tuple[str, ...] = ()


class Snapshot(NamedTuple):
    everything: tuple[Credential, ...]
    by_provider: Mapping[str, tuple[Credential, ...]]


_declared: dict[str, Declared] = {}
_kept: list[Snapshot] = []  # none or one


def declare(providers: Mapping[str, Declared]) -> None:
    """Say which providers there are. `names` are further ones: <PROVIDER>_API_KEY, <PROVIDER>_BASE_URL and
    <PROVIDER>_<OPTION> are read for each of them, a hyphen in the name as `_`."""
    for provider, told in providers.items():
        capital = capitals(provider)
        known = (one._replace(variables=(f"{capital}_{one.name.upper()}", *one.variables)) for one in told.options)
        _declared[provider] = told._replace(names=(f"{capital}_API_KEY", *told.names), options=tuple(known))
    forget()


def providers() -> tuple[str, ...]:
    return tuple(sorted(_declared))


def is_keyless(provider: str) -> bool:
    return provider in _declared and _declared[provider].keyless


def options_of(provider: str) -> tuple[str, ...]:
    """The names of the options that a credential of `provider` may have."""
    return tuple(option.name for option in _declared[provider].options) if provider in _declared else ()


def region_option(provider: str) -> str:
    """The option that a list of regions gives the values of; "" where the provider has none."""
    return next((name for name in REGIONS if name in options_of(provider)), "")


def credentials(provider: str) -> tuple[Credential, ...]:
    """Those of `provider` that are enabled, the environment's first."""
    return _snapshot().by_provider.get(provider, ())


def named(name: str) -> tuple[Credential, ...]:
    """Those with exactly this name (x-bt-endpoint-name)."""
    return tuple(credential for credential in _snapshot().everything if credential.name == name)


def all_credentials() -> tuple[Credential, ...]:
    return _snapshot().everything


def from_environment() -> tuple[Credential, ...]:
    """The operator's credentials, out of settings.DRAGOMAN_PROVIDER_ENV."""
    found = (environment_credential(provider) for provider in providers())
    return tuple(credential for credential in found if credential is not None)


def environment_credential(provider: str) -> Credential | None:
    """A key, or an address alone where the provider needs none or callers may bring theirs."""
    declared = _declared[provider]
    addresses = (f"{capitals(provider)}_BASE_URL", *declared.addresses)
    address_variable = next(filter(_given, addresses), addresses[0])
    base_url = _given(address_variable).rstrip("/") or None
    chosen = dict(_options_given(declared))
    name, secret = _secret_given(declared)
    if secret is None:
        if not (base_url or chosen) or not (declared.keyless or settings.DRAGOMAN_ALLOW_PROVIDER_KEYS):
            return None
        name = address_variable
    return Credential(
        id=f"env:{provider}",
        name=name,
        provider=provider,
        secret=secret,
        base_url=base_url,
        trusted=True,
        options=chosen or NO_OPTIONS,
    )


def _given(variable: str) -> str:
    return str(settings.DRAGOMAN_PROVIDER_ENV.get(variable, "")).strip()


def _options_given(declared: Declared) -> Iterator[tuple[str, str]]:
    for option in declared.options:
        value = next(filter(None, map(_given, option.variables)), "")
        if VALUE.fullmatch(value):
            yield option.name, value


def _secret_given(declared: Declared) -> tuple[str, Secret | None]:
    """The variable that gives the secret, and the secret; the key first, then the parts."""
    variable = next((name for name in declared.names if _given(name)), None)
    if variable:
        return variable, Secret(_given(variable)) if presentable(_given(variable)) else None
    parts = {part.name: _given(part.variable) for part in declared.parts}
    if not parts or not all(parts[part.name] for part in declared.parts if part.needed):
        return "", None
    return declared.parts[0].variable, Secret(json.dumps({name: text for name, text in parts.items() if text}))


def unsendable() -> Iterator[str]:
    """Variables whose value is no key, e.g. for a blank or a line break inside."""
    for declared in _declared.values():
        yield from (name for name in declared.names if _given(name) and not presentable(_given(name)))


def unusable_options() -> Iterator[str]:
    """Variables whose value is no option's."""
    for declared in _declared.values():
        names = [name for option in declared.options for name in option.variables]
        yield from (name for name in names if _given(name) and not VALUE.fullmatch(_given(name)))


def capitals(provider: str) -> str:
    return provider.upper().replace("-", "_")


def forget() -> None:
    """Drop the snapshot; the next call reads it anew."""
    _kept.clear()


def reload() -> None:
    """Read the snapshot anew, if this process has one. DatabaseAway: the old one stays."""
    if _kept:
        _keep(snapshot_of((*from_environment(), *from_database())))


freshness.subscribe(reload)


def _snapshot() -> Snapshot:
    return _kept[0] if _kept else _first()


def _first() -> Snapshot:
    """The first snapshot; without a database, the environment's credentials until it is back."""
    freshness.generation()
    try:
        return _keep(snapshot_of((*from_environment(), *from_database())))
    except DatabaseAway:
        freshness.again(reload)
        return _keep(snapshot_of(from_environment()))


def _keep(snapshot: Snapshot) -> Snapshot:
    _kept[:] = [snapshot]
    return snapshot


def snapshot_of(everything: tuple[Credential, ...]) -> Snapshot:
    by_provider: dict[str, tuple[Credential, ...]] = {}
    for credential in everything:
        by_provider[credential.provider] = (*by_provider.get(credential.provider, ()), credential)
    return Snapshot(everything, by_provider)


def from_database() -> tuple[Credential, ...]:
    rows = DATABASE.read(lambda: list(ProviderCredential.objects.filter(enabled=True)))
    return tuple(credential for row in rows for credential in credentials_of(row))


def credentials_of(row: ProviderCredential) -> tuple[Credential, ...]:
    """What a row stands for: one, or where it has regions, one for each of them in their order, alike but for that."""
    whole, option = credential_of(row), region_option(row.provider)
    if not row.regions or not option:
        return (whole,)
    return tuple(replace(whole, options={**whole.options, option: str(region)}) for region in row.regions)


def credential_of(row: ProviderCredential) -> Credential:
    """Without the regions."""
    secret, broken = opened(row)
    return Credential(
        id=row.id,
        name=row.name,
        provider=row.provider,
        secret=secret,
        base_url=row.base_url or None,
        models=globs(row.models),
        headers=filled(row.headers, secret.reveal() if secret else ""),
        broken=broken,
        options=dict(row.options),
        project=row.project_id or "",
        priority=row.priority,
        weight=row.weight,
    )


def opened(row: ProviderCredential) -> tuple[Secret | None, bool]:
    """The secret, and whether there is one that does not open."""
    try:
        return row.secret(), False
    except SealBroken as error:
        log.error("credential %s cannot be used: %s", row.id, error)
        return None, True
