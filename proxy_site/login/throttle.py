"""What django-axes asks of us: under which name and address a failure is counted, and what the refused are told.

https://django-axes.readthedocs.io/en/latest/4_configuration.html
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse

from keys.entrance.client_address import client_address
from keys.secrecy.pepper import peppered
from proxy_site import failures

LOCKED = "Too many logins have failed. Try again in {} minutes."


def counted_name(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """A user's name as it is. Of any other an HMAC: people type passwords into this field, and a name of nobody must
    be locked after as many failures as one of somebody."""
    name = typed_name(request, credentials)
    return name if is_users(name) else f"nobody:{peppered('login names', name)[:32]}"


def typed_name(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """Without NUL, which PostgreSQL does not take."""
    return str((credentials or request.POST).get("username") or "").replace("\x00", "")


def is_users(name: str) -> bool:
    return User.objects.filter(username=name).exists()


def counted_address(request: HttpRequest) -> str | None:
    """The client's, as the column can hold it; None where there is none: such clients are counted together."""
    try:
        return str(ip_address(client_address(request.META)))
    except ValueError:
        return None


def locked_out(request: HttpRequest, response: HttpResponse, credentials: Mapping[str, Any] | None) -> HttpResponse:
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    page = failures.page(429, LOCKED.format(seconds // 60))
    page.headers["Retry-After"] = str(seconds)
    return page
