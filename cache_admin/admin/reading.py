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
    """The turns of a request: messages, a prompt, or the input of /responses, /embeddings and /moderations."""
    asked = members(request)
    said = [Said(name, text) for name in ("instructions", "prompt") if (text := content_text(asked.get(name)))]
    return said + [turn for name in ("messages", "input") for turn in items(asked.get(name))]


def answered(answer: bytes) -> list[Said]:
    """What the choices of an answer say, or the output of /responses."""
    told = members(answer)
    choices = [choice for choice in listed(told.get("choices")) if isinstance(choice, dict)]
    said = [turn for choice in choices for turn in turns(choice.get("message") or plain_choice(choice))]
    return said + [turn for item in listed(told.get("output")) for turn in turns(item)]


def plain_choice(choice: dict[str, Any]) -> dict[str, Any]:
    """A choice of /completions as a message."""
    return {"content": choice.get("text")}


def first_words(request: bytes, most: int = 120) -> str:
    """How the first thing begins that a user says; where none does, whatever is said first."""
    said = conversation(request)
    first = next((turn for turn in said if turn.who == "user"), said[0] if said else Said("", ""))
    words = " ".join(first.text[: 4 * most].split())
    return words if len(words) <= most else f"{words[:most].rstrip()}…"


def items(value: Any) -> list[Said]:
    """Messages as turns; what is a text stands for itself."""
    many = value if isinstance(value, list) else [value]
    return [turn for item in many for turn in ([Said("user", item)] if isinstance(item, str) else turns(item))]


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
    made = [*listed(message.get("tool_calls")), message if message.get("type") == "function_call" else None]
    called = [Said(f"{role} · calls {name}", arguments) for name, arguments in calls(made)]
    return [turn for turn in said if turn.text] + called


def calls(tool_calls: Any) -> list[tuple[str, str]]:
    functions = [call.get("function", call) for call in listed(tool_calls) if isinstance(call, dict)]
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
    if "text" in part:
        return str(part["text"])
    kind, place = str(part.get("type", "part")), source(part)
    return f"[{kind}: {place}]" if place else f"[{kind}]"


def source(part: dict[str, Any]) -> str:
    """Where an image or a file is, or of what kind and how large it is; never itself."""
    image = part.get("image_url")
    place = str(image.get("url") if isinstance(image, dict) else image or "")
    if place.startswith("data:"):
        return f"{place[5:].partition(';')[0][:100]}, {len(place) * 3 // 4096:,} KiB"
    return place[:200]


def members(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
