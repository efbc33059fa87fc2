"""Asking once more what a cached completion answers: a fresh answer, to hold beside the kept one.

Who asks the providers stands above this app: it is known by the dotted name that is registered, loaded at first use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from django.utils.module_loading import import_string


@dataclass(frozen=True, slots=True)
class Question:
    """endpoint: as the ledger names it; request: the body as its client sent it; project: id, "" for none; by: who of
    the staff asks."""

    endpoint: str
    request: bytes = field(repr=False)
    project: str
    by: str


@dataclass(frozen=True, slots=True)
class Fresh:
    """What came of it. answer: JSON, b"" where there is none, and then `fault` says why in a sentence; request_id: of
    the call in the usage log; seconds: until it was complete; dropped: parameters left out, as the ledger has them."""

    request_id: str
    fault: str = ""
    answer: bytes = field(default=b"", repr=False)
    provider: str = ""
    model: str = ""
    endpoint_name: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: Decimal | None = None
    seconds: float = 0.0
    dropped: tuple[str, ...] = ()


Rerunner = Callable[[Question], Fresh]
_rerunner: list[str] = []  # none or one


def register(dotted_name: str) -> None:
    """Name the Rerunner."""
    _rerunner[:] = [dotted_name]


def rerun(question: Question) -> Fresh:
    """A paid call, past the cache, on the usage log under a name of its own. Blocks until it has ended; whatever comes
    of it is told, not raised."""
    ask: Rerunner = import_string(_rerunner[0])
    return ask(question)
