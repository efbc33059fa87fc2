"""Embeddings of AI Studio: batchEmbedContents. https://ai.google.dev/api/embeddings"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from proxy_api.chat import JSON, Loss
from proxy_api.dialects.failures import understood
from proxy_api.dialects.google.errors import error_in
from proxy_api.dialects.google.fields import get
from proxy_api.embeddings import Embeddings, EmbeddingsRequest
from proxy_api.errors import UpstreamError, UpstreamIncomplete


def embeddings_path(model: str) -> str:
    return f"/models/{quote(model.removeprefix('models/'), safe='')}:batchEmbedContents"


def write_embeddings(request: EmbeddingsRequest) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """One request for each text, in their order."""
    model = f"models/{request.model.removeprefix('models/')}"
    size = {} if request.dimensions is None else {"outputDimensionality": request.dimensions}
    requests = [{"model": model, "content": {"parts": [{"text": text}]}, **size} for text in request.texts]
    return {"requests": requests}, unsaid(request)


def unsaid(request: EmbeddingsRequest) -> tuple[Loss, ...]:
    return tuple(Loss(name, "unknown to Google's embeddings") for name in request.extra)


@understood()
def read_embeddings(body: JSON) -> Embeddings:
    """Raises what an error object in a 200 means, UpstreamError for anything else, UpstreamIncomplete where there are
    no vectors."""
    if not isinstance(body, dict):
        raise UpstreamError("The provider's answer is no JSON object")
    if body.get("error"):
        raise error_in(body)
    given = body.get("embeddings") or ([body["embedding"]] if body.get("embedding") else [])
    vectors = [[float(number) for number in item["values"]] for item in given]
    if not vectors:
        raise UpstreamIncomplete("The provider's answer has no embeddings")
    return Embeddings(vectors, get(get(body, "usageMetadata") or {}, "promptTokenCount"))
