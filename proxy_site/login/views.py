"""The page on which users set up their second factor."""

from __future__ import annotations

import base64
import time
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.safestring import mark_safe
from django.views.decorators.debug import sensitive_post_parameters

from keys.administration import audit
from proxy_site.login import second_factor, totp
from proxy_site.models import SecondFactor

INSTALLATION = "Dragoman"


@sensitive_post_parameters("code")
def second_factor_page(request: HttpRequest) -> HttpResponse:
    """GET: how it stands. POST: begin, which shows a secret this once, or confirm it by a code of the app."""
    if request.method != "POST":
        return shown(request)
    return confirmed(request) if "code" in request.POST else begun(request)


def begun(request: HttpRequest) -> HttpResponse:
    user = who(request)
    secret = second_factor.begin(user)
    if secret is None:
        return shown(request)
    picture = totp.picture(totp.app_address(secret, user.get_username(), INSTALLATION))
    # Of squares alone: nothing of what it says is in it as text.
    extra = {"secret": base64.b32encode(secret).decode(), "picture": mark_safe(picture)}  # noqa: S308
    return shown(request, **extra)


def confirmed(request: HttpRequest) -> HttpResponse:
    with transaction.atomic():
        done = second_factor.confirm(who(request), request.POST["code"], time.time())
        if done:
            audit.note(audit.of_request(request), "second_factor.confirmed", who(request))
    if not done:
        return shown(request, error="This is not the code of this moment. Wait for the next one, or begin again.")
    messages.success(request, "From now on the login asks for a code of your app.")
    return redirect("second_factor")


def shown(request: HttpRequest, **extra: Any) -> HttpResponse:
    row = SecondFactor.objects.filter(user=who(request)).first()
    context = {**admin.site.each_context(request), "title": "Second factor", "row": row, **extra}
    return TemplateResponse(request, "login/second_factor.html", context)


def who(request: HttpRequest) -> User:
    """The page is behind the login of the admin."""
    user = request.user
    assert isinstance(user, User)
    return user
