"""Events written as a Responses stream. https://developers.openai.com/api/reference/resources/responses/streaming-events

Each item is added, filled by deltas and done; the last event holds the whole response. Text and thoughts are done when
another item begins, calls at the end, since other languages fill several at once.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from orjson import dumps

from proxy_api.chat import (
    Choice,
    Ended,
    Event,
    Finished,
    MediaSeen,
    Reasoning,
    ReasoningDelta,
    Refusal,
    RefusalDelta,
    Started,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolCallStart,
    Usage,
    UsageSeen,
)
from proxy_api.dialects.openai_responses.annotations import write_citations
from proxy_api.dialects.openai_responses.response import ending, envelope, write_item
from proxy_api.dialects.openai_responses.usage import write_usage
from proxy_api.framing import unbroken

Key = tuple[str, int]
Content = Text | Refusal | Reasoning | ToolCall
Delta = TextDelta | RefusalDelta | ReasoningDelta | ToolCallStart | ToolCallDelta


@dataclass(slots=True)
class _Item:
    """An item under way: its place in the output, its id, what it began as, the characters of the answer's text in
    front of it, and the pieces that came."""

    index: int
    id: str
    part: Content
    before: int = 0
    pieces: list[str] = field(default_factory=list)
    logprobs: list[Any] = field(default_factory=list)

    def whole(self) -> Content:
        text = "".join(self.pieces)
        if isinstance(self.part, ToolCall):
            return replace(self.part, arguments=text)
        return replace(self.part, text=text)


@dataclass(slots=True)
class _State:
    """open: items by kind and number. output: finished items by their place; begun: how many places are taken.
    length: the characters of text so far."""

    head: dict[str, Any] = field(default_factory=dict)
    number: int = -1
    open: dict[Key, _Item] = field(default_factory=dict)
    output: dict[int, dict[str, Any]] = field(default_factory=dict)
    begun: int = 0
    length: int = 0
    end: dict[str, Any] = field(default_factory=dict)
    usage: Usage | None = None


def write_stream(events: Iterator[Event | None], include_usage: bool) -> Iterator[bytes | None]:
    """include_usage means nothing here: Responses always tells it. Choices beyond the first have no place."""
    state = _State()
    for event in events:
        if event is None:
            yield None
        elif frames := b"".join(_frames(state, event)):
            yield frames


def _frame(state: _State, kind: str, **fields: Any) -> bytes:
    state.number += 1
    return b"event: %b\ndata: %b\n\n" % (
        kind.encode(),
        unbroken(dumps({"type": kind, "sequence_number": state.number, **fields})),
    )


def _frames(state: _State, event: Event) -> Iterator[bytes]:
    match event:
        case Started():
            state.head = envelope(event.id, event.model, event.created)
            yield _frame(state, "response.created", response=state.head)
            yield _frame(state, "response.in_progress", response=state.head)
        case Ended():
            yield from _end(state)
        case UsageSeen():
            state.usage = event.usage
        case _ if event.choice:
            return
        case Finished():
            state.end = ending(Choice(0, (), event.finish_reason, event.native_finish_reason))
        case TextDelta() | RefusalDelta() | ReasoningDelta() | ToolCallStart() | ToolCallDelta():
            yield from _content(state, event)
        case MediaSeen():
            yield from _media(state, event)
        case _:
            assert_never(event)


def _content(state: _State, event: Delta) -> Iterator[bytes]:
    match event:
        case TextDelta():
            if event.phase is not None and (before := state.open.pop(("text", 0), None)) is not None:
                yield from _close(state, before)
            item = yield from _opened(state, ("text", 0), Text("", phase=event.phase))
            yield from _said(state, item, event)
        case RefusalDelta():
            item = yield from _opened(state, ("refusal", 0), Refusal(""))
            yield _delta(state, item, "refusal", event.text, content_index=0)
        case ReasoningDelta():
            item = yield from _opened(state, ("reasoning", event.block), Reasoning())
            yield from _thought(state, item, event)
        case ToolCallStart():
            yield from _opened(state, ("call", event.index), ToolCall(event.id, event.name))
        case ToolCallDelta():
            yield _delta(state, state.open[("call", event.index)], "function_call_arguments", event.arguments)
        case _:
            assert_never(event)


def _said(state: _State, item: _Item, event: TextDelta) -> Iterator[bytes]:
    tokens = (event.logprobs or {}).get("content") or []
    if event.text or tokens:
        item.logprobs += tokens
        state.length += len(event.text)
        yield _delta(state, item, "output_text", event.text, content_index=0, logprobs=tokens)
    if event.citations and isinstance(item.part, Text):
        known = len(item.part.citations)
        item.part = replace(item.part, citations=item.part.citations + event.citations)
        for number, said in enumerate(write_citations(event.citations, item.before), known):
            fields = {"content_index": 0, "annotation_index": number, "annotation": said}
            yield _of(state, item, "response.output_text.annotation.added", **fields)


def _media(state: _State, event: MediaSeen) -> Iterator[bytes]:
    """Whole at once; what Responses has no item for is passed over."""
    if said := write_item(event.part, state.begun):
        yield from _end_spoken(state)
        index, state.begun = state.begun, state.begun + 1
        state.output[index] = said
        yield _frame(state, "response.output_item.added", output_index=index, item=said)
        yield _frame(state, "response.output_item.done", output_index=index, item=said)


def _thought(state: _State, item: _Item, event: ReasoningDelta) -> Iterator[bytes]:
    if event.text and not item.pieces:
        part = {"type": "summary_text", "text": ""}
        yield _of(state, item, "response.reasoning_summary_part.added", summary_index=0, part=part)
    if event.text:
        yield _delta(state, item, "reasoning_summary_text", event.text, summary_index=0)
    if isinstance(item.part, Reasoning):
        signature, redacted = event.signature or item.part.signature, event.redacted or item.part.redacted
        item.part = Reasoning(signature=signature, redacted=redacted)


def _opened(state: _State, key: Key, part: Content) -> Generator[bytes, None, _Item]:
    """The item for a key; a new one ends the text and the thoughts before it."""
    if key in state.open:
        return state.open[key]
    yield from _end_spoken(state)
    index, state.begun = state.begun, state.begun + 1
    said = write_item(part, index) or {}
    state.open[key] = item = _Item(index, said.get("id", ""), part, state.length)
    if "status" in said:
        said["status"] = "in_progress"
    if content := said.get("content"):
        said["content"] = []
    yield _frame(state, "response.output_item.added", output_index=index, item=said)
    if content:
        yield _of(state, item, "response.content_part.added", content_index=0, part=content[0])
    return item


def _end_spoken(state: _State) -> Iterator[bytes]:
    """Text and thoughts are done; calls are not."""
    for key in [key for key in state.open if key[0] != "call"]:
        yield from _close(state, state.open.pop(key))


def _of(state: _State, item: _Item, kind: str, **fields: Any) -> bytes:
    return _frame(state, kind, item_id=item.id, output_index=item.index, **fields)


def _delta(state: _State, item: _Item, kind: str, delta: str, **fields: Any) -> bytes:
    item.pieces.append(delta)
    return _of(state, item, f"response.{kind}.delta", delta=delta, **fields)


def _close(state: _State, item: _Item) -> Iterator[bytes]:
    whole = item.whole()
    said = state.output[item.index] = write_item(whole, item.index, item.before) or {}
    match whole:
        case Text(text=text):
            said["content"][0] |= {"logprobs": item.logprobs} if item.logprobs else {}
            yield _of(state, item, "response.output_text.done", content_index=0, text=text, logprobs=[])
            yield _of(state, item, "response.content_part.done", content_index=0, part=said["content"][0])
        case Refusal(text=text):
            yield _of(state, item, "response.refusal.done", content_index=0, refusal=text)
            yield _of(state, item, "response.content_part.done", content_index=0, part=said["content"][0])
        case Reasoning(text=text) if text:
            part = {"type": "summary_text", "text": text}
            yield _of(state, item, "response.reasoning_summary_text.done", summary_index=0, text=text)
            yield _of(state, item, "response.reasoning_summary_part.done", summary_index=0, part=part)
        case ToolCall(name=name, arguments=arguments):
            yield _of(state, item, "response.function_call_arguments.done", name=name, arguments=arguments)
    yield _frame(state, "response.output_item.done", output_index=item.index, item=said)


def _end(state: _State) -> Iterator[bytes]:
    for item in state.open.values():
        yield from _close(state, item)
    state.open = {}
    output = [item for _, item in sorted(state.output.items())]
    usage = None if state.usage is None else write_usage(state.usage)
    response = state.head | state.end | {"output": output, "usage": usage}
    yield _frame(state, f"response.{response['status']}", response=response)
