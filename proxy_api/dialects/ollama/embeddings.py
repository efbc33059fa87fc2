"""Ollama's native embeddings: https://docs.ollama.com/api/embed"""

from __future__ import annotations

from typing import Any

from proxy_api.chat import JSON, Loss
from proxy_api.dialects.failures import understood
from proxy_api.dialects.saying import given
from proxy_api.embeddings import Embeddings, EmbeddingsRequest

_OWN = ("keep_alive", "options", "truncate")


def embeddings_path(model: str) -> str:
    return "/api/embed"


def write_embeddings(request: EmbeddingsRequest) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    body = {
        "model": request.model,
        "input": list(request.texts),
        **given({"dimensions": request.dimensions}),
        **{name: request.extra[name] for name in _OWN if name in request.extra},
    }
    return body, tuple(Loss(name, "unknown to Ollama") for name in request.extra if name not in _OWN)


@understood()
def read_embeddings(body: JSON) -> Embeddings:
    """Raises UpstreamError for another shape."""
    tokens = body.get("prompt_eval_count")
    vectors = [list(map(float, vector)) for vector in body["embeddings"]]
    return Embeddings(vectors, None if tokens is None else int(tokens))
