"""Alerts of budgets: which went out, which are being tried, which were given up and why. Nobody changes them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from keys.admin.keyset import KeysetChangeList
from keys.admin.shown import display, moment
from keys.alerts.notices import owner
from keys.models import AlertDelivery

STATES = {
    "given up": Q(due_at=None, sent_at=None),
    "failing": Q(due_at__isnull=False) & ~Q(fault=""),
    "waiting": Q(due_at__isnull=False, fault=""),
    "sent": Q(sent_at__isnull=False),
}
COLOURS = {"given up": "danger", "failing": "warning", "waiting": "info", "sent": "success"}


class StateFilter(admin.SimpleListFilter):
    title = parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, state) for state in STATES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AlertDelivery]) -> QuerySet[AlertDelivery]:
        chosen = STATES.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(chosen)


@admin.register(AlertDelivery)
class AlertDeliveryAdmin(ModelAdmin):  # type: ignore[misc]  # Unfold is published without types
    keyset = ("id",)
    list_display = ("time", "whose", "reached", "channel", "state_shown", "attempts", "fault")
    list_filter = (StateFilter,)
    list_filter_sheet = False
    list_select_related = ("alert__budget__key", "alert__budget__project")
    list_per_page = 50
    list_fullwidth = True
    sortable_by = ()
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    empty_text = "No budget has reached a threshold of which somebody was to be told."
    fields = ("time", "whose", "reached", "channel", "state_shown", "attempts", "sent", "next", "fault")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        return KeysetChangeList

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AlertDelivery | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AlertDelivery | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: AlertDelivery | None = None) -> tuple[str, ...]:
        return self.fields

    @display(description="Time (UTC)")
    def time(self, row: AlertDelivery) -> str:
        return f"{row.alert.at:%Y-%m-%d %H:%M:%S}"

    @display(description="Whose budget")
    def whose(self, row: AlertDelivery) -> str:
        return owner(row.alert.budget)[2]

    @display(description="Reached")
    def reached(self, row: AlertDelivery) -> str:
        return str(row.alert)

    @display(description="State", label=COLOURS)
    def state_shown(self, row: AlertDelivery) -> str:
        return row.state()

    @display(description="Got through at (UTC)")
    def sent(self, row: AlertDelivery) -> str | None:
        return moment(row.sent_at)

    @display(description="Next try at (UTC)")
    def next(self, row: AlertDelivery) -> str | None:
        return moment(row.due_at)
