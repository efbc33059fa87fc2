"""A Responses stream read into events. https://developers.openai.com/api/reference/resources/responses/streaming-events

Hosts leave out what they like: a start, deltas, an item's end. What no delta brought is told when its part, its item or
the whole response is done; what was told is not told twice, and where a finished text is not what its deltas said, the
deltas stand: nothing can be taken back. Steps of built-in tools and events of tomorrow say nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from proxy_api.chat import (
    Citation,
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
from proxy_api.dialects.openai_chat.tally import parsed
from proxy_api.dialects.openai_responses.annotations import read_citations, read_logprobs
from proxy_api.dialects.openai_responses.errors import error_in
from proxy_api.dialects.openai_responses.reasoning import BREAK, proof, texts
from proxy_api.dialects.openai_responses.response import CALLS, finish, read_call, read_media
from proxy_api.dialects.openai_responses.usage import read_usage
from proxy_api.errors import UpstreamError, UpstreamIncomplete
from proxy_api.framing import Frame

Data = dict[str, Any]
Part = tuple[str, int]  # kind and index: of a text in its message, a passage in its thought


@dataclass(slots=True)
class _Item:
    """An output item under way. number: its place among the calls or thoughts, -1 before that is known. said: the
    pieces of text that came, by part; part: the newest of a thought. phase: of a message, until its text begins."""

    number: int = -1
    id: str = ""
    said: dict[Part, list[str]] = field(default_factory=dict)
    part: Part | None = None
    phase: str | None = None
    done: bool = False

    def note(self, part: Part, text: str) -> None:
        self.said.setdefault(part, []).append(text)

    def kinds(self) -> list[str]:
        return list(dict.fromkeys(kind for kind, _ in self.said))

    def rest(self, kind: str, whole: str) -> str:
        """What of the whole text, all parts of a kind, no delta brought; nothing where they disagree."""
        return _rest(whole, (piece for part, pieces in self.said.items() if part[0] == kind for piece in pieces))

    def rest_of(self, part: Part, whole: str) -> str:
        """The same of one part. Where others came without it, hosts may count otherwise: then its item's end tells."""
        return _rest(whole, self.said.get(part, ())) if part in self.said or not self.said else ""


def _rest(whole: str, pieces: Iterable[str]) -> str:
    told = "".join(pieces)
    return whole[len(told) :] if whole.startswith(told) else ""


@dataclass(slots=True)
class _State:
    """items by the output_index that they stand at. length: the characters of text so far; media: of images."""

    now: int
    started: bool = False
    length: int = 0
    media: int = 0
    items: dict[Any, _Item] = field(default_factory=dict)
    calls: int = 0
    thoughts: int = 0


def read_stream(frames: Iterator[Frame | None], now: int) -> Iterator[Event | None]:
    """Raises what an error event or a failed response means, UpstreamError for bad JSON, UpstreamIncomplete without
    response.completed or response.incomplete."""
    with understood():
        yield from _read(frames, now)


def _read(frames: Iterator[Frame | None], now: int) -> Iterator[Event | None]:
    state = _State(now)
    for frame in frames:
        if frame is None:
            yield None
            continue
        if frame.data is None:
            continue
        if frame.data.startswith(b"[DONE]"):
            break
        event = parsed(frame.data)
        kind = event.get("type")
        if kind in ("error", None) and (error := error_in(event)) is not None:
            raise error
        if not state.started:
            yield from _start(state, event)
        if kind in _ENDS:
            yield from _end(state, event["response"], kind)
            return  # what follows the end is the transport's to wait for, or not
        if kind in _READERS:
            yield from _READERS[kind](state, event)
    raise UpstreamIncomplete("The provider's stream stopped before its end")


def _start(state: _State, event: Data) -> Iterator[Event]:
    """Said by response.created, or else by the first event that has something to tell."""
    response = event.get("response")
    if not isinstance(response, dict):
        if event.get("type") not in _READERS:
            return
        response = {}
    state.started = True
    created = int(response.get("created_at") or state.now)
    yield Started(response.get("id") or "", response.get("model") or "", created)


def _item(state: _State, event: Data) -> _Item:
    return state.items.setdefault(event.get("output_index", event.get("item_id")), _Item())


def _place(event: Data) -> tuple[Part, str]:
    """The part that is meant, and the field that its finished text stands in."""
    kind, index, whole = _PARTS[event["type"].rpartition(".")[0]]
    return (kind, event.get(index, 0)), whole


def _delta(state: _State, event: Data) -> Iterator[Event]:
    part, _ = _place(event)
    return _piece(state, _item(state, event), part, event["delta"], event.get("logprobs"))


def _part_done(state: _State, event: Data) -> Iterator[Event]:
    item, (part, whole) = _item(state, event), _place(event)
    logprobs = None if item.said else event.get("logprobs")
    return _piece(state, item, part, item.rest_of(part, event.get(whole) or ""), logprobs)


def _piece(state: _State, item: _Item, part: Part, text: str, logprobs: Any) -> Iterator[Event]:
    match part[0]:
        case "output_text":
            return _text(state, item, part, text, logprobs)
        case "refusal":
            return _refusal(item, part, text)
        case "arguments":
            return _arguments(item, text)
        case _:
            return _thought(state, item, part, text)


def _text(state: _State, item: _Item, part: Part, text: str, logprobs: Any) -> Iterator[Event]:
    if text or logprobs:
        item.note(part, text)
        state.length += len(text)
        yield TextDelta(text, logprobs=read_logprobs(logprobs), phase=item.phase)
        item.phase = None


def _refusal(item: _Item, part: Part, text: str) -> Iterator[Event]:
    if text:
        item.note(part, text)
        yield RefusalDelta(text)


