"""Which completions somebody means: by what they are, expired or not. Pages, API and commands choose alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from cache_admin.models import StoredCompletion
from keys.models import Project, VirtualKey

Rows = QuerySet[StoredCompletion]
# What sets entries apart, of which one is asked for at a time; at a moment.
STATES: Mapping[str, Callable[[datetime], Q]] = {
    "pinned": lambda now: Q(pinned=True),
    "cassette": lambda now: Q(cassette=True),
    "fresh": lambda now: Q(expires_at__gt=now),
    "expired": lambda now: Q(expires_at__lte=now),
}
KEPT = ("pinned", "cassette")  # which a purge leaves, unless they are what is asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Those that fit all that is given; nothing given: every one.

    key, project: id or name; state: one of STATES; since, before: when they were stored; pinned_too: also what a purge
    leaves else, which is what is pinned, and cassettes.
    """

    model: str = ""
    provider: str = ""
    endpoint: str = ""
    key: str = ""
    project: str = ""
    state: str = ""
    since: datetime | None = None
    before: datetime | None = None
    digests: Sequence[str] = ()
    pinned_too: bool = False

    def rows(self) -> Rows:
        """The oldest first."""
        found = StoredCompletion.objects.filter(self._named(), self._stored())
        if self.digests:
            found = found.filter(digest__in=self.digests)
        if self.state:
            found = found.filter(STATES[self.state](timezone.now()))
        if not self.pinned_too and self.state not in KEPT:
            found = removable(found)
        return found.order_by("created_at")

    def _named(self) -> Q:
        plain = {"model": self.model, "provider": self.provider, "endpoint": self.endpoint}
        found = Q(**{name: value for name, value in plain.items() if value})
        owners = {"key_id__in": ids(VirtualKey, self.key), "project_id__in": ids(Project, self.project)}
        return found & Q(**{column: named for column, named in owners.items() if named})

    def _stored(self) -> Q:
        bounds = {"created_at__gte": self.since, "created_at__lt": self.before}
        return Q(**{name: value for name, value in bounds.items() if value is not None})

    def said(self) -> dict[str, Any]:
        """What is given, for the audit log."""
        return {name: value for name, value in asdict(self).items() if value}


def ids(model: type[VirtualKey] | type[Project], said: str) -> list[str]:
    """Of those whose id or name is said: one, mostly, whose rows an index has in their order."""
    if not said:
        return []
    found = model._default_manager.filter(Q(pk=said) | Q(name=said)).values_list("pk", flat=True)
    return list(found) or [said]


def removable(rows: Rows) -> Rows:
    """Without what is pinned, and without cassettes."""
    return rows.filter(kept_until__isnull=False)
