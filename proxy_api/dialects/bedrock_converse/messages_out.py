"""Neutral messages written as Converse's: system apart, turns merged, results first, cache points after marked parts.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
https://docs.aws.amazon.com/bedrock/latest/userguide/tool-use-inference-call.html (results come in the next user turn)
https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, assert_never

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
from proxy_api.dialects.bedrock_converse.call_ids import CallIds
from proxy_api.dialects.bedrock_converse.hosted import Hosted
from proxy_api.dialects.bedrock_converse.media import audio_block, document_block, image_block, is_document
from proxy_api.dialects.functions import arguments_of
from proxy_api.dialects.saying import parts_of, placed, result_parts, unsayable
from proxy_api.errors import BadRequest

Block = dict[str, Any]
Group = list[Block]  # a block and the cache point after it


@dataclass(slots=True)
class Draft:
    """The messages under way. thinks: the model takes thoughts back at all. names: of the documents so far."""

    hosted: Hosted
    ids: CallIds
    thinks: bool = True
    system: list[Block] = field(default_factory=list)
    turns: list[tuple[str, list[Group]]] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def lose(self, param: str, reason: str) -> None:
        self.losses.append(Loss(param, reason))


def write_messages(messages: tuple[Message, ...], draft: Draft) -> list[Block]:
    """The turns; the draft gets the rest. Raises BadRequest naming the client's own message and part where content
    cannot be said."""
    for where, message in placed(messages):
        if message.name is not None:
            draft.lose(f"{where}.name", "Bedrock has no names of speakers")
        if message.role in ("system", "developer"):
            _add_system(message, where, draft)
        else:
            role = "assistant" if message.role == "assistant" else "user"
            _add_turn(draft, role, [group for group in _groups(message, where, draft) if group])
    if not draft.turns:
        _say_system(draft)
    return [{"role": role, "content": _in_order(role, groups)} for role, groups in draft.turns]


def _add_system(message: Message, where: str, draft: Draft) -> None:
    """A model without system prompts gets them as the user's words."""
    groups = list(_system(message, where, draft))
    if draft.hosted.system:
        if draft.turns:
            draft.lose(f"{where}.role", "moved to the system text")
        draft.system.extend(block for group in groups for block in group)
    elif groups:
        draft.lose(where, "said by the user: the model has no system prompt")
        _add_turn(draft, "user", groups)


def _say_system(draft: Draft) -> None:
    """Bedrock wants a user's message where OpenAI is content with the system's."""
    if not draft.system:
        raise BadRequest("At least one message must have content", param="messages")
    draft.lose("messages", "the system's words are said by the user: Bedrock wants a message of the user's")
    _add_turn(draft, "user", [draft.system])
    draft.system = []


def _system(message: Message, where: str, draft: Draft) -> Iterator[Group]:
    for place, part in parts_of(message, where):
        if not isinstance(part, Text):
            raise unsayable(part, place)
        if group := _text(part, place, draft):
            yield group


def _add_turn(draft: Draft, role: str, groups: list[Group]) -> None:
    """Same-role turns are one; an empty turn is none."""
    if not groups:
        return
    if draft.turns and draft.turns[-1][0] == role:
        draft.turns[-1][1].extend(groups)
    else:
        draft.turns.append((role, groups))


def _in_order(role: str, groups: list[Group]) -> list[Block]:
    """A user's results first, else in order; an assistant's order is the model's own."""
    if role == "user":
        groups = sorted(groups, key=lambda group: "toolResult" not in group[0])
    return [block for group in groups for block in group]


def _groups(message: Message, where: str, draft: Draft) -> Iterator[Group]:
    for place, part in parts_of(message, where):
        match part:
            case Reasoning():
                yield _thought(part, place, draft)
            case ToolCall():
                yield _tool_use(part, place, draft)
            case ToolResult():
                yield _tool_result(part, place, draft)
            case _:
                yield _content(part, place, draft)


