"""The rules that shape.py's tables are made of: each takes a value and the name of its param, and returns or refuses.

A refusal is OpenAI's: 400 invalid_request_error with `param` and a `code` (invalid_type, invalid_value,
decimal_below_min_value, missing_required_parameter, ...). It names the kind of what came, never its content.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

from proxy_api.errors import BadRequest

Rule = Callable[[Any, str], None]

INT64 = 2**63 - 1
LARGEST = sys.float_info.max
# The control characters of ASCII and Latin-1: they have no business in a name, and would split a log line or a header.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_KINDS = {
    bool: "a boolean",
    int: "an integer",
    float: "a decimal",
    str: "a string",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


def wrong_type(param: str, expected: str, value: Any) -> BadRequest:
    kind = _KINDS.get(type(value), "something else")
    message = f"Invalid type for '{param}': expected {expected}, but got {kind} instead."
    return BadRequest(message, param=param, code="invalid_type")


def wrong_value(param: str, reason: str) -> BadRequest:
    return BadRequest(f"Invalid '{param}': {reason}.", param=param, code="invalid_value")


def out_of_range(param: str, kind: str, below: bool, bounds: str) -> BadRequest:
    side = "below minimum" if below else "above maximum"
    code = f"{kind}_below_min_value" if below else f"{kind}_above_max_value"
    return BadRequest(f"Invalid '{param}': {kind} {side} value. Expected {bounds}.", param=param, code=code)


def missing(param: str) -> BadRequest:
    return BadRequest(f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")


# -- single values -----------------------------------------------------------------------------------------------
def number(low: float = -LARGEST, high: float = LARGEST) -> Rule:
    """Any finite number, or one of this range."""

    def check(value: Any, param: str) -> None:
        if type(value) is not float and type(value) is not int:
            raise wrong_type(param, "a decimal", value)
        if not low <= value <= high:
            raise out_of_range(param, "decimal", value < low, f"{low:g} to {high:g}")

    return check


def integer(low: int, high: int = INT64) -> Rule:
    def check(value: Any, param: str) -> None:
        if type(value) is not int:
            raise wrong_type(param, "an integer", value)
        if not low <= value <= high:
            raise out_of_range(param, "integer", value < low, f"{low} to {high}")

    return check


def flag(value: Any, param: str) -> None:
    if type(value) is not bool:
        raise wrong_type(param, "a boolean", value)


def text(value: Any, param: str) -> None:
    if type(value) is not str:
        raise wrong_type(param, "a string", value)


def filled(value: Any, param: str) -> None:
    """A string that is not empty."""
    text(value, param)
    if not value:
        raise wrong_value(param, "empty string")


def short(limit: int) -> Rule:
    """A string of at most `limit` characters."""

    def check(value: Any, param: str) -> None:
        text(value, param)
        if len(value) > limit:
            raise wrong_value(param, f"string too long, expected at most {limit} characters")

    return check


def matching(pattern: str, reason: str) -> Rule:
    """A string that matches from end to end; `reason` says what was expected."""
    compiled = re.compile(pattern)

    def check(value: Any, param: str) -> None:
        text(value, param)
        if not compiled.fullmatch(value):
            raise wrong_value(param, reason)

    return check


def one_of(*words: str) -> Rule:
    known = frozenset(words)
    reason = "supported values are " + ", ".join(f"'{word}'" for word in words)

    def check(value: Any, param: str) -> None:
        text(value, param)
        if value not in known:
            raise wrong_value(param, reason)

    return check


def either(first: type, first_rule: Rule, other: Rule) -> Rule:
    """`first_rule` for values of the type `first`, else `other`, which then names the types it wants."""

    def check(value: Any, param: str) -> None:
        (first_rule if type(value) is first else other)(value, param)

    return check


def anything(value: Any, param: str) -> None:
    """What only the provider can judge."""


# -- composed values ---------------------------------------------------------------------------------------------
def items(rule: Rule, low: int = 0, high: int | None = None) -> Rule:
    """An array whose items follow `rule`."""

    def check(value: Any, param: str) -> None:
        if type(value) is not list:
            raise wrong_type(param, "an array", value)
        if len(value) < low:
            raise wrong_value(param, f"array too short, expected at least {low}")
        if high is not None and len(value) > high:
            raise wrong_value(param, f"array too long, expected at most {high}")
        for index, item in enumerate(value):
            rule(item, f"{param}[{index}]")

    return check


def record(fields: Mapping[str, Rule], required: tuple[str, ...] = ()) -> Rule:
    """An object; null stands for an absent field, unknown fields pass."""

    def check(value: Any, param: str) -> None:
        if type(value) is not dict:
            raise wrong_type(param, "an object", value)
        for name in required:
            if value.get(name) is None:
                raise missing(f"{param}.{name}")
        for name, item in value.items():
            rule = fields.get(name)
            if rule is not None and item is not None:
                rule(item, f"{param}.{name}")

    return check


def mapping(name_rule: Rule, rule: Rule, high: int) -> Rule:
    """An object used as a map of at most `high` pairs. Its names are the caller's: no refusal repeats them."""

    def check(value: Any, param: str) -> None:
        if type(value) is not dict:
            raise wrong_type(param, "an object", value)
        if len(value) > high:
            raise wrong_value(param, f"too many properties, expected at most {high}")
        for name, item in value.items():
            name_rule(name, param)
            rule(item, param)

    return check


a_dict = record({})
