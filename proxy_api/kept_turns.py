"""Conversations whose earlier turns their provider keeps: what names them, and who can go on with them.

https://developers.openai.com/api/docs/guides/conversation-state : words of Responses, taken from clients of chat too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy_api.errors import BadRequest
from proxy_api.shape_messages import answered

NAMES = ("previous_response_id", "conversation")
_KEEPS = "openai_responses"


def check_whole(value: Mapping[str, Any], dialect: str) -> None:
    """Raises BadRequest where this dialect keeps no turns and the client's request needs some: it names them, or has
    the result of a call that is not in it."""
    if dialect == _KEEPS:
        return
    for name in NAMES:
        if value.get(name):
            told = "This provider keeps no conversations: send the earlier messages"
            raise BadRequest(told, param=name, code="unsupported_parameter")
    if "messages" in value:  # OpenAI's chat, which has the rule
        answered(value["messages"], "messages")