def _content(part: Part, where: str, draft: Draft) -> Group:
    """Text or media; empty for an empty text."""
    match part:
        case Text() | Refusal():
            return _text(part, where, draft)
        case Image():
            if part.detail not in (None, "auto"):
                draft.lose(f"{where}.image_url.detail", "Bedrock has no image detail")
            if is_document(part):
                return _content(
                    File(part.media_type, part.data, part.url, None, None, part.cache_control), where, draft
                )
            return _marked(image_block(part, draft.hosted, where), part.cache_control, where, draft)
        case File():
            return _document(part, where, draft)
        case Audio():
            return _marked(audio_block(part, where), part.cache_control, where, draft)
        case Opaque(dialect="bedrock_converse"):
            return [dict(part.data)]
        case Opaque() | Reasoning() | ToolCall() | ToolResult():
            raise unsayable(part, where)
        case _:
            assert_never(part)


def _document(file: File, where: str, draft: Draft) -> Group:
    """The ending of its name is its format."""
    block = document_block(file, draft.hosted, draft.names, where)
    if file.filename and block["document"]["name"] not in (file.filename, file.filename.rpartition(".")[0]):
        draft.lose(f"{where}.file.filename", "Bedrock takes letters, digits and each name once")
    return _marked(block, file.cache_control, where, draft)


def _text(part: Text | Refusal, where: str, draft: Draft) -> Group:
    """Bedrock refuses an empty text, not one of white space."""
    if not part.text:
        return []
    return _marked({"text": part.text}, part.cache_control if isinstance(part, Text) else None, where, draft)


def _marked(block: Block, mark: Any, where: str, draft: Draft) -> Group:
    if mark is None:
        return [block]
    if not draft.hosted.marks:
        draft.lose(f"{where}.cache_control", "the model has no prompt cache")
        return [block]
    return [block, cache_point(mark)]


def cache_point(mark: Any) -> Block:
    """mark: Anthropic's {"type": "ephemeral", "ttl"?}."""
    ttl = mark.get("ttl") if isinstance(mark, dict) else None
    return {"cachePoint": {"type": "default"} | ({"ttl": ttl} if ttl else {})}


def _thought(part: Reasoning, where: str, draft: Draft) -> Group:
    """Only its own maker can read a thought: what the model does not take back stays behind, reported."""
    taken = draft.hosted.thoughts if draft.thinks else "none"
    if taken == "signed" and part.redacted is not None:
        return [{"reasoningContent": {"redactedContent": part.redacted}}]
    if taken == "all" or (taken == "signed" and part.signature is not None):
        signature = {} if part.signature is None else {"signature": part.signature}
        return [{"reasoningContent": {"reasoningText": {"text": part.text} | signature}}]
    draft.lose(where, "has no signature" if taken == "signed" else "this model takes no thoughts back")
    return []


def _tool_use(call: ToolCall, where: str, draft: Draft) -> Group:
    said = {"toolUseId": draft.ids.of_call(call), "name": call.name, "input": arguments_of(call, where)}
    return _marked({"toolUse": said}, call.cache_control, where, draft)


def _tool_result(result: ToolResult, where: str, draft: Draft) -> Group:
    """A cache point may not stand within a result: it follows. An empty result is an empty text, because some models
    refuse an empty list."""
    said: Block = {
        "toolUseId": draft.ids.of_result(result, where),
        "content": [block for block in _result_blocks(result, where, draft) if "cachePoint" not in block],
    }
    if not said["content"]:
        said["content"] = [{"text": ""}]
    if result.is_error:
        if draft.hosted.results:
            said["status"] = "error"
        else:
            draft.lose(f"{where}.is_error", "the model has no status for results")
    return _marked({"toolResult": said}, _result_mark(result, where, draft), where, draft)


def _result_mark(result: ToolResult, where: str, draft: Draft) -> Any:
    """Its own or one of its parts': there is room for one behind it."""
    marked = ((place, getattr(part, "cache_control", None)) for place, part in result_parts(result, where))
    found = [(place, mark) for place, mark in ((where, result.cache_control), *marked) if mark is not None]
    for place, _ in found[1:] if draft.hosted.marks else ():
        draft.lose(f"{place}.cache_control", "one cache point follows a result")
    return found[0][1] if found else None


def _result_blocks(result: ToolResult, where: str, draft: Draft) -> Iterator[Block]:
    for place, part in result_parts(result, where):
        if isinstance(part, Audio) or (isinstance(part, Image) and not draft.hosted.results):
            raise unsayable(part, place)
        yield from _content(part, place, draft)
