"""A Mistral stream read into events. https://docs.mistral.ai/capabilities/completion

OpenAI's chunks with Mistral's content; a tool call comes whole in one chunk, often without index, the usage with the
last choice. Models of other makers that Mistral serves send calls in pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from proxy_api.chat import (
    Ended,
    Event,
    Finished,
    Reasoning,
    ReasoningDelta,
    Started,
    Text,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageSeen,
)
from proxy_api.dialects.failures import understood
from proxy_api.dialects.functions import arguments_text, text_in
from proxy_api.dialects.mistral.response import call_id, finish_reason, read_content
from proxy_api.dialects.openai_chat.folding import slot
from proxy_api.dialects.openai_chat.stream_in import read_logprobs
from proxy_api.dialects.openai_chat.tally import Tally
from proxy_api.errors import UpstreamIncomplete
from proxy_api.framing import Frame


@dataclass(slots=True)
class _Choice:
    """What of one choice is known so far. calls: the ids of its tool calls; bare: those still without arguments;
    block: the thought under way, open: whether the next piece still belongs to it; said: anything at all."""

    index: int
    calls: list[str] = field(default_factory=list)
    bare: set[int] = field(default_factory=set)
    block: int = -1
    open: bool = False
    said: bool = False


def read_stream(frames: Iterator[Frame | None], now: int) -> Iterator[Event | None]:
    """Raises what an error frame means, UpstreamError for bad JSON, UpstreamIncomplete for a stream without its end."""
    with understood():
        yield from _read(frames, now)


def _read(frames: Iterator[Frame | None], now: int) -> Iterator[Event | None]:
    tally, choices, started = Tally(), dict[int, _Choice](), False
    for frame in frames:
        if frame is None or frame.data is None:
            if frame is None:
                yield None
            continue
        chunk = tally.see(frame.data)
        if tally.error is not None:
            raise tally.error
        if not started and chunk:
            started = True
            yield Started(text_in(chunk.get("id")), text_in(chunk.get("model")), int(chunk.get("created") or now))
        for said in chunk.get("choices") or ():
            yield from _events(choices.setdefault(said.get("index", 0), _Choice(said.get("index", 0))), said, tally)
        if tally.done:
            break
    if not tally.complete:
        raise UpstreamIncomplete("The provider's stream stopped before its end")
    yield from _end(tally, choices)


def _end(tally: Tally, choices: dict[int, _Choice]) -> Iterator[Event]:
    for index, native in sorted(tally.finish_reasons.items()):
        choice = choices[index]
        for bare in sorted(choice.bare):
            yield ToolCallDelta(bare, "{}", index)
        yield Finished(finish_reason(native, calls=bool(choice.calls), said=choice.said), native, index)
    if tally.usage is not None:
        yield UsageSeen(tally.usage)
    yield Ended()


def _events(choice: _Choice, said: dict[str, Any], tally: Tally) -> Iterator[Event]:
    delta = said.get("delta") or {}
    content = delta.get("content")
    if isinstance(content, str):
        yield from _text(choice, content)
    else:
        for chunk in content or ():
            yield from _chunk(choice, chunk)
    for position, piece in enumerate(delta.get("tool_calls") or ()):
        yield from _call(choice, piece, f"{tally.id}:{choice.index}:{len(choice.calls)}:{position}")
    if logprobs := read_logprobs(said.get("logprobs")):
        yield TextDelta("", choice.index, logprobs)


def _text(choice: _Choice, text: str) -> Iterator[Event]:
    if text:
        choice.said, choice.open = True, False
        yield TextDelta(text, choice.index)


def _chunk(choice: _Choice, chunk: dict[str, Any]) -> Iterator[Event]:
    """Pieces of a thought follow each other until a text comes or it is closed."""
    for part in read_content([chunk]):
        if isinstance(part, Text):
            yield from _text(choice, part.text)
        elif isinstance(part, Reasoning):
            choice.said, choice.block = True, choice.block + (not choice.open)
            choice.open = not chunk.get("closed")
            if part.text or part.signature:
                yield ReasoningDelta(part.text, part.signature, block=choice.block, choice=choice.index)


def _slot(calls: list[str], piece: dict[str, Any]) -> int:
    """A piece with a name and without any number is a call of its own: those without number come whole."""
    whole = piece.get("index") is None and piece.get("id") in (None, "", "null")
    return len(calls) if whole and (piece.get("function") or {}).get("name") else slot(calls, piece)


def _call(choice: _Choice, piece: dict[str, Any], place: str) -> Iterator[Event]:
    function = piece.get("function") or {}
    index = _slot(choice.calls, piece)
    if index == len(choice.calls):
        choice.said = True
        choice.calls.append(call_id(piece, place))
        choice.bare.add(index)
        yield ToolCallStart(index, choice.calls[-1], text_in(function.get("name")), choice.index)
    if (arguments := function.get("arguments")) not in (None, ""):
        choice.bare.discard(index)
        yield ToolCallDelta(index, arguments_text(arguments), choice.index)
