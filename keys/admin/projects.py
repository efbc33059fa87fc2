"""The admin pages of projects: their limits and budgets, and whose they are."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from keys.admin.bars import BudgetedChangeList, bars, drawn
from keys.admin.budgets import BudgetInline, has_reset_permission, reset_budgets
from keys.admin.shown import display
from keys.forms.fields import LIMITS
from keys.forms.projects import ProjectForm
from keys.models import Project

MOST_SHOWN = 50


@admin.register(Project)
class ProjectAdmin(ModelAdmin):  # type: ignore[misc]  # Unfold is published without types
    """Never deleted: usage records name it. It is switched off."""

    form = ProjectForm
    list_display = ("name", "organization", "state", "used_by", "budget")
    list_filter = ("enabled",)
    list_filter_sheet = False
    search_fields = ("name", "organization", "note", "id")
    search_help_text = "Name, organization, note, id"
    list_per_page = 50
    add_text = "Add a project"
    empty_text = "No projects yet. A project groups keys: it has limits, budgets and credentials for all of them."
    change_form_outer_before_template = "keys/project_top.html"
    actions_detail = ("reset_budgets",)
    inlines = (BudgetInline,)
    fieldsets = (
        (None, {"fields": (("name", "organization"), "enabled", "note")}),
        ("Limits", {"classes": ("tab",), "fields": LIMITS}),
        ("What is kept", {"classes": ("tab",), "fields": ("log_bodies", "cache_mode", "cassette")}),
    )
    reset_budgets, has_reset_permission = reset_budgets, has_reset_permission

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BudgetedChangeList]:
        return BudgetedChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Project]:
        rows: QuerySet[Project] = super().get_queryset(request)
        usable = Count("keys", filter=Q(keys__revoked_at=None))
        return rows.prefetch_related("budgets").annotate(usable_keys=usable)

    def has_delete_permission(self, request: HttpRequest, obj: Project | None = None) -> bool:
        return False

    @display(description="State", label={"on": "success", "off": "info", "record": "warning", "replay": "warning"})
    def state(self, obj: Project) -> str:
        """Or what its cassette does: who wonders at answers that nobody paid, or at none, sees it at once."""
        return (obj.cassette or "on") if obj.enabled else "off"

    @display(description="Keys", ordering="usable_keys")
    def used_by(self, obj: Project) -> int:
        """Those that are not revoked."""
        return int(obj.usable_keys)  # type: ignore[attr-defined]  # get_queryset

    @display(description="Budget", empty_value="none")
    def budget(self, obj: Project) -> str | None:
        """The fullest."""
        found = obj.bars  # type: ignore[attr-defined]  # BudgetedChangeList
        return drawn(found[0]) if found else None

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        row = self.get_object(request, object_id) if object_id else None
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **top(row)})


def top(row: Project | None) -> dict[str, Any]:
    """What its page says above the form: its budgets, keys and credentials."""
    if row is None:
        return {}
    keys = row.keys.filter(revoked_at=None).order_by("name")
    return {
        "bars": bars([row])[0],
        "keys": keys[:MOST_SHOWN],
        "more": max(0, keys.count() - MOST_SHOWN),
        "credentials": row.credentials.order_by("priority", "name"),
    }
