"""Embeddings of Vertex AI: predict, and embedContent for the models that answer only there.

https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api
https://docs.cloud.google.com/vertex-ai/generative-ai/docs/embeddings/get-multimodal-embeddings (Gemini Embedding 2)
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from proxy_api.chat import JSON, Loss
from proxy_api.dialects.failures import understood
from proxy_api.dialects.google import embeddings as ai_studio
from proxy_api.dialects.google.errors import error_in
from proxy_api.dialects.google.fields import get
from proxy_api.embeddings import Embeddings, EmbeddingsRequest
from proxy_api.errors import BadRequest, UpstreamIncomplete

_BY_CONTENT = "gemini-embedding-2"
_ONE_BY_ONE = "gemini-embedding"  # these models take one text a request


def embeddings_path(model: str) -> str:
    method = "embedContent" if model.startswith(_BY_CONTENT) else "predict"
    return f"/models/{quote(model, safe='')}:{method}"


def write_embeddings(request: EmbeddingsRequest) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """Raises BadRequest for several texts where the model takes one."""
    if len(request.texts) > 1 and request.model.startswith(_ONE_BY_ONE):
        raise BadRequest("This model takes one text at a time on Vertex AI.", param="input", code="unsupported_value")
    size = {} if request.dimensions is None else {"outputDimensionality": request.dimensions}
    if request.model.startswith(_BY_CONTENT):
        body: dict[str, Any] = {"content": {"parts": [{"text": request.texts[0]}]}}
        return body | ({"embedContentConfig": size} if size else {}), ai_studio.unsaid(request)
    body = {"instances": [{"content": text} for text in request.texts]}
    return body | ({"parameters": size} if size else {}), ai_studio.unsaid(request)


@understood()
def read_embeddings(body: JSON) -> Embeddings:
    """Raises what an error object in a 200 means, UpstreamError, UpstreamIncomplete where there are no vectors."""
    if not isinstance(body, dict) or "predictions" not in body:
        return ai_studio.read_embeddings(body)
    if body.get("error"):
        raise error_in(body)
    found = [prediction["embeddings"] for prediction in body["predictions"]]
    if not found:
        raise UpstreamIncomplete("The provider's answer has no embeddings")
    counts = [get(item.get("statistics") or {}, "tokenCount") for item in found]
    tokens = None if None in counts else sum(int(count) for count in counts)
    return Embeddings([[float(number) for number in item["values"]] for item in found], tokens)
