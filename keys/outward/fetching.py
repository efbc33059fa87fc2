"""Requests of our own to addresses that somebody typed (a JWKS document, a webhook): what is asked, and by whom.

The session that sends them, behind the address gate, is the one that providers are called through. `keys` stands below
it and knows it by the dotted name that is registered, loaded at first use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from django.utils.module_loading import import_string


class FetchFailed(Exception):
    """No answer: the address gate refused it, or it was out of reach, late, too large or broken. For an operator."""


@dataclass(frozen=True, slots=True)
class Request:
    """seconds: for all of it; most: bytes of the answer."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 5.0
    most: int = 1 << 18


@dataclass(frozen=True, slots=True)
class Response:
    """Any status. A redirect is never followed."""

    status: int
    body: bytes


Sender = Callable[[Request], Response]
_sender: list[str] = []  # none or one


def register(dotted_name: str) -> None:
    """Name the Sender that all requests go through."""
    _sender[:] = [dotted_name]


def fetch(request: Request) -> Response:
    """The answer. Raises FetchFailed. Blocks, at most for `request.seconds`."""
    send: Sender = import_string(_sender[0])
    return send(request)
