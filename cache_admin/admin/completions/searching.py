"""Finding completions: filters by indexed columns, and one field for a digest, a call, a key, a project or words.

Words are found by their keyed index (see cache_admin/words.py).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.admin import SimpleListFilter
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from cache_admin.admin import filters
from cache_admin.choosing import STATES, Rows
from cache_admin.models import UsageRecord
from cache_admin.words import containing
from keys.models import Project

LIST = "admin:cache_admin_storedcompletion_changelist"
KEYSET = ("created_at", "digest")
MOST_PROJECTS = 100
SHORTEST = 8  # characters of a digest's beginning; fewer might as well be a word
HEX = frozenset("0123456789abcdef")


class MarkFilter(SimpleListFilter):
    """Of entries that are kept for good, or that have ended."""

    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in STATES]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        rule = STATES.get(self.value() or "")
        return queryset if rule is None else queryset.filter(rule(timezone.now()))


FILTERS = (
    filters.StoredFilter,
    MarkFilter,
    filters.ModelFilter,
    filters.ProviderFilter,
    filters.KeyFilter,
    filters.ProjectFilter,
)


def searched(rows: Rows, term: str, *, by_words: bool) -> Rows:
    """By a call's request id or a digest's beginning alone; else by the name of a key or project, or by words that all
    stand in the request: for who may read these, since finding a word tells that it was said."""
    packed = term.replace(" ", "").lower()
    if not packed:
        return rows
    if called := digest_of_call(packed):
        return rows.filter(digest=called)
    if len(packed) >= SHORTEST and set(packed) <= HEX:
        return rows.filter(digest__startswith=packed)
    worded, whose = containing(rows, term) if by_words else rows.none(), named(term.strip())
    return rows.filter(whose) | worded if whose else worded


def named(text: str) -> Q:
    """Of a key or project whose name holds `text`; empty where there is none."""
    projects = Project.objects.filter(name__icontains=text.replace("\x00", "")).values_list("pk", flat=True)
    owners = {"key_id__in": filters.keys_named(text), "project_id__in": list(projects[:MOST_PROJECTS])}
    return Q(**{column: ids for column, ids in owners.items() if ids}, _connector=Q.OR)


def digest_of_call(text: str) -> str:
    """The cache digest of the call whose request id `text` is; empty where it is none."""
    try:
        found = UsageRecord.objects.filter(pk=UUID(text)).values_list("cache_digest", flat=True).first()
    except ValueError:
        return ""
    return found or ""


def found(admin: Any, request: HttpRequest) -> Any:
    """The list (unfold's ChangeList) that the address's query makes: `queryset` has what it finds. Raises
    IncorrectLookupParameters."""
    return admin.get_changelist_instance(request)


def asked(listed: Any) -> list[tuple[str, str]]:
    """What a list is filtered by, as its filters say it: (what, value)."""
    chosen = [(spec.title, spec.value(), dict(spec.lookup_choices)) for spec in listed.filter_specs]
    said = [(title, str(words.get(value, value))) for title, value, words in chosen if value]
    return [*said, ("words or names", listed.query)] if listed.query else said
