"""How the API's addresses stand in the OpenAPI document: each once, as the documentation calls it."""

from __future__ import annotations

from typing import Any

Endpoint = tuple[str, str, str, Any]
# The same call under another address; clients find these by themselves (see proxy_api/urls.py).
ALIASES = ("/openai/deployments/", "/{path}")


def canonical(endpoints: list[Endpoint], **_: Any) -> list[Endpoint]:
    """A preprocessing hook of drf-spectacular: `/v1/...` without the optional slash, aliases left out."""
    return [
        (path.rstrip("/") if path.startswith("/v1/") else f"/v1{path.rstrip('/')}", pattern, method, view)
        for path, pattern, method, view in endpoints
        if not path.startswith(ALIASES)
    ]
