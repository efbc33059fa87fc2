"""Which params of a request are not what was asked, after a way through a language. Pure.

Languages say the same in different shapes: messages of one role in a row are one, texts in a row are one (some join
them with a line break), a result stands for its call whatever their id is, a tool left alone is a tool that is named.
What only adds to a request (a limit that a language insists on) takes nothing from it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import groupby, zip_longest
from typing import Any

from proxy_api.chat import (
    Audio,
    ChatRequest,
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from proxy_api.dialects.saying import parts_of, placed, result_parts, wish

Item = tuple[str, str, Any]  # param, role, content
_RULES = ("system", "developer")
_JSON_LINE = re.compile(r"\n?Answer with one JSON object and nothing else[^\n]*")  # where it is asked for in words
_EMPTY = {"type": "object", "properties": {}}


def uncovered(params: Iterable[str], named: Iterable[str]) -> set[str]:
    """What of params no loss names. A loss names all below it, and one mark stands for all that follow it."""
    told = set(named)
    marks = any(param.endswith(".cache_control") for param in told)
    return {
        param
        for param in params
        if not any(param == one or param.startswith((f"{one}.", f"{one}[")) for one in told)
        and not (marks and param.endswith(".cache_control"))
    }


def kind(param: str) -> str:
    """A param without its places, which a language may count otherwise; two words for one thing are one."""
    plain = re.sub(r"\[\d+\]", "[]", param)
    return {"safety_identifier": "user"}.get(plain, re.sub(r"^reasoning_\w+$", "reasoning", plain))


def differing(asked: ChatRequest, read: ChatRequest, ordered: bool = True) -> Iterator[str]:
    """ordered: texts and media of one message stand in an order."""
    yield from _tuning(asked, read)
    yield from _knobs(asked, read)
    yield from _tools(asked, read)
    yield from _format(asked, read)
    yield from _rules(asked, read)
    yield from _content(asked, read, ordered)
    yield from _thoughts(asked, read)
    yield from _beside(asked, read)


def _tuning(asked: ChatRequest, read: ChatRequest) -> Iterator[str]:
    for name in ("max_tokens", "temperature", "top_p", "top_k", "stop", "seed"):
        said = getattr(asked, name)
        if said not in (None, ()) and getattr(read, name) != said:
            yield name
    if (asked.n or 1) != (read.n or 1):
        yield "n"
    if asked.stream != read.stream:
        yield "stream"
    yield from (name for name, value in asked.extra.items() if read.extra.get(name) != value)


def _knobs(asked: ChatRequest, read: ChatRequest) -> Iterator[str]:
    """What is the same as not saying it is left out of account."""
    same = {"service_tier": "auto", "modalities": ["text"], "store": False, "logprobs": False}
    people = [read.knobs.get("user"), read.knobs.get("safety_identifier")]
    for name, value in asked.knobs.items():
        if name.startswith("reasoning_") or same.get(name) == value:
            continue
        if name in ("user", "safety_identifier"):
            if value not in people:
                yield name
        elif read.knobs.get(name) != value:
            yield name
    yield from _reasoning(asked, read)


def _reasoning(asked: ChatRequest, read: ChatRequest) -> Iterator[str]:
    """An effort may become a budget and a switch a level, but not another effort, and nothing of off becomes on."""
    mine, theirs = wish(asked), wish(read)
    if mine.param is None:
        return
    on = theirs.param is not None and theirs.effort != "none"
    same_word = mine.param == theirs.param
    changed = same_word and (mine.effort, mine.budget) != (theirs.effort, theirs.budget)
    if (mine.effort == "none") == on or (on and changed):
        yield mine.param


def _left(request: ChatRequest) -> tuple[dict[str, tuple[int, Tool]], str]:
    """The tools that the choice leaves, with their places, and what is left to choose."""
    choice = request.tool_choice
    mode, names = (choice.mode, choice.names) if choice else ("auto", ())
    places = {tool.name: (index, tool) for index, tool in enumerate(request.tools) if not names or tool.name in names}
    left = {} if mode == "none" else places
    return left, "none" if not left else "required" if mode == "named" else mode


def _tools(asked: ChatRequest, read: ChatRequest) -> Iterator[str]:
    mine, mode = _left(asked)
    theirs, other = _left(read)
    by_tool = list(_format(asked, read))  # an answer in JSON may be asked for by a tool
    for name, (index, tool) in mine.items():
        if name in theirs:
            yield from _tool(tool, theirs[name][1], f"tools[{index}]")
        else:
            yield f"tools[{index}]"
    if asked.tool_choice is not None and mode != other and not by_tool:
        yield "tool_choice"
    if mine and asked.parallel_tool_calls is False and read.parallel_tool_calls is not False:
        yield "parallel_tool_calls"
    if set(theirs) - set(mine) and not by_tool and mode != "none":
        yield "tools"


def _tool(tool: Tool, read: Tool, where: str) -> Iterator[str]:
    function = f"{where}.function"
    if (tool.description or None) != (read.description or None):
        yield f"{function}.description"
    if (tool.parameters or _EMPTY) != (read.parameters or _EMPTY):
        yield f"{function}.parameters"
    if bool(tool.strict) and not read.strict:
        yield f"{function}.strict"
    if tool.cache_control != read.cache_control:
        yield f"{where}.cache_control"
    yield from (f"{function}.{name}" for name, value in tool.extra.items() if read.extra.get(name) != value)


def _format(asked: ChatRequest, read: ChatRequest) -> Iterator[str]:
    """The name is a label, and every language but OpenAI's own is strict with a schema. A description may be the
    schema's."""
    mine, theirs = asked.response_format, read.response_format
    if mine is None:
        return
    if theirs is None or mine.type != theirs.type:
        yield "response_format"
    elif mine.type == "json_schema":
        (schema, described), (other, told) = _schema(mine), _schema(theirs)
        if schema != other:
            yield "response_format.json_schema.schema"
        if described and described != told:
            yield "response_format.json_schema.description"


