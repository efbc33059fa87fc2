"""Purging what a filter finds: shown first, and done once the number of entries is typed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import pluralize
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextInputWidget

from cache_admin import acts
from cache_admin.admin.completions.searching import LIST, asked, found
from cache_admin.choosing import Rows
from keys.admin.shown import page
from keys.administration import audit

MOST_PURGED = 10_000  # in one go: some seconds on PostgreSQL


class PurgeForm(forms.Form):
    """number: as it is typed; until: entries of later on are none that the page has shown."""

    number = forms.IntegerField(
        label="Number of entries",
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    until = forms.DateTimeField(widget=forms.HiddenInput)


def purge_page(admin: Any, request: HttpRequest) -> HttpResponse:
    """The address's query is the list's. Pinned entries stay; those of cassettes too, unless the filter names them."""
    if not (admin.has_delete_permission(request) and admin.has_view_permission(request)):
        raise PermissionDenied
    form = PurgeForm(request.POST or None, initial={"until": timezone.now().isoformat()})
    until = form.cleaned_data["until"] if form.is_bound and form.is_valid() else timezone.now()
    try:
        listed = found(admin, request)
        digests = purgeable(listed.queryset, until, request.GET.get("state", ""))
    except IncorrectLookupParameters:
        return redirect(LIST)
    if form.is_bound and form.is_valid():
        if form.cleaned_data["number"] == len(digests) > 0:
            return purged(admin, request, digests)
        form.add_error("number", f"There are {len(digests)}.")
    context = {"title": "Purge what is found?", "form": form, "count": len(digests), "most": MOST_PURGED}
    return page(admin, request, "cache_admin/purge.html", {**context, "asked": asked(listed)})


def purgeable(rows: Rows, until: datetime, state: str) -> list[str]:
    """Digests, at most MOST_PURGED."""
    rows = rows.filter(created_at__lte=until, pinned=False)
    rows = rows if state == "cassette" else rows.filter(cassette=False)
    return list(rows.values_list("digest", flat=True)[:MOST_PURGED])


def purged(admin: Any, request: HttpRequest, digests: list[str]) -> HttpResponse:
    count = acts.purge(digests, audit.of_request(request), timezone.now())
    admin.message_user(request, f"{count:,} completion{pluralize(count)} purged.", messages.SUCCESS)
    return redirect(LIST)
