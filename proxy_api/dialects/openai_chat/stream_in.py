"""An OpenAI chat stream read into events, the odd ones of the family included (see tally)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxy_api.chat import (
    Ended,
    Event,
    Finished,
    MediaSeen,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageSeen,
)
from proxy_api.dialects.failures import understood
from proxy_api.dialects.openai_chat.annotations import read_annotations
from proxy_api.dialects.openai_chat.folding import slot
from proxy_api.dialects.openai_chat.media_out import read_audio
from proxy_api.dialects.openai_chat.messages_in import phase_of, read_images, signature_of
from proxy_api.dialects.openai_chat.response import finish_reason
from proxy_api.dialects.openai_chat.tally import Tally
from proxy_api.errors import UpstreamIncomplete
from proxy_api.framing import Frame

LEGACY = -1  # the index of a legacy function_call, which has neither index nor id


@dataclass(slots=True)
class _Choice:
    """What of one choice is known so far. calls: the ids of its tool calls, in order."""

    index: int
    calls: list[str] = field(default_factory=list)
    legacy: bool = False
    media: int = 0
    native: str | None = None


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
            yield Started(chunk.get("id") or "", chunk.get("model") or "", int(chunk.get("created") or now))
        for said in chunk.get("choices") or ():
            yield from _events(choices.setdefault(said.get("index", 0), _Choice(said.get("index", 0))), said)
        if tally.done:
            break
    if not tally.complete:
        raise UpstreamIncomplete("The provider's stream stopped before its end")
    yield from _end(tally, choices)


def _end(tally: Tally, choices: dict[int, _Choice]) -> Iterator[Event]:
    for index, reason in sorted(tally.finish_reasons.items()):
        native = choices[index].native
        yield Finished(finish_reason(reason), reason if native is None else native, index)
    if tally.usage is not None:
        yield UsageSeen(tally.usage)
    yield Ended()


def _events(choice: _Choice, said: dict[str, Any]) -> Iterator[Event]:
    delta = said.get("delta") or {}
    yield from _reasoning(choice.index, delta)
    text, logprobs = delta.get("content"), read_logprobs(said.get("logprobs"))
    signature = signature_of(delta) if "extra_content" in delta else None
    cited = tuple(read_annotations(delta)) if "annotations" in delta else ()
    if text or logprobs or signature or cited:
        said_text = text if isinstance(text, str) else _joined(text or ())
        yield TextDelta(said_text, choice.index, logprobs, signature, cited, phase_of(delta))
    if refusal := delta.get("refusal"):
        yield RefusalDelta(refusal, choice.index)
    if "images" in delta or "audio" in delta:
        yield from _media(choice, delta)
    for piece in delta.get("tool_calls") or ():
        yield from _call(choice, piece)
    if piece := delta.get("function_call"):
        yield from _legacy(choice, piece)
    choice.native = said.get("native_finish_reason") or choice.native


def _media(choice: _Choice, delta: dict[str, Any]) -> Iterator[Event]:
    for image in read_images(delta):
        yield MediaSeen(image, choice.media, choice.index)
        choice.media += 1
    if isinstance(audio := delta.get("audio"), dict) and audio.get("data"):
        yield MediaSeen(read_audio(audio), choice.media, choice.index)
        choice.media += 1


def read_logprobs(said: Any) -> dict[str, list[Any]] | None:
    """Of one chunk; None where it has none."""
    lists = {name: tokens for name, tokens in said.items() if type(tokens) is list} if type(said) is dict else None
    return lists or None


def _joined(content: Sequence[Any]) -> str:
    return "".join(part.get("text") or "" for part in content if part.get("type") == "text")


def _reasoning(choice: int, delta: dict[str, Any]) -> Iterator[Event]:
    said = delta.get("reasoning")
    if isinstance(said, dict):
        block = said.get("index", 0)
        yield ReasoningDelta(said.get("content") or "", said.get("id"), said.get("redacted"), block, choice)
    elif (text := delta.get("reasoning_content") or said) and isinstance(text, str):
        yield ReasoningDelta(text, choice=choice)


def _call(choice: _Choice, piece: dict[str, Any]) -> Iterator[Event]:
    index, function = slot(choice.calls, piece), piece.get("function") or {}
    if index == len(choice.calls):
        choice.calls.append(piece.get("id") or "")
        yield ToolCallStart(index, choice.calls[-1], function.get("name") or "", choice.index, signature_of(piece))
    if arguments := function.get("arguments"):
        yield ToolCallDelta(index, arguments, choice.index)


def _legacy(choice: _Choice, piece: dict[str, Any]) -> Iterator[Event]:
    if not choice.legacy:
        choice.legacy = True
        yield ToolCallStart(LEGACY, "", piece.get("name") or "", choice.index)
    if arguments := piece.get("arguments"):
        yield ToolCallDelta(LEGACY, arguments, choice.index)
