"""`python -m tests.console`: reads {"source", "names"} lines, runs them inside Django, answers {"result"} lines."""

from __future__ import annotations

import io
import json
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

import django


def manage(*words: str) -> str:
    """A management command's stdout."""
    from django.core.management import call_command

    out = io.StringIO()
    call_command(*words, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def run(line: str) -> dict[str, Any]:
    asked = json.loads(line)
    names = {"manage": manage, "now": lambda: datetime.now(UTC), "result": None, **asked["names"]}
    try:
        exec(asked["source"], names)
    except Exception:
        return {"error": traceback.format_exc()}
    return {"result": names["result"]}


def main() -> None:
    django.setup()
    for line in sys.stdin:
        print(json.dumps(run(line), default=str), flush=True)


if __name__ == "__main__":
    main()
