"""Embeddings, whoever makes them: what is asked for, what comes back, and OpenAI's JSON of both. Pure.

https://developers.openai.com/api/reference/resources/embeddings . A provider with an embeddings language of its own has
a module with the functions of `Embedder`; base64 is made here: little-endian float32, as OpenAI's clients decode it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from struct import pack
from typing import Any, Protocol

from proxy_api.chat import JSON, Loss
from proxy_api.errors import BadRequest

KNOWN = frozenset({"model", "input", "dimensions", "encoding_format"})


@dataclass(frozen=True, slots=True)
class EmbeddingsRequest:
    """texts: at least one; dimensions: length of the vectors, None: the model's own; extra: fields of the request that
    OpenAI does not have or that mean nothing to a vector (input_type, user), as they came."""

    model: str
    texts: tuple[str, ...]
    dimensions: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Embeddings:
    """vectors: one for each text, in their order; input_tokens: None where nobody said."""

    vectors: Sequence[Sequence[float]]
    input_tokens: int | None = None


class Embedder(Protocol):
    """An embeddings language other than OpenAI's."""

    def embeddings_path(self, model: str) -> str:
        """What follows the base URL."""

    def write_embeddings(self, request: EmbeddingsRequest) -> tuple[dict[str, Any], tuple[Loss, ...]]:
        """The body, and what could not be said. Raises BadRequest naming the param."""

    def read_embeddings(self, body: JSON) -> Embeddings:
        """Raises UpstreamError, UpstreamIncomplete."""


def read_request(value: Mapping[str, Any]) -> EmbeddingsRequest:
    """value: a request that shape has let through. Raises BadRequest for token arrays: they are OpenAI's tokens."""
    said = value["input"]
    texts = (said,) if isinstance(said, str) else tuple(said)
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            param = "input" if isinstance(text, int) else f"input[{index}]"
            raise BadRequest("This model takes texts only: tokens are OpenAI's own.", param=param, code="invalid_type")
    extra = {name: item for name, item in value.items() if name not in KNOWN and item is not None}
    return EmbeddingsRequest(value["model"], texts, value.get("dimensions"), extra)


def write_response(found: Embeddings, model: str, encoding: str | None) -> dict[str, Any]:
    """OpenAI's answer. encoding: `base64`, else the numbers as they are; usage only where it is known."""
    written = [in_base64(vector) if encoding == "base64" else vector for vector in found.vectors]
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(written)]
    tokens = found.input_tokens or 0
    return {
        "object": "list",
        "data": data,
        "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def in_base64(vector: Sequence[float]) -> str:
    return b64encode(pack(f"<{len(vector)}f", *vector)).decode()
