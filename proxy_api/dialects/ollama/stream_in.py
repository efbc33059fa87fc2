"""An Ollama stream read into events. https://docs.ollama.com/api/streaming

Each line is an answer in itself with the next piece of the message; tool calls come whole, the last line is `done`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy_api.chat import (
    Ended,
    Event,
    Finished,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageSeen,
)
from proxy_api.dialects.failures import understood
from proxy_api.dialects.functions import parsed, text_in
from proxy_api.dialects.ollama.response import finish_reason, read_call, read_logprobs, read_time, read_usage
from proxy_api.dialects.openai_chat.errors import error_in
from proxy_api.errors import UpstreamIncomplete
from proxy_api.framing import Frame


def read_stream(frames: Iterator[Frame | None], now: int) -> Iterator[Event | None]:
    """Raises what an error line means, UpstreamError for bad JSON, UpstreamIncomplete where the last line is not
    done."""
    with understood():
        yield from _read(frames, now)


def _read(frames: Iterator[Frame | None], now: int) -> Iterator[Event | None]:
    started, calls = False, 0
    for frame in frames:
        if frame is None or frame.data is None:
            if frame is None:
                yield None
            continue
        line = parsed(frame.data)
        if (error := error_in(line)) is not None:
            raise error
        if not started:
            started = True
            yield Started("", text_in(line.get("model")), read_time(line.get("created_at"), now))
        for event in _events(line, calls):
            calls += isinstance(event, ToolCallStart)
            yield event
        if line.get("done"):
            yield from _end(line, calls)
            return
    raise UpstreamIncomplete("The provider's stream stopped before its end")


def _events(line: dict[str, Any], calls: int) -> Iterator[Event]:
    """calls: how many there were before this line."""
    message = line.get("message") or {}
    if thinking := text_in(message.get("thinking")):
        yield ReasoningDelta(thinking)
    text, logprobs = text_in(message.get("content")), read_logprobs(line.get("logprobs"))
    if text or logprobs:
        yield TextDelta(text, logprobs=logprobs)
    for index, said in enumerate(message.get("tool_calls") or (), calls):
        call = read_call(said, f"{line.get('created_at')}:{index}")
        yield ToolCallStart(index, call.id, call.name, whole=True)
        yield ToolCallDelta(index, call.arguments)


def _end(line: dict[str, Any], calls: int) -> Iterator[Event]:
    native = text_in(line.get("done_reason")) or "stop"
    yield Finished(finish_reason(native, calls=bool(calls)), native)
    if usage := read_usage(line):
        yield UsageSeen(usage)
    yield Ended()
