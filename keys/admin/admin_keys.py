"""The admin pages of the keys for /v1/admin/: issued, shown once, revoked; never deleted, as the log names them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.admin import ModelAdmin

from keys.admin import issued, key_acts
from keys.admin.shown import display, moment
from keys.forms.admin_keys import AdminKeyForm
from keys.models import AdminKey

LABELS = {"active": "success", "expired": "warning", "revoked": "danger"}


@admin.register(AdminKey)
class AdminKeyAdmin(ModelAdmin):  # type: ignore[misc]  # Unfold is published without types
    form = AdminKeyForm
    list_display = ("name", "token", "role", "state", "created", "expires")
    list_filter = ("role",)
    list_filter_sheet = False
    search_fields = ("name", "last_four", "id")
    search_help_text = "Name, last four characters, id"
    add_text = "Issue an admin key"
    empty_text = "No admin keys yet. One lets a program do at /v1/admin/ what staff do here; it calls no model."
    change_form_before_template = "keys/issue_id.html"
    change_form_outer_before_template = "keys/admin_key_top.html"
    actions = ("revoke_selected",)
    actions_detail = ("revoke",)
    revoke = key_acts.revoke

    def has_delete_permission(self, request: HttpRequest, obj: AdminKey | None = None) -> bool:
        return False

    @display(description="Key")
    def token(self, obj: AdminKey) -> str:
        return f"{obj.prefix}…{obj.last_four}"

    @display(description="State", label=LABELS)
    def state(self, obj: AdminKey) -> str:
        return obj.state(timezone.now())

    @display(description="Issued", ordering="created_at")
    def created(self, obj: AdminKey) -> str | None:
        return moment(obj.created_at)

    @display(description="Expires", ordering="expires_at", empty_value="never")
    def expires(self, obj: AdminKey) -> str | None:
        return moment(obj.expires_at)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        if object_id is None and (again := issued.sent_twice(self, request)) is not None:
            return again
        row = self.get_object(request, object_id) if object_id else None
        top = {"state": self.state(row), "state_colour": LABELS[self.state(row)]} if row else {}
        extra = {**(extra_context or {}), **issued.form_page(object_id), **top}
        return super().changeform_view(request, object_id, form_url, extra)

    def save_model(self, request: HttpRequest, obj: AdminKey, form: Any, change: bool) -> None:
        if not change:
            issued.with_token(request, obj)
        super().save_model(request, obj, form, change)
        if not change:
            issued.noted(request, obj)

    def response_add(self, request: HttpRequest, obj: AdminKey, post_url_continue: str | None = None) -> HttpResponse:
        assert obj.shown is not None
        return issued.secret_page(self, request, obj, obj.shown.reveal(), "Admin key issued")

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[AdminKey]) -> HttpResponse | None:
        return key_acts.selected(self, request, queryset, key_acts.REVOKE)

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        key = self.get_object(request, object_id)
        usable = key is not None and key_acts.REVOKE.fits(key)
        return list(super().get_actions_detail(request, object_id)) if usable else []
