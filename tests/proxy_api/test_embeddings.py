"""Embeddings in OpenAI's JSON, asked and answered, as pure functions."""

from __future__ import annotations

from base64 import b64decode
from struct import unpack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_api.embeddings import Embeddings, EmbeddingsRequest, read_request, write_response
from proxy_api.errors import BadRequest


def test_texts_dimensions_and_what_only_the_provider_knows_are_read() -> None:
    value = {
        "model": "m",
        "input": "a",
        "dimensions": 3,
        "encoding_format": "base64",
        "input_type": "query",
        "user": None,
    }
    assert read_request(value) == EmbeddingsRequest("m", ("a",), 3, {"input_type": "query"})
    assert read_request({"model": "m", "input": ["a", "b"]}) == EmbeddingsRequest("m", ("a", "b"))


@pytest.mark.parametrize(
    ("said", "param"), [([1, 2], "input"), ([[1], [2]], "input[0]"), ([{"text": "a"}], "input[0]")]
)
def test_tokens_are_refused_by_name_because_they_are_another_models(said: Any, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read_request({"model": "m", "input": said})
    assert caught.value.param == param


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=8))
def test_base64_is_the_numbers_as_little_endian_float32(vector: list[float]) -> None:
    data = write_response(Embeddings([vector]), "m", "base64")["data"][0]["embedding"]
    assert list(unpack(f"<{len(vector)}f", b64decode(data))) == vector


def test_numbers_stand_as_they_are_and_tokens_are_counted_once() -> None:
    assert write_response(Embeddings([[0.5], [0.25]], 7), "m", None) == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.5]},
            {"object": "embedding", "index": 1, "embedding": [0.25]},
        ],
        "model": "m",
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    }
