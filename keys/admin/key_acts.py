"""What is done to issued keys from their pages, each after a question: by acts.py, as the API does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils import timezone
from unfold.enums import ActionVariant

from keys.admin.issued import secret_page
from keys.admin.shown import action, page, row_of
from keys.administration import acts, audit, issuing
from keys.administration.audit import Actor
from keys.forms.virtual_keys import GRACES, RotateForm
from keys.models import ANONYMOUS, AdminKey, VirtualKey

STALE = "This key has been given another secret since that page was shown. It was not rotated again."


Key = VirtualKey | AdminKey


@dataclass(frozen=True, slots=True)
class Act:
    """verb, done: `revoke`, `revoked`; told: what comes of it, for the question; fits: whether it changes anything."""

    verb: str
    done: str
    told: str
    fits: Callable[[Any], bool]
    apply: Callable[[Any, Actor], object]


def switched(on: bool) -> Callable[[VirtualKey, Actor], object]:
    def switch(key: VirtualKey, actor: Actor) -> object:
        key.enabled = on
        return acts.change(key, ("enabled",), actor)

    return switch


def allow(key: VirtualKey, actor: Actor) -> object:
    key.revoked_at = None
    return acts.change(key, ("revoked_at",), actor)


REVOKE = Act(
    "revoke",
    "revoked",
    "Whoever uses what stands here is refused within a second. A revoked key never works again.",
    lambda key: key.revoked_at is None,
    lambda key, actor: acts.revoke(key, timezone.now(), actor),
)
DISABLE = Act(
    "disable",
    "disabled",
    "Whoever uses what stands here is refused within a second, until it is enabled again.",
    lambda key: key.enabled and key.revoked_at is None,
    switched(False),
)
ENABLE = Act(
    "enable",
    "enabled",
    "What stands here works again within a second.",
    lambda key: not key.enabled and key.revoked_at is None,
    switched(True),
)
ALLOW = Act(
    "allow again",
    "allowed again",
    "Requests without a token are answered again.",
    lambda key: key.id == ANONYMOUS and key.revoked_at is not None,  # a revoked token may be in anyone's hands
    allow,
)


def done_to(admin: Any, request: HttpRequest, keys: Sequence[Key], act: Act) -> None:
    with transaction.atomic():
        for key in keys:
            act.apply(key, audit.of_request(request))
            admin.log_change(request, key, f"{act.done.capitalize()}.")


def selected(admin: Any, request: HttpRequest, queryset: QuerySet[Any], act: Act) -> HttpResponse | None:
    """Of several keys in the list: asked first, then done to those that it changes anything of."""
    keys = [key for key in queryset if act.fits(key)]
    if keys and "confirmed" not in request.POST:
        return asked(admin, request, keys, act, {"action": request.POST["action"]})
    done_to(admin, request, keys, act)
    admin.message_user(request, f"{len(keys)} key{pluralize(len(keys))} {act.done}.", messages.SUCCESS)
    return None


def one(admin: Any, request: HttpRequest, object_id: str, act: Act) -> HttpResponse:
    """Of the key whose page it is."""
    key: Key = row_of(admin, request, object_id, admin.model)
    if not act.fits(key):
        raise Http404
    if request.method != "POST":
        return asked(admin, request, [key], act, {})
    done_to(admin, request, [key], act)
    return redirect(f"admin:keys_{admin.opts.model_name}_change", key.pk)


def asked(admin: Any, request: HttpRequest, keys: Sequence[Key], act: Act, hidden: dict[str, str]) -> HttpResponse:
    title = f"{act.verb.capitalize()}?"
    return page(admin, request, "keys/confirm.html", {"title": title, "keys": keys, "act": act, "hidden": hidden})


@action(description="Revoke", permissions=["change"], icon="block", variant=ActionVariant.DANGER)
def revoke(admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    return one(admin, request, object_id, REVOKE)


@action(description="Disable", permissions=["change"], icon="pause")
def disable(admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    return one(admin, request, object_id, DISABLE)


@action(description="Enable", permissions=["change"], icon="play_arrow")
def enable(admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    return one(admin, request, object_id, ENABLE)


@action(description="Allow again", permissions=["change"], icon="undo")
def allow_again(admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    return one(admin, request, object_id, ALLOW)


def has_issue_permission(admin: Any, request: HttpRequest, object_id: str | None = None) -> bool:
    """What an action calls `issue`; see budgets.has_reset_permission."""
    return bool(request.user.has_perm("keys.add_virtualkey"))


@action(description="Duplicate", permissions=["issue"], icon="content_copy")
def duplicate(admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """To the form of a new key, filled with what this one has."""
    key = row_of(admin, request, object_id, VirtualKey)
    return redirect(f"{reverse('admin:keys_virtualkey_add')}?like={key.pk}")


@action(description="Rotate", permissions=["change"], icon="autorenew")
def rotate(admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """A new secret, shown in this answer alone. A page that is sent again rotates nothing."""
    key = row_of(admin, request, object_id, VirtualKey)
    form = RotateForm(request.POST or None, initial={"seen": seen(key)})
    if request.method != "POST" or not form.is_valid():
        return page(admin, request, "keys/rotate.html", {"title": "Rotate", "key": key, "form": form})
    if form.cleaned_data["seen"] != seen(key):
        admin.message_user(request, STALE, messages.WARNING)
        return redirect("admin:keys_virtualkey_change", key.pk)
    try:
        token = rotated(admin, request, key, form)
    except issuing.NotRotated as error:
        admin.message_user(request, f"{error}: it cannot be rotated.", messages.ERROR)
        return redirect("admin:keys_virtualkey_change", key.pk)
    return secret_page(admin, request, key, token, "Key rotated")


def rotated(admin: Any, request: HttpRequest, key: VirtualKey, form: RotateForm) -> str:
    length = form.length()
    with transaction.atomic():
        token = acts.rotate(key, length, timezone.now(), audit.of_request(request))
        told = (
            f"the old secret works for {GRACES[form.cleaned_data['grace']]}" if length else "the old secret has ended"
        )
        admin.log_change(request, key, f"Rotated; {told}.")
    return token


def seen(key: VirtualKey) -> str:
    """Which of its secrets a page was shown for."""
    return f"{key.last_four} {key.rotated_at.isoformat() if key.rotated_at else ''}".strip()
