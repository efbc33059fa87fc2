"""With which secrets we call others: the operator's environment and the admin's rows, as one snapshot in memory.

Which providers exist is told by `declare()` when the proxy starts: this app knows no list of them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from django.conf import settings

from keys import freshness
from keys.models import ProviderCredential, globs
from keys.reading import DATABASE, DatabaseAway
from keys.sealing import SealBroken
from keys.secret import Secret

log = logging.getLogger("dragoman.keys")
# What a header may hold without harm: `requests` sends NUL and raw latin-1 as they are (RFC 9110, section 5.5).
SENDABLE = re.compile(r"[\x21-\x7e]+")
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Credential:
    """One way into one provider.

    secret: None where there is none to send (a keyless provider, or the caller brings a key); base_url: None = the
    provider's public address; models: globs, () = all; trusted: from the environment, so its address is not checked;
    broken: its sealed secret did not open (moved, changed, or its master key is gone): it must not be called with.
    """

    id: str
    name: str
    provider: str
    secret: Secret | None = None
    base_url: str | None = None
    models: tuple[str, ...] = ()
    trusted: bool = False
    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS)
    broken: bool = False


class Declared(NamedTuple):
    """What is known here of a provider: the names of its key's variable, and whether it answers without a key."""

    names: tuple[str, ...]
    keyless: bool


class Snapshot(NamedTuple):
    everything: tuple[Credential, ...]
    by_provider: Mapping[str, tuple[Credential, ...]]


_declared: dict[str, Declared] = {}
_kept: list[Snapshot] = []  # none or one


def declare(env_names: Mapping[str, Collection[str]], keyless: Collection[str] = ()) -> None:
    """Say which providers there are: {provider: further names of its key's variable}, and which need no key.

    <PROVIDER>_API_KEY and <PROVIDER>_BASE_URL are read for each of them, a hyphen in the name as `_`.
    """
    for provider, names in env_names.items():
        _declared[provider] = Declared((f"{capitals(provider)}_API_KEY", *names), provider in keyless)
    forget()


def providers() -> tuple[str, ...]:
    return tuple(sorted(_declared))


def is_keyless(provider: str) -> bool:
    return provider in _declared and _declared[provider].keyless


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
    declared, given = _declared[provider], settings.DRAGOMAN_PROVIDER_ENV
    variable = next((name for name in declared.names if given.get(name)), None)
    address_variable = f"{capitals(provider)}_BASE_URL"
    base_url = given.get(address_variable, "").strip().rstrip("/") or None
    if variable and SENDABLE.fullmatch(given[variable].strip()):
        name, secret = variable, Secret(given[variable].strip())
    elif base_url and (declared.keyless or settings.DRAGOMAN_ALLOW_PROVIDER_KEYS):
        name, secret = address_variable, None
    else:
        return None
    return Credential(
        id=f"env:{provider}", name=name, provider=provider, secret=secret, base_url=base_url, trusted=True
    )


def unsendable() -> Iterator[str]:
    """Variables whose value cannot be sent in a header, e.g. for a blank or a line break inside."""
    for declared in _declared.values():
        for name in declared.names:
            value = settings.DRAGOMAN_PROVIDER_ENV.get(name, "").strip()
            if value and not SENDABLE.fullmatch(value):
                yield name


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
    return tuple(credential_of(row) for row in rows)


def credential_of(row: ProviderCredential) -> Credential:
    secret, broken = None, False
    try:
        secret = row.secret()
    except SealBroken as error:
        log.error("credential %s cannot be used: %s", row.id, error)
        broken = True
    return Credential(
        id=row.id,
        name=row.name,
        provider=row.provider,
        secret=secret,
        base_url=row.base_url or None,
        models=globs(row.models),
        broken=broken,
    )
