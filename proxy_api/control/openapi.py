"""How the resources stand in the OpenAPI document: under the tag Admin, with the admin key as their security scheme."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view, inline_serializer
from rest_framework import serializers

from proxy_api.openapi import ERROR

TAG = "Admin"
SCHEME = "adminKey"
REFUSALS = {(status, "application/json"): ERROR for status in (400, 401, 403, 503)}
MISSING = {(404, "application/json"): ERROR}
Made = type[serializers.BaseSerializer[Any]] | serializers.BaseSerializer[Any]


def said(operation_id: str, summary: str, answers: dict[Any, Any], **more: Any) -> Any:
    """One operation. answers: status -> serializer, None for none."""
    return extend_schema(
        operation_id=operation_id,
        summary=summary,
        tags=[TAG],
        auth=[{SCHEME: []}],  # type: ignore[list-item]  # a requirement's object, passed on as it is
        responses={**answers, **REFUSALS},
        **more,
    )


def lists(plural: str, serializer: Made, filters: Made) -> Any:
    """The GET of a list."""
    listed = inline_serializer(
        f"{plural.title().replace('_', '')}Page",
        {
            "object": serializers.ChoiceField(choices=["list"]),
            "data": serializer(many=True),  # type: ignore[operator]  # a class
            "first_id": serializers.CharField(allow_null=True),
            "last_id": serializers.CharField(allow_null=True),
            "has_more": serializers.BooleanField(),
        },
    )
    return said(f"list_{plural}", f"The {words(plural)}, newest first", {200: listed}, parameters=[filters])


def rows(plural: str, one: str, serializer: Made, filters: Made, made: Made | None = None) -> Any:
    """A list with the making of one. made: what is answered then, where that is more."""
    return extend_schema_view(
        get=lists(plural, serializer, filters),
        post=said(f"create_{one}", f"Make: {words(one)}", {201: made or serializer}, request=serializer),
    )


def row(one: str, serializer: Made) -> Any:
    """Those of reading, changing and deleting one that the view has."""
    answer: dict[Any, Any] = {200: serializer, **MISSING}
    known = {
        "get": said(f"get_{one}", f"One: {words(one)}", answer),
        "patch": said(f"change_{one}", f"Change what is named: {words(one)}", answer, request=serializer),
        "delete": said(f"delete_{one}", f"Delete: {words(one)}", {204: None, **MISSING}),
    }

    def decorate(view: Any) -> Any:
        return extend_schema_view(**{name: schema for name, schema in known.items() if hasattr(view, name)})(view)

    return decorate


def act(operation_id: str, summary: str, answer: Made, request: Made | None = None) -> Any:
    return extend_schema_view(post=said(operation_id, summary, {200: answer, **MISSING}, request=request))


def words(name: str) -> str:
    return name.replace("_", " ")
