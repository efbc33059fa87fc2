"""What a list finds as a file: prompts and answers in the clear, for who may read them, and on the audit log."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat

from cache_admin.admin import bodies
from cache_admin.admin.completions.searching import LIST, asked, found
from cache_admin.cassettes import exported
from cache_admin.choosing import Rows
from keys.admin.shown import page
from keys.administration import audit

JSON_LINES = "application/jsonl"


def export_page(admin: Any, request: HttpRequest) -> HttpResponseBase:
    """GET tells what would go out; POST sends it. The address's query is the list's."""
    if not (admin.has_view_permission(request) and bodies.may(request)):
        raise PermissionDenied
    try:
        listed = found(admin, request)
    except IncorrectLookupParameters:
        return redirect(LIST)
    if request.method == "POST":
        return download(request, listed.queryset)
    return shown(admin, request, listed)


def shown(admin: Any, request: HttpRequest, listed: Any) -> HttpResponse:
    sealed = Count("digest", filter=Q(sealed_to_caller=True))
    sums = listed.queryset.order_by().aggregate(count=Count("*"), sealed=sealed, size=Sum("size", default=0))
    context = {
        "title": "Export what is found?",
        "asked": asked(listed),
        "count": sums["count"],
        "sealed": sums["sealed"],
        "size": filesizeformat(sums["size"]),
    }
    return page(admin, request, "cache_admin/export.html", context)


def download(request: HttpRequest, rows: Rows) -> StreamingHttpResponse:
    """One line an entry, made as the client takes them."""
    lines = exported(rows, Counter(), audit.of_request(request))
    headers = {"Content-Disposition": 'attachment; filename="completions.jsonl"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(lines, content_type=JSON_LINES, headers=headers)
