"""The bytes of a request: read strictly, edited in place, and brought into one form for the cache key.

JSON as RFC 8259 and RFC 7493 (I-JSON) have it, and stricter than the standard library: no duplicate names, no NaN or
Infinity, no number beyond a double, no lone surrogate, no byte order mark, bounded depth and size.
The standard library parses, not orjson, which turns integers above 64 bits into floats and keeps the last of two equal
names. Invariant: no error message in here repeats what the caller sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, count, pairwise
from math import isfinite
from typing import Any, NamedTuple, NoReturn

import orjson

from proxy_api.errors import BadRequest

MAX_DEPTH = 100
MAX_NODES = 200_000
MAX_DIGITS = 310  # those of the largest double, and a sign: a longer integer would be infinite to most readers

Path = tuple[str, ...]
# Where the order of names is part of the meaning: structured outputs follow the schema's order. "*" is any array item.
SCHEMAS: tuple[Path, ...] = (
    ("tools", "*", "function", "parameters"),
    ("functions", "*", "parameters"),
    ("response_format", "json_schema", "schema"),
    ("response_format", "schema"),  # Together, Fireworks
    ("guided_json",),  # vLLM, and what follows
    ("structured_outputs", "json"),
    ("json_schema",),  # llama.cpp
    ("tools", "*", "parameters"),  # Responses, and what follows
    ("tools", "*", "tools", "*", "parameters"),  # of a namespace
    ("input", "*", "tools", "*", "parameters"),  # found on the way
    ("text", "format", "schema"),
)
# How the answer is sent, not what it says: one cached completion serves both.
DELIVERY = frozenset({"stream", "stream_options"})

_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_MODEL = re.compile(rb'"model"[ \t\n\r]*:[ \t\n\r]*("[^"\\]*")')
_NAME = re.compile(r'[ \t\n\r,{]*("[^"\\]*(?:\\.[^"\\]*)*")[ \t\n\r]*:[ \t\n\r]*', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Body:
    """A request body. raw: as it came; value: parsed; literals: the float literals that are not their own shortest
    form (`1e0`, `0.70`), in order, which `value` cannot tell apart."""

    raw: bytes
    value: dict[str, Any]
    literals: tuple[str, ...] = ()


class Span(NamedTuple):
    """Byte offsets of a top-level member and of its value."""

    start: int
    end: int
    value_start: int
    value_end: int


def read(raw: bytes, max_depth: int = MAX_DEPTH, max_nodes: int = MAX_NODES) -> Body:
    """The body as a JSON object, or BadRequest (param None); never a deep recursion."""
    _check_size(raw, max_depth, max_nodes)
    value, literals = _parsed(_text(raw))
    if type(value) is not dict:
        raise BadRequest("The body of the request must be a JSON object.")
    if _SURROGATE_ESCAPE.search(raw):
        _check_surrogates(value)
    return Body(raw, value, tuple(literals))


def members(raw: bytes) -> dict[str, Span]:
    """Where each top-level member of a body stands that `read` has accepted.

    Latin-1 maps bytes to characters one to one, so that the C scanner's positions are byte offsets.
    """
    text = raw.decode("latin-1")
    found: dict[str, Span] = {}
    position = 0
    while match := _NAME.match(text, position):
        start, name_end = match.span(1)
        _, position = _SKIP(text, match.end())
        found[_name(raw[start:name_end])] = Span(start, position, match.end(), position)
    return found


def edited(body: Body, replace: Mapping[str, bytes], remove: Collection[str] = ()) -> bytes:
    """The body with some top-level members replaced (name -> JSON) or removed; every other byte stays as it is.

    A member to be replaced that is absent is added at the end.
    """
    touched = [name for name in (*replace, *remove) if name in body.value]
    added = [json.dumps(name).encode() + b":" + new for name, new in replace.items() if name not in body.value]
    raw = _renamed(body, replace) if touched == ["model"] and not remove else None
    raw = raw or (_spliced(body.raw, replace, remove) if touched else body.raw)
    if not added:
        return raw
    end = raw.rindex(b"}")
    lead = b"," if any(name not in remove for name in body.value) else b""
    return raw[:end] + lead + b",".join(added) + raw[end:]


def with_model(body: Body, model: str) -> bytes:
    """The body with this model's name, where it names another."""
    return body.raw if body.value["model"] == model else edited(body, {"model": orjson.dumps(model)})


