"""One line of a cassette's file, written and read.

Who knows when two requests ask the same stands above this app: known by the dotted name that is registered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from django.utils.module_loading import import_string

from cache_admin.completions import ENDLESS, Completion
from cache_admin.models import StoredCompletion
from keys.settled import settings

# What a line may say: of which type, and what it means to say nothing. What else it says is not read.
FORM: Mapping[str, tuple[Any, Any]] = {
    "request": (dict, None),
    "answer": (dict, None),
    "endpoint": (str, ""),
    "headers": (dict, {}),
    "model_asked": (str, ""),
    "provider": (str, ""),
    "model": (str, ""),
    "credential": (str, ""),
    "stored_at": (int | float | None, None),
    "input_tokens": (int | None, None),
    "output_tokens": (int | None, None),
    "cost_usd": (str | None, None),
    "dropped": (list, []),
}
LABELS = ("endpoint", "model_asked", "input_tokens", "output_tokens", "cost_usd")
BREAKS = bytes.maketrans(b"\r\n", b"  ")  # JSON has them between its tokens alone


class Asked(NamedTuple):
    """name: of the request, the same in all cassettes; request, answer: byte for byte as the line has them."""

    name: bytes
    request: bytes
    answer: bytes


# (the line, what it says) -> what it asks. Raises ValueError saying why it is no request.
Reader = Callable[[bytes, Mapping[str, Any]], Asked]
_reader: list[str] = []  # none or one


def register(dotted_name: str) -> None:
    """Name the Reader."""
    _reader[:] = [dotted_name]


@dataclass(frozen=True, slots=True)
class Take:
    """One line, read."""

    asked: Asked = field(repr=False)
    said: Mapping[str, Any] = field(repr=False)

    def completion(self, at: float) -> Completion:
        said = self.said
        return Completion(
            self.asked.answer,
            said["provider"],
            said["model"],
            said["credential"],
            at,
            ENDLESS,
            said["dropped"] or (),
            said["headers"],
        )

    def label(self) -> dict[str, Any]:
        return {name: self.said[name] for name in LABELS}


def line_of(row: StoredCompletion, kept: Completion, request: bytes) -> bytes:
    said = {
        "endpoint": row.endpoint,
        "headers": kept.headers,
        "model_asked": row.model_asked,
        "provider": row.provider,
        "model": row.model,
        "credential": row.endpoint_name,
        "stored_at": row.created_at.timestamp(),
        "expires_at": row.expires_at.timestamp(),
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "cost_usd": None if row.cost_usd is None else str(row.cost_usd),
        "dropped": list(kept.dropped),
        "request": orjson.Fragment(request.translate(BREAKS)),
        "answer": orjson.Fragment(kept.answer.translate(BREAKS)),
    }
    return orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE)


def take_of(line: bytes) -> Take:
    """Raises ValueError saying what is wrong."""
    said = checked(line)
    read: Reader = import_string(_reader[0])
    asked = read(line, said)
    most = settings.DRAGOMAN_CACHE_MAX_BYTES
    for name, part in (("request", asked.request), ("answer", asked.answer)):
        if len(part) > most:
            raise ValueError(f"its {name} is larger than DRAGOMAN_CACHE_MAX_BYTES, {most:,}")
    return Take(asked, said)


def checked(line: bytes) -> dict[str, Any]:
    """What a line says, and for what it may leave out nothing."""
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise ValueError("it is no JSON") from None
    if not isinstance(said, dict):
        raise ValueError("it is no JSON object")
    full = {name: said.get(name, default) for name, (_, default) in FORM.items()}
    for name, (kind, _) in FORM.items():
        if not isinstance(full[name], kind):
            raise ValueError(f"its {name} is missing" if full[name] is None else f"its {name} is of the wrong type")
    if not full["endpoint"]:
        raise ValueError("its endpoint is missing")
    if not all(isinstance(one, str) for one in (*full["headers"].values(), *full["dropped"])):
        raise ValueError("its headers and what was dropped must be texts")
    return full
