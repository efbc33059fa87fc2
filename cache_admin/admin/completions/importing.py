"""A file of completions as the cassette of a project: checked as often as somebody likes, and then imported."""

from __future__ import annotations

import time
from typing import Any, BinaryIO

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import pluralize
from django.urls import reverse
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from cache_admin.admin.completions.searching import LIST
from cache_admin.cassettes import CassetteFault, Verdict, examined, imported
from keys.admin.shown import page
from keys.administration import audit
from keys.models import Project

PERMISSION = "cache_admin.add_storedcompletion"


class ImportForm(forms.Form):
    project = forms.ModelChoiceField(Project.objects, widget=UnfoldAdminSelectWidget)
    file = forms.FileField(label="File of JSON lines", widget=UnfoldAdminFileFieldWidget)


def import_page(admin: Any, request: HttpRequest) -> HttpResponse:
    """POST with `do` = `check` tells what the file would do; `import` does it."""
    if not (admin.has_view_permission(request) and may_import(request)):
        raise PermissionDenied
    form = ImportForm(request.POST or None, request.FILES or None, initial={"project": request.GET.get("project")})
    verdict = None
    if form.is_bound and form.is_valid():
        project, file = form.cleaned_data["project"], form.cleaned_data["file"].file
        if request.POST.get("do") == "import":
            try:
                return done(admin, request, project, file)
            except CassetteFault as fault:
                verdict = fault.verdict
        else:
            verdict = examined(file, project, time.time())
    most = settings.DRAGOMAN_MAX_BODY_BYTES
    context = {"title": "Import a cassette", "form": form, "verdict": verdict, "most": most}
    return page(admin, request, "cache_admin/import.html", context)


def may_import(request: HttpRequest) -> bool:
    user: Any = request.user
    return bool(user.has_perm(PERMISSION))


def done(admin: Any, request: HttpRequest, project: Project, file: BinaryIO) -> HttpResponse:
    """Raises CassetteFault."""
    verdict = imported(file, project, audit.of_request(request), time.time())
    admin.message_user(request, said(verdict), messages.SUCCESS)
    return redirect(f"{reverse(LIST)}?project={project.pk}&state=cassette")


def said(verdict: Verdict) -> str:
    count = verdict.imported
    there = f" {verdict.unchanged:,} were there." if verdict.unchanged else ""
    return f"{count:,} completion{pluralize(count)} imported.{there}"
