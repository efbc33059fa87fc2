"""Who calls: what the gateway, the cache and the ledger may know of a caller. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Literal

from keys.limits.subjects import Subject
from keys.secrecy.secret import Secret

Kind = Literal["virtual", "provider_key", "anonymous", "temporary", "outside"]
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Rights:
    """What a caller may ask for; () = everything. models, providers: globs; only_model: a temporary credential's own
    limit, beside its key's; project: whose credentials come first (its id)."""

    models: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    only_model: str | None = None
    project: str = ""
    _hash: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.models, self.providers, self.only_model, self.project)))

    def __hash__(self) -> int:
        """Made once: what is known of a caller's routes is looked up by it in each call."""
        return self._hash

    def may_use(self, provider: str, *names: str) -> bool:
        """Whether `provider` and one of a model's names (`provider/model`, the bare name, an alias) are allowed."""
        if self.providers and not any(fnmatchcase(provider, glob) for glob in self.providers):
            return False
        if self.only_model is not None and self.only_model not in names:
            return False
        return not self.models or any(fnmatchcase(name, glob) for glob in self.models for name in names)


EVERYTHING = Rights()


@dataclass(frozen=True, slots=True)
class Identity:
    """One caller.

    kind: an issued key, the caller's own provider key, nobody in particular, a temporary credential (then `id` is its
    key's), or an outside issuer's JWT; id, name: for the ledger; scope: what separates its cached completions from
    others'; expires_at: Unix seconds; provider_key: only with kind `provider_key`; log_bodies, cache_mode: None = as
    configured; endpoints: globs, () = all; networks: where its calls may come from, () = anywhere; strict: as
    x-dragoman-strict; fail_open: whether it is answered while limits cannot be counted; subjects: whose limits its
    calls count against (see keys.limits); temporary: the jti of a temporary credential; parent: what its calls are
    logged under where they say nothing of it (x-bt-parent); cassette: its project's, "", record or replay;
    seal_to_caller: its completions open only with its token, of which `caller_mark` is made (in memory alone, and only
    where it is needed).
    """

    kind: Kind
    id: str
    name: str
    scope: str
    rights: Rights = EVERYTHING
    expires_at: float | None = None
    provider_key: Secret | None = None
    log_bodies: str | None = None
    cache_mode: str | None = None
    project_name: str = ""
    organization: str | None = None
    endpoints: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    strict: bool = False
    fail_open: bool = False
    subjects: tuple[Subject, ...] = ()
    temporary: str = ""
    parent: str = ""
    cassette: str = ""
    seal_to_caller: bool = False
    caller_mark: bytes = field(default=b"", repr=False)

    def expired(self, now: float) -> bool:
        return self.expires_at is not None and now >= self.expires_at

    def may_call(self, endpoint: str) -> bool:
        """endpoint: `chat/completions`, `embeddings`, ..."""
        return not self.endpoints or any(fnmatchcase(endpoint, glob) for glob in self.endpoints)

    def may_come_from(self, address: str) -> bool:
        """address: the client's, as IPv4 or IPv6 text; one that is none is nowhere."""
        return not self.networks or lies_in(address, self.networks)


def lies_in(address: str, networks: Sequence[Network]) -> bool:
    """Whether `address` is one, and in a network of these; an IPv4 address may be mapped (RFC 4291, 2.5.5.2)."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    plain = getattr(found, "ipv4_mapped", None) or found
    return any(plain in network for network in networks if network.version == plain.version)