def form(body: Body) -> bytes:
    """One form for all bodies that ask the same: canonical(), and, on a line of their own, the literals that it does
    not tell apart (`0.7` and `0.70`), each with its place."""
    said = canonical(body.value)
    if not body.literals:
        return said
    value = json.loads(body.raw, parse_float=_literal)
    places = _literal_places({name: item for name, item in value.items() if name not in DELIVERY})
    return said + b"\n" + orjson.dumps(sorted(places))


def canonical(value: Mapping[str, Any], ordered: Sequence[Path] = SCHEMAS) -> bytes:
    """One form for all bodies that mean the same: no white space, names sorted, but in their own order inside the
    JSON Schemas found at `ordered`; without the members that only say how the answer is sent.

    The schemas stand on a second line, each with its place, so that no value can pass for one.
    """
    rest = {name: item for name, item in value.items() if name not in DELIVERY}
    schemas: list[tuple[tuple[str | int, ...], Any]] = []
    for path in ordered:
        if path[0] in rest:
            rest[path[0]] = _taken(rest[path[0]], path[1:], path[:1], schemas)
    try:
        sorted_names = orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)
        return sorted_names + b"\n" + orjson.dumps(schemas) if schemas else sorted_names
    except TypeError:  # an integer beyond 64 bits: a value takes the same way each time, so its form is still one
        return (_SORTED(rest) + "\n" + _IN_ORDER(schemas)).encode()


# -- reading -----------------------------------------------------------------------------------------------------
def _text(raw: bytes) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise BadRequest("The body of the request is not valid UTF-8.") from None
    if text.startswith("\ufeff"):
        raise BadRequest("The body of the request begins with a byte order mark, which JSON does not allow.")
    return text


def _check_size(raw: bytes, max_depth: int, max_nodes: int) -> None:
    """A bound from counting bytes lets nearly every request through; only the rest is looked at outside its strings."""
    opened = raw.count(b"[") + raw.count(b"{")
    if opened <= max_depth and opened + raw.count(b",") < max_nodes:
        return
    structure = _outside_strings(raw, 2 * max_nodes)
    brackets = structure.translate(None, _NO_BRACKETS)
    if len(brackets) // 2 + structure.count(b",") >= max_nodes:
        raise _too_many()
    if max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > max_depth:
        raise BadRequest(f"The body of the request is nested deeper than {max_depth} levels.")


def _outside_strings(raw: bytes, most: int) -> bytes:
    """What stands outside the strings. Linear whatever comes: a pattern for strings can be made quadratic.

    More than `most` strings, which is two for every value, one of them its name, are refused before they cost memory.
    """
    without_escapes = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    if without_escapes.count(b'"') > 2 * most:
        raise _too_many()
    return b"".join(without_escapes.split(b'"')[::2])


def _too_many() -> BadRequest:
    return BadRequest("The body of the request holds too many JSON values.")


class _Reader:
    """A decoder, and the literals that it has met. Used again and again: making one costs what a small body does."""

    __slots__ = ("decode", "literals")

    def __init__(self) -> None:
        self.literals: list[str] = []
        self.decode = json.JSONDecoder(
            object_pairs_hook=_object,
            parse_int=_int,
            parse_float=self._float,
            parse_constant=_refused_constant,
        ).decode

    def _float(self, literal: str) -> float:
        number = float(literal)
        if not isfinite(number):
            raise BadRequest("The body of the request holds a number that is too large.")
        if repr(number) != literal:
            self.literals.append(literal)
        return number


_readers: list[_Reader] = []  # those that nobody uses just now: as many as threads have read at the same time


