"""Typed reading of the environment: each name also as NAME_FILE, whose file holds the value (a mounted secret).

Only settings.py calls these: no other module reads os.environ.
"""

from __future__ import annotations

import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

SECRET_FILES = (
    "_API_KEY_FILE",
    "_BASE_URL_FILE",
    "_OPENAI_ENDPOINT_FILE",
    "_SECRET_ACCESS_KEY_FILE",
    "_CLIENT_SECRET_FILE",
)


def text(name: str, default: str = "") -> str:
    """The variable's value, or what the file named by NAME_FILE holds, stripped; `default` where neither is set."""
    value = os.environ.get(name)
    if value is not None:
        return value.strip()
    path = os.environ.get(f"{name}_FILE")
    return default if not path else file_text(f"{name}_FILE", path)


def file_text(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name} names a file that cannot be read: {error.strerror}") from None


def flag(name: str, default: bool = False) -> bool:
    """1, true, yes, on; 0, false, no, off; anything else is refused."""
    value = text(name).lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    if value:
        raise ImproperlyConfigured(f"{name} must be 1 or 0")
    return default


def number(name: str, default: float, *, least: float = 0) -> float:
    value = text(name)
    try:
        result = float(value) if value else float(default)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number") from None
    if not least <= result < float("inf"):
        raise ImproperlyConfigured(f"{name} must be at least {least:g}")
    return result


def whole(name: str, default: int, *, least: int = 0) -> int:
    result = number(name, default, least=least)
    if result != int(result):
        raise ImproperlyConfigured(f"{name} must be a whole number")
    return int(result)


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = text(name, default).lower()
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(allowed)}")
    return value


def names(name: str) -> tuple[str, ...]:
    """A comma-separated list, blanks dropped."""
    return tuple(part.strip() for part in text(name).split(",") if part.strip())


def networks(name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """A comma-separated list of IP networks and addresses."""
    try:
        return tuple(ip_network(entry, strict=False) for entry in names(name))
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be IP networks such as 10.0.0.0/8") from None


def everything() -> dict[str, str]:
    """A copy of the environment with each NAME_FILE of a secret or an address resolved, for provider credentials, whose
    names are data. Others are left: AWS's and Azure's own tools have names in _FILE with another meaning."""
    found = dict(os.environ)
    for name, path in os.environ.items():
        if name.endswith(SECRET_FILES) and path:
            found.setdefault(name.removesuffix("_FILE"), file_text(name, path))
    return found


def inherited(**changes: str) -> dict[str, str]:
    """The environment for a child process: ours, with `changes`."""
    return {**os.environ, **changes}
