"""Trying a credential: whether its provider knows its secret, at its own address and without a paid call.

Who asks the provider stands above this app: it is known by the dotted name that is registered, loaded at first use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from django.utils.module_loading import import_string

from keys.outward.credentials import Credential


class Probed(NamedTuple):
    """What came of it. ok: None where nothing could be tried; status: HTTP's, None where none came; seconds: until the
    answer's head; said: for an operator, the provider's own sentence where it has one, no secret in it."""

    ok: bool | None
    said: str
    status: int | None = None
    seconds: float = 0.0


Prober = Callable[[Credential], Probed]
_prober: list[str] = []  # none or one


def register(dotted_name: str) -> None:
    """Name the Prober."""
    _prober[:] = [dotted_name]


def probe(credential: Credential) -> Probed:
    """Blocks for some seconds at most; raises nothing."""
    ask: Prober = import_string(_prober[0])
    return ask(credential)
