"""A body or a query, held against a serializer: unknown fields are refused, every mistake names its field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.serializers import BaseSerializer, Serializer

from proxy_api import body as request_body
from proxy_api.control import faults
from proxy_api.errors import BadRequest
from proxy_api.inbound import declared_json, declared_plain, read_limited, unsupported

MOST_BYTES = 1 << 20


def body_of(request: HttpRequest) -> dict[str, Any]:
    """The body's JSON object; an absent one is an empty one. Raises GatewayError."""
    declared_json(request.META)
    raw = read_limited(request.META, MOST_BYTES)
    return request_body.read(raw).value if raw else {}


def lines_of(request: HttpRequest, most: int) -> bytes:
    """The body as a file of at most `most` bytes, whatever its type says: curl calls each a form. But a form with parts
    is none. Raises GatewayError."""
    declared_plain(request.META)
    if str(request.META.get("CONTENT_TYPE", "")).lower().startswith("multipart/"):
        raise unsupported("The body is the file itself: curl --data-binary @FILE, or -T FILE -X POST.")
    return read_limited(request.META, most)


def query_of(request: HttpRequest, filters: type[Serializer[Any]]) -> dict[str, Any]:
    """The query's values. Raises BadRequest."""
    serializer = filters(data=request.GET.dict())
    return answered(serializer)


def answered(serializer: BaseSerializer[Any]) -> dict[str, Any]:
    """What the serializer makes of its data. Raises BadRequest, of the first fault."""
    try:
        return checked(serializer)
    except ValidationError as error:
        raise refusal(error) from None


def checked(serializer: BaseSerializer[Any]) -> dict[str, Any]:
    """As answered(), but raises DRF's ValidationError."""
    assert isinstance(serializer, Serializer)
    if isinstance(serializer.initial_data, Mapping):
        check_known(serializer, serializer.initial_data)
    serializer.is_valid(raise_exception=True)
    found: dict[str, Any] = serializer.validated_data
    return found


def check_known(serializer: Serializer[Any], given: Mapping[str, Any]) -> None:
    """Raises ValidationError for a field that there is not, or that is only shown."""
    for name in given:
        field = serializer.fields.get(name)
        if field is None:
            raise ValidationError({name: ErrorDetail(f"Unknown parameter: '{str(name)[:100]}'.", "unknown")})
        if field.read_only:
            raise ValidationError({name: ErrorDetail(f"'{name}' cannot be set.", "unknown")})


def refusal(error: ValidationError) -> BadRequest:
    return faults.first(error.detail).refusal()
