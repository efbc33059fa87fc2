"""Hosts of OpenAI's language that take something otherwise: said as they want it, reported, and all else untouched."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keys.outward.credentials import Credential
from proxy_api import body, relay
from proxy_api.errors import BadRequest
from proxy_api.providers import PROVIDERS
from proxy_api.upstream import Route

ASKED = {"messages": [{"role": "user", "content": "Hi"}]}


def sent(provider: str, model: str, **fields: Any) -> tuple[dict[str, Any], list[str]]:
    """What reaches the provider beside model and messages, and the params of the loss report."""
    route = Route(PROVIDERS[provider], model, Credential(id="c", name="c", provider=provider))
    asked = body.read(json.dumps({"model": f"{provider}/{model}", **ASKED, **fields}).encode())
    way = relay.way_for(route, asked, relay.Keeping(False, 0))
    told = json.loads(way.request())
    assert (told.pop("model"), told.pop("messages")) == (model, fields.get("messages", ASKED["messages"]))
    return told, [loss.param for loss in way.losses]


@pytest.mark.parametrize("model", ["o3-mini", "o1", "gpt-5", "gpt-5-nano-2025-08-07", "gpt-5.4", "gpt-6-luna"])
@pytest.mark.parametrize("provider", ["openai", "azure"])
def test_reasoning_models_call_the_limit_otherwise(provider: str, model: str) -> None:
    assert sent(provider, model, max_tokens=5) == ({"max_completion_tokens": 5}, [])


def test_a_limit_that_is_set_by_its_new_name_is_never_overwritten() -> None:
    told = sent("openai", "gpt-5", max_tokens=5, max_completion_tokens=9)
    assert told == ({"max_completion_tokens": 9}, ["max_tokens"])
    assert sent("openai", "gpt-5", max_tokens=None) == ({}, [])


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4.1-mini", "gpt-5-chat-latest", "gpt-oss-120b", "gpt-3.5-turbo"])
def test_other_models_are_asked_as_the_caller_asked(model: str) -> None:
    fields = {"max_tokens": 5, "temperature": 0.2, "parallel_tool_calls": False, "logprobs": True}
    assert sent("openai", model, **fields) == (fields, [])


def test_sampling_that_a_reasoning_model_refuses_is_left_out_and_reported_and_its_one_value_passes() -> None:
    assert sent("openai", "o3-mini", temperature=0.2, top_p=1) == ({"top_p": 1}, ["temperature"])
    assert sent("openai", "gpt-5-mini", temperature=1, presence_penalty=0.5) == (
        {"temperature": 1},
        ["presence_penalty"],
    )


def test_models_that_sample_when_they_do_not_think_are_asked_so() -> None:
    assert sent("openai", "gpt-5.4", temperature=0.2) == ({"temperature": 0.2}, [])
    assert sent("openai", "gpt-5.4", temperature=0.2, reasoning_effort="none")[1] == []
    assert sent("openai", "gpt-5.4", temperature=0.2, reasoning_effort="low") == (
        {"reasoning_effort": "low"},
        ["temperature"],
    )


@pytest.mark.parametrize("model", ["gpt-5.5", "gpt-5.6-luna", "gpt-6-sol"])
def test_models_that_think_unless_they_are_told_not_to_do_not_sample(model: str) -> None:
    """From gpt-5.5 on the default effort is medium."""
    assert sent("openai", model, temperature=0.2, logprobs=True) == ({}, ["temperature", "logprobs"])
    told = {"temperature": 0.2, "reasoning_effort": "none"}
    assert sent("openai", model, **told) == (told, [])


@pytest.mark.parametrize(
    ("model", "asked", "said"),
    [
        ("gpt-5", "none", "minimal"),
        ("gpt-5", "minimal", "minimal"),
        ("gpt-5.1", "minimal", "low"),
        ("gpt-5.1", "none", "none"),
        ("gpt-5.1", "xhigh", "high"),
        ("gpt-5.4", "max", "xhigh"),
        ("gpt-5.5", "xhigh", "xhigh"),
        ("gpt-5.6-sol", "max", "max"),
        ("gpt-6-astra", "none", "low"),
        ("o3", "minimal", "low"),
        ("o3", "max", "high"),
        ("o3", "high", "high"),
    ],
)
def test_an_effort_that_a_model_does_not_have_is_the_nearest_and_reported(model: str, asked: str, said: str) -> None:
    losses = ["reasoning_effort"] if asked != said else []
    assert sent("openai", model, reasoning_effort=asked) == ({"reasoning_effort": said}, losses)


def test_the_same_model_elsewhere_is_left_to_its_host() -> None:
    assert sent("openrouter", "openai/o3", max_tokens=5, temperature=0.2)[0] == {"max_tokens": 5, "temperature": 0.2}


def test_a_host_refuses_fields_of_its_own() -> None:
    assert sent("groq", "m", logit_bias={"1": 1}, seed=1) == ({"seed": 1}, ["logit_bias"])
    assert sent("databricks", "m", parallel_tool_calls=True) == ({}, ["parallel_tool_calls"])


OUT_OF_RANGE = [
    ("temperature", -1, "decimal_below_min_value"),
    ("temperature", 1e308, "decimal_above_max_value"),
    ("n", 129, "integer_above_max_value"),
    ("top_logprobs", 21, "integer_above_max_value"),
    ("max_tokens", -1, "integer_below_min_value"),
]


@pytest.mark.parametrize(("name", "value", "code"), OUT_OF_RANGE)
@pytest.mark.parametrize("provider", ["openai", "azure"])
def test_openai_is_not_asked_for_what_its_documentation_refuses(
    provider: str, name: str, value: float, code: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        sent(provider, "gpt-4o", **{name: value})
    assert (caught.value.param, caught.value.code) == (name, code)


@pytest.mark.parametrize(("name", "value", "code"), OUT_OF_RANGE)
@pytest.mark.parametrize("provider", ["custom", "ollama", "together"])
def test_other_hosts_judge_their_ranges_themselves(provider: str, name: str, value: float, code: str) -> None:
    assert sent(provider, "llama", **{name: value})[0] == {name: value}


def test_what_openai_takes_is_in_its_ranges_and_null_is_absent() -> None:
    fields = {"temperature": 2, "n": 128, "top_logprobs": 20, "max_tokens": 1}
    assert sent("openai", "gpt-4o", **fields) == (fields, [])
    assert sent("openai", "gpt-4o", temperature=None, n=None) == ({"temperature": None, "n": None}, [])


def test_a_result_without_its_call_goes_to_hosts_that_may_take_it() -> None:
    orphan = [{"role": "tool", "tool_call_id": "c", "content": "x"}]
    with pytest.raises(BadRequest) as caught:
        sent("openai", "gpt-4o", messages=orphan)
    assert caught.value.param == "messages[0].role"
    assert sent("custom", "llama", messages=orphan)[0] == {}
