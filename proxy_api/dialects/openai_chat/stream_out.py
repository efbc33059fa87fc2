"""Events written as an OpenAI chat stream: role first, one finish chunk a choice, usage if asked for, [DONE] last.

https://platform.openai.com/docs/api-reference/chat-streaming
Hot path: the head of the chunk is made once, only what is new in an event is serialised.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, assert_never

from orjson import dumps

from proxy_api.chat import (
    Audio,
    Ended,
    Event,
    Finished,
    Image,
    MediaSeen,
    Opaque,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    Usage,
    UsageSeen,
)
from proxy_api.dialects.openai_chat.annotations import write_annotations
from proxy_api.dialects.openai_chat.media_out import write_audio, write_image
from proxy_api.dialects.openai_chat.messages_out import phased, signed
from proxy_api.dialects.openai_chat.usage import write_usage
from proxy_api.framing import DONE, unbroken

_ROLE = {"role": "assistant", "content": ""}


def write_stream(events: Iterator[Event | None], include_usage: bool) -> Iterator[bytes | None]:
    """One id, created and model on every chunk; None is passed on. [DONE] only after Ended."""
    head, tail = b"", b'}],"usage":null}\n\n' if include_usage else b"}]}\n\n"
    usage: Usage | None = None
    roles: set[int] = set()
    call: ToolCallStart | None = None
    for event in events:
        match event:
            case None:
                yield None
            case Started():
                head = _head(event)
                roles.add(0)
                yield head + _piece(0, _ROLE) + tail
            case UsageSeen():
                usage = event.usage
            case Ended():
                if include_usage and usage is not None:
                    yield head + b'],"usage":' + dumps(write_usage(usage)) + b"}\n\n"
                yield DONE
            case MediaSeen(part=Opaque()):  # what only the provider understands
                pass
            case ToolCallStart(whole=True):
                call = event
            case _:
                if event.choice not in roles:
                    roles.add(event.choice)
                    yield head + _piece(event.choice, _ROLE) + tail
                yield head + _body(event, call) + (_beside(event, tail) if isinstance(event, Finished) else tail)
                call = None


def _beside(event: Finished, tail: bytes) -> bytes:
    """The answer's own fields stand in the chunk that says its end, where a finished answer has them."""
    return tail[:2] + b"," + unbroken(dumps(event.extra))[1:-1] + tail[2:] if event.extra else tail


def _head(started: Started) -> bytes:
    envelope = {
        "id": started.id,
        "object": "chat.completion.chunk",
        "created": started.created,
        "model": started.model,
    }
    return b"data: " + dumps(envelope)[:-1] + b',"choices":['


def _piece(choice: int, delta: dict[str, Any]) -> bytes:
    return b'{"index":%d,"delta":%b,"finish_reason":null' % (choice, unbroken(dumps(delta)))


def _body(
    event: TextDelta | RefusalDelta | ReasoningDelta | ToolCallStart | ToolCallDelta | MediaSeen | Finished,
    call: ToolCallStart | None,
) -> bytes:
    """call: a call that is not said yet, because `event` has its arguments."""
    match event:
        case TextDelta(signature=None, phase=None) if not event.citations:
            logprobs = b"" if event.logprobs is None else b',"logprobs":' + unbroken(dumps(event.logprobs))
            text = unbroken(dumps(event.text))
            return b'{"index":%d,"delta":{"content":%b},"finish_reason":null%b' % (event.choice, text, logprobs)
        case Finished():
            said = {"finish_reason": event.finish_reason, "native_finish_reason": event.native_finish_reason}
            return b'{"index":%d,"delta":{},%b' % (event.choice, dumps(said)[1:-1])
        case _:
            return _piece(event.choice, _delta(event, call))


def _delta(
    event: TextDelta | RefusalDelta | ReasoningDelta | ToolCallStart | ToolCallDelta | MediaSeen,
    call: ToolCallStart | None,
) -> dict[str, Any]:
    match event:
        case ToolCallDelta():
            return _arguments(event) if call is None else _call(call, event.arguments)
        case ReasoningDelta():
            return _reasoning(event)
        case ToolCallStart():
            return _call(event)
        case TextDelta():
            return (
                {"content": event.text}
                | phased(event.phase)
                | signed(event.signature)
                | write_annotations(event.citations)
            )
        case MediaSeen():
            return _media(event)
        case RefusalDelta():
            return {"refusal": event.text}
        case _:
            assert_never(event)


def _arguments(event: ToolCallDelta) -> dict[str, Any]:
    if event.index < 0:
        return {"function_call": {"arguments": event.arguments}}
    return {"tool_calls": [{"index": event.index, "function": {"arguments": event.arguments}}]}


def _call(event: ToolCallStart, arguments: str = "") -> dict[str, Any]:
    function = {"name": event.name, "arguments": arguments}
    if event.index < 0:
        return {"function_call": function}
    said: dict[str, Any] = {"index": event.index, "id": event.id, "type": "function", "function": function}
    return {"tool_calls": [said | signed(event.signature)]}


def _media(event: MediaSeen) -> dict[str, Any]:
    if isinstance(event.part, Image):
        return {"images": [write_image(event.part, event.index)]}
    return {"audio": write_audio(event.part)} if isinstance(event.part, Audio) else {}


def _reasoning(event: ReasoningDelta) -> dict[str, Any]:
    """The reference's object {id?, content?}, and the text once more as the string that many clients read."""
    piece: dict[str, Any] = {"index": event.block} if event.block else {}
    if event.signature is not None:
        piece["id"] = event.signature
    if event.redacted is not None:
        piece |= {"id": event.signature, "redacted": event.redacted}
    if not event.text:
        return {"reasoning": piece}
    return {"reasoning": piece | {"content": event.text}, "reasoning_content": event.text}
