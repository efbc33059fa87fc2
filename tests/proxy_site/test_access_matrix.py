"""Who gets what at each address: access_matrix.txt, row by row, as requests find it.

A route that no row names fails the test: somebody has to say who may use it. Staff send their session's cookie and no
key, to the API as well: a cookie opens nothing there. `ACCESS_MATRIX=write` has the file written anew, with a GET for
each new route: what it then says is for its author to judge.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from pytest_django.fixtures import Settings

from cache_admin import spool
from tests.proxy_site.access import CALLERS, Objects, made, said

pytestmark = pytest.mark.django_db(transaction=True)  # a call gives its connection back
MATRIX = Path(__file__).with_name("access_matrix.txt")
LINES = MATRIX.read_text().splitlines()
ROWS = [line.split() for line in LINES if line.startswith(("GET", "POST"))]
Asked = list[tuple[str, str]]  # method, path


@pytest.fixture(autouse=True)
def own_spool(settings: Settings, tmp_path: Path) -> Iterator[None]:
    settings.DRAGOMAN_SPOOL_DIR = tmp_path / "spool"
    yield
    spool.own().close()


def routes(patterns: Iterable[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    """Every address pattern of the project, as resolve() names it."""
    for pattern in patterns:
        route = before + str(pattern.pattern).removeprefix("^" if before else "")
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        else:
            yield route


def unnamed(objects: Objects) -> list[str]:
    named = {resolve(path.format_map(objects.paths)).route for _, path, *_ in ROWS}
    return sorted(set(routes(get_resolver().url_patterns)) - named)


def outcomes(caller: str, asked: Asked, objects: Objects) -> list[str]:
    sent = CALLERS[caller](objects)
    return [said(method, path.format_map(objects.paths), sent) for method, path in asked]


def test_every_route_has_a_row() -> None:
    objects = made()
    if os.environ.get("ACCESS_MATRIX") == "write":
        write(objects)
    assert unnamed(objects) == []


def test_every_kind_of_caller_has_a_column() -> None:
    header = next(line for line in LINES if line.startswith("# asked"))
    assert header.split()[2:] == list(CALLERS)
    assert {len(row) for row in ROWS} == {2 + len(CALLERS)}


@pytest.mark.parametrize("caller", CALLERS)
def test_a_caller_gets_what_the_matrix_says(caller: str) -> None:
    place = 2 + list(CALLERS).index(caller)
    asked = [(method, path) for method, path, *_ in ROWS]
    found = outcomes(caller, asked, made())
    assert list(zip(asked, found, strict=True)) == list(zip(asked, (row[place] for row in ROWS), strict=True))


def write(objects: Objects) -> None:
    """The file anew. Of a new route with more in it than an object's id, and of a regex, its author writes the row."""
    guessed = ["/" + re.sub(r"/(\w+)/<[^>]*>", r"/\1/{\1}", route) for route in unnamed(objects)]
    plain = [path for path in guessed if re.fullmatch(r"[\w{}/.-]+", path)]
    new = [("GET", path) for path in plain if set(re.findall(r"{(\w+)}", path)) <= set(objects.paths)]
    asked = sorted({(row[0], row[1]) for row in ROWS} | set(new), key=lambda one: (one[1], one[0]))
    columns = [outcomes(caller, asked, objects) for caller in CALLERS]
    head = [line for line in LINES if line.startswith("#") and not line.startswith("# asked")]
    table = [["# asked", *CALLERS], *([" ".join(one), *cells] for one, *cells in zip(asked, *columns, strict=True))]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
    MATRIX.write_text("\n".join([*head, *lines]) + "\n")
