"""Embeddings of AI Studio and of Vertex AI. https://ai.google.dev/api/embeddings"""

from __future__ import annotations

from typing import Any

import pytest

from proxy_api.dialects.google import embeddings, vertex_embeddings
from proxy_api.embeddings import Embeddings, EmbeddingsRequest
from proxy_api.errors import BadRequest, GatewayError, UpstreamError, UpstreamIncomplete

TWO = EmbeddingsRequest("gemini-embedding-001", ("a", "b"), 3)


def test_ai_studio_gets_a_batch_of_one_request_for_each_text() -> None:
    assert embeddings.embeddings_path(TWO.model) == "/models/gemini-embedding-001:batchEmbedContents"
    body, losses = embeddings.write_embeddings(TWO)
    assert body["requests"] == [
        {
            "model": "models/gemini-embedding-001",
            "content": {"parts": [{"text": text}]},
            "outputDimensionality": 3,
        }
        for text in ("a", "b")
    ]
    assert losses == ()


def test_what_an_embedding_does_not_know_is_reported() -> None:
    request = EmbeddingsRequest("m", ("a",), extra={"user": "u"})
    for dialect in (embeddings, vertex_embeddings):
        assert [loss.param for loss in dialect.write_embeddings(request)[1]] == ["user"]


def test_vertex_gets_instances_of_a_prediction() -> None:
    request = EmbeddingsRequest("text-embedding-005", ("a", "b"), 3)
    assert vertex_embeddings.embeddings_path(request.model) == "/models/text-embedding-005:predict"
    body, _ = vertex_embeddings.write_embeddings(request)
    assert body == {"instances": [{"content": "a"}, {"content": "b"}], "parameters": {"outputDimensionality": 3}}


def test_gemini_embedding_2_answers_embed_content_on_vertex() -> None:
    request = EmbeddingsRequest("gemini-embedding-2", ("a",), 3)
    assert vertex_embeddings.embeddings_path(request.model) == "/models/gemini-embedding-2:embedContent"
    body, _ = vertex_embeddings.write_embeddings(request)
    assert body == {
        "content": {"parts": [{"text": "a"}]},
        "embedContentConfig": {"outputDimensionality": 3},
    }


def test_several_texts_are_refused_where_vertex_takes_one() -> None:
    with pytest.raises(BadRequest) as caught:
        vertex_embeddings.write_embeddings(TWO)
    assert caught.value.param == "input"


def test_vectors_are_read_from_every_form() -> None:
    batch = {"embeddings": [{"values": [1, 2.5]}, {"values": [0]}], "usageMetadata": {"promptTokenCount": 4}}
    assert embeddings.read_embeddings(batch) == Embeddings([[1.0, 2.5], [0.0]], 4)
    single = {"embedding": {"values": [1]}}
    assert vertex_embeddings.read_embeddings(single) == Embeddings([[1.0]], None)
    counted = [{"embeddings": {"values": [n], "statistics": {"token_count": n}}} for n in (1, 2)]
    assert vertex_embeddings.read_embeddings({"predictions": counted}) == Embeddings([[1.0], [2.0]], 3)


@pytest.mark.parametrize(
    "body", [{"error": {"code": 429, "message": "Slow"}}, [], {"embeddings": [{}]}, {"embeddings": 3}]
)
def test_anything_else_is_an_error(body: Any) -> None:
    for dialect in (embeddings, vertex_embeddings):
        with pytest.raises(GatewayError):
            dialect.read_embeddings(body)


def test_an_answer_without_vectors_is_incomplete() -> None:
    nothing: tuple[dict[str, Any], ...] = ({}, {"embeddings": []})
    for body in nothing:
        with pytest.raises(UpstreamIncomplete):
            embeddings.read_embeddings(body)
    with pytest.raises(UpstreamIncomplete):
        vertex_embeddings.read_embeddings({"predictions": []})
    with pytest.raises(UpstreamError):
        vertex_embeddings.read_embeddings({"predictions": [{}]})
