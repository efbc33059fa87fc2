"""Conversations whose earlier turns their provider keeps: what names them, and who can read them.

https://developers.openai.com/api/docs/guides/conversation-state : words of Responses, taken from clients of chat too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy_api.errors import BadRequest

NAMES = ("previous_response_id", "conversation")
_KEEPS = "openai_responses"


def continues(value: Mapping[str, Any]) -> bool:
    """Whether the fields of a request name earlier turns: a tool's result may then answer a call among them."""
    return any(map(value.get, NAMES))


def check_kept(fields: Mapping[str, Any], dialect: str) -> None:
    """Raises BadRequest where this dialect cannot name the earlier turns: without them it is another conversation."""
    if dialect == _KEEPS:
        return
    for name in NAMES:
        if fields.get(name):
            raise BadRequest(
                "This provider keeps no conversation: send its earlier messages",
                param=name,
                code="unsupported_parameter",
            )
