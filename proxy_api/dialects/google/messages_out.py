"""Neutral messages written as Gemini's contents: system apart, parts in their order, results under their real name.

https://ai.google.dev/api/caching#Content
https://ai.google.dev/gemini-api/docs/function-calling (results of parallel calls share one content)
https://ai.google.dev/gemini-api/docs/thought-signatures (a signature goes back on the part that it came with)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

from proxy_api.catalog import ModelFacts
from proxy_api.chat import (
    Audio,
    File,
    Image,
    Loss,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from proxy_api.dialects.functions import arguments_of
from proxy_api.dialects.google.fields import json_object
from proxy_api.dialects.google.media import media_part
from proxy_api.dialects.saying import parts_of, placed, result_parts, unsayable
from proxy_api.errors import BadRequest

Said = dict[str, Any]
# Documented for calls that Gemini did not make: https://ai.google.dev/gemini-api/docs/thought-signatures#faqs
NO_SIGNATURE = "skip_thought_signature_validator"
# Ids that other makers gave, and ours for calls that Gemini gave none. Gemini only wants its own back.
_FOREIGN_ID = re.compile(r"call_[A-Za-z0-9]{20,}|(toolu_|tooluse_|fc_|chatcmpl-).*")


@dataclass(slots=True)
class Draft:
    """The contents under way. spelled: the client's function names that Gemini refuses -> ours. names: id of a tool
    call -> its function's name."""

    facts: ModelFacts
    spelled: Mapping[str, str] = field(default_factory=dict)
    system: list[Said] = field(default_factory=list)
    contents: list[Said] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    marked: bool = False


def write_messages(messages: tuple[Message, ...], draft: Draft) -> None:
    """Fills the draft. Raises BadRequest naming the client's own message and part where content cannot be said."""
    for where, message in placed(messages):
        if message.name is not None:
            draft.losses.append(Loss(f"{where}.name", "Gemini has no names of speakers"))
        match message.role:
            case "system" | "developer":
                if draft.contents:
                    draft.losses.append(Loss(f"{where}.role", "moved to the system text"))
                draft.system.extend(_system(message, where, draft))
            case "assistant":
                _add(draft, "model", _signed(_model_parts(message, where, draft), draft))
            case "user":
                _add(draft, "user", list(_said(parts_of(message, where), draft)))
            case "tool":
                _add_results(message, where, draft)
            case _:
                assert_never(message.role)
    if not draft.contents:  # Gemini answers system messages alone too, but insists on a turn
        draft.contents.append({"role": "user", "parts": [{"text": ""}]})


def _add(draft: Draft, role: str, parts: list[Said]) -> None:
    if parts:
        draft.contents.append({"role": role, "parts": parts})


def _system(message: Message, where: str, draft: Draft) -> Iterator[Said]:
    parts = list(parts_of(message, where))
    for place, part in parts:
        if not isinstance(part, (Text, Refusal)):
            raise unsayable(part, place)
    yield from _said(parts, draft)


def _said(parts: Iterable[tuple[str, Part]], draft: Draft) -> Iterator[Said]:
    for place, part in parts:
        if said := _content(part, place, draft):
            yield said


def _content(part: Part, where: str, draft: Draft) -> Said | None:
    """Text or media; None for an empty text."""
    _note_losses(part, where, draft)
    match part:
        case Text() | Refusal():
            return {"text": part.text} if part.text else None
        case Image() | File() | Audio():
            return media_part(part, where)
        case Opaque(dialect="google"):
            return dict(part.data)
        case Opaque() | Reasoning() | ToolCall() | ToolResult():
            raise unsayable(part, where)
        case _:
            assert_never(part)


