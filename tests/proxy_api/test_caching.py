"""The cache rule and the cache key, as pure functions."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache_admin.completions import ENDLESS
from proxy_api.caching import Policy, cassette_policy, digest, policy, stream_format, verdict
from proxy_api.errors import BadRequest

WEEK = 604800


def rule(body: dict[str, Any] | None = None, mode: str = "auto", **headers: str) -> Policy:
    return policy({name.replace("_", "-"): value for name, value in headers.items()}, body or {}, mode, WEEK)


@pytest.mark.parametrize(
    ("body", "cacheable"),
    [
        ({"temperature": 0}, True),
        ({"temperature": 0.0}, True),
        ({"temperature": "0"}, False),
        ({"temperature": False}, False),
        ({"temperature": 0.7}, False),
        ({}, False),
        ({"seed": 0, "temperature": 0.7}, True),
        ({"seed": None, "temperature": 0.7}, False),
        ({"temperature": -0.0}, True),
        ({"temperature": 1e-300}, False),
        ({"temperature": None}, False),
        ({"temperature": [0]}, False),
        ({"temperature": True}, False),
        ({"seed": False, "temperature": 1}, True),
        ({"seed": "", "temperature": 1}, True),
    ],
)
def test_auto_caches_where_temperature_is_the_number_zero_or_a_seed_is_set(
    body: dict[str, Any], cacheable: bool
) -> None:
    assert rule(body).involved is cacheable
    assert rule(body).bypass == ("" if cacheable else "temperature")


def test_always_caches_anything_and_never_caches_nothing() -> None:
    assert rule({"temperature": 1}, x_bt_use_cache="ALWAYS").involved
    assert rule({"temperature": 0}, x_bt_use_cache="Never").bypass == "never"


def test_the_header_overrides_the_mode_of_the_key() -> None:
    assert rule({"temperature": 0}, mode="never").bypass == "never"
    assert rule({"temperature": 0}, mode="never", x_bt_use_cache="auto").involved


@pytest.mark.parametrize("name", ["x-bt-use-cache", "x-bt-use-creds-cache"])
def test_an_unknown_mode_is_refused_with_the_text_of_the_reference_and_the_right_header_name(name: str) -> None:
    with pytest.raises(BadRequest) as caught:
        policy({name: "Maybe"}, {}, "auto", WEEK)
    assert caught.value.message == f"Invalid {name} header 'maybe'. Must be one of auto, always, never"
    assert caught.value.param == name


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("5", 5), ("9999999", WEEK), ("0", 1), ("-3", 1), ("60s", 60), (" 7", 7), ("1e9", 1), ("9" * 400, WEEK)],
)
def test_the_ttl_is_the_leading_integer_clamped_to_a_second_and_the_maximum(header: str, seconds: int) -> None:
    assert rule({"seed": 1}, x_bt_cache_ttl=header).ttl == seconds
    assert rule({"seed": 1}).ttl == WEEK


@pytest.mark.parametrize("header", ["abc", "", "²", "٣"])
def test_a_ttl_that_is_no_number_is_refused(header: str) -> None:
    with pytest.raises(BadRequest) as caught:
        rule({"seed": 1}, x_bt_cache_ttl=header)
    assert caught.value.param == "x-bt-cache-ttl"


@pytest.mark.parametrize(
    ("header", "read", "write", "max_age"),
    [
        ("no-cache", False, True, 0),
        ("max-age=0", False, True, 0),
        ("NO-STORE", True, False, None),
        ("no-cache, no-store", False, False, 0),
        ("max-age=30", True, True, 30),
        ("max-age=abc", False, True, 0),
        ("max-age=-1", False, True, 0),
        ("max-age", False, True, 0),
        ("max-age=", False, True, 0),
        ("max-age=1.5", False, True, 0),
        ("max-age=1e9", False, True, 0),
        ("max-age=²", False, True, 0),
        ("max-age=" + "9" * 400, True, True, 10**18 - 1),
        (' Max-Age = "30" ,, =5, , foo', True, True, 30),
        ("max-age=0, max-age=900", False, True, 0),
        ("max-age=5, max-age=0", True, True, 5),
        ('no-cache="set-cookie"', False, True, 0),
        ("no-storex, xno-cache", True, True, None),
        ("", True, True, None),
    ],
)
def test_cache_control_narrows_what_a_call_may_do(header: str, read: bool, write: bool, max_age: int | None) -> None:
    found = rule({"seed": 1}, cache_control=header)
    assert (found.read, found.write, found.max_age) == (read, write, max_age)


@pytest.mark.parametrize(
    ("header", "age", "found"),
    [
        ("", 59, "fresh"),
        ("", 61, "useless"),
        ("max-age=30", 30, "fresh"),
        ("max-age=30", 30.1, "useless"),
        ("max-age=900", 61, "useless"),
        ("stale-while-revalidate=10", 70, "stale"),
        ("stale-while-revalidate=10", 71, "useless"),
        ("max-age=30, stale-while-revalidate=10", 41, "useless"),
        ("max-age=30, stale-while-revalidate=10", 40, "stale"),
        ("stale-if-error=10", 70, "spare"),
        ("stale-if-error=10", 71, "useless"),
        ("stale-if-error=10", 59, "fresh"),
        ("stale-if-error=20, stale-while-revalidate=10", 69, "stale"),
        ("stale-if-error=20, stale-while-revalidate=10", 75, "spare"),
        ("no-cache, stale-if-error=20", 20, "spare"),
        ("no-cache, stale-while-revalidate=20", 20, "useless"),
        ("no-cache", 0, "useless"),
        ("stale-if-error", 61, "useless"),
        ("stale-if-error=x", 61, "useless"),
        ("stale-if-error=-10", 61, "useless"),
        ("stale-if-error=5, stale-if-error=900", 70, "useless"),
        ("stale-if-error=" + "9" * 400, 10**9, "spare"),
        ("stale-while-revalidate=1.5", 61, "useless"),
    ],
)
def test_how_old_an_answer_may_be_is_the_calls_to_say(header: str, age: float, found: str) -> None:
    assert verdict(rule({"seed": 1}, cache_control=header), age, 60) == found


LATIN = st.text(st.characters(max_codepoint=255), max_size=30)
WORDS = st.sampled_from(
    ["max-age", "no-cache", "stale-if-error", "=", ",", '"', "5", " ", "only-if-cached", "no-store"]
)


@given(LATIN | st.lists(WORDS, max_size=8).map("".join), LATIN, LATIN)
def test_no_header_whatever_it_says_is_more_than_a_400(control: str, mode: str, ttl: str) -> None:
    found = rule({"seed": 1}, cache_control=control)
    assert verdict(found, 1e9, 60) == "useless" or found.stale_if_error or found.stale_while_revalidate
    for header in ({"x_bt_use_cache": mode}, {"x_bt_cache_ttl": ttl}):
        with suppress(BadRequest):
            assert 1 <= rule({"seed": 1}, **header).ttl <= WEEK


def test_only_if_cached_counts_whatever_the_mode() -> None:
    assert rule({"seed": 1}, cache_control="Only-If-Cached").only_if_cached
    assert rule({"temperature": 1}, cache_control="only-if-cached").only_if_cached
    assert not rule({"seed": 1}).only_if_cached


def test_a_recording_keeps_every_answer_for_good() -> None:
    assert cassette_policy("record", {"x-bt-use-cache": "never", "x-bt-cache-ttl": "5"}) == Policy(True, True, ENDLESS)
    assert not cassette_policy("record", {"cache-control": "no-cache"}).read
    assert not cassette_policy("record", {"cache-control": "no-store"}).write


def test_a_replay_calls_nobody_whatever_is_asked() -> None:
    wishes = {"x-bt-use-cache": "never", "cache-control": "no-cache, max-age=0"}
    assert cassette_policy("replay", wishes) == Policy(True, False, ENDLESS, only_if_cached=True)
    assert verdict(cassette_policy("replay", wishes), 10**9, ENDLESS) == "fresh"
    with pytest.raises(BadRequest):
        cassette_policy("replay", {"x-bt-use-cache": "maybe"})


def test_the_vercel_format_is_refused_clearly() -> None:
    with pytest.raises(BadRequest, match="Vercel AI format requires the stream parameter to be set to true"):
        stream_format({"x-bt-stream-fmt": "vercel-ai"}, stream=False)
    with pytest.raises(BadRequest, match="not supported"):
        stream_format({"x-bt-stream-fmt": "vercel-ai"}, stream=True)
    stream_format({"x-bt-stream-fmt": "openai"}, stream=True)


PARTS = st.tuples(st.text(max_size=8), st.lists(st.text(max_size=8), min_size=5, max_size=5), st.binary(max_size=16))


@given(PARTS, PARTS)
def test_two_keys_are_equal_only_where_every_part_is(left: Any, right: Any) -> None:
    def key(parts: Any) -> bytes:
        return digest(b"secret", parts[0], tuple(parts[1]), {}, parts[2])

    assert (key(left) == key(right)) is (left == right)


def test_a_forwarded_header_that_can_change_the_answer_is_part_of_the_key() -> None:
    target = ("chat/completions", "openai", "https://api.openai.com/v1", "gpt-4o", "")
    plain = digest(b"secret", "key:1", target, {}, b"{}")
    assert plain != digest(b"secret", "key:1", target, {"openai-beta": "x"}, b"{}")
    assert plain == digest(b"secret", "key:1", target, {"user-agent": "x"}, b"{}")
    assert plain != digest(b"other", "key:1", target, {}, b"{}")


def test_an_endpoint_whose_answers_repeat_is_cached_whatever_the_temperature() -> None:
    assert policy({}, {"input": "a"}, "auto", WEEK, repeats=True).involved
    assert policy({"x-bt-use-cache": "never"}, {"input": "a"}, "auto", WEEK, repeats=True).bypass == "never"
