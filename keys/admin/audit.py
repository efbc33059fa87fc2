"""The audit log: newest first, by index alone. Nobody changes it, superusers included."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from keys.admin.filters import ColumnFilter, PresetFilter
from keys.admin.keyset import KeysetChangeList
from keys.admin.shown import display
from keys.models import AuditEntry

NOTHING = "-"
KINDS = {"user": "", "nobody": "not logged in", "admin_key": "admin key"}


class ActionFilter(ColumnFilter):
    title = parameter_name = column = "action"
    coded = True


class ActorFilter(ColumnFilter):
    title = parameter_name = column = "actor"


class TargetFilter(ColumnFilter):
    title, parameter_name, column = "done to", "target", "target_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, text.partition(".")[2]) for value, text in super().lookups(request, model_admin)]


@admin.register(AuditEntry)
class AuditEntryAdmin(ModelAdmin):  # type: ignore[misc]  # Unfold is published without types
    keyset = ("id",)
    list_display = ("time", "action_shown", "target", "who", "address", "summary")
    list_filter = (PresetFilter, ActionFilter, ActorFilter, TargetFilter)
    list_per_page = 50
    list_fullwidth = True
    sortable_by = ()
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    search_fields = ("target_id",)
    search_help_text = "An id, or the whole name of who acted or of what it was done to"
    empty_text = "Nothing has been done yet."
    fields = ("time", "who", "address", "action_shown", "target", "target_id", "changes_shown")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        return KeysetChangeList

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: AuditEntry | None = None) -> tuple[str, ...]:
        return self.fields

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        return super().change_view(request, object_id, form_url, {"show_history": False, **(extra_context or {})})

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        term = search_term.strip().replace("\x00", "")
        named = Q(target_id=term) | Q(actor=term) | Q(target_name=term)
        return queryset.filter(named) if term else queryset, False

    @display(description="Time (UTC)")
    def time(self, row: AuditEntry) -> str:
        return f"{row.at:%Y-%m-%d %H:%M:%S}"

    @display(description="What")
    def action_shown(self, row: AuditEntry) -> str:
        return row.action.replace("_", " ")

    @display(description="Done to")
    def target(self, row: AuditEntry) -> str:
        return row.target_name or row.target_id or NOTHING

    @display(description="Who")
    def who(self, row: AuditEntry) -> str:
        kind = KINDS.get(row.actor_kind, row.actor_kind)
        return f"{row.actor} ({kind})" if kind else row.actor

    @display(description="Changes")
    def summary(self, row: AuditEntry) -> str:
        """The names of what changed: what it became stands on the entry's own page."""
        return ", ".join(row.changes) or NOTHING

    @display(description="Changes")
    def changes_shown(self, row: AuditEntry) -> str:
        return "\n".join(f"{name}: {told(value)}" for name, value in row.changes.items()) or NOTHING


def told(value: object) -> str:
    """A change as it is read: what it was → what it is."""
    match value:
        case {"from": old, "to": new}:
            return f"{one(old)} → {one(new)}"
        case dict():
            return "; ".join(f"{name} {told(inner)}" for name, inner in value.items())
        case _:
            return one(value)


def one(value: object) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
