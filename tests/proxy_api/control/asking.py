"""Requests to /v1/admin/ through the views, as the server hands them over, and what comes back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.test import RequestFactory
from django.urls import resolve

WRONG = {
    "message": "Incorrect API key provided.",
    "type": "authentication_error",
    "param": None,
    "code": "invalid_api_key",
}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def made(self) -> dict[str, Any]:
        """The row that it tells of; it is a good answer."""
        assert self.status in (200, 201), self.body
        found: dict[str, Any] = self.json()
        return found

    def error(self) -> dict[str, Any]:
        """The error object, in OpenAI's shape to the letter."""
        body = self.json()
        assert list(body) == ["error"]
        assert list(body["error"]) == ["message", "type", "param", "code"]
        found: dict[str, Any] = body["error"]
        return found

    def refused(self) -> tuple[int, str | None]:
        """Status, and the parameter at fault."""
        return self.status, self.error()["param"]


def ask(method: str, path: str, body: Any = None, **headers: str) -> Answer:
    """path: below /v1/admin/, query included."""
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(data)), **headers}
    request = RequestFactory().generic(method, f"/v1/admin/{path}", data, **given)
    match = resolve(request.path_info)
    response = match.func(request, *match.args, **match.kwargs)
    return Answer(response.status_code, {name.lower(): text for name, text in response.items()}, response.getvalue())


@dataclass(frozen=True)
class Admin:
    """Somebody with an admin key."""

    token: str

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        return ask(method, path, body, HTTP_AUTHORIZATION=f"Bearer {self.token}", **headers)

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def post(self, path: str, body: Any = None) -> Answer:
        return self.ask("POST", path, body)

    def patch(self, path: str, body: Any) -> Answer:
        return self.ask("PATCH", path, body)

    def delete(self, path: str) -> Answer:
        return self.ask("DELETE", path)

    def pages(self, path: str, limit: int) -> list[str]:
        """The ids of a whole list, read page by page."""
        joined = "&" if "?" in path else "?"
        found, after = list[str](), ""
        while True:
            page = self.get(f"{path}{joined}limit={limit}{after}").json()
            found += [str(row["id"]) for row in page["data"]]
            if not page["has_more"]:
                return found
            assert len(page["data"]) == limit
            after = f"&after={page['last_id']}"
