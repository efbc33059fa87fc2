"""Sealed bodies opened for one page, for who may read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model
from django.http import HttpRequest

from cache_admin.admin.reading import Said, pretty
from keys.administration import audit
from keys.secrecy.sealing import SealBroken

PERMISSION = "cache_admin.view_bodies"
HIDDEN = "You may not read stored prompts and completions: the permission is “Can read stored prompts and completions”."
NOT_KEPT = "Not kept."
BROKEN = "Cannot be opened: sealed under a master key that is no longer on the ring, or damaged."


@dataclass(frozen=True, slots=True)
class Body:
    """One part as the page shows it: its turns, its raw JSON, or a word on why there is neither."""

    title: str
    note: str = ""
    turns: list[Said] = field(default_factory=list)
    raw: str = ""


def may(request: HttpRequest) -> bool:
    """Whether the user may read bodies at all."""
    user: Any = request.user
    return bool(user.has_perm(PERMISSION))


def may_read(request: HttpRequest, row: Model) -> bool:
    """Whether the user may read the bodies of `row`. Who does so is in the audit log before the first word is shown."""
    if not may(request):
        return False
    audit.note(audit.of_request(request), "body.viewed", row)
    return True


def opened(title: str, unseal: Callable[[], bytes], turns: Callable[[bytes], list[Said]]) -> Body:
    """A body for the page; `unseal` gives its bytes (none: not kept) or raises SealBroken or ValueError."""
    try:
        raw = unseal()
    except (SealBroken, ValueError):
        return Body(title, BROKEN)
    return Body(title, turns=turns(raw), raw=pretty(raw)) if raw else Body(title, NOT_KEPT)
