"""What a chat message may look like: roles, content, parts, tool calls.

https://developers.openai.com/api/reference/resources/chat (request body, messages). Parts and tool calls of unknown
types pass: hosts of the family invent them (video_url, document_url, file_url), and what cannot be said in another
language is refused where languages are crossed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from proxy_api.shape_rules import (
    CONTROL,
    Rule,
    a_dict,
    either,
    filled,
    items,
    matching,
    missing,
    one_of,
    record,
    text,
    wrong_type,
    wrong_value,
)

# RFC 4648 sections 4 and 5: Google's clients write the URL-safe alphabet.
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_STORES = ("gs", "s3")  # objects that Google and Amazon fetch themselves; nothing is ever fetched from them here
TYPE_NAME = matching(r"[A-Za-z$][\w$.:-]{0,127}", "expected the name of a type")
# The pattern that OpenAI's own 400 quotes.
_PARTICIPANT = matching(r"[^\s<|\\/>]+", "expected a name without white space or any of < | \\ / >")


# -- parts -------------------------------------------------------------------------------------------------------
def link(value: Any, param: str) -> None:
    """http(s) with a host, a provider's object store, or a data URL in base64; never file:, ftp:, gopher:."""
    text(value, param)
    scheme = value[:8].partition(":")[0].lower()
    if scheme == "data":
        _data_url(value, param)
    elif scheme not in ("http", "https", *_STORES) or CONTROL.search(value) or not _has_host(value):
        raise wrong_value(param, "expected an http(s) URL or a base64 data URL")


def _has_host(url: str) -> bool:
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False


def _data_url(url: str, param: str) -> None:
    """https://www.rfc-editor.org/rfc/rfc2397: data:TYPE/SUBTYPE[;name=value];base64,DATA"""
    head, comma, data = url.partition(",")
    media_type, *parameters = head[5:].split(";")
    if not comma or "/" not in media_type or parameters[-1:] != ["base64"]:
        raise wrong_value(param, "expected a data URL of the form data:image/png;base64,DATA")
    digits = data.removesuffix("=").removesuffix("=")
    if not digits or len(digits) % 4 == 1 or not digits.isascii() or digits.encode().translate(None, _BASE64):
        raise wrong_value(param, "the data URL holds no valid base64")


_IMAGE = record({"url": link, "detail": one_of("auto", "low", "high", "original")}, ("url",))
_AUDIO = record({"data": filled, "format": filled}, ("data", "format"))
_FILE = record({"file_data": filled, "file_id": filled, "filename": text, "format": text})


def _file(value: Any, param: str) -> None:
    _FILE(value, param)
    if value.get("file_data") is None and value.get("file_id") is None:
        raise missing(f"{param}.file_data")


# Mistral allows a bare string for an image and for audio: https://docs.mistral.ai/api/endpoint/chat
_PARTS: Mapping[str, Rule] = {
    "text": text,
    "refusal": text,
    "image_url": either(str, link, _IMAGE),
    "input_audio": either(str, filled, _AUDIO),
    "file": _file,
}


def _part(value: Any, param: str) -> None:
    if type(value) is not dict:
        raise wrong_type(param, "an object", value)
    kind = value.get("type")
    if kind is None:
        raise missing(f"{param}.type")
    TYPE_NAME(kind, f"{param}.type")
    rule = _PARTS.get(kind)
    if rule is None:
        return
    if value.get(kind) is None:
        raise missing(f"{param}.{kind}")
    rule(value[kind], f"{param}.{kind}")


# -- messages ----------------------------------------------------------------------------------------------------
_SOME_PARTS = items(_part, low=1)
_ANY_PARTS = items(_part)


def _content(value: Any, param: str) -> None:
    if type(value) is list:
        _SOME_PARTS(value, param)
    elif type(value) is not str:
        raise wrong_type(param, "a string or an array of parts", value)


def _loose_content(value: Any, param: str) -> None:
    """An assistant's and a tool's content may be empty."""
    if type(value) is list:
        _ANY_PARTS(value, param)
    elif type(value) is not str:
        raise wrong_type(param, "a string or an array of parts", value)


_CALLED = record({"name": filled, "arguments": text}, ("name",))
_TOOL_CALL = record(
    {"id": text, "type": TYPE_NAME, "function": _CALLED, "custom": record({"name": filled, "input": text})}
)


def _tool_call(value: Any, param: str) -> None:
    _TOOL_CALL(value, param)
    if value.get("type", "function") == "function" and value.get("function") is None:
        raise missing(f"{param}.function")


_TOOL_CALLS = items(_tool_call)
_PLAIN: Mapping[str, Rule] = {"content": _content, "name": _PARTICIPANT}
_FIELDS: Mapping[str, Mapping[str, Rule]] = {
    "system": _PLAIN,
    "developer": _PLAIN,
    "user": _PLAIN,
    "assistant": {
        "content": _loose_content,
        "name": _PARTICIPANT,
        "refusal": text,
        "tool_calls": _TOOL_CALLS,
        "function_call": _CALLED,
        "audio": a_dict,
    },
    "tool": {"content": _loose_content, "tool_call_id": filled, "name": text},
    "function": {"content": _loose_content, "name": filled},
}
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "system": ("content",),
    "developer": ("content",),
    "user": ("content",),
    "assistant": (),
    "tool": ("content", "tool_call_id"),
    "function": ("name",),
}
_ROLE = one_of(*_FIELDS)
_SAYS_NOTHING = frozenset({"role", "name", "content"})


def check_messages(value: Any, param: str) -> None:
    """Every message by its role."""
    if type(value) is not list:
        raise wrong_type(param, "an array of messages", value)
    if not value:
        raise wrong_value(param, "empty array, expected at least one message")
    for index, message in enumerate(value):
        place = f"{param}[{index}]"
        if _message(message, place) == "assistant":
            _check_answer(message, place)


def answered(value: list[dict[str, Any]], param: str) -> None:
    """Messages that have passed: a tool's result comes after a call. A rule of OpenAI's chat: elsewhere the call may
    stand in a turn that the provider keeps, or nobody asks for it."""
    for index, message in enumerate(value):
        if message["role"] == "assistant" and message.get("tool_calls"):
            return
        if message["role"] == "tool":
            place = f"{param}[{index}].role"
            raise wrong_value(place, "a tool message must answer a preceding message with 'tool_calls'")


def _message(message: Any, place: str) -> str:
    if type(message) is not dict:
        raise wrong_type(place, "an object", message)
    role: str | None = message.get("role")
    if role is None:
        raise missing(f"{place}.role")
    _ROLE(role, f"{place}.role")
    for name in _REQUIRED[role]:
        if message.get(name) is None:
            raise missing(f"{place}.{name}")
    fields = _FIELDS[role]
    for name, item in message.items():
        rule = fields.get(name)
        if rule is not None and item is not None:
            rule(item, f"{place}.{name}")
    return role


def _check_answer(message: dict[str, Any], place: str) -> None:
    """An assistant's message without content must say something else: calls, audio, a refusal, reasoning."""
    if message.get("content") is None and all(item is None or name in _SAYS_NOTHING for name, item in message.items()):
        raise missing(f"{place}.content")
