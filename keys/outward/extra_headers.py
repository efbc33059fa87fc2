"""Headers that an operator adds to every request of a credential: what may be one, and parts of the secret in them.

A gateway in front of a provider wants a key of its own, an account a tag. A value stands in the database as it is
written; what must not, is a part of the credential's secret (see secret.py) and is named: `Bearer {part}`. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from keys.secrecy.secret import SENDABLE, parts_of

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
MOST = 20
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")  # of RFC 9110's tokens (5.1), what is in use
VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,1022}[\x21-\x7e])?")  # RFC 9110, 5.5
PART = re.compile(r"\{(\w+)\}")
# What says who we are, where a request goes, how long it is and how it is answered is ours to say. The hop-by-hop ones:
# RFC 9110, 7.6.1. AWS wants each x-amz- header signed: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
RESERVED = re.compile(
    r"(proxy-)?authorization|(x-)?api-key|x-goog-api-key|cookie2?|set-cookie2?|host|content-.*|x-amz-.*|proxy-.*"
    r"|accept|accept-encoding|expect|connection|keep-alive|te|trailer|transfer-encoding|upgrade|x-bt-.*|x-dragoman-.*"
)
SECRETIVE = re.compile(r"(.*-)?(auth|authorization|token|secret|password|key)")


def faults(headers: Mapping[str, str]) -> list[str]:
    """What is wrong with them, in words. headers: names in lower case."""
    found = [fault for name, value in headers.items() for fault in _faults(name, value)]
    return [*found, f"At most {MOST} headers."] if len(headers) > MOST else found


def _faults(name: str, value: str) -> Iterator[str]:
    if not NAME.fullmatch(name):
        yield "A name is 1 to 64 letters, digits and hyphens."
    elif RESERVED.fullmatch(name):
        yield f"{name} cannot be set here."
    elif SECRETIVE.fullmatch(name) and not PART.search(value):
        yield f"{name} seems to be secret: make the secret a JSON object with a part for it, named here as {{part}}."
    if not VALUE.fullmatch(value):
        yield "A value is 1 to 1,024 printable ASCII characters."


def missing(headers: Mapping[str, str], secret: str) -> list[str]:
    """The parts that the headers name and the secret does not have, or that no header can hold."""
    parts = _sendable(secret)
    named = dict.fromkeys(name for value in headers.values() for name in PART.findall(value))
    return [name for name in named if name not in parts]


def filled(headers: Mapping[str, str], secret: str) -> Mapping[str, str]:
    """As they are sent, the parts of the secret in their places."""
    parts = _sendable(secret)
    return {name: PART.sub(lambda hit: parts.get(hit[1], hit[0]), value) for name, value in headers.items()}


def _sendable(secret: str) -> dict[str, str]:
    return {name: text for name, text in (parts_of(secret) or {}).items() if SENDABLE.fullmatch(text)}
