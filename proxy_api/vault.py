"""The reasoning vault: what a provider wants back with the next turn and a plain OpenAI client does not send.

Signatures of thoughts and of tool calls, redacted thoughts, blocks of server-side tools: OpenAI's chat has no word for
them, so most clients drop them, and the provider then answers 400 or thinks from the start. They are kept in Redis,
sealed, for DRAGOMAN_REASONING_TTL seconds, and put back into the assistant's message that lost them. Only for the same
caller's scope, provider and model: a signature proves a thought to its own maker alone.

An answer with tool calls is found by the id of any of its calls, one without by the conversation that led to it: two
users of one key may well get the same short answer, and must not get each other's thoughts.
Invariant: one exchange with Redis for a request and none to wait for after it; without Redis all goes on as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import orjson

from cache_admin import thoughts
from cache_admin.thoughts import Owner
from proxy_api import catalog
from proxy_api.chat import (
    Audio,
    ChatRequest,
    Citation,
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)

MOST_MESSAGES = 64  # of one request that are looked up, the latest
_KINDS: dict[str, Any] = {kind.__name__: kind for kind in (Reasoning, Text, Image, Refusal, ToolCall, Opaque)}
_THINKING = ("reasoning_effort", "reasoning_budget", "reasoning_enabled")


# -- after an answer --------------------------------------------------------------------------------------------------
def keep(asked: Sequence[Message], answers: Iterable[Sequence[Part]], owner: Owner) -> None:
    """Keep what the next turn needs. asked: the messages as the client sent them; answers: the parts of each choice."""
    for parts in answers:
        if any(is_private(part) or is_named(part) for part in parts) and (packed := pack(parts)) is not None:
            thoughts.put(owner, list(_names(asked, parts)), packed)


def is_private(part: Part) -> bool:
    """Whether a client that knows OpenAI's words alone would lose something of this part."""
    match part:
        case Reasoning():
            return part.signature is not None or part.redacted is not None
        case ToolCall() | Image():
            return part.signature is not None
        case Text():
            return part.signature is not None or any(citation.native for citation in part.citations)
        case _:
            return isinstance(part, Opaque)


def is_named(part: Part) -> bool:
    """Whether its model has a word for this text; a client that sends it back may have lost the rest all the same."""
    return isinstance(part, Text) and part.phase is not None


def _names(asked: Sequence[Message], parts: Sequence[Part]) -> Iterator[str]:
    calls = [part.id for part in parts if isinstance(part, ToolCall) and part.id]
    if calls:
        yield from map(named_call, calls)
    else:
        yield named_answer(conversation([*asked, Message("assistant", tuple(parts))])[-1])


def named_call(call_id: str) -> str:
    return f"call {call_id}"


def named_answer(digest: str) -> str:
    return f"answer {digest}"


def pack(parts: Iterable[Part]) -> bytes | None:
    """Media are left out, but for the signature of an image, kept under its digest: the client has the image itself.
    None for numbers beyond 64 bits."""
    kept = (Image(data=_digest(part), signature=part.signature) if isinstance(part, Image) else part for part in parts)
    try:
        return orjson.dumps([[type(part).__name__, part] for part in kept if _is_kept(part)])
    except TypeError:
        return None


def _is_kept(part: Part) -> bool:
    return type(part).__name__ in _KINDS and not (isinstance(part, Image) and part.signature is None)


def _digest(image: Image) -> str:
    return blake2b((image.data or image.url or "").encode(), digest_size=20).hexdigest()


def unpack(packed: bytes) -> tuple[Part, ...]:
    """Raises ValueError, TypeError or KeyError for what another version has packed."""
    return tuple(_unpacked(kind, fields) for kind, fields in orjson.loads(packed))


def _unpacked(kind: str, fields: dict[str, Any]) -> Part:
    if kind == "Text":
        fields["citations"] = tuple(Citation(**citation) for citation in fields["citations"])
    part: Part = _KINDS[kind](**fields)
    return part


# -- before the next turn ---------------------------------------------------------------------------------------------
def recalled(request: ChatRequest, owner: Owner) -> ChatRequest:
    """The request with what its assistant messages have lost put back."""
    server_tools = bool(request.native_tools)
    lost = [index for index, message in enumerate(request.messages) if has_lost(message, server_tools)]
    if not lost or not thoughts.enabled():
        return request
    names = dict(_wanted(request, lost[-MOST_MESSAGES:]))
    found = thoughts.find(owner, list(names.values()))
    messages = list(request.messages)
    for index, name in names.items():
        with suppress(KeyError, TypeError, ValueError):
            messages[index] = mended(messages[index], unpack(found[name]))
    return replace(request, messages=tuple(messages)) if found else request


def has_lost(message: Message, server_tools: bool) -> bool:
    """An assistant's message with nothing of its provider's own in it; with tools that run there, their blocks may be
    missing although the thoughts are there."""
    return message.role == "assistant" and (server_tools or not any(is_private(part) for part in message.parts))


