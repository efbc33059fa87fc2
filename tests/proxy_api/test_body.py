import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proxy_api.body import MAX_NODES, canonical, edited, members, read
from proxy_api.errors import BadRequest

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
NAMES = st.sampled_from(["model", "stream", "é", 'a"b', "", "tools"]) | st.text(max_size=5)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=6)
INDENTS = st.sampled_from([None, 0, 2])


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """An object in one of the many ways to write it."""
    text = json.dumps(draw(OBJECTS), indent=draw(INDENTS), ensure_ascii=draw(st.booleans()))
    return (draw(st.sampled_from(["", " ", "\r\n"])) + text + draw(st.sampled_from(["", "\n"]))).encode()


def refusal(raw: bytes) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        read(raw)
    return caught.value


@given(bodies())
def test_read_sees_what_the_standard_parser_sees(raw: bytes) -> None:
    assert read(raw).value == json.loads(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"   \n",
        b"1",
        b"[]",
        b"null",
        b'"text"',
        b'{"a":1}x',
        b'{"a":1}{"b":2}',
        b'{"a":1,}',
        b'{"a":[1,]}',
        b"{'a':1}",
        b"{a:1}",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":[{"b":-1e999}]}',
        b'{"a":0x10}',
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":.5}',
        b'{"a":"\\x41"}',
        b'{"a":"\\u12"}',
        b'{"a":"\x01"}',
        b'{"a":"x\ny"}',
        b'{"a":"x',
        b'{"a":1',
        b'{"a":1,"a":1}',
        b'{"a":{"b":[{"c":1,"c":2}]}}',
        b'{"a":1,"\\u0061":2}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\udc00x"}',
        b'{"a":"\\ud800\\ud800"}',
        b'{"\\ud800":1}',
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        '{"a":"é"}'.encode("latin-1"),
        b'{"a":"\xc0\xaf"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\xe2\x82',
        b'{"a":' + b"9" * 5000 + b"}",
    ],
)
def test_everything_that_is_not_strict_json_is_a_400(raw: bytes) -> None:
    assert refusal(raw).status == 400


def test_a_refusal_never_repeats_what_was_sent() -> None:
    for raw in (b'{"sk-secret":1,"sk-secret":2}', b'{"a":"sk-secret', b'{"a":sk-secret}', b'{"a":"\\udc00 sk-secret"}'):
        assert "sk-secret" not in refusal(raw).message


def test_pairs_of_surrogates_are_characters() -> None:
    assert read(b'{"a":"\\ud83d\\ude00"}').value == {"a": "\U0001f600"}


def test_big_integers_keep_their_digits() -> None:
    assert read(b'{"seed":123456789012345678901234567890}').value["seed"] == 123456789012345678901234567890


def test_float_literals_that_are_not_their_shortest_form_are_kept() -> None:
    assert read(b'{"a":0.7,"b":0.70,"c":1e0,"d":[1.0000000000000000001]}').literals == (
        "0.70",
        "1e0",
        "1.0000000000000000001",
    )


def test_depth_100_is_read_and_101_is_not() -> None:
    assert read(b'{"a":' + b"[" * 99 + b"]" * 99 + b"}").value
    assert "deeper" in refusal(b'{"a":' + b"[" * 100 + b"]" * 100 + b"}").message


@pytest.mark.parametrize("count", [1000, 5000, 100_000])
def test_deep_nesting_is_refused_before_it_is_parsed(count: int) -> None:
    assert refusal(b'{"a":' + b"[" * count + b"]" * count + b"}").status == 400
    assert refusal(b'{"a":' + b'{"x":' * count + b"1" + b"}" * count + b"}").status == 400


def test_brackets_and_commas_inside_strings_count_for_nothing() -> None:
    text = '[{,\\"' * 100_000
    assert read(json.dumps({"a": text}).encode()).value == {"a": text}


def test_an_escaped_quote_does_not_hide_brackets() -> None:
    assert refusal(b'{"a":"\\\\",' + b'"b":' + b"[" * 200 + b"]" * 200 + b"}").status == 400


def test_many_strings_are_refused_before_they_are_parsed() -> None:
    assert "values" in refusal(b'{"a":' * 500_000).message


def test_an_integer_beyond_a_double_is_refused() -> None:
    assert read(b'{"a":' + b"9" * 308 + b"}").value == {"a": int("9" * 308)}
    assert refusal(b'{"a":-' + b"9" * 400 + b"}").status == 400


def test_wide_bodies_are_refused_before_they_are_parsed() -> None:
    assert "values" in refusal(b'{"a":[' + b"1," * MAX_NODES + b"1]}").message


def test_many_small_objects_in_a_row_are_no_depth() -> None:
    assert len(read(b'{"a":[' + b"{}," * 500 + b"{}]}").value["a"]) == 501


@given(bodies())
def test_members_point_at_their_values(raw: bytes) -> None:
    value = read(raw).value
    spans = members(raw)
    assert list(spans) == list(value)
    assert all(json.loads(raw[span.value_start : span.value_end]) == value[name] for name, span in spans.items())


@given(bodies())
def test_an_edit_of_nothing_is_the_same_bytes(raw: bytes) -> None:
    assert edited(read(raw), {}) == raw
    assert edited(read(raw), {}, ["not there \ue000"]) == raw


@given(bodies(), st.dictionaries(NAMES, VALUES, max_size=3), st.lists(NAMES, max_size=3))
def test_an_edit_is_the_edit_of_the_dict(raw: bytes, new: dict[str, Any], remove: list[str]) -> None:
    body = read(raw)
    replace = {name: json.dumps(value).encode() for name, value in new.items() if name not in remove}
    wanted = {name: value for name, value in body.value.items() if name not in remove}
    wanted |= {name: new[name] for name in replace}
    assert read(edited(body, replace, remove)).value == wanted


