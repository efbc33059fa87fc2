"""Streamed chunks made one finished completion, fields that nobody here knows included.

Text fields grow, lists of indexed items are joined by index, other lists grow, objects are merged, the rest is replaced
by the later value (not by null). Inverse of unfolding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from orjson import dumps

from proxy_api.dialects.failures import understood
from proxy_api.dialects.openai_chat.tally import parsed

# Strings that come in pieces; every other string is replaced.
_GROWING = frozenset(
    {
        "arguments",
        "content",
        "data",
        "reasoning",
        "reasoning_content",
        "refusal",
        "summary",
        "text",
        "thinking",
        "transcript",
    }
)
_FIRST_WINS = frozenset({"id", "created", "model"})  # one Groq stream changes its id on the way
_NOT_KEPT = frozenset({"choices", "object", "usage"})
_NOT_KEPT_OF_CHOICE = frozenset({"delta", "message", "index"})  # Perplexity repeats the whole message in each chunk


@understood()
def fold(chunks: Sequence[bytes]) -> dict[str, Any]:
    """chunks: the data payloads of one whole stream, [DONE] or not. Raises UpstreamError where one is no JSON."""
    whole: dict[str, Any] = {"object": "chat.completion"}
    choices: dict[int, dict[str, Any]] = {}
    for data in chunks:
        if not data.startswith(b"[DONE]"):
            _take(whole, choices, parsed(data))
    whole["choices"] = [_finished(choices[index]) for index in sorted(choices)]
    return whole


def _take(whole: dict[str, Any], choices: dict[int, dict[str, Any]], chunk: dict[str, Any]) -> None:
    for key, value in chunk.items():
        if key == "usage" and value is not None:
            whole[key] = value
        elif key not in _NOT_KEPT and not (key in _FIRST_WINS and whole.get(key) is not None):
            whole[key] = whole.get(key) if value is None else value
    for said in chunk.get("choices") or ():
        index = said.get("index", 0)
        choice = choices.setdefault(index, {"index": index, "message": {}, "finish_reason": None})
        for key, value in said.items():
            if key not in _NOT_KEPT_OF_CHOICE:
                choice[key] = _merged(key, choice.get(key), value)
        _add(choice["message"], said.get("delta") or {})


def _add(message: dict[str, Any], delta: dict[str, Any]) -> None:
    for key, value in delta.items():
        if key == "tool_calls" and value:
            message[key] = message.get(key) or []
            for call in value:
                _add_call(message[key], call)
        elif key == "reasoning" and type(value) is dict:
            _add_reasoning(message, value)
        else:
            message[key] = _merged(key, message.get(key), value)


def _add_reasoning(message: dict[str, Any], piece: dict[str, Any]) -> None:
    """Our own deltas: an object per piece, its block counted by `index` (absent: 0). A block has an id, and a content
    unless it is redacted, as in response."""
    blocks = message.setdefault("reasoning", [])
    item = {key: value for key, value in piece.items() if key != "index"}
    position = piece.get("index", 0)
    if position < len(blocks):
        blocks[position] = _merged("", blocks[position], item)
    else:
        blocks.append(({"id": None} if "redacted" in item else {"id": None, "content": ""}) | item)


def slot(calls: Iterable[Any], call: dict[str, Any]) -> int:
    """Where a piece of a tool call belongs among the ids seen so far. Some hosts give no index, some the same one for
    parallel calls with different ids."""
    ids = list(calls)
    index, given = call.get("index"), call.get("id")
    new = bool(given) and given != "null"
    if index is None:
        return len(ids) if not ids or (new and given != ids[-1]) else len(ids) - 1
    if index < len(ids) and new and ids[index] and ids[index] != given:
        return ids.index(given) if given in ids else len(ids)
    return min(int(index), len(ids))


def _add_call(calls: list[dict[str, Any]], piece: dict[str, Any]) -> None:
    position = slot((call.get("id") for call in calls), piece)
    item = {key: value for key, value in piece.items() if key != "index"}
    if position == len(calls):
        calls.append({})
    known = calls[position]
    if type(function := item.get("function")) is dict and type(function.get("arguments")) is dict:
        item["function"] = function | {"arguments": dumps(function["arguments"]).decode()}  # Ollama's objects
    calls[position] = _merged("", known, item)
    if known.get("id"):
        calls[position]["id"] = known["id"]


def _merged(key: str, old: Any, new: Any) -> Any:
    if new is None or old is None:
        return old if new is None else new
    match old, new:
        case str(), str():
            return old + new if key in _GROWING else new
        case dict(), dict():
            return old | {name: _merged(name, old.get(name), value) for name, value in new.items()}
        case list(), list():
            return _joined(old, new)
        case _:
            return new


def _joined(old: list[Any], new: list[Any]) -> list[Any]:
    """reasoning_details and the like: items with an index are pieces of one item where it is the same."""
    joined = list(old)
    for item in new:
        index = item.get("index") if type(item) is dict else None
        last = joined[-1] if joined and type(joined[-1]) is dict else {}
        if index is not None and last.get("index") == index and last.get("type") == item.get("type"):
            joined[-1] = _merged("", last, item)
        else:
            joined.append(item)
    return joined


def _finished(choice: dict[str, Any]) -> dict[str, Any]:
    choice["message"].setdefault("role", "assistant")
    return choice
