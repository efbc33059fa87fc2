"""Embeddings in OpenAI's JSON, asked and answered, as pure functions."""

from __future__ import annotations

from base64 import b64decode
from struct import unpack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.outward.credentials import Credential
from proxy_api.body import Body
from proxy_api.embeddings import Embeddings, EmbeddingsRequest, read_request, write_response
from proxy_api.errors import BadRequest
from proxy_api.providers import PROVIDERS
from proxy_api.relay import Keeping, loads
from proxy_api.relay_embeddings import path_of, way_for
from proxy_api.upstream import Route


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


OLLAMA = PROVIDERS["ollama"]
CREDENTIAL = Credential("ollama", "ollama", "ollama")


def test_ollamas_native_embeddings_are_asked_for_in_its_own_words() -> None:
    route = Route(OLLAMA, "nomic", CREDENTIAL, spoken="ollama")
    value = {"model": "ollama:native/nomic", "input": "a", "dimensions": 2, "truncate": False, "user": "u"}
    way = way_for(route, Body(b"", value, ()), Keeping(keep=False, now=0))
    assert path_of(route) == "/api/embed"
    assert loads(way.request()) == {"model": "nomic", "input": ["a"], "dimensions": 2, "truncate": False}
    assert [loss.param for loss in way.losses] == ["user"]
    answer = loads(way.plain(b'{"model":"nomic","embeddings":[[0.5,1]],"prompt_eval_count":3}'))
    assert answer["data"][0]["embedding"] == [0.5, 1.0]
    assert answer["usage"] == {"prompt_tokens": 3, "total_tokens": 3}


@pytest.mark.parametrize("spoken", ["", "openai_responses"])
def test_beside_openais_languages_stand_openais_embeddings(spoken: str) -> None:
    assert path_of(Route(OLLAMA, "nomic", CREDENTIAL, spoken=spoken)) == "/embeddings"
