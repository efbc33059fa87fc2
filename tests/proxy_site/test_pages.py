"""Answers that are made in threads: whole where their length is known, piece by piece where it is not."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from proxy_site.pages import PIECE_BYTES, Pages

LINE = b"x" * 1000
LINES = 1000
LINES_A_PIECE = -(-PIECE_BYTES // len(LINE))


class Answer:
    """What a handler returns: `made` lines so far of LINES."""

    def __init__(self) -> None:
        self.made = 0
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        for self.made in range(1, LINES + 1):
            yield LINE

    def close(self) -> None:
        self.closed = True


def asked(answer: Answer, *headers: tuple[str, str]) -> Any:
    """The body that the server is given."""

    def handler(environ: dict[str, Any], start_response: Any) -> Answer:
        start_response("200 OK", list(headers))
        return answer

    return Pages(handler)({"wsgi.input": io.BytesIO()}, lambda *_: None)


def test_an_answer_without_a_length_is_made_as_it_is_taken() -> None:
    answer = Answer()
    body = asked(answer)
    assert answer.made == 0
    pieces = iter(body)
    assert len(next(pieces)) == LINES_A_PIECE * len(LINE)
    assert answer.made == LINES_A_PIECE
    assert sum(map(len, pieces)) == (LINES - LINES_A_PIECE) * len(LINE)
    assert not answer.closed
    body.close()
    assert answer.closed


def test_an_answer_that_nobody_wants_any_more_is_not_made() -> None:
    answer = Answer()
    body = asked(answer)
    next(iter(body))
    body.close()
    assert (answer.made, answer.closed) == (LINES_A_PIECE, True)


def test_an_answer_of_known_length_is_whole_and_over_at_once() -> None:
    answer = Answer()
    (body,) = asked(answer, ("Content-Length", str(LINES * len(LINE))))
    assert (len(body), answer.closed) == (LINES * len(LINE), True)
