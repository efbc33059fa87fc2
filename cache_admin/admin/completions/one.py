"""One completion's page: what it is, what was asked and answered, who was given it; and what can be done to it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from cache_admin import acts
from cache_admin.admin.completions import columns, opening
from cache_admin.admin.spent import shown as shown_call
from cache_admin.models import StoredCompletion, UsageRecord
from cache_admin.unsealing import SEALED
from keys.administration import audit
from keys.models import Project, VirtualKey

CHANGE = "cache_admin.change_storedcompletion"
LAST_CALLS = 20
DONE = {"pin": "Pinned.", "unpin": "No longer pinned.", "expire": "Expired.", "note": "The note is kept."}


def row_of(request: HttpRequest, digest: str, permission: str) -> StoredCompletion:
    """The entry, sealed bodies left out. Raises PermissionDenied, Http404."""
    user: Any = request.user
    if not user.has_perm(permission):
        raise PermissionDenied
    row = StoredCompletion.objects.filter(pk=digest.replace("\x00", "")).defer(*SEALED).first()
    if row is None:
        raise Http404
    return row


def page_of(request: HttpRequest, digest: str) -> dict[str, Any]:
    """What the template of an entry's page needs; empty where there is no entry, and Django says so."""
    row = StoredCompletion.objects.filter(pk=digest.replace("\x00", "")).defer(*SEALED).first()
    user: Any = request.user
    if row is None or not user.has_perm("cache_admin.view_storedcompletion"):
        return {}
    return {
        "completion": row,
        "facts": columns.facts(row),
        "expired": row.expires_at <= timezone.now(),
        "bodies": opening.bodies_of(request, row.pk),
        "calls": calls_of(row) if user.has_perm("cache_admin.view_usagerecord") else None,
        "links": links_of(row),
        "log": f"{reverse('admin:cache_admin_usagerecord_changelist')}?q={row.digest}",
    }


def calls_of(row: StoredCompletion) -> list[tuple[UsageRecord, str, str]]:
    """The newest calls that it answered or that stored it, by index."""
    found = UsageRecord.objects.filter(cache_digest=row.digest).order_by("-id")[:LAST_CALLS]
    return [shown_call(call) for call in found]


def links_of(row: StoredCompletion) -> list[tuple[str, str]]:
    """To its key and its project, while they are there."""
    found = []
    if row.key_id and VirtualKey.objects.filter(pk=row.key_id).exists():
        found.append(("The key", reverse("admin:keys_virtualkey_change", args=[row.key_id])))
    if row.project_id and Project.objects.filter(pk=row.project_id).exists():
        found.append(("The project", reverse("admin:keys_project_change", args=[row.project_id])))
    return found


def act_page(admin: Any, request: HttpRequest, digest: str) -> HttpResponse:
    """POST: `do` names the act. Back to the entry."""
    row = row_of(request, digest, CHANGE)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    do, actor = request.POST.get("do", ""), audit.of_request(request)
    if do == "note":
        acts.note([row.pk], request.POST.get("note", ""), actor)
    elif do in acts.ACTS:
        acts.ACTS[do]([row.pk], actor, timezone.now())
    else:
        raise Http404
    admin.message_user(request, DONE[do], messages.SUCCESS)
    return redirect("admin:cache_admin_storedcompletion_change", row.pk)
