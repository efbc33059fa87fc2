"""Events written as a Converse stream.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html
A block without a tool has no start of its own; one block is open at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, assert_never

from orjson import dumps

from proxy_api.chat import (
    Choice,
    Ended,
    Event,
    Finished,
    Image,
    MediaSeen,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageSeen,
)
from proxy_api.dialects.bedrock_converse.response import stop_reason, write_usage
from proxy_api.dialects.in_turn import in_turn
from proxy_api.framing_aws import event as framed


@dataclass(slots=True)
class _State:
    """block: what is open: (kind, its number), its place among the blocks is index."""

    block: tuple[str, int] | None = None
    index: int = -1
    usage: dict[str, Any] | None = None


def write_stream(events: Iterator[Event | None], include_usage: bool) -> Iterator[bytes | None]:
    """include_usage means nothing here: Bedrock always tells it. Choices beyond the first have no place."""
    state = _State()
    for event in in_turn(events):
        if event is None:
            yield None
        elif frames := b"".join(_frames(state, event)):
            yield frames


def _frame(kind: str, **fields: Any) -> bytes:
    return framed(kind, dumps(fields))


def _frames(state: _State, event: Event) -> Iterator[bytes]:
    match event:
        case Started():
            yield _frame("messageStart", role="assistant")
        case UsageSeen():
            state.usage = write_usage(event.usage)
        case Ended():
            yield _frame("metadata", **({} if state.usage is None else {"usage": state.usage}))
        case _ if event.choice:
            return
        case Finished():
            yield from _close(state)
            choice = Choice(0, (), event.finish_reason, event.native_finish_reason)
            yield _frame("messageStop", stopReason=stop_reason(choice))
        case MediaSeen(part=Image(media_type=str(media_type), data=str(data))):
            yield from _image(state, event.index, media_type.removeprefix("image/"), data)
        case MediaSeen():
            return
        case TextDelta() | RefusalDelta() | ReasoningDelta() | ToolCallStart() | ToolCallDelta():
            yield from _content(state, event)
        case _:
            assert_never(event)


def _content(
    state: _State, event: TextDelta | RefusalDelta | ReasoningDelta | ToolCallStart | ToolCallDelta
) -> Iterator[bytes]:
    match event:
        case TextDelta(text=""):
            return
        case TextDelta() | RefusalDelta():
            yield from _open(state, ("text", 0))
            yield _delta(state, text=event.text)
        case ReasoningDelta():
            yield from _open(state, ("thought", event.block))
            for said in _thought(event):
                yield _delta(state, reasoningContent=said)
        case ToolCallStart():
            yield from _open(state, ("call", event.index))
            start = {"toolUse": {"toolUseId": event.id, "name": event.name}}
            yield _frame("contentBlockStart", contentBlockIndex=state.index, start=start)
        case ToolCallDelta():
            yield _delta(state, toolUse={"input": event.arguments})
        case _:
            assert_never(event)


def _image(state: _State, number: int, form: str, data: str) -> Iterator[bytes]:
    yield from _open(state, ("image", number))
    yield _frame("contentBlockStart", contentBlockIndex=state.index, start={"image": {"format": form}})
    yield _delta(state, image={"source": {"bytes": data}})


def _thought(event: ReasoningDelta) -> Iterator[dict[str, str]]:
    if event.redacted is not None:
        yield {"redactedContent": event.redacted}
    if event.text:
        yield {"text": event.text}
    if event.signature is not None:
        yield {"signature": event.signature}


def _open(state: _State, block: tuple[str, int]) -> Iterator[bytes]:
    if state.block == block:
        return
    yield from _close(state)
    state.block, state.index = block, state.index + 1


def _close(state: _State) -> Iterator[bytes]:
    if state.block is not None:
        state.block = None
        yield _frame("contentBlockStop", contentBlockIndex=state.index)


def _delta(state: _State, **delta: Any) -> bytes:
    return _frame("contentBlockDelta", contentBlockIndex=state.index, delta=delta)