def _note_losses(part: Part, where: str, draft: Draft) -> None:
    if getattr(part, "cache_control", None) is not None and not draft.marked:
        draft.marked = True  # one line for all marks of a request
        draft.losses.append(Loss(f"{where}.cache_control", "Gemini caches without marks"))
    if isinstance(part, Image) and part.detail not in (None, "auto"):
        draft.losses.append(Loss(f"{where}.image_url.detail", "Gemini has no image detail"))
    if isinstance(part, File) and part.filename is not None:
        draft.losses.append(Loss(f"{where}.file.filename", "Gemini has no file names"))


def _model_parts(message: Message, where: str, draft: Draft) -> Iterator[Said]:
    for place, part in parts_of(message, where):
        match part:
            case Reasoning():
                yield from _thought(part, place, draft)
            case ToolCall():
                yield _function_call(part, place, draft)
            case _:
                said = _content(part, place, draft)
                signature = part.signature if isinstance(part, (Text, Image)) else None
                if said or signature:
                    yield (said or {"text": ""}) | _signature(signature)


def _signature(signature: str | None) -> Said:
    return {"thoughtSignature": signature} if signature else {}


def _thought(part: Reasoning, where: str, draft: Draft) -> Iterator[Said]:
    """A sealed thought is readable to its own maker only."""
    if part.redacted is not None:
        draft.losses.append(Loss(where, "sealed by another model"))
    elif part.text or part.signature:
        yield {"text": part.text, "thought": True} | _signature(part.signature)


def _function_call(call: ToolCall, where: str, draft: Draft) -> Said:
    _note_losses(call, where, draft)
    said: Said = {"name": draft.spelled.get(call.name, call.name), "args": arguments_of(call, where)}
    draft.names[call.id] = call.name
    return {"functionCall": said | _id(call.id)} | _signature(call.signature)


def _id(given: str) -> Said:
    return {"id": given} if given and not _FOREIGN_ID.fullmatch(given) else {}


def _signed(parts: Iterator[Said], draft: Draft) -> list[Said]:
    """From Gemini 3 on the first call of each step must be signed; one that another model made has no signature."""
    found = list(parts)
    first = next((part for part in found if "functionCall" in part), None)
    if draft.facts.signed_calls and first is not None and "thoughtSignature" not in first:
        first["thoughtSignature"] = NO_SIGNATURE
    return found


def _add_results(message: Message, where: str, draft: Draft) -> None:
    """All results in one content; what a model before Gemini 3 cannot take in a result follows in the user's words."""
    results: list[Said] = []
    beside: list[Said] = []
    for place, part in parts_of(message, where):
        if not isinstance(part, ToolResult):
            raise unsayable(part, place)
        result, media = _result(part, place, draft)
        if media and draft.facts.media_results:
            result["parts"] = media
        elif media:
            beside += [{"text": f"The result of {result['name']}:"}, *media]
        results.append({"functionResponse": result})
    _add(draft, "user", results)
    _add(draft, "user", beside)


def _result(result: ToolResult, where: str, draft: Draft) -> tuple[Said, list[Said]]:
    _note_losses(result, where, draft)
    name = draft.names.get(result.call_id) if result.call_id else result.name
    name = name or result.name
    if not name:
        raise BadRequest("This message answers no tool call", param=f"{where}.tool_call_id")
    parts = list(_said(result_parts(result, where), draft))
    texts = [part["text"] for part in parts if "text" in part]
    said: Said = {
        "name": draft.spelled.get(name, name),
        "response": _response("\n".join(texts), result.is_error, len(parts) > len(texts)),
    }
    media = [part for part in parts if "text" not in part]
    if media and not draft.facts.media_results:
        draft.losses.append(Loss(f"{where}.content", "media follow in the user's words"))
    return said | _id(result.call_id), media


def _response(text: str, failed: bool, media: bool) -> Said:
    """A JSON object as it is; anything else under the name that Gemini's documentation gives it. Beside media an empty
    object says nothing."""
    said = json_object(text) if text else {} if media else None
    if said is not None and not failed and (said or not text or not media):
        return said
    return {"error" if failed else "output": text}
