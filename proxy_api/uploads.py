"""A client's body that is passed on while it comes, multipart forms above all. It is never held whole.

The model that a form names in its first bytes chooses the provider, and `provider/` is taken off it on the way.
https://www.rfc-editor.org/rfc/rfc7578 (multipart/form-data)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from proxy_api.inbound import cut_short, taken, too_large
from proxy_api.upstream import Upload

PIECE = 64 << 10  # bytes; also how far a form is looked into for its model
_BOUNDARY = re.compile(r'multipart/form-data\s*;.*?\bboundary=(?:"([^"]{1,70})"|([^";,\s]{1,70}))', re.IGNORECASE)
_MODEL = rb'\r\ncontent-disposition:[ \t]*form-data;[ \t]*name="model"[ \t]*\r\n\r\n([^\r\n]{1,1024})\r\n'


@dataclass(frozen=True, slots=True)
class Arriving:
    """A body of which only the beginning is here. head: that; source: a PEP 3333 input stream with the rest; length: of
    all, None: not known; limit: bytes it may have."""

    head: bytes = field(repr=False)
    source: Any = field(repr=False)
    length: int | None
    limit: int
    media: str = ""

    def model(self) -> str:
        """What the form's field `model` says, "" where it does not stand in the beginning."""
        found = self._named()
        return found[1].decode("utf-8", "replace") if found else ""

    def upload(self, model: str = "") -> Upload:
        """The body to be sent on, with `model` in the place of the one that it names."""
        found = self._named() if model else None
        if found is None:
            return Upload(self._pieces(self.head), self.length)
        head = self.head[: found.start(1)] + model.encode() + self.head[found.end(1) :]
        length = None if self.length is None else self.length + len(head) - len(self.head)
        return Upload(self._pieces(head), length)

    def _named(self) -> re.Match[bytes] | None:
        boundary = _BOUNDARY.match(self.media)
        if boundary is None:
            return None
        mark = re.escape(b"--" + (boundary[1] or boundary[2]).encode())
        return re.search(mark + _MODEL + mark, self.head, re.IGNORECASE)

    def _pieces(self, head: bytes) -> Iterator[bytes]:
        """Raises BadRequest: too large, too slow; ClientGone."""
        if head:
            yield head
        seen = len(self.head)
        while self.length is None or seen < self.length:
            piece = read_piece(self.source, PIECE if self.length is None else min(PIECE, self.length - seen))
            if not piece:
                break
            seen += len(piece)
            if seen > self.limit:
                raise too_large(self.limit)
            yield piece
        if self.length is not None and seen < self.length:
            raise cut_short()


def arriving(source: Any, length: int | None, limit: int, media: str) -> Arriving:
    """Reads the beginning. media: the Content-Type."""
    head = read_piece(source, PIECE if length is None else min(PIECE, length))
    return Arriving(head, source, length, limit, media)


def read_piece(source: Any, size: int) -> bytes:
    """As inbound.taken, each piece under a deadline of its own where the server knows one."""
    renew = getattr(source, "renew", None)
    if renew is not None:
        renew()
    return taken(source, size) if size else b""
