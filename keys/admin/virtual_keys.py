"""The admin pages of issued keys. A key's secret is shown in the answer to its issuing and nowhere else."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from unfold.admin import ModelAdmin

from keys.admin import issued, key_acts
from keys.admin.bars import BudgetedChangeList, bars, drawn
from keys.admin.budgets import BudgetInline, copied, has_reset_permission, reset_budgets
from keys.admin.key_filters import BudgetFilter, OwnerFilter, StateFilter, TagFilter
from keys.admin.shown import display, moment
from keys.forms.fields import LIMITS
from keys.forms.virtual_keys import VirtualKeyForm
from keys.models import ANONYMOUS, VirtualKey

LABELS = {"active": "success", "expired": "warning", "revoked": "danger", "off": "info"}
COPIED = tuple(name for name in VirtualKeyForm.Meta.fields if name not in ("name", "expires_at", "enabled"))


class KeyBudgetInline(BudgetInline):
    """The form of a new key that is to be like another one begins with that one's budgets."""

    def get_extra(self, request: HttpRequest, obj: VirtualKey | None = None, **kwargs: Any) -> int:
        return len(budgets_like(request)) if obj is None else 0


@admin.register(VirtualKey)
class VirtualKeyAdmin(ModelAdmin):  # type: ignore[misc]  # Unfold is published without types
    """Issue, look at, change, rotate, switch off, revoke. Never deleted: the usage log names them."""

    form = VirtualKeyForm
    list_display = ("named", "token", "whose", "state", "budget", "last_used", "expires")
    list_select_related = ("project",)
    list_filter = (StateFilter, BudgetFilter, "project", OwnerFilter, TagFilter)
    list_filter_sheet = False
    list_fullwidth = True
    search_fields = ("name", "last_four", "previous_last_four", "owner", "note", "id")
    search_help_text = "Name, last four characters, owner, note, id"
    list_per_page = 50
    add_text = "Issue a key"
    change_form_before_template = "keys/issue_id.html"
    change_form_outer_before_template = "keys/key_top.html"
    actions = ("disable_selected", "enable_selected", "revoke_selected")
    actions_detail = ("rotate", "duplicate", "reset_budgets", "disable", "enable", "revoke", "allow_again")
    inlines = (KeyBudgetInline,)
    fieldsets = (
        (None, {"fields": (("name", "owner"), "project", "tags", "expires_at", "enabled", "note")}),
        ("Limits", {"classes": ("tab",), "fields": (*LIMITS, "fail_open")}),
        (
            "What it may call",
            {"classes": ("tab",), "fields": (("models", "providers"), ("endpoints", "networks"), "strict")},
        ),
        (
            "What is kept",
            {"classes": ("tab",), "fields": ("log_bodies", "cache_mode", "cache_scope", "seal_to_caller")},
        ),
    )
    rotate, duplicate, revoke = key_acts.rotate, key_acts.duplicate, key_acts.revoke
    has_issue_permission = key_acts.has_issue_permission
    disable, enable, allow_again = key_acts.disable, key_acts.enable, key_acts.allow_again
    reset_budgets, has_reset_permission = reset_budgets, has_reset_permission

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BudgetedChangeList]:
        return BudgetedChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[VirtualKey]:
        rows: QuerySet[VirtualKey] = super().get_queryset(request)
        return rows.prefetch_related("budgets")

    def has_delete_permission(self, request: HttpRequest, obj: VirtualKey | None = None) -> bool:
        return False

    @display(description="Name", ordering="name")
    def named(self, obj: VirtualKey) -> str:
        tags = format_html_join("", '<span class="tag">{}</span>', ((tag,) for tag in obj.tags))
        shown = format_html('<div class="tags">{}</div>', tags) if obj.tags else ""
        return format_html("<div>{}{}</div>", obj.name, shown)

    @display(description="Project, owner", ordering="project__name", empty_value="-")
    def whose(self, obj: VirtualKey) -> str | None:
        owner = format_html('<div class="second">{}</div>', obj.owner) if obj.owner else ""
        return format_html("<div>{}{}</div>", obj.project or "", owner) if obj.project or owner else None

    @display(description="Key")
    def token(self, obj: VirtualKey) -> str:
        return f"{obj.prefix}…{obj.last_four}" if obj.prefix else "no token"

    @display(description="State", label=LABELS)
    def state(self, obj: VirtualKey) -> str:
        off = obj.id == ANONYMOUS and not settings.DRAGOMAN_ALLOW_ANONYMOUS
        return "off" if off else obj.state(timezone.now())

    @display(description="Budget", empty_value="none")
    def budget(self, obj: VirtualKey) -> str | None:
        """The fullest."""
        found = obj.bars  # type: ignore[attr-defined]  # BudgetedChangeList
        return drawn(found[0]) if found else None

    @display(description="Last used", ordering="last_used_at", empty_value="never")
    def last_used(self, obj: VirtualKey) -> str | None:
        return moment(obj.last_used_at)

    @display(description="Expires", ordering="expires_at", empty_value="never")
    def expires(self, obj: VirtualKey) -> str | None:
        return moment(obj.expires_at)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        if object_id is None and (again := issued.sent_twice(self, request)) is not None:
            return again
        row = self.get_object(request, object_id) if object_id else None
        extra = {**(extra_context or {}), **issued.form_page(object_id), **(self.top(row) if row else {})}
        return super().changeform_view(request, object_id, form_url, extra)

    def top(self, row: VirtualKey) -> dict[str, Any]:
        """What its page says above the form."""
        state = self.state(row)
        works = row.previous_until is not None and row.previous_until > timezone.now()
        return {"bars": bars([row])[0], "state": state, "state_colour": LABELS[state], "previous_works": works}

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        like = key_like(request)
        if like is None:
            return dict(super().get_changeform_initial_data(request))
        return {**model_to_dict(like, fields=COPIED), "name": f"{like.name} (copy)"[:200]}

    def get_formset_kwargs(self, request: HttpRequest, obj: Any, inline: Any, prefix: str) -> dict[str, Any]:
        """What is filled in beforehand is there in the page alone: in what is sent back it counts as entered."""
        found: dict[str, Any] = super().get_formset_kwargs(request, obj, inline, prefix)
        begins = [copied(budget) for budget in budgets_like(request)] if request.method == "GET" else []
        return {**found, "initial": begins} if begins and obj._state.adding else found

    def save_model(self, request: HttpRequest, obj: VirtualKey, form: Any, change: bool) -> None:
        if not change:
            issued.with_token(request, obj)
        super().save_model(request, obj, form, change)
        if not change:
            issued.noted(request, obj)

    def response_add(self, request: HttpRequest, obj: VirtualKey, post_url_continue: str | None = None) -> HttpResponse:
        assert obj.shown is not None
        return issued.secret_page(self, request, obj, obj.shown.reveal(), "Key issued")

    @admin.action(description="Disable the selected keys", permissions=["change"])
    def disable_selected(self, request: HttpRequest, queryset: QuerySet[VirtualKey]) -> HttpResponse | None:
        return key_acts.selected(self, request, queryset, key_acts.DISABLE)

    @admin.action(description="Enable the selected keys", permissions=["change"])
    def enable_selected(self, request: HttpRequest, queryset: QuerySet[VirtualKey]) -> HttpResponse | None:
        return key_acts.selected(self, request, queryset, key_acts.ENABLE)

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[VirtualKey]) -> HttpResponse | None:
        return key_acts.selected(self, request, queryset, key_acts.REVOKE)

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """Only what makes sense for this key."""
        key = self.get_object(request, object_id)
        fitting = fitting_acts(key) if key else set()
        found = super().get_actions_detail(request, object_id)
        return [one for one in found if one.path in fitting]


def fitting_acts(key: VirtualKey) -> set[str]:
    """By the last part of their addresses."""
    acts = {"revoke": key_acts.REVOKE, "disable": key_acts.DISABLE, "enable": key_acts.ENABLE}
    found = {name for name, act in {**acts, "allow_again": key_acts.ALLOW}.items() if act.fits(key)}
    if key.budgets.exists():
        found.add("reset_budgets")
    if key.id != ANONYMOUS:
        found |= {"duplicate", "rotate"} if key.revoked_at is None else {"duplicate"}
    return found


def key_like(request: HttpRequest) -> VirtualKey | None:
    """The key that a new one is to be like."""
    name = request.GET.get("like", "").replace("\x00", "")
    return VirtualKey.objects.filter(pk=name).first() if name else None


def budgets_like(request: HttpRequest) -> list[Any]:
    like = key_like(request)
    return [] if like is None else list(like.budgets.all())
