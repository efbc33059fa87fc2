"""Neutral messages written as Anthropic's: system apart, turns merged, tool results first, thinking with its signature.

https://platform.claude.com/docs/en/api/messages
https://platform.claude.com/docs/en/agents-and-tools/tool-use/handle-tool-calls (results come first in the user's turn)
https://platform.claude.com/docs/en/build-with-claude/extended-thinking (blocks go back unchanged)
"""

from __future__ import annotations

import re
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
from proxy_api.dialects.anthropic.media import file_block, image_block
from proxy_api.dialects.anthropic.native import is_block, write_citations
from proxy_api.dialects.functions import arguments_of
from proxy_api.dialects.saying import CallIds, parts_of, placed, result_parts, unsayable
from proxy_api.errors import BadRequest

Block = dict[str, Any]
_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(slots=True)
class Draft:
    """The messages under way. thinks: the model takes thinking blocks."""

    thinks: bool = True
    system: list[Block] = field(default_factory=list)
    turns: list[Block] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    ids: CallIds = field(default_factory=CallIds)


def write_messages(messages: tuple[Message, ...], draft: Draft) -> None:
    """Fills the draft. Raises BadRequest naming the client's own message and part where content cannot be said."""
    for where, message in placed(messages):
        if message.name is not None:
            draft.losses.append(Loss(f"{where}.name", "Anthropic has no names of speakers"))
        if message.role in ("system", "developer"):
            if draft.turns:
                draft.losses.append(Loss(f"{where}.role", "moved to the system text"))
            draft.system.extend(_system(message, where))
        else:
            role = "assistant" if message.role == "assistant" else "user"
            _add_turn(draft, role, [block for block in _blocks(message, where, draft) if block])
    for turn in draft.turns:
        turn["content"] = _in_order(turn)
    if not draft.turns:
        raise BadRequest("At least one user or assistant message must have content", param="messages")


def _system(message: Message, where: str) -> Iterator[Block]:
    for place, part in parts_of(message, where):
        if not isinstance(part, Text):
            raise unsayable(part, place)
        if part.text:
            yield _marked({"type": "text", "text": part.text}, part.cache_control)


def _add_turn(draft: Draft, role: str, blocks: list[Block]) -> None:
    """Same-role turns are one; an empty turn is none."""
    if not blocks:
        return
    if draft.turns and draft.turns[-1]["role"] == role:
        draft.turns[-1]["content"].extend(blocks)
    else:
        draft.turns.append({"role": role, "content": blocks})


def _in_order(turn: Block) -> Any:
    """A user's results first (else in order; an assistant's order is the model's own); one plain text is a string."""
    blocks: list[Block] = turn["content"]
    if turn["role"] == "user":
        blocks = sorted(blocks, key=lambda block: block["type"] != "tool_result")
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
        return blocks[0]["text"]
    return blocks


def _blocks(message: Message, where: str, draft: Draft) -> Iterator[Block | None]:
    for place, part in parts_of(message, where):
        match part:
            case Reasoning():
                yield _thinking(part, place, draft)
            case ToolCall():
                yield _tool_use(part, place, draft)
            case ToolResult():
                yield _tool_result(part, place, draft)
            case _:
                yield content_block(part, place, draft)


def content_block(part: Part, where: str, draft: Draft) -> Block | None:
    """Text, image or document; None for an empty text."""
    match part:
        case Text() | Refusal():
            return _text(part)
        case Image():
            if part.detail not in (None, "auto"):
                draft.losses.append(Loss(f"{where}.image_url.detail", "Anthropic has no image detail"))
            return _marked(image_block(part, where), part.cache_control)
        case File():
            return _marked(file_block(part, where), part.cache_control)
        case Opaque() if is_block(part):
            return dict(part.data)
        case Audio() | Opaque() | Reasoning() | ToolCall() | ToolResult():
            raise unsayable(part, where)
        case _:
            assert_never(part)


def _text(part: Text | Refusal) -> Block | None:
    if not part.text or isinstance(part, Refusal):
        return {"type": "text", "text": part.text} if part.text else None
    cited = write_citations(part.citations)
    block: Block = {"type": "text", "text": part.text} | ({"citations": cited} if cited else {})
    return _marked(block, part.cache_control)


def _marked(block: Block, cache_control: Any) -> Block:
    return block if cache_control is None else block | {"cache_control": cache_control}


def _thinking(part: Reasoning, where: str, draft: Draft) -> Block | None:
    """Only its own maker can read a thought: unsigned ones (another model's) stay behind, reported."""
    if part.redacted is not None and draft.thinks:
        return {"type": "redacted_thinking", "data": part.redacted}
    if part.signature is not None and draft.thinks:
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    reason = "has no signature" if draft.thinks else "this model does not think"
    draft.losses.append(Loss(where, reason))
    return None


def _tool_use(call: ToolCall, where: str, draft: Draft) -> Block:
    call_id = tool_id(draft.ids.of_call(call))
    block = {"type": "tool_use", "id": call_id, "name": call.name, "input": arguments_of(call, where)}
    return _marked(block, call.cache_control)


def tool_id(given: str) -> str:
    """Anthropic takes `[a-zA-Z0-9_-]+`; other models' ids have more. The same in a call and in its result."""
    return _FOREIGN.sub("_", given)


def _tool_result(result: ToolResult, where: str, draft: Draft) -> Block:
    blocks = [content_block(part, place, draft) for place, part in result_parts(result, where)]
    content = _in_order({"role": "tool", "content": [block for block in blocks if block]})
    block: Block = {"type": "tool_result", "tool_use_id": tool_id(draft.ids.of_result(result, where))}
    if content:
        block["content"] = content
    if result.is_error:
        block["is_error"] = True
    return _marked(block, result.cache_control)
