"""Stored OpenAI chat JSON laid out to be read: who said what. Pure; all it returns is text, for templates to escape."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class Said(NamedTuple):
    """One turn. who: a role, or what the part is; text: what stands there."""

    who: str
    text: str


def pretty(raw: bytes) -> str:
    """JSON with one member a line; what is no JSON as it is."""
    try:
        return json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
    except ValueError:
        return raw.decode(errors="replace")


def conversation(request: bytes) -> list[Said]:
    """The turns of a request. Empty where it holds none that this page knows."""
    messages = members(request).get("messages")
    return [turn for message in listed(messages) for turn in turns(message)]


def answered(answer: bytes) -> list[Said]:
    """What the choices of an answer say."""
    choices = listed(members(answer).get("choices"))
    return [turn for choice in choices if isinstance(choice, dict) for turn in turns(choice.get("message"))]


def turns(message: Any) -> list[Said]:
    """One message: its text, then its reasoning, refusal and tool calls, each where there is one."""
    if not isinstance(message, dict):
        return []
    role = str(message.get("role", "assistant"))
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    said = [
        Said(f"{role} · reasoning", content_text(reasoning)),
        Said(role, content_text(message.get("content"))),
        Said(f"{role} · refusal", content_text(message.get("refusal"))),
    ]
    called = [Said(f"{role} · calls {name}", arguments) for name, arguments in calls(message.get("tool_calls"))]
    return [turn for turn in said if turn.text] + called


def calls(tool_calls: Any) -> list[tuple[str, str]]:
    functions = [call.get("function") for call in listed(tool_calls) if isinstance(call, dict)]
    named = [function for function in functions if isinstance(function, dict)]
    return [(str(function.get("name")), str(function.get("arguments"))) for function in named]


def content_text(content: Any) -> str:
    """Text as it is; of parts the texts, and of all else its kind: an image is named, not shown."""
    if isinstance(content, list):
        return "\n".join(part_text(part) for part in content)
    return "" if content is None else str(content)


def part_text(part: Any) -> str:
    if not isinstance(part, dict):
        return str(part)
    return str(part["text"]) if "text" in part else f"[{part.get('type', 'part')}]"


def members(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
