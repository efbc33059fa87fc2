"""Cohere's embeddings: https://docs.cohere.com/reference/embed"""

from __future__ import annotations

from typing import Any

from proxy_api.chat import JSON, Loss
from proxy_api.dialects.failures import understood
from proxy_api.dialects.saying import given
from proxy_api.embeddings import Embeddings, EmbeddingsRequest
from proxy_api.errors import BadRequest

MOST_TEXTS = 96  # of one call
_OWN = ("input_type", "max_tokens", "priority", "truncate")


def embeddings_path(model: str) -> str:
    return "/embed"


def write_embeddings(request: EmbeddingsRequest) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """Cohere tells apart texts to be found and texts to find them by; OpenAI does not, so they are the former. Raises
    BadRequest for more texts than one call takes."""
    if len(request.texts) > MOST_TEXTS:
        raise BadRequest(f"This provider takes at most {MOST_TEXTS} texts at once", param="input")
    body = {
        "model": request.model,
        "input_type": "search_document",
        "texts": list(request.texts),
        "embedding_types": ["float"],
        **given({"output_dimension": request.dimensions}),
        **{name: request.extra[name] for name in _OWN if name in request.extra},
    }
    return body, tuple(Loss(name, "unknown to Cohere") for name in request.extra if name not in _OWN)


@understood()
def read_embeddings(body: JSON) -> Embeddings:
    """Raises UpstreamError for another shape. Vectors stand by their type, or (older) alone."""
    said = body["embeddings"]
    vectors = [list(map(float, vector)) for vector in (said["float"] if isinstance(said, dict) else said)]
    tokens = ((body.get("meta") or {}).get("billed_units") or {}).get("input_tokens")
    return Embeddings(vectors, None if tokens is None else int(tokens))
