"""Function names in a spelling that every provider takes, and back again.

Letters, digits, _ and - after a letter or _, 64 characters at most: the narrowest rule among the providers (Bedrock's
toolSpec) joined with Gemini's, whose names may not start with a digit or a dash. A name is spelled anew only where its
target refuses it; the answer's calls get the client's own names back by the same table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from hashlib import blake2b

from proxy_api.chat import ChatRequest, ToolCall

_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")
_PLAIN = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}")
_ROOM = 55  # characters left beside an underscore and 8 hex digits


def spellings(request: ChatRequest) -> Mapping[str, str]:
    """What respelled() says of the names of all tools of a request, and of all calls in its history."""
    calls = (part.name for message in request.messages for part in message.parts if isinstance(part, ToolCall))
    return respelled([*(tool.name for tool in request.tools), *calls])


def respelled(names: Iterable[str]) -> Mapping[str, str]:
    """The client's name -> the spelling, for the names that need one. A spelling is nobody's name; it depends on its
    name alone unless that is taken, so that a conversation's turns agree."""
    given = list(dict.fromkeys(names))
    taken = set(given)
    spelled: dict[str, str] = {}
    for name in given:
        if not _PLAIN.fullmatch(name):
            spelled[name] = _spelling(name, taken)
            taken.add(spelled[name])
    return spelled


def _spelling(name: str, taken: set[str]) -> str:
    plain = _FOREIGN.sub("_", name)
    plain = plain if plain[:1].isalpha() or plain[:1] == "_" else f"_{plain}"
    if plain in taken or len(plain) > 64:
        plain = f"{plain[:_ROOM]}_{blake2b(name.encode(), digest_size=4).hexdigest()}"
    return plain