@given(bodies(), st.data())
def test_an_edit_keeps_every_byte_outside_the_member(raw: bytes, data: st.DataObject) -> None:
    body = read(raw)
    assume(body.value)
    name = data.draw(st.sampled_from(list(body.value)))
    span = members(raw)[name]
    assert edited(body, {name: b'"new"'}) == raw[: span.value_start] + b'"new"' + raw[span.value_end :]


def test_an_edit_keeps_odd_white_space_and_odd_numbers() -> None:
    raw = b' {\t"model" : "a" ,\n "temperature":1e0 , "x":[ 1,2 ] }\n'
    assert edited(read(raw), {"model": b'"b"'}) == raw.replace(b'"a"', b'"b"')
    assert edited(read(raw), {}, ["temperature"]) == b' {\t"model" : "a" , "x":[ 1,2 ] }\n'
    assert edited(read(raw), {}, ["model"]) == b' {\t"temperature":1e0 , "x":[ 1,2 ] }\n'
    assert edited(read(raw), {}, ["x"]) == b' {\t"model" : "a" ,\n "temperature":1e0 }\n'


def test_members_are_added_to_an_empty_object_and_to_a_full_one() -> None:
    assert edited(read(b"{ }"), {"a": b"1", "b": b"2"}) == b'{ "a":1,"b":2}'
    assert edited(read(b'{"a":0}'), {"b": b"2"}, ["a"]) == b'{"b":2}'
    assert edited(read(b'{"a":0}\n'), {"b": b"2"}) == b'{"a":0,"b":2}\n'


@given(OBJECTS, INDENTS, st.randoms(use_true_random=False))
def test_white_space_and_the_order_of_names_do_not_change_the_form(value: Any, indent: int | None, random: Any) -> None:
    def shuffled(item: Any) -> Any:
        match item:
            case dict():
                names = list(item)
                random.shuffle(names)
                return {name: shuffled(item[name]) for name in names}
            case list():
                return [shuffled(inner) for inner in item]
            case _:
                return item

    body = {f"x{name}": item for name, item in value.items()}
    assert canonical(read(json.dumps(shuffled(body), indent=indent).encode()).value) == canonical(body)


@given(OBJECTS, OBJECTS)
def test_another_value_has_another_form(one: dict[str, Any], other: dict[str, Any]) -> None:
    def plain(value: dict[str, Any]) -> str:
        return json.dumps(
            {name: value[name] for name in value if name not in ("stream", "stream_options")}, sort_keys=True
        )

    assert (canonical(one, ()) == canonical(other, ())) == (plain(one) == plain(other))


def test_how_the_answer_is_sent_is_not_part_of_the_form() -> None:
    assert canonical({"a": 1, "stream": True, "stream_options": {"include_usage": True}}) == canonical({"a": 1})


def test_the_type_of_a_number_and_the_order_of_an_array_are_part_of_the_form() -> None:
    assert canonical({"a": 1}) != canonical({"a": 1.0})
    assert canonical({"a": [1, 2]}) != canonical({"a": [2, 1]})
    assert canonical({"a": True}) != canonical({"a": 1})


@pytest.mark.parametrize(
    "place",
    [
        lambda schema: {"tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}]},
        lambda schema: {"functions": [{"name": "f", "parameters": schema}]},
        lambda schema: {"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}},
        lambda schema: {"tools": [{"type": "function", "name": "f", "parameters": schema}]},
        lambda schema: {"text": {"format": {"type": "json_schema", "name": "r", "schema": schema}}},
    ],
)
def test_the_order_inside_a_schema_is_part_of_the_form(place: Any) -> None:
    first = place({"type": "object", "properties": {"a": {}, "b": {}}})
    second = place({"type": "object", "properties": {"b": {}, "a": {}}})
    assert canonical(first) != canonical(second)
    assert canonical(first) == canonical(json.loads(json.dumps(first, indent=1)))


def test_the_order_of_names_around_a_schema_is_not() -> None:
    schema = {"b": 1, "a": 2}
    first = {"tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}], "model": "m"}
    second = {"model": "m", "tools": [{"function": {"parameters": schema, "name": "f"}, "type": "function"}]}
    assert canonical(first) == canonical(second)


def test_no_value_can_pass_for_a_schema() -> None:
    def tools(one: Any, other: Any) -> dict[str, Any]:
        return {"tools": [{"function": {"parameters": one}}, {"function": {"parameters": other}}]}

    assert len({canonical(tools(*pair)) for pair in [({}, None), (None, {}), ({}, {}), (None, None)]}) == 4


def test_the_form_leaves_the_value_as_it_was() -> None:
    value = {"tools": [{"function": {"parameters": {"b": 1, "a": 2}}}], "stream": True}
    before = json.dumps(value)
    canonical(value)
    assert json.dumps(value) == before


@pytest.mark.parametrize(
    "raw",
    [
        b'{"model":"a","metadata":{"model":"b"}}',
        b'{"metadata":{"model":"b"},"model":"a"}',
        b'{"\\u006dodel":"a","metadata":{"model":"b"}}',
        b'{"model" : "a","messages":[{"content":"say \\"model\\":\\"b\\""}]}',
        b'{"role":"model","model":"a"}',
        b'{"model":"a\\"b"}',
    ],
)
def test_only_the_top_level_model_is_replaced_however_the_body_is_spelled(raw: bytes) -> None:
    wanted = {**read(raw).value, "model": "new"}
    assert read(edited(read(raw), {"model": b'"new"'})).value == wanted
