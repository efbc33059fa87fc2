"""One event, one line, and nothing in it that a client could have forged or that must stay secret."""

from __future__ import annotations

import json
import logging
import sys

from proxy_site.logs import JsonLines


def line(message: str, **more: object) -> str:
    record = logging.makeLogRecord({"name": "dragoman.test", "levelname": "INFO", "msg": message, **more})
    return JsonLines().format(record)


def test_a_line_break_in_the_text_makes_no_second_line() -> None:
    text = line('GET /\r\n{"level": "forged"} \x1b[31m \u2028')
    assert not [character for character in text if ord(character) < 32 or ord(character) > 126]
    assert json.loads(text)["event"].startswith("GET /\r\n")


def test_an_exception_is_named_with_its_place_and_not_its_text() -> None:
    try:
        raise ValueError("sk-secret")
    except ValueError:
        text = line("failed", exc_info=sys.exc_info())
    assert "sk-secret" not in text
    assert json.loads(text)["exception"].startswith("ValueError at test_logs.py:")


def test_the_time_is_rfc_3339_in_utc() -> None:
    assert json.loads(line("x", created=0.0))["time"] == "1970-01-01T00:00:00Z"
