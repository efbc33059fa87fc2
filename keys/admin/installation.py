"""The admin page of the installation's limits and budgets: one row, so there is no list."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.admin import ModelAdmin

from keys.admin.bars import bars
from keys.admin.budgets import WholeBudgetInline, has_reset_permission, reset_budgets
from keys.forms.fields import LIMITS
from keys.forms.projects import InstallationLimitsForm
from keys.models import InstallationLimits

ONLY = "1"


@admin.register(InstallationLimits)
class InstallationLimitsAdmin(ModelAdmin):  # type: ignore[misc]  # Unfold is published without types
    form = InstallationLimitsForm
    change_form_outer_before_template = "keys/installation_top.html"
    actions_detail = ("reset_budgets",)
    inlines = (WholeBudgetInline,)
    fieldsets = ((None, {"fields": LIMITS, "description": "Of all keys together, over all processes."}),)
    reset_budgets, has_reset_permission = reset_budgets, has_reset_permission

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: InstallationLimits | None = None) -> bool:
        return False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """There from the beginning: without a limit until it is saved."""
        return super().get_object(request, object_id, from_field) or (
            InstallationLimits(pk=1) if object_id == ONLY else None
        )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return redirect("admin:keys_installationlimits_change", ONLY)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        shown = {"bars": bars([InstallationLimits(pk=1)])[0], "show_save_and_continue": False}
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def response_post_save_change(self, request: HttpRequest, obj: InstallationLimits) -> HttpResponse:
        return redirect("admin:keys_installationlimits_change", ONLY)
