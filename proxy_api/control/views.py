"""What all views under /v1/admin/ share: an admin key, its role's right for the method, errors in OpenAI's shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import orjson
from django.core.exceptions import SuspiciousOperation
from django.db import IntegrityError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from keys.administration import admin_access, roles
from keys.administration.admin_access import AdminIdentity
from keys.administration.audit import Actor
from keys.entrance.client_address import client_address
from keys.reading import DatabaseAway
from proxy_api.errors import BadRequest, GatewayError
from proxy_api.views import JSON, ApiView

METHODS = {"head": "get"}  # that need the right of another


class ControlView(ApiView):
    """rights: method in lower case -> the permission that it needs, as Django names it. One without is nobody's."""

    rights: ClassVar[Mapping[str, str]] = {}

    def answer(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        meta = request.META
        self.administrator = admin_access.identify(meta.get("HTTP_AUTHORIZATION"))
        self.moment = timezone.now()
        method = (request.method or "").lower()
        answer = self.answering(method)
        check_role(self.administrator, self.rights.get(METHODS.get(method, method)))
        self.actor = Actor("admin_key", self.administrator.name, client_address(meta))
        return answer(request, **kwargs)

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]  # as ApiView's
        return super().handle_exception(foreseen(exc))


def rights(app: str, model: str) -> dict[str, str]:
    """Of each method the permission that Django has for it."""
    verbs = {"get": "view", "post": "add", "patch": "change", "delete": "delete"}
    return {method: f"{app}.{verb}_{model}" for method, verb in verbs.items()}


def check_role(administrator: AdminIdentity, right: str | None) -> None:
    """Raises GatewayError (403)."""
    if right is None or not roles.may(administrator.role, right):
        message = f"The role of this admin key ({administrator.role.label}) does not allow this."
        raise GatewayError(message, status=403, type="permission_error", code="role_not_allowed")


def foreseen(exc: Exception) -> Exception:
    """What a database does, in words for the caller."""
    match exc:
        case IntegrityError():
            return BadRequest("There is one like it already, or it is in use.", status=409, code="conflict")
        case OperationalError() | DatabaseAway():
            return GatewayError("The database is away. Try again shortly.", status=503, code="database_unavailable")
        case SuspiciousOperation():
            return BadRequest("The request is malformed.", code="bad_request")
        case _:
            return exc


def not_found() -> GatewayError:
    """The same for every id that there is not."""
    return BadRequest("There is no such object.", status=404, code="not_found")


def shown(value: Any, status: int = 200) -> HttpResponse:
    """JSON that nobody stores: it may hold a token."""
    headers = {"cache-control": "no-store"}
    return HttpResponse(orjson.dumps(value), status=status, content_type=JSON, headers=headers)
