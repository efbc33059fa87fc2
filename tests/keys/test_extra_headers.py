from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.outward.extra_headers import MOST, VALUE, faults, filled, missing

SECRET = json.dumps({"key": "sk-1", "gateway": "cf-secret", "torn": "two\nlines"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("anthropic-beta", "context-1m-2025-08-07"),
        ("user-agent", "our gateway/1.0"),
        ("x-portkey-metadata", '{"team": "search"}'),
        ("cf-aig-authorization", "Bearer {gateway}"),
        ("x-max-tokens-allowed", "4"),
    ],
)
def test_a_header_that_adds_something_is_taken(name: str, value: str) -> None:
    assert faults({name: value}) == []


OURS = [
    *("authorization", "proxy-authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie", "set-cookie", "host"),
    *("content-length", "content-type", "content-encoding", "connection", "te", "transfer-encoding", "upgrade"),
    *("keep-alive", "proxy-connection", "trailer", "accept", "accept-encoding", "expect", "x-amz-date", "x-bt-parent"),
]


@pytest.mark.parametrize("name", OURS)
def test_what_is_ours_to_say_is_refused(name: str) -> None:
    assert faults({name: "{gateway}"}) == [f"{name} cannot be set here."]


@pytest.mark.parametrize("name", ["", "x y", "x:y", "-x", "x_y", "é", "x\r\nhost", "X-Upper", "x" * 65])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    assert len(faults({name: "v"})) == 1


@pytest.mark.parametrize("value", ["", " v", "v ", "a\r\nhost: b", "a\0b", "é", "v" * 1025])
def test_a_value_that_no_header_holds_is_refused(value: str) -> None:
    assert len(faults({"x-team": value})) == 1


@pytest.mark.parametrize(
    "name", ["x-gateway-token", "helicone-auth", "x-portkey-api-key", "secret", "cf-aig-authorization"]
)
def test_a_value_that_seems_secret_must_be_a_part_of_the_secret(name: str) -> None:
    assert "seems to be secret" in faults({name: "Bearer abc"})[0]
    assert faults({name: "Bearer {gateway}"}) == []


def test_there_are_not_too_many() -> None:
    assert faults({f"x-{number}": "v" for number in range(MOST)}) == []
    assert faults({f"x-{number}": "v" for number in range(MOST + 1)}) == [f"At most {MOST} headers."]


def test_parts_of_the_secret_take_their_places() -> None:
    headers = {"x-gateway-token": "Bearer {gateway}", "x-team": "a {b} c"}
    assert filled(headers, SECRET) == {"x-gateway-token": "Bearer cf-secret", "x-team": "a {b} c"}
    assert missing(headers, SECRET) == ["b"]
    assert missing({"x-a": "{gateway} {gateway} {torn} {key}"}, SECRET) == ["torn"]
    assert missing({"x-a": "{gateway}"}, "sk-plain") == ["gateway"]


@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.text(max_size=20), min_size=1), st.text())
def test_nothing_in_a_secret_breaks_a_header(parts: dict[str, str], text: str) -> None:
    value = "v" + "".join(f"{{{name}}}" for name in parts)
    for sent in filled({"x-a": value}, json.dumps(parts)).values():
        assert VALUE.fullmatch(sent) or len(sent) > 1024
