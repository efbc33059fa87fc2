"""Reading a request in any language: content that is a string or a list, pictures by data URL, results that belong
together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from proxy_api.chat import Image, Message, Part, Role, Text, ToolResult


def content_of(said: Any, part: Callable[[dict[str, Any]], Part]) -> Iterator[Part]:
    """A string, or a list of what `part` reads; nothing for null and ""."""
    if isinstance(said, str):
        if said:
            yield Text(said)
        return
    for item in said or ():
        yield part(item)


def together(messages: Iterable[Message], roles: tuple[str, ...] = ("tool",)) -> tuple[Message, ...]:
    """Messages of one of these roles that follow each other are one, as results of parallel calls must be."""
    found: list[Message] = []
    for message in messages:
        if found and message.role in roles and found[-1].role == message.role:
            found[-1] = Message(message.role, found[-1].parts + message.parts)
        else:
            found.append(message)
    return tuple(found)


def apart(role: Role, parts: Iterable[Part]) -> Iterator[Message]:
    """A turn of a language whose user gives results among other parts: they are a message of their own, before it."""
    given = tuple(parts)
    results = tuple(part for part in given if isinstance(part, ToolResult))
    rest = tuple(part for part in given if not isinstance(part, ToolResult))
    if results:
        yield Message("tool", results)
    if rest or not results:
        yield Message(role, rest)


def image_at(url: str, detail: str | None = None) -> Image:
    """An address, or the image itself in a data URL."""
    media_type, data = data_url(url)
    return Image(media_type, data, url if data is None else None, detail)


def data_url(url: str) -> tuple[str | None, str | None]:
    """RFC 2397, its base64 form: (media type, base64 text), or (None, None) for any other address."""
    if url[:5].lower() != "data:":
        return None, None
    head, comma, data = url[5:].partition(",")
    if not comma or not head.endswith(";base64"):
        return None, None
    return head.split(";", 1)[0].lower(), data
