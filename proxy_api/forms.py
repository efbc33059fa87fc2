"""What a finished answer of each of OpenAI's endpoints looks like: when it is complete, and how it is streamed. Pure.

A cached answer is stored in its endpoint's form, so a hit is replayed by it too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

from proxy_api import framing
from proxy_api.chat import JSON, Usage
from proxy_api.dialects import openai_chat, openai_completions, openai_responses
from proxy_api.dialects.openai_chat.errors import error_in
from proxy_api.errors import UpstreamError, UpstreamIncomplete


@dataclass(frozen=True, slots=True)
class Form:
    """judge: the finish reason of every choice of a complete answer ({} where it has none); raises UpstreamIncomplete,
    UpstreamError. fold: a stream's data payloads -> the finished answer. unfold: the reverse, whole frames; the flag
    says whether usage is wanted. usage: what a finished answer says that it used. last: the last word of a stream."""

    judge: Callable[[JSON], dict[int, str]]
    fold: Callable[[Sequence[bytes]], dict[str, Any]]
    unfold: Callable[[dict[str, Any], bool], bytes]
    usage: Callable[[dict[str, Any]], Usage | None] = openai_chat.usage_of
    last: bytes = framing.DONE


def judge_list(member: str, body: JSON) -> dict[int, str]:
    """A plain answer is complete where its list is there and holds something; it has no finish reasons."""
    if (error := error_in(body)) is not None:
        raise error
    items = body.get(member) if isinstance(body, dict) else None
    if not isinstance(items, list) or not items:
        raise UpstreamIncomplete(f"The provider's answer has no {member}.")
    return {}


def unstreamed(*_: object) -> NoReturn:
    """Shape lets no stream be asked for on such an endpoint."""
    raise UpstreamError("This endpoint's answers have no stream.")


def judge_response(body: JSON) -> dict[int, str]:
    return {0: openai_responses.judge(body)[0]}


def unfold_response(body: JSON, _usage: bool) -> bytes:
    """Its stream tells the usage to everybody."""
    return openai_responses.unfold(body)


CHAT = Form(openai_chat.judge, openai_chat.fold, openai_chat.unfold)
COMPLETIONS = Form(openai_chat.judge, openai_completions.fold, openai_completions.unfold)
# https://developers.openai.com/api/reference/resources/embeddings and /moderations
EMBEDDINGS = Form(partial(judge_list, "data"), unstreamed, unstreamed)
MODERATIONS = Form(partial(judge_list, "results"), unstreamed, unstreamed)
# Its last event holds the whole response: https://developers.openai.com/api/reference/resources/responses/streaming-events
RESPONSES = Form(judge_response, unstreamed, unfold_response, openai_responses.usage_of, last=b"")
