"""The OpenAPI document: whole and valid, with every resource under one tag and the admin key's scheme."""

from __future__ import annotations

import json
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.validation import validate_schema

from proxy_api.control.urls import urlpatterns


@pytest.fixture(scope="module")
def document() -> Any:
    return json.loads(OpenApiJsonRenderer().render(SchemaGenerator().get_schema(request=None, public=True)))


def operations(document: Any) -> list[tuple[str, str, Any]]:
    return [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if path.startswith("/v1/admin/")
    ]


def test_the_document_is_one_of_openapi(document: Any) -> None:
    validate_schema(document)


def test_nothing_had_to_be_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    SchemaGenerator().get_schema(request=None, public=True)
    assert "Warning" not in capsys.readouterr().err


def test_every_address_stands_in_it_under_its_tag_with_its_scheme(document: Any) -> None:
    described = {str(pattern.pattern).removesuffix("/?$") for pattern in urlpatterns}
    named = {f"^{path[1:]}".replace("{id}", "(?P<id>[^/]+)") for path, _, _ in operations(document)}
    assert named == described
    assert document["components"]["securitySchemes"]["adminKey"]["scheme"] == "bearer"
    for path, method, operation in operations(document):
        assert operation["tags"] == ["Admin"], (path, method)
        assert operation["security"] == [{"adminKey": []}], (path, method)
        assert operation["summary"]
        assert {"400", "401", "403"} <= set(operation["responses"])


def test_no_secret_is_promised_and_a_token_only_where_it_is_made(document: Any) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["Credential"]["properties"]["secret"]["writeOnly"]
    assert {name for name, schema in schemas.items() if "token" in schema.get("properties", {})} == {
        "Issued",
        "IssuedAdminKey",
    }


def test_calls_come_before_the_admins_and_every_tag_has_its_place(document: Any) -> None:
    used = {tag for item in document["paths"].values() for operation in item.values() for tag in operation["tags"]}
    order = [tag["name"] for tag in document["tags"]]
    assert (order[0], order[-1], set(order)) == ("chat", "Admin", used)


def test_what_is_answered_is_what_the_schema_says(document: Any) -> None:
    properties = document["components"]["schemas"]["Key"]["properties"]
    assert properties["requests_per_minute"]["type"] == ["integer", "null"]
    assert properties["models"] == {
        "type": "array",
        "items": {"type": "string", "maxLength": 200},
        "description": "Models or patterns: openai/*, gpt-5. None: every model.",
    }
    assert properties["id"]["readOnly"]
    listed = document["paths"]["/v1/admin/keys"]["get"]
    assert {one["name"] for one in listed["parameters"]} == {"limit", "after", "project", "state", "name", "owner"}
