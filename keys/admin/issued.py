"""Keys issued by a form: once, however often it is sent, and shown once."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from keys.admin.shown import page
from keys.administration import audit, issuing
from keys.ids import new_id
from keys.models import AdminKey, VirtualKey
from keys.secrecy.secret import Secret

Key = TypeVar("Key", VirtualKey, AdminKey)
EXAMPLE_MODEL = "openai/gpt-4o-mini"
SENT_TWICE = (
    "This form was sent twice; the key was issued the first time, and its secret is not shown again. "
    "If nobody copied it, revoke the key and issue another."
)


def form_page(object_id: str | None) -> dict[str, Any]:
    """What the form of a new key has of its own: an id for the key, and one way on, for its secret has to be seen."""
    new = object_id is None
    wanted = {"show_save_and_add_another": False, "show_save_and_continue": not new}
    return {**wanted, "issue_id": new_id() if new else ""}


def sent_twice(admin: Any, request: HttpRequest) -> HttpResponse | None:
    """To the key that this very form has issued already: reloading the page with the secret sends it once more."""
    name = issue_id(request)
    issued = admin.model.objects.filter(pk=name).first() if name else None
    if issued is None:
        return None
    admin.message_user(request, SENT_TWICE, messages.WARNING)
    return redirect(f"admin:keys_{admin.opts.model_name}_change", issued.pk)


def issue_id(request: HttpRequest) -> str:
    """The id that the form gave the key to be issued; empty where it names none."""
    try:
        return str(UUID(request.POST.get("issue", "")))
    except ValueError:
        return ""


def with_token(request: HttpRequest, key: VirtualKey | AdminKey) -> None:
    """A row that is not saved yet gets the form's id and a token."""
    key.id = issue_id(request) or key.id
    key.shown = Secret(issuing.put_token(key))


def noted(request: HttpRequest, key: VirtualKey | AdminKey) -> None:
    audit.note(audit.of_request(request), f"{audit.noun(key)}.issued", key)


def secret_page(admin: Any, request: HttpRequest, key: VirtualKey | AdminKey, secret: str, title: str) -> HttpResponse:
    """The only page that shows the secret; admin pages are never stored by a browser (never_cache)."""
    context: dict[str, object] = {"title": title, "key": key, "secret": secret}
    context["base_url"] = request.build_absolute_uri("/v1")
    if isinstance(key, AdminKey):
        return page(admin, request, "keys/admin_key_issued.html", context)
    return page(admin, request, "keys/issued.html", context | {"model": example_model(key.models)})


def example_model(models: list[str]) -> str:
    """One that the key may use, for the snippets: the first that is no pattern."""
    plain = (str(name) for name in models if not set(str(name)) & set("*?["))
    return next(plain, EXAMPLE_MODEL)
