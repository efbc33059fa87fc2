"""The form of a request that its cache key is made of: whatever changes what is asked changes it, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proxy_api.body import DELIVERY, SCHEMAS, form, read

Place = tuple[str | int, ...]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
NAMES = st.sampled_from(["model", "é", 'a"b', "", "type", "description"]) | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)
SCHEMA = st.dictionaries(NAMES, VALUES, min_size=2, max_size=4)
FUNCTION = st.fixed_dictionaries({"name": st.text(max_size=5), "parameters": SCHEMA})
FIELDS: dict[str, Any] = {
    "messages": st.lists(st.fixed_dictionaries({"role": st.just("user"), "content": VALUES}), min_size=1, max_size=2),
    "tools": st.lists(st.fixed_dictionaries({"type": st.just("function"), "function": FUNCTION}), max_size=2),
    "response_format": st.fixed_dictionaries({"json_schema": st.fixed_dictionaries({"schema": SCHEMA})}),
    "guided_json": SCHEMA,
    "seed": SCALARS,
    "x": VALUES,
}
REQUESTS = st.fixed_dictionaries({"model": st.text(max_size=5)}, optional=FIELDS)


def form_of(value: Any, **layout: Any) -> bytes:
    return form(read(json.dumps(value, **layout).encode()))


def is_schema(place: Place) -> bool:
    """Whether what stands at `place`, or around it, is a JSON Schema."""
    words = tuple("*" if isinstance(step, int) else step for step in place)
    return any(words[: len(path)] == path for path in SCHEMAS)


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Everything below `value`."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield (*place, key)
        yield from places(item, (*place, key))


def at(value: Any, place: Place) -> Any:
    for step in place:
        value = value[step]
    return value


def turned(value: Any, place: Place = ()) -> Any:
    """The same with the names of every object the other way round, but for those of schemas."""
    if isinstance(value, list):
        return [turned(item, (*place, index)) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    pairs = [(name, turned(item, (*place, name))) for name, item in value.items()]
    return dict(pairs if is_schema(place) else pairs[::-1])


def copy(value: Any) -> Any:
    """Own dicts and lists down to the scalars."""
    return json.loads(json.dumps(value))


@given(REQUESTS)
def test_white_space_escapes_and_the_order_of_names_do_not_change_it(request: dict[str, Any]) -> None:
    same = form_of(request)
    assert form_of(request, indent=3) == same
    assert form_of(request, ensure_ascii=False, separators=(" , ", ":\n")) == same
    assert form_of(turned(request)) == same


@pytest.mark.parametrize("name", sorted(DELIVERY))
@given(request=REQUESTS, value=VALUES)
def test_how_the_answer_is_sent_does_not_change_it(request: dict[str, Any], name: str, value: Any) -> None:
    assert form_of({**request, name: value}) == form_of(request)


@given(REQUESTS, st.data())
def test_any_other_value_anywhere_changes_it(request: dict[str, Any], data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(list(places(request))))
    other, new = copy(request), data.draw(VALUES)
    assume(json.dumps(at(request, place), sort_keys=True) != json.dumps(new, sort_keys=True))
    at(other, place[:-1])[place[-1]] = new
    assert form_of(other) != form_of(request)


@given(REQUESTS, st.data())
def test_a_member_more_or_less_changes_it(request: dict[str, Any], data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(list(places(request))))
    less = copy(request)
    del at(less, place[:-1])[place[-1]]
    more = copy(request)
    found = at(more, place)
    if isinstance(found, dict):
        assume("new" not in found)
        found["new"] = None
    elif isinstance(found, list):
        found.append(None)
    assert form_of(less) != form_of(request)
    assert (form_of(more) != form_of(request)) is isinstance(found, dict | list)


@given(REQUESTS, st.data())
def test_another_order_of_an_array_changes_it(request: dict[str, Any], data: st.DataObject) -> None:
    request["x"] = data.draw(st.lists(VALUES, min_size=2, max_size=4))
    assume(request["x"] != request["x"][::-1])
    assert form_of({**request, "x": request["x"][::-1]}) != form_of(request)


@pytest.mark.parametrize("path", SCHEMAS, ids=".".join)
@given(schema=SCHEMA)
def test_another_order_of_names_in_a_schema_changes_it(path: Place, schema: dict[str, Any]) -> None:
    def around(value: Any) -> Any:
        for step in reversed(path):
            value = [value] if step == "*" else {step: value}
        return value

    assert form_of(around(dict(reversed(schema.items())))) != form_of(around(schema))
    assert form_of({"a": dict(reversed(schema.items()))}) == form_of({"a": turned(schema)})


WRITTEN = ["0.7", "0.70", "7e-1", '"0.7"', "1", "1.0", "1e0", "true", '"1"', "0.70000000000000000001", "null", "[]"]


@given(st.sampled_from(WRITTEN), st.sampled_from(WRITTEN), st.sampled_from(WRITTEN), st.sampled_from(WRITTEN))
def test_numbers_are_told_apart_as_they_are_written_each_at_its_place(a: str, b: str, c: str, d: str) -> None:
    one, two = (f'{{"top_p":{x},"n":[{{"temperature":{y}}}]}}'.encode() for x, y in ((a, b), (c, d)))
    assert (form(read(one)) == form(read(two))) is ((a, b) == (c, d))


def test_a_value_that_looks_like_what_is_set_apart_is_not_taken_for_it() -> None:
    schema = {"b": 1, "a": 2}
    apart = {"guided_json": schema}
    assert form_of(apart) != form_of({"guided_json": None})
    assert form_of(apart) != form_of({"guided_json": json.dumps(schema)})
    assert form(read(b'{"a":0.70}')) != form(read(b'{"a":"0.70"}'))
