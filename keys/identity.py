"""Who calls: what the gateway, the cache and the ledger may know of a caller. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from keys.secret import Secret

Kind = Literal["virtual", "provider_key", "anonymous"]


@dataclass(frozen=True, slots=True)
class Identity:
    """One caller.

    kind: an issued key, the caller's own provider key, or nobody in particular; id, name: for the ledger;
    scope: what separates its cached completions from others'; models: globs, () = every model;
    expires_at: Unix seconds; provider_key: only with kind `provider_key`; log_bodies, cache_mode: None = as configured.
    """

    kind: Kind
    id: str
    name: str
    scope: str
    models: tuple[str, ...] = ()
    expires_at: float | None = None
    provider_key: Secret | None = None
    log_bodies: str | None = None
    cache_mode: str | None = None

    def may_use(self, *names: str) -> bool:
        """Whether one of a model's names (`provider/model`, the bare name) is allowed."""
        return not self.models or any(fnmatchcase(name, glob) for glob in self.models for name in names)

    def expired(self, now: float) -> bool:
        return self.expires_at is not None and now >= self.expires_at
