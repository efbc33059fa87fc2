"""The body of POST /v1/proxy/credentials, as a pure function."""

from __future__ import annotations

from typing import Any

import pytest

from keys.entrance.temporary import Wishes
from proxy_api.credential_wishes import Faults, read


def test_nothing_asked_for_is_ten_minutes_of_every_model() -> None:
    assert read({}, "") == read({"model": None, "ttl_seconds": None, "logging": None}, "") == Wishes(seconds=600)


def test_what_is_asked_for_is_given() -> None:
    logging = {"project_name": "search", "compress_audio": True}
    body = {"model": "gpt-5", "ttl_seconds": 86_400, "logging": {**logging, "more": 1}, "unknown": 1}
    assert read(body, "acme") == Wishes(86_400, "gpt-5", "acme", logging)


@pytest.mark.parametrize("seconds", [1, 1.5, 86_400])
def test_any_life_from_a_second_to_a_day_is_given(seconds: float) -> None:
    assert read({"ttl_seconds": seconds}, "").seconds == seconds


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({"ttl_seconds": 86_401}, ["ttl_seconds"], "too_big"),
        ({"ttl_seconds": 0}, ["ttl_seconds"], "too_small"),
        ({"ttl_seconds": -1}, ["ttl_seconds"], "too_small"),
        ({"ttl_seconds": 1e300}, ["ttl_seconds"], "too_big"),
        ({"ttl_seconds": "600"}, ["ttl_seconds"], "invalid_type"),
        ({"ttl_seconds": True}, ["ttl_seconds"], "invalid_type"),
        ({"model": 5}, ["model"], "invalid_type"),
        ({"model": ""}, ["model"], "invalid_type"),
        ({"model": "a\nb"}, ["model"], "invalid_type"),
        ({"model": "x" * 513}, ["model"], "invalid_type"),
        ({"logging": "search"}, ["logging"], "invalid_type"),
        ({"logging": {}}, ["logging"], "invalid_union"),
        ({"logging": {"project_name": ""}}, ["logging", "project_name"], "invalid_type"),
        ({"logging": {"parent": 5}}, ["logging", "parent"], "invalid_type"),
        ({"logging": {"parent": "nonsense"}}, ["logging", "parent"], "custom"),
        ({"logging": {"parent": "project_id:p", "compress_audio": 1}}, ["logging", "compress_audio"], "invalid_type"),
    ],
)
def test_each_mistake_is_named_with_its_place(body: dict[str, Any], path: list[str], code: str) -> None:
    with pytest.raises(Faults) as raised:
        read(body, "")
    fault = raised.value.faults[0]
    assert (raised.value.status, raised.value.param) == (400, path[0])
    assert (fault["path"], fault["code"]) == (path, code)
    assert fault["message"]


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(Faults) as raised:
        read({"model": 5, "ttl_seconds": "x"}, "")
    assert [fault["path"] for fault in raised.value.faults] == [["model"], ["ttl_seconds"]]