def _parsed(text: str) -> tuple[Any, list[str]]:
    """The value, and its literals (see Body)."""
    try:
        reader = _readers.pop()
    except IndexError:
        reader = _Reader()
    try:
        value = reader.decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise BadRequest(f"We could not parse the JSON body of your request: it is not valid JSON ({place}).") from None
    literals, reader.literals = reader.literals, []
    _readers.append(reader)  # one that failed has been left behind, with what it had met
    return value, literals


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members_seen = dict(pairs)
    if len(members_seen) != len(pairs):
        raise BadRequest("The body of the request names the same member of an object twice.")
    return members_seen


def _int(literal: str) -> int:
    if len(literal) > MAX_DIGITS:
        raise BadRequest("The body of the request holds a number that is too large.")
    return int(literal)


def _refused_constant(name: str) -> NoReturn:
    raise BadRequest("The body of the request holds NaN or Infinity, which JSON does not allow.")


def _check_surrogates(value: dict[str, Any]) -> None:
    try:
        _SORTED(value).encode()
    except UnicodeEncodeError:
        raise BadRequest("The body of the request holds half of a surrogate pair, which is no character.") from None


# -- editing -----------------------------------------------------------------------------------------------------
_SKIP = json.JSONDecoder().raw_decode


def _name(quoted: bytes) -> str:
    name: str = json.loads(quoted) if b"\\" in quoted else quoted[1:-1].decode()
    return name


def _renamed(body: Body, replace: Mapping[str, bytes]) -> bytes | None:
    """Another model name and nothing else, nearly every request's case, without a scan: a tenth of its time.

    Only where the bytes leave no doubt: `"model"` stands once (inside a string it would be `\\"model\\"`) and no name
    can be spelled with escapes.
    """
    raw = body.raw
    if raw.count(b'"model"') != 1 or b"\\u00" in raw:
        return None
    found = _MODEL.search(raw)
    return raw[: found.start(1)] + replace["model"] + raw[found.end(1) :] if found else None


def _spliced(raw: bytes, replace: Mapping[str, bytes], remove: Collection[str]) -> bytes:
    spans = members(raw)
    places = list(spans.values())
    gaps = [raw[before.end : after.start] for before, after in pairwise(places)]
    kept = [
        (gap, raw[span.start : span.value_start] + replace.get(name, raw[span.value_start : span.value_end]))
        for gap, (name, span) in zip([b"", *gaps], spans.items(), strict=True)
        if name not in remove
    ]
    inner = b"".join(piece if index == 0 else gap + piece for index, (gap, piece) in zip(count(), kept, strict=False))
    return raw[: places[0].start] + inner + raw[places[-1].end :]


# -- one form ----------------------------------------------------------------------------------------------------
_encoder = partial(json.JSONEncoder, separators=(",", ":"), ensure_ascii=False, check_circular=False)
_SORTED = _encoder(sort_keys=True).encode
_IN_ORDER = _encoder().encode


class _Literal(str):
    """A float as it was written."""

    __slots__ = ()


def _literal(text: str) -> float | _Literal:
    number = float(text)
    return number if repr(number) == text else _Literal(text)


def _literal_places(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, _Literal):
        yield place, str(value)
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _literal_places(item, (*place, key))


def _taken(
    value: Any, path: Path, place: tuple[str | int, ...], schemas: list[tuple[tuple[str | int, ...], Any]]
) -> Any:
    """`value` with what stands at `path` moved into `schemas` and null in its stead; the value itself is left alone."""
    if not path:
        if isinstance(value, dict | list):
            schemas.append((place, value))
            return None
        return value
    copied: Any = value
    for key in _steps(value, path[0]):
        below = _taken(value[key], path[1:], (*place, key), schemas)
        if below is not value[key]:
            copied = copied.copy() if copied is value else copied
            copied[key] = below
    return copied


def _steps(value: Any, name: str) -> Iterator[str | int]:
    if name == "*" and isinstance(value, list):
        if value and isinstance(value[0], dict):  # else texts, or thousands of tokens
            yield from range(len(value))
    elif name != "*" and isinstance(value, dict) and name in value:
        yield name
