"""A call's arguments that come in pieces: [{"jsonPath": "$.a.b[0]", "stringValue": "x"}, ...] (Vertex AI).

https://docs.cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1beta1/Content#PartialArg
Paths are those of RFC 9535 that name one place: members and indexes. Pieces of one string follow each other.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from proxy_api.dialects.google.fields import get

_STEP = re.compile(r"""\.([^.\[\]]+)|\[(\d+)\]|\[(['"])((?:\\.|(?!\3).)*)\3\]""", re.DOTALL)
_VALUES = ("stringValue", "numberValue", "boolValue")


def put(args: dict[str, Any], piece: dict[str, Any]) -> None:
    """Puts one piece in its place. Raises ValueError or TypeError for a path that does not fit."""
    steps = _steps(get(piece, "jsonPath") or "")
    place: Any = args
    for step, following in pairwise(steps):
        place = _entered(place, step, [] if isinstance(following, int) else {})
    value = next((get(piece, name) for name in _VALUES if get(piece, name) is not None), None)
    last = steps[-1]
    before = _entered(place, last, None)
    place[last] = before + value if isinstance(before, str) and isinstance(value, str) else value


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    position = 1
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            raise ValueError("This is no path to one place")
        position = step.end()
        name, index, _, quoted = step.groups()
        steps.append(int(index) if index is not None else name if name is not None else _unescaped(quoted))
    if not path.startswith("$") or not steps:
        raise ValueError("This is no path to one place")
    return steps


def _unescaped(name: str) -> str:
    return re.sub(r"\\(.)", r"\1", name)


def _entered(place: Any, step: str | int, fresh: Any) -> Any:
    """What stands at the step; `fresh` is put there where nothing does. A list grows by one place at most."""
    if isinstance(step, int):
        if step == len(place):
            place.append(fresh)
        return place[step]
    return place.setdefault(step, fresh)
