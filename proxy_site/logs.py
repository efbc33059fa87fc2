"""Log lines as JSON: one event, one line, no control character in it (so that nobody can forge a line)."""

from __future__ import annotations

import json
import logging


class JsonLines(logging.Formatter):
    """One JSON object a line: time (RFC 3339, UTC), level, logger, event, and the exception's type and place."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0]:
            line["exception"] = trace(record.exc_info)
        return json.dumps(line, ensure_ascii=True)


def trace(exc_info: object) -> str:
    """The exception's type and where it was raised; never its text or its variables, which may hold a prompt."""
    kind, _, place = exc_info  # type: ignore[misc]
    spots = []
    while place is not None:
        code = place.tb_frame.f_code
        spots.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{place.tb_lineno}")
        place = place.tb_next
    return f"{kind.__name__} at {' > '.join(spots[-8:])}"
