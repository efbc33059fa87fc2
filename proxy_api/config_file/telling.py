"""What a file changes, as lines: `+` is new, `~` is changed, `-` is no longer in use. Pure, but for the pepper."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from keys.secrecy.pepper import fingerprint

OPENS = ("alert_webhook",)  # whoever has such an address may post there


@dataclass(frozen=True, slots=True)
class Change:
    """fields: of `+` what each is, of `~` what it was and what it becomes."""

    sign: Literal["+", "~", "-"]
    what: str
    fields: Mapping[str, Any] = field(default_factory=dict)


def lines(changes: Iterable[Change]) -> Iterator[str]:
    for change in changes:
        yield f"{change.sign} {change.what}"
        for name, value in change.fields.items():
            yield f"    {name}: {field_of(change.sign, name, value)}"


def field_of(sign: str, name: str, value: Any) -> str:
    if name == "sealed":
        return "the secret is sealed anew"
    return " -> ".join(said(name, one) for one in value) if sign == "~" else said(name, value)


def said(name: str, value: Any) -> str:
    """A value as JSON; of one that opens something, what tells it from others."""
    if name in OPENS and value:
        return f"fingerprint {fingerprint(str(value))}"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return json.dumps(value, default=str, ensure_ascii=False)


def summary(changes: Sequence[Change]) -> str:
    counts = [sum(change.sign == sign for change in changes) for sign in "+~-"]
    return "{} new, {} changed, {} no longer in use.".format(*counts)