def _thought(state: _State, item: _Item, part: Part, text: str) -> Iterator[Event]:
    """The parts of one thought are set apart as in a finished answer."""
    if not text:
        return
    gap = BREAK if item.part not in (None, part) else ""
    item.note(part, text)
    item.part = part
    yield ReasoningDelta(gap + text, block=_block(state, item))


def _block(state: _State, item: _Item) -> int:
    if item.number < 0:
        item.number, state.thoughts = state.thoughts, state.thoughts + 1
    return item.number


def _arguments(item: _Item, text: str) -> Iterator[Event]:
    """A piece before its call is told with the call's end."""
    if item.number >= 0 and text:
        item.note(("arguments", 0), text)
        yield ToolCallDelta(item.number, text)


def _added(state: _State, event: Data) -> Iterator[Event]:
    said, item = event["item"], _item(state, event)
    item.id, item.phase = said.get("id") or "", said.get("phase")
    if said.get("type") in CALLS:
        yield from _call_start(state, item, said)


def _call_start(state: _State, item: _Item, said: Data) -> Iterator[Event]:
    if item.number < 0:
        item.number, state.calls = state.calls, state.calls + 1
        call = read_call(said)
        yield ToolCallStart(item.number, call.id, call.name)


def _done(state: _State, event: Data) -> Iterator[Event]:
    item = _item(state, event)
    item.id = event["item"].get("id") or item.id
    yield from _whole(state, item, event["item"])


def _whole(state: _State, item: _Item, said: Data) -> Iterator[Event]:
    """A finished item: what its deltas left out."""
    if item.done:
        return
    item.done = True
    kind = said.get("type")
    if kind == "message":
        yield from _whole_message(state, item, said)
    elif kind == "reasoning":
        yield from _whole_thought(state, item, said)
    elif kind in CALLS:
        yield from _call_start(state, item, said)
        yield from _arguments(item, item.rest("arguments", read_call(said).arguments))
    else:
        part = read_media(said)
        yield MediaSeen(part, state.media)
        state.media += isinstance(part, Image)


def _whole_message(state: _State, item: _Item, said: Data) -> Iterator[Event]:
    """Citations come with the end: only then are all of them known."""
    parts = said.get("content") or ()
    texts_said = [part for part in parts if part.get("type") == "output_text"]
    whole = "".join(part.get("text") or "" for part in texts_said)
    item.phase = item.phase if item.said else said.get("phase")
    logprobs = [token for part in texts_said for token in part.get("logprobs") or ()]
    yield from _text(state, item, ("output_text", 0), item.rest("output_text", whole), None if item.said else logprobs)
    before, cited = state.length - len(whole), list[Citation]()
    for part in texts_said:
        cited += read_citations(part, before)
        before += len(part.get("text") or "")
    if cited:
        yield TextDelta("", citations=tuple(cited))
    refusals = (part.get("refusal") or "" for part in parts if part.get("type") == "refusal")
    yield from _refusal(item, ("refusal", 0), item.rest("refusal", "".join(refusals)))


def _whole_thought(state: _State, item: _Item, said: Data) -> Iterator[Event]:
    """A thought that told any text tells the rest of it, and not the same once more as its other kind."""
    told = item.kinds()
    for kind in told:
        rest = item.rest(kind, "".join(texts(said, kind)))
        yield from _thought(state, item, item.part or (kind, 0), rest)
    for kind in () if told else ("summary", "content"):
        for index, text in enumerate(texts(said, kind)):
            yield from _thought(state, item, (kind, index), text)
    if item.said or said.get("encrypted_content"):
        signature, redacted = proof(said)
        yield ReasoningDelta(signature=signature, redacted=redacted, block=_block(state, item))


def _failed(state: _State, event: Data) -> Iterator[Event]:
    raise error_in(event["response"]) or UpstreamError("The provider's answer failed")


# What comes in pieces: its kind, the field of its index, the field of its finished text.
_PARTS: dict[str, tuple[str, str, str]] = {
    "response.output_text": ("output_text", "content_index", "text"),
    "response.refusal": ("refusal", "content_index", "refusal"),
    "response.reasoning_summary_text": ("summary", "summary_index", "text"),
    "response.reasoning_summary": ("summary", "summary_index", "text"),
    "response.reasoning_text": ("content", "content_index", "text"),
    "response.reasoning": ("content", "content_index", "text"),
    "response.function_call_arguments": ("arguments", "", "arguments"),
    "response.custom_tool_call_input": ("arguments", "", "input"),
}
_READERS: dict[str, Callable[[_State, Data], Iterator[Event]]] = {
    **{f"{name}.delta": _delta for name in _PARTS},
    **{f"{name}.done": _part_done for name in _PARTS},
    "response.output_item.added": _added,
    "response.output_item.done": _done,
    "response.failed": _failed,
    "response.cancelled": _failed,
}
_ENDS = {"response.completed": "completed", "response.incomplete": "incomplete"}


def _placed(state: _State, said: Data, index: int) -> _Item:
    """The item that is meant in the whole response: by its id, or by its place where ids are new (OpenRouter)."""
    same = (item for item in state.items.values() if item.id and item.id == said.get("id"))
    return next(same, None) or state.items.setdefault(index, _Item())


def _end(state: _State, response: Data, kind: str) -> Iterator[Event]:
    for index, said in enumerate(response.get("output") or ()):
        yield from _whole(state, _placed(state, said, index), said)
    status = "incomplete" if response.get("status") == "incomplete" else _ENDS[kind]
    reason, native = finish(response | {"status": status}, state.calls > 0)
    yield Finished(reason, native)
    if response.get("usage"):
        yield UsageSeen(read_usage(response["usage"]))
    yield Ended()
