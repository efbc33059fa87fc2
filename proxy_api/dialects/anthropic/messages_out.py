"""Neutral messages written as Anthropic's: system apart, turns merged, tool results first, thinking with its signature.

https://platform.claude.com/docs/en/api/messages
https://platform.claude.com/docs/en/agents-and-tools/tool-use/handle-tool-calls (results come first in the user's turn)
https://platform.claude.com/docs/en/build-with-claude/extended-thinking (blocks go back unchanged)
"""

from __future__ import annotations

import json
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
from proxy_api.errors import BadRequest

Block = dict[str, Any]
_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(slots=True)
class Draft:
    """The messages under way. thinks: the model takes thinking blocks. pending: names and made-up ids of legacy calls
    whose result has not come yet."""

    thinks: bool = True
    system: list[Block] = field(default_factory=list)
    turns: list[Block] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    pending: list[tuple[str, str]] = field(default_factory=list)
    made: int = 0


def write_messages(messages: tuple[Message, ...], draft: Draft) -> None:
    """Fills the draft. Raises BadRequest naming the client's own message and part where content cannot be said."""
    index = 0
    for message in messages:
        where = f"messages[{index}]"
        index += len(message.parts) if message.role == "tool" else 1  # results of parallel calls were messages each
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
    for position, part in enumerate(message.parts):
        if not isinstance(part, Text):
            raise _unsayable(part, f"{where}.content[{position}]")
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
    spoken = call = 0
    for position, part in enumerate(message.parts):
        match part:
            case Reasoning():
                yield _thinking(part, where, draft)
            case ToolCall():
                yield _tool_use(part, f"{where}.tool_calls[{call}]" if part.id else f"{where}.function_call", draft)
                call += 1
            case ToolResult():
                yield _tool_result(part, _shifted(where, position), draft)
            case _:
                yield content_block(part, f"{where}.content[{spoken}]", draft)
                spoken += 1


def _shifted(where: str, by: int) -> str:
    return f"messages[{int(where[9:-1]) + by}]"


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
            raise _unsayable(part, where)
        case _:
            assert_never(part)


def _text(part: Text | Refusal) -> Block | None:
    if not part.text or isinstance(part, Refusal):
        return {"type": "text", "text": part.text} if part.text else None
    cited = write_citations(part.citations)
    block: Block = {"type": "text", "text": part.text} | ({"citations": cited} if cited else {})
    return _marked(block, part.cache_control)


def _unsayable(part: Part, where: str) -> BadRequest:
    kind = part.data.get("type") if isinstance(part, Opaque) and isinstance(part.data, dict) else type(part).__name__
    return BadRequest(
        f"This provider has no content of type {str(kind).lower()}", param=where, code="unsupported_content"
    )


def _marked(block: Block, cache_control: Any) -> Block:
    return block if cache_control is None else block | {"cache_control": cache_control}


def _thinking(part: Reasoning, where: str, draft: Draft) -> Block | None:
    """Only its own maker can read a thought: unsigned ones (another model's) stay behind, reported."""
    if part.redacted is not None and draft.thinks:
        return {"type": "redacted_thinking", "data": part.redacted}
    if part.signature is not None and draft.thinks:
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    reason = "has no signature" if draft.thinks else "this model does not think"
    draft.losses.append(Loss(f"{where}.reasoning", reason))
    return None


def _tool_use(call: ToolCall, where: str, draft: Draft) -> Block:
    call_id = tool_id(call.id) if call.id else _made_id(call.name, draft)
    block = {"type": "tool_use", "id": call_id, "name": call.name, "input": _input(call.arguments, where)}
    return _marked(block, call.cache_control)


def _input(arguments: str, where: str) -> Any:
    """Nothing is {}: clients send "" for tools without parameters. The stdlib's parser keeps integers of any size."""
    try:
        said = json.loads(arguments, parse_constant=_no_number) if arguments.strip() else {}
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        suffix = ".arguments" if where.endswith("function_call") else ".function.arguments"
        raise BadRequest("The arguments of a tool call must be a JSON object", param=where + suffix)
    return said


def _no_number(said: str) -> Any:
    raise ValueError(f"{said} is no JSON")


def tool_id(given: str) -> str:
    """Anthropic takes `[a-zA-Z0-9_-]+`; other models' ids have more. The same in a call and in its result."""
    return _FOREIGN.sub("_", given)


def _made_id(name: str, draft: Draft) -> str:
    draft.made += 1
    made = f"call_{draft.made}"
    draft.pending.append((name, made))
    return made


def _result_id(result: ToolResult, where: str, draft: Draft) -> str:
    """A legacy function's answer belongs to the oldest open call of that name."""
    if result.call_id:
        return tool_id(result.call_id)
    for position, (name, made) in enumerate(draft.pending):
        if name == result.name:
            del draft.pending[position]
            return made
    raise BadRequest("This message answers no function call", param=f"{where}.name")


def _tool_result(result: ToolResult, where: str, draft: Draft) -> Block:
    blocks = [content_block(part, f"{where}.content[{position}]", draft) for position, part in enumerate(result.parts)]
    content = _in_order({"role": "tool", "content": [block for block in blocks if block]})
    block: Block = {"type": "tool_result", "tool_use_id": _result_id(result, where, draft)}
    if content:
        block["content"] = content
    if result.is_error:
        block["is_error"] = True
    return _marked(block, result.cache_control)
