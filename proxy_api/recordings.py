"""What a line of a cassette's file asks, by the gateway's rules, for `cache_admin` (see cache_admin/cassettes/)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cache_admin.cassettes import Asked
from proxy_api import body as request_body
from proxy_api import endpoints
from proxy_api.caching import asks_strictly
from proxy_api.errors import BadRequest
from proxy_api.planning import cassette_name, strictness


def asked(line: bytes, said: Mapping[str, Any]) -> Asked:
    """A cache_admin.cassettes.Reader. The request is taken byte for byte: of 0.7 and 0.70 each is another one."""
    spans = request_body.members(line)
    request, answer = (line[spans[name].value_start : spans[name].value_end] for name in ("request", "answer"))
    try:
        body = request_body.read(request, max_nodes=endpoints.EMBEDDINGS.max_nodes)
    except BadRequest as error:
        raise ValueError(error.message) from None
    headers = {name.lower(): value for name, value in said["headers"].items()}
    strictly = strictness(strict=asks_strictly(headers))
    name = cassette_name(said["endpoint"], strictly, headers, request_body.form(body))
    return Asked(name, request, answer)
