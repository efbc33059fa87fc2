"""Logins, logouts and failures in the audit log. What was typed as a name is told only where it is a user's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest

from keys.administration import audit
from keys.entrance.client_address import client_address
from proxy_site.login.throttle import is_users, typed_name

UNKNOWN = "a name that no user has"


def connect() -> None:
    """Listen, after django-axes does: what it found out of a request is asked here."""
    user_logged_in.connect(came_in, dispatch_uid="noted-login")
    user_logged_out.connect(went_out, dispatch_uid="noted-logout")
    user_login_failed.connect(failed, dispatch_uid="noted-failure")


def came_in(request: HttpRequest, user: User, **_: object) -> None:
    audit.note(audit.Actor("user", user.get_username(), client_address(request.META)), "login.succeeded", user)


def went_out(request: HttpRequest, user: User | None, **_: object) -> None:
    if user is not None:
        audit.note(audit.Actor("user", user.get_username(), client_address(request.META)), "logout", user)


def failed(credentials: Mapping[str, Any], request: HttpRequest | None = None, **_: object) -> None:
    """Each failure, and with the one that was one too many that it was. Whoever is refused unread because of those
    before has not failed once more."""
    if request is None or getattr(request, "axes_failures_since_start", None) is None:
        return
    audit.note(whoever(request, credentials), "login.failed", None)
    if request.axes_locked_out:  # type: ignore[attr-defined]  # django-axes put it there
        audit.note(whoever(request, credentials), "login.locked", None)


def whoever(request: HttpRequest, credentials: Mapping[str, Any]) -> audit.Actor:
    name = typed_name(request, credentials)
    return audit.Actor("nobody", name if is_users(name) else UNKNOWN, client_address(request.META))
