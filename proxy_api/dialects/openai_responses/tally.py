"""What a streamed response amounts to, judged event by event while the provider's own bytes are relayed.

https://developers.openai.com/api/reference/resources/responses/streaming-events
"""

from __future__ import annotations

from typing import Any

from proxy_api.chat import FinishReason
from proxy_api.dialects.failures import understood
from proxy_api.dialects.openai_chat.tally import parsed
from proxy_api.dialects.openai_responses.errors import error_in
from proxy_api.dialects.openai_responses.response import CALLS
from proxy_api.dialects.openai_responses.stream_whole import unfold
from proxy_api.errors import GatewayError, UpstreamError

_ENDS = {"response.completed": "completed", "response.incomplete": "incomplete"}
_FAILURES = ("response.failed", "response.cancelled")
_TOLD = frozenset(
    {f"response.{name}.delta" for name in ("output_text", "refusal", "function_call_arguments")}
    | {"response.custom_tool_call_input.delta"}
)


class Tally:
    """One per stream: see() every data payload in order. last: the event that has the whole response, once it came;
    written: characters of output so far; told: those of what the response has to hold as well."""

    __slots__ = ("last", "told", "written")

    def __init__(self) -> None:
        self.last: dict[str, Any] | None = None
        self.told = self.written = 0

    @understood()
    def see(self, data: bytes) -> None:
        """Raises what an error event or a failed response means, UpstreamError for bad JSON."""
        event = parsed(data)
        kind = event.get("type")
        if kind in _ENDS:
            self.last = {**event["response"], "status": _ENDS[kind]}
        elif kind in ("error", None) and (error := error_in(event)) is not None:
            raise error
        elif kind in _FAILURES:
            raise failure(event["response"])
        elif isinstance(delta := event.get("delta"), str):
            self.written += len(delta)
            self.told += len(delta) if kind in _TOLD else 0


def failure(response: dict[str, Any]) -> GatewayError:
    return error_in(response) or UpstreamError("The provider's answer failed")


def is_whole(response: dict[str, Any], reason: FinishReason, told: int = 0) -> bool:
    """Whether a judged response may stand for its stream: it ended as it should, or at the caller's own limit; it has
    what its events told; and a stream can be made of it again. reason: as judge() has it."""
    try:
        unfold(response)
        return (response["status"] == "completed" or reason == "length") and held(response) >= told
    except UpstreamError:
        return False


@understood()
def held(response: dict[str, Any]) -> int:
    """The characters of its texts and calls."""
    count = 0
    for item in response["output"]:
        if item.get("type") in CALLS:
            count += len(item.get("arguments") or item.get("input") or "")
        for part in item.get("content") or ():
            count += len(part.get("text") or part.get("refusal") or "")
    return count
