"""The admin pages of issued keys. A key's secret is shown in the answer to its issuing and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import pluralize
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.enums import ActionVariant

from keys import issuing
from keys.admin.shown import action, display, shortened
from keys.forms.virtual_keys import VirtualKeyForm
from keys.ids import new_id
from keys.models import ANONYMOUS, VirtualKey
from keys.secret import Secret

STATES = {"active": "success", "expired": "warning", "revoked": "danger"}
LABELS = {**STATES, "off": "info"}
EXAMPLE_MODEL = "openai/gpt-4o-mini"
SENT_TWICE = (
    "This form was sent twice; the key was issued the first time, and its secret is not shown again. "
    "If nobody copied it, revoke the key and issue another."
)


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, state) for state in STATES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[VirtualKey]) -> QuerySet[VirtualKey]:
        past, revoked = Q(expires_at__lte=timezone.now()), Q(revoked_at__isnull=False)
        chosen = {"active": ~revoked & ~past, "expired": ~revoked & past, "revoked": revoked}.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(chosen)


@admin.register(VirtualKey)
class VirtualKeyAdmin(ModelAdmin):  # type: ignore[misc]  # Unfold is published without types
    """Issue, look at, change, revoke. Never deleted: the usage log names them."""

    form = VirtualKeyForm
    list_display = ("name", "token", "state", "allowed", "created_at", "expires")
    list_filter = (StateFilter,)
    list_filter_sheet = False
    search_fields = ("name", "last_four", "note")
    search_help_text = "Name, last four characters, note"
    list_per_page = 50
    add_text = "Issue a key"
    change_form_before_template = "keys/issue_id.html"
    change_form_after_template = "keys/calls.html"
    actions = ("revoke_selected",)
    actions_detail = ("revoke", "allow_again")
    fieldsets = (
        (None, {"fields": ("name", "note", "models", "expires_at")}),
        ("What is kept", {"fields": ("log_bodies", "cache_mode")}),
    )
    shown_later = ("token", "state", "created_at", "revoked_at")

    def get_fieldsets(self, request: HttpRequest, obj: VirtualKey | None = None) -> Any:
        return self.fieldsets if obj is None else (*self.fieldsets, ("Key", {"fields": self.shown_later}))

    def get_readonly_fields(self, request: HttpRequest, obj: VirtualKey | None = None) -> Any:
        return () if obj is None else self.shown_later

    def has_delete_permission(self, request: HttpRequest, obj: VirtualKey | None = None) -> bool:
        return False

    @display(description="Key")
    def token(self, obj: VirtualKey) -> str:
        return f"{obj.prefix}…{obj.last_four}" if obj.prefix else "no token"

    @display(description="State", label=LABELS)
    def state(self, obj: VirtualKey) -> str:
        off = obj.id == ANONYMOUS and not settings.DRAGOMAN_ALLOW_ANONYMOUS
        return "off" if off else obj.state(timezone.now())

    @display(description="Models")
    def allowed(self, obj: VirtualKey) -> str:
        return shortened(obj.models) or "every model"

    @display(description="Expires", ordering="expires_at", empty_value="never")
    def expires(self, obj: VirtualKey) -> Any:
        return obj.expires_at

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """One way on from a new key: its secret has to be seen. A form that is sent again issues no second key."""
        if object_id is None and (issued := issued_by(request)) is not None:
            self.message_user(request, SENT_TWICE, messages.WARNING)
            return redirect("admin:keys_virtualkey_change", issued.pk)
        new = object_id is None
        wanted = {"show_save_and_add_another": False, "show_save_and_continue": not new}
        extra = {**(extra_context or {}), **wanted, "issue_id": new_id() if new else ""}
        return super().changeform_view(request, object_id, form_url, extra)

    def save_model(self, request: HttpRequest, obj: VirtualKey, form: Any, change: bool) -> None:
        if not change:
            obj.id = issue_id(request) or obj.id
            obj.shown = Secret(issuing.put_token(obj))
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: VirtualKey, post_url_continue: str | None = None) -> HttpResponse:
        """The only page that shows the secret; admin pages are never stored by a browser (never_cache)."""
        assert obj.shown is not None
        context = {"title": "Key issued", "key": obj, "secret": obj.shown.reveal(), "opts": self.opts}
        context |= {"base_url": request.build_absolute_uri("/v1"), "model": example_model(obj.models)}
        return TemplateResponse(request, "keys/issued.html", {**self.admin_site.each_context(request), **context})

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[VirtualKey]) -> HttpResponse | None:
        keys = list(queryset.filter(revoked_at=None))
        if keys and "confirmed" not in request.POST:
            return self._asked(request, keys, "revoke", {"action": "revoke_selected"})
        for key in keys:
            self._revoke(request, key)
        self.message_user(request, f"{len(keys)} key{pluralize(len(keys))} revoked.", messages.SUCCESS)
        return None

    @action(description="Revoke", permissions=["change"], icon="block", variant=ActionVariant.DANGER)
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._after_asking(request, self._key(request, object_id), "revoke", self._revoke)

    @action(description="Allow again", permissions=["change"], icon="undo")
    def allow_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        key = self._key(request, object_id)
        if key.id != ANONYMOUS:  # a revoked token may be in anyone's hands
            raise Http404
        return self._after_asking(request, key, "allow again", self._allow)

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """Only what makes sense for this key."""
        key = VirtualKey.objects.filter(pk=object_id).first()
        usable = key is not None and key.revoked_at is None
        fitting = "revoke" if usable else "allow_again" if object_id == ANONYMOUS else ""
        found = super().get_actions_detail(request, object_id)
        return [one for one in found if fitting and one.action_name.endswith(f"_{fitting}")]

    def _key(self, request: HttpRequest, object_id: str) -> VirtualKey:
        key: VirtualKey | None = self.get_queryset(request).filter(pk=object_id).first()
        if key is None:
            raise Http404
        return key

    def _after_asking(
        self, request: HttpRequest, key: VirtualKey, verb: str, act: Callable[[HttpRequest, VirtualKey], None]
    ) -> HttpResponse:
        if request.method != "POST":
            return self._asked(request, [key], verb, {})
        act(request, key)
        return redirect("admin:keys_virtualkey_change", key.pk)

    def _asked(self, request: HttpRequest, keys: list[VirtualKey], verb: str, hidden: dict[str, str]) -> HttpResponse:
        context = {"title": f"{verb.capitalize()}?", "keys": keys, "verb": verb, "hidden": hidden, "opts": self.opts}
        return TemplateResponse(request, "keys/confirm.html", {**self.admin_site.each_context(request), **context})

    def _revoke(self, request: HttpRequest, key: VirtualKey) -> None:
        issuing.revoke(key, timezone.now())
        self.log_change(request, key, "Revoked.")

    def _allow(self, request: HttpRequest, key: VirtualKey) -> None:
        key.revoked_at = None
        key.save(update_fields=["revoked_at"])
        self.log_change(request, key, "Allowed again.")


def issue_id(request: HttpRequest) -> str:
    """The id that the form gave the key to be issued; empty where it names none."""
    try:
        return str(UUID(request.POST.get("issue", "")))
    except ValueError:
        return ""


def issued_by(request: HttpRequest) -> VirtualKey | None:
    """The key that this very form has issued already: reloading the page with the secret sends it once more."""
    name = issue_id(request)
    return VirtualKey.objects.filter(pk=name).first() if name else None


def example_model(models: list[str]) -> str:
    """One that the key may use, for the snippets: the first that is no pattern."""
    plain = (str(name) for name in models if not set(str(name)) & set("*?["))
    return next(plain, EXAMPLE_MODEL)