def _schema(form: ResponseFormat) -> tuple[dict[str, Any], str | None]:
    schema = dict(form.schema or {})
    told = schema.pop("description", None)
    return schema, form.description or told


def _rules(asked: ChatRequest, read: ChatRequest) -> Iterator[str]:
    """The system's words, wherever they stand; those in the middle are to stay there."""
    if _system(asked) != _system(read):
        yield "messages.system"
    late = [where for where, _ in _late(asked)]
    if len(late) != len(list(_late(read))):
        yield from (f"{where}.role" for where in late)


def _system(request: ChatRequest) -> str:
    texts = [
        part.text
        for message in request.messages
        for part in message.parts
        if message.role in _RULES and isinstance(part, Text)
    ]
    return _JSON_LINE.sub("", "\n".join(texts)).removeprefix("\n")


def _late(request: ChatRequest) -> Iterator[tuple[str, Message]]:
    begun = False
    for where, message in placed(request.messages):
        begun = begun or message.role not in _RULES
        if begun and message.role in _RULES:
            yield where, message


def _content(asked: ChatRequest, read: ChatRequest, ordered: bool) -> Iterator[str]:
    pairs = zip_longest(_items(asked, ordered), _items(read, ordered), fillvalue=("messages", "", None))
    different = ((mine[0], theirs[0]) for mine, theirs in pairs if mine[1:] != theirs[1:])
    yield from (mine for mine, _ in list(different)[:1])


def _items(request: ChatRequest, ordered: bool) -> list[Item]:
    """All but the system's words and the thoughts: texts in a row as one, calls by their number."""
    calls: dict[str, int] = {}
    found = [
        (where, message.role, _value(part, calls))
        for place, message in placed(request.messages)
        for where, part in parts_of(message, place)
        if message.role not in _RULES and not isinstance(part, Reasoning)
    ]
    if not ordered:
        turns = (list(items) for _, items in groupby(found, key=lambda item: item[1]))
        found = [item for items in turns for item in sorted(items, key=lambda item: item[2][0] == "media")]
    return list(_joined(found))


def _joined(items: Iterable[Item]) -> Iterator[Item]:
    for (role, text), group in groupby(items, key=lambda item: (item[1], item[2][0] == "text")):
        run = list(group)
        if text:
            yield run[0][0], role, "\n".join(item[2][1] for item in run)
        else:
            yield from run


def _value(part: Part, calls: dict[str, int]) -> tuple[Any, ...]:
    match part:
        case Text() | Refusal():
            return "text", part.text
        case Image() | File():
            return "media", part.data or part.url or getattr(part, "file_id", None)
        case Audio():
            return "audio", part.format, part.data
        case ToolCall():
            calls[part.id] = len(calls)
            return "call", calls[part.id], part.name, _object(part.arguments or "{}")
        case ToolResult():
            values = [_value(piece, calls) for piece in part.parts]
            texts = [value[1] for value in values if value[0] == "text"]
            return "result", calls.get(part.call_id), _object("\n".join(texts)), [v for v in values if v[0] != "text"]
        case Opaque():
            return "opaque", json.dumps(part.data)
        case Reasoning():
            raise AssertionError("thoughts are compared by themselves")


def _object(text: str) -> str:
    """JSON in one spelling, its keys in their order; any other text as it is."""
    try:
        return json.dumps(json.loads(text))
    except ValueError:
        return text


def _thoughts(asked: ChatRequest, read: ChatRequest) -> Iterator[str]:
    """In their order; a proof may be left out where a language has none, but not changed."""
    told = [block for _, block in _blocks(read)]
    for where, block in _blocks(asked):
        if told and _same(block, told[0]):
            told.pop(0)
        else:
            yield where


def _blocks(request: ChatRequest) -> Iterator[tuple[str, Reasoning]]:
    for place, message in placed(request.messages):
        for where, part in parts_of(message, place):
            if isinstance(part, Reasoning):
                yield where, part


def _same(mine: Reasoning, theirs: Reasoning) -> bool:
    return (mine.text, mine.redacted) == (theirs.text, theirs.redacted) and theirs.signature in (None, mine.signature)


def _beside(asked: ChatRequest, read: ChatRequest) -> Iterator[str]:
    """What is said beside the content. Marks may move from a result's part to the result."""
    mine, theirs = list(_notes(asked)), list(_notes(read))
    for leaf in ("cache_control", "image_url.detail", "file.filename", "is_error", "name"):
        said = [(param, value) for param, name, value in mine if name == leaf]
        got = [value for _, name, value in theirs if name == leaf]
        for (param, value), other in zip(said, [*got, *[None] * len(said)], strict=False):
            if value not in (None, False) and value != other:
                yield f"{param}.{leaf}"


def _notes(request: ChatRequest) -> Iterator[tuple[str, str, Any]]:
    for place, message in placed(request.messages):
        if message.role == "user":
            yield place, "name", message.name
        for where, part in parts_of(message, place):
            yield from _notes_of(part, where)
            if isinstance(part, ToolResult):
                yield where, "is_error", part.is_error
                for inner, piece in result_parts(part, where):
                    yield from _notes_of(piece, inner)


def _notes_of(part: Part, where: str) -> Iterator[tuple[str, str, Any]]:
    if (mark := getattr(part, "cache_control", None)) is not None:
        yield where, "cache_control", mark
    if isinstance(part, Image):
        yield where, "image_url.detail", None if part.detail == "auto" else part.detail
    if isinstance(part, File):
        yield where, "file.filename", part.filename and part.filename.removesuffix(".pdf")