def wants_thoughts(request: ChatRequest) -> bool:
    """Whether thoughts without a tool call are worth a look: the model thinks, uses tools of its provider's or has
    words for its texts."""
    known = catalog.facts(request.model)
    thinks = known.always_thinks or "thinking" in request.extra or bool(request.native_tools)
    return thinks or known.phases or any(name in request.knobs for name in _THINKING)


def _wanted(request: ChatRequest, lost: list[int]) -> Iterator[tuple[int, str]]:
    """For each message the name that its thoughts are kept under, where they are worth a look."""
    history: list[str] = []
    wanted = wants_thoughts(request)
    for index in lost:
        call = next((part.id for part in request.messages[index].parts if isinstance(part, ToolCall)), None)
        if call:
            yield index, named_call(call)
        elif wanted:
            history = history or conversation(request.messages)
            yield index, named_answer(history[index])


def conversation(messages: Sequence[Message]) -> list[str]:
    """For each message a digest of all up to it: what any client sends back, whatever fields it drops. Instructions
    are left out, for many change with the clock, and so are images that the model made."""
    digest, found = blake2b(digest_size=20), []
    for message in messages:
        if message.role not in ("system", "developer"):
            digest.update(f"\1{message.role}\0".encode())
            own = [part for part in message.parts if not (message.role == "assistant" and isinstance(part, Image))]
            for piece in _pieces(own):
                digest.update(piece.encode("utf-8", "surrogatepass") + b"\0")
        found.append(digest.hexdigest())
    return found


def _pieces(parts: Sequence[Part]) -> Iterator[str]:
    """Texts in one, because an answer of several blocks comes back as one string."""
    if text := said(parts):
        yield text
    for part in parts:
        match part:
            case Image() | File():
                yield part.data or part.url or (part.file_id if isinstance(part, File) else None) or ""
            case Audio():
                yield part.data
            case ToolCall():
                yield f"{part.id}\0{part.name}"
            case ToolResult():
                yield part.call_id
                yield from _pieces(part.parts)
            case _:
                pass


def said(parts: Iterable[Part]) -> str:
    return "".join(part.text for part in parts if isinstance(part, (Text, Refusal))).strip()


def mended(message: Message, kept: tuple[Part, ...]) -> Message:
    """The message with what was kept of it. Where it is the whole answer, all parts in the provider's own order; where
    the client has cut or split it, its own words with the signatures that go with them."""
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    known = {part.id: part for part in kept if isinstance(part, ToolCall)}
    own = {call.id: _signed(call, known.get(call.id)) for call in calls}
    if [call.id for call in calls] == list(known) and said(message.parts) == said(kept):
        parts = [own[part.id] if isinstance(part, ToolCall) else part for part in _with_images(kept, message.parts)]
        return replace(message, parts=tuple(_marked(parts, message.parts)))
    rest = [own[part.id] if isinstance(part, ToolCall) else part for part in message.parts]
    begins = not any(is_private(part) for part in message.parts)
    if begins:
        rest = [part for part in rest if not isinstance(part, Reasoning)]
        begins = not calls or next(iter(known), None) == calls[0].id
    return replace(message, parts=(*(_first_thoughts(kept) if begins else ()), *rest))


def _signed(call: ToolCall, kept: ToolCall | None) -> ToolCall:
    """The client's call, in the model's own spelling where it says the same."""
    if kept is None or kept.name != call.name:
        return call
    same = _read(call.arguments) == _read(kept.arguments)
    return replace(call, signature=kept.signature, arguments=kept.arguments if same else call.arguments)


def _with_images(kept: Sequence[Part], given: Sequence[Part]) -> Iterator[Part]:
    """What was kept, each image as the client sent it; one that it did not send is left out, one that it added
    stays."""
    images = {_digest(part): part for part in given if isinstance(part, Image)}
    for part in kept:
        if not isinstance(part, Image):
            yield part
        elif (image := images.pop(part.data or "", None)) is not None:
            yield replace(image, signature=part.signature)
    yield from images.values()


def _read(arguments: str) -> Any:
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return arguments


def _marked(parts: list[Part], given: Sequence[Part]) -> list[Part]:
    """The client's cache mark on a text stays: on the last text."""
    mark = next((part.cache_control for part in reversed(given) if isinstance(part, Text) and part.cache_control), None)
    last = next((at for at in reversed(range(len(parts))) if isinstance(parts[at], Text)), None)
    if mark is not None and last is not None:
        text = parts[last]
        assert isinstance(text, Text)
        parts[last] = replace(text, cache_control=mark)
    return parts


def _first_thoughts(kept: Sequence[Part]) -> Iterator[Part]:
    """Those before the answer's first call."""
    for part in kept:
        if isinstance(part, ToolCall):
            return
        if isinstance(part, Reasoning):
            yield part
