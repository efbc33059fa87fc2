"""A Gemini stream read into events: each event of it is a GenerateContentResponse with what is new.

https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
A stream has no last word: it is whole where it ends after a finish reason for each candidate, or after the prompt was
blocked. A finished answer is read as a stream of one event. Parts of Google's own tools (code that it ran, searches)
are no part of the answer, fields and parts of tomorrow are passed over, never an error.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from proxy_api.chat import (
    Audio,
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
from proxy_api.dialects.failures import understood
from proxy_api.dialects.functions import arguments_text, parsed
from proxy_api.dialects.google import partial
from proxy_api.dialects.google.answer import FAULTS, finish_reason, made_id, native_reason, read_logprobs, read_usage
from proxy_api.dialects.google.citations import read_citations
from proxy_api.dialects.google.errors import error_in
from proxy_api.dialects.google.fields import get, words
from proxy_api.errors import UpstreamError, UpstreamIncomplete
from proxy_api.framing import Frame

Data = dict[str, Any]
_PCM = ("audio/l16", "audio/pcm")
_BESIDE = ("groundingMetadata", "grounding_metadata", "citationMetadata", "citation_metadata")
_COUNTED = ("promptTokenCount", "totalTokenCount", "candidatesTokenCount")


@dataclass(slots=True)
class _Candidate:
    """One choice under way. block: of the thoughts, signed: that block has its signature. call: the arguments of a
    call that comes in pieces. audio: all of it, for its base64 cannot be joined as text. beside: what is said about
    the text."""

    index: int
    calls: int = 0
    block: int = 0
    signed: bool = False
    call: Data | None = None
    media: int = 0
    audio: tuple[str, bytes] = ("", b"")
    said: bool = False
    text: list[str] = field(default_factory=list)
    beside: Data = field(default_factory=dict)
    native: str | None = None
    why: str = ""


@dataclass(slots=True)
class State:
    now: int
    id: str = ""
    started: bool = False
    blocked: str | None = None
    refusal: str = ""
    usage: Data = field(default_factory=dict)
    candidates: dict[int, _Candidate] = field(default_factory=dict)


def read_stream(frames: Iterator[Frame | None], now: int) -> Iterator[Event | None]:
    """Raises what an error event means, UpstreamError for bad JSON or a model that did wrong and said nothing,
    UpstreamIncomplete without a finish reason."""
    with understood():
        state = State(now)
        for frame in frames:
            if frame is None:
                yield None
            elif frame.data is not None:
                yield from take(state, parsed(frame.data))
        yield from end(state)


def take(state: State, said: Data) -> Iterator[Event]:
    """One GenerateContentResponse. Raises what an error object in it means."""
    if said.get("error"):
        raise error_in(said)
    if not state.started:
        state.started, state.id = True, words(get(said, "responseId")) or ""
        yield Started(state.id, words(get(said, "modelVersion")) or "", state.now, lambda: read_usage(state.usage))
    usage = get(said, "usageMetadata") or {}
    if not state.usage or any(get(usage, name) is not None for name in _COUNTED):
        state.usage = usage
    feedback = get(said, "promptFeedback") or {}
    if reason := get(feedback, "blockReason"):
        state.blocked = str(reason)
    state.refusal = words(get(feedback, "blockReasonMessage")) or state.refusal
    for position, candidate in enumerate(said.get("candidates") or ()):
        index = candidate.get("index")
        index = index if type(index) is int else position
        yield from _candidate(state, state.candidates.setdefault(index, _Candidate(index)), candidate)


def _candidate(state: State, known: _Candidate, said: Data) -> Iterator[Event]:
    for part in (said.get("content") or {}).get("parts") or ():
        yield from _part(state, known, part)
    logprobs = read_logprobs(get(said, "logprobsResult"))
    if logprobs:
        yield TextDelta("", known.index, logprobs)
    known.beside |= {name: said[name] for name in _BESIDE if name in said}
    known.native = native_reason(get(said, "finishReason")) or known.native
    known.why = words(get(said, "finishMessage")) or known.why


def _part(state: State, known: _Candidate, part: Data) -> Iterator[Event]:
    signature, call, blob = words(get(part, "thoughtSignature")), get(part, "functionCall"), get(part, "inlineData")
    text = words(part.get("text")) or ""
    if part.get("thought"):
        yield from _thought(known, text, signature)
    elif call is not None:
        yield from _call(state, known, call, signature)
    elif blob is not None:
        yield from _blob(known, blob, signature)
    elif text or (signature and "text" in part):
        known.said = known.said or bool(text)
        known.text.append(text)
        yield TextDelta(text, known.index, None, signature)


def _thought(known: _Candidate, text: str, signature: str | None) -> Iterator[Event]:
    """Pieces of one thought follow each other; a signature ends it."""
    if known.signed:
        known.signed, known.block = False, known.block + 1
    known.signed = signature is not None
    if text or signature:
        yield ReasoningDelta(text, signature, block=known.block, choice=known.index)


def _call(state: State, known: _Candidate, said: Data, signature: str | None) -> Iterator[Event]:
    """A whole call, or a piece of one: {name, willContinue}, then {partialArgs, willContinue}, then {}."""
    if name := words(said.get("name")):
        yield from _close(known)
        call_id = words(said.get("id")) or made_id(state.id, state.now, known.index, known.calls)
        whole = not get(said, "willContinue")
        yield ToolCallStart(known.calls, call_id, name, known.index, signature, whole)
        known.calls, known.said, known.call = known.calls + 1, True, dict(said.get("args") or {})
    if known.call is None:
        return
    for piece in get(said, "partialArgs") or ():
        partial.put(known.call, piece)
    if not get(said, "willContinue"):
        yield from _close(known)


def _close(known: _Candidate) -> Iterator[Event]:
    if known.call is not None:
        yield ToolCallDelta(known.calls - 1, arguments_text(known.call), known.index)
        known.call = None


def _blob(known: _Candidate, blob: Data, signature: str | None) -> Iterator[Event]:
    media_type, data = words(get(blob, "mimeType")) or "", words(blob.get("data")) or ""
    known.said = True
    if media_type.startswith("image/"):
        yield MediaSeen(Image(media_type, data, signature=signature), known.media, known.index)
        known.media += 1
    elif media_type.startswith("audio/"):
        known.audio = media_type, known.audio[1] + binascii.a2b_base64(data)


def end(state: State) -> Iterator[Event]:
    """What is left when no more comes."""
    if not state.candidates and state.blocked:
        state.candidates[0] = _Candidate(0, native=state.blocked)
        if state.refusal:
            yield RefusalDelta(state.refusal)
        yield Finished("content_filter", state.blocked)
    elif not state.candidates:
        raise UpstreamIncomplete("The provider's answer has no candidates")
    else:
        for _, known in sorted(state.candidates.items()):
            yield from _finish(known)
    if state.usage:
        yield UsageSeen(read_usage(state.usage))
    yield Ended()


def _finish(known: _Candidate) -> Iterator[Event]:
    yield from _close(known)
    media_type, data = known.audio
    if data:
        form = "pcm16" if media_type.lower().startswith(_PCM) else media_type[6:].partition(";")[0]
        yield MediaSeen(Audio(form, binascii.b2a_base64(data, newline=False).decode()), known.media, known.index)
    if known.native is None:
        raise UpstreamIncomplete("The provider's answer has no finishReason")
    if known.native in FAULTS and not known.said:
        raise UpstreamError(f"The model did wrong ({known.native}) {known.why}".strip(), retryable=True)
    if known.beside and (citations := tuple(read_citations(known.beside, "".join(known.text)))):
        yield TextDelta("", known.index, citations=citations)
    yield Finished(finish_reason(known.native, known.calls > 0), known.native, known.index)
