"""What the endpoints beside chat take, and how they name what they do not."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_api.errors import BadRequest
from proxy_api.shape_endpoints import check_completions, check_embeddings, check_moderations


def refused(check: Any, **fields: Any) -> tuple[str | None, str | None]:
    with pytest.raises(BadRequest) as caught:
        check({"model": "m", **fields})
    assert caught.value.status == 400
    return caught.value.param, caught.value.code


@pytest.mark.parametrize("said", ["a", ["a", "b"], [1, 2], [[1, 2], [3]], [{"type": "text", "text": "a"}]])
def test_inputs_of_every_kind_are_taken(said: Any) -> None:
    check_embeddings({"model": "m", "input": said, "dimensions": 256, "encoding_format": "base64", "future": {}})
    check_moderations({"model": "m", "input": said})
    check_completions({"model": "m", "prompt": said, "max_tokens": 0, "echo": True, "user": None})


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ("", "input"),
        ([], "input"),
        ([""], "input[0]"),
        (["a", 1], "input[1]"),
        ([1, "a"], "input[1]"),
        ([[]], "input[0]"),
        ([[1, "a"]], "input[0][1]"),
        ([-1], "input[0]"),
        ([None], "input[0]"),
        ([True], "input[0]"),
        (7, "input"),
        ({}, "input"),
    ],
)
def test_an_input_that_is_none_is_named(said: Any, param: str) -> None:
    assert refused(check_embeddings, input=said)[0] == param


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "input"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "dimensions": "3"}, "dimensions"),
        ({"input": "a", "stream": True}, "stream"),
        ({"input": "a", "model": 1}, "model"),
    ],
)
def test_embeddings_name_the_field_at_fault(fields: dict[str, Any], param: str) -> None:
    assert refused(check_embeddings, **fields)[0] == param


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": [["a"]]}, "prompt[0][0]"),
        ({"temperature": "3"}, "temperature"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"logprobs": True}, "logprobs"),
        ({"best_of": 0}, "best_of"),
        ({"suffix": 1}, "suffix"),
    ],
)
def test_completions_name_the_field_at_fault(fields: dict[str, Any], param: str) -> None:
    assert refused(check_completions, **fields)[0] == param
