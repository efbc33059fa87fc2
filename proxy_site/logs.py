"""Log lines as JSON: one event, one line, no control character in it (so that nobody can forge a line)."""

from __future__ import annotations

import json
import logging
import time
from types import TracebackType


class JsonLines(logging.Formatter):
    """One JSON object a line: time (RFC 3339, UTC), level, logger, event, and the exception's type and place."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0]:
            line["exception"] = trace(record.exc_info[0], record.exc_info[2])
        return json.dumps(line, ensure_ascii=True)


def trace(kind: type[BaseException], place: TracebackType | None) -> str:
    """The exception's type and where it was raised; never its text or its variables, which may hold a prompt."""
    spots = []
    while place is not None:
        code = place.tb_frame.f_code
        spots.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{place.tb_lineno}")
        place = place.tb_next
    return f"{kind.__name__} at {' > '.join(spots[-8:])}"
