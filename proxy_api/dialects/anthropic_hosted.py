"""Claude on other hosts: Anthropic's language with its model in the path and its version in the body.

bedrock: InvokeModel, whose stream wraps each event in an AWS event stream's `chunk`.
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
vertex: rawPredict, below an address that ends in /publishers/anthropic.
https://docs.claude.com/en/api/claude-on-vertex-ai and
https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude
Everything else is the anthropic package's. Errors come in each host's own shape.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import orjson

from proxy_api import framing, framing_aws
from proxy_api.catalog import ModelFacts
from proxy_api.chat import JSON, ChatRequest, ChatResponse, Event, Loss
from proxy_api.dialects import anthropic
from proxy_api.dialects.anthropic.native import betas_of
from proxy_api.dialects.bedrock_converse import errors as bedrock_errors
from proxy_api.errors import GatewayError, UpstreamError
from proxy_api.framing import Frame

_OWN = ("anthropic_beta", "anthropic_version")


@dataclass(frozen=True, slots=True)
class Hosted:
    """One host's variant, a `Dialect`.

    version: of Anthropic's API as the host names it; paths: of a plain answer and of a stream, around the model; keeps:
    characters of a model's id that its path holds as they are; says_stream: the body repeats that it is to be streamed;
    unwrapped, wrapped: the stream's frames as Anthropic's own, and back."""

    name: str
    version: str
    paths: tuple[str, str]
    keeps: str
    says_stream: bool
    frames: Callable[[Iterator[bytes | None]], Iterator[Frame | None]]
    accept: Callable[[bool], str]
    unwrapped: Callable[[Iterator[Frame | None]], Iterator[Frame | None]]
    wrapped: Callable[[bytes], bytes]
    read_error: Callable[..., GatewayError]
    write_error: Callable[[GatewayError], dict[str, Any]]
    wants_bytes: bool = True
    any_base64: bool = False
    repeats_prefill: bool = False

    def path(self, model: str, stream: bool) -> str:
        return self.paths[stream].format(quote(model, safe=self.keeps))

    def read_request(self, body: dict[str, Any]) -> ChatRequest:
        """The model, and on Bedrock whether it streams, stand in the path and not in here."""
        read = anthropic.read_request({"model": "", **{key: body[key] for key in body if key not in _OWN}})
        return replace(read, betas=tuple(body.get("anthropic_beta") or ()))

    def write_request(self, request: ChatRequest, facts: ModelFacts) -> tuple[dict[str, Any], tuple[Loss, ...]]:
        """Raises BadRequest as Anthropic's own does."""
        body, losses = anthropic.write_request(request, facts)
        del body["model"]
        if not self.says_stream:
            body.pop("stream", None)
            if betas := betas_of(body, request.betas):  # what Anthropic's own API and Vertex take as a header
                body["anthropic_beta"] = betas
        if body.pop("service_tier", None) is not None:
            losses = (*losses, Loss("service_tier", "Anthropic's tiers are not this host's"))
        return {"anthropic_version": self.version, **body}, losses

    def read_response(self, body: JSON, now: int) -> ChatResponse:
        return anthropic.read_response(body, now)

    def write_response(self, response: ChatResponse) -> dict[str, Any]:
        return anthropic.write_response(response)

    def read_stream(self, frames: Iterator[Frame | None], now: int) -> Iterator[Event | None]:
        return anthropic.read_stream(self.unwrapped(frames), now)

    def write_stream(self, events: Iterator[Event | None], include_usage: bool) -> Iterator[bytes | None]:
        for piece in anthropic.write_stream(events, include_usage):
            yield None if piece is None else self.wrapped(piece)


def _from_chunks(frames: Iterator[Frame | None]) -> Iterator[Frame | None]:
    """Bedrock: {"bytes": base64 of Anthropic's event}, or an exception."""
    for frame in frames:
        if frame is None:
            yield None
        elif (error := bedrock_errors.error_in(frame)) is not None:
            raise error
        elif frame.event == b"chunk":
            yield Frame(frame.raw, None, _opened(frame.data or b""))


def _opened(data: bytes) -> bytes:
    try:
        return binascii.a2b_base64(orjson.loads(data)["bytes"])
    except (KeyError, TypeError, ValueError):
        raise UpstreamError("The provider sent a chunk that holds no event") from None


def _to_chunks(piece: bytes) -> bytes:
    datas = [frame.data for frame in framing.SseReader().feed(piece) if frame.data is not None]
    chunks = [orjson.dumps({"bytes": binascii.b2a_base64(data, newline=False).decode()}) for data in datas]
    return b"".join(framing_aws.event("chunk", chunk) for chunk in chunks)


def _as_they_are(frames: Iterator[Frame | None]) -> Iterator[Frame | None]:
    return frames


def _unchanged(piece: bytes) -> bytes:
    return piece


bedrock = Hosted(
    name="anthropic_bedrock",
    version="bedrock-2023-05-31",
    paths=("/model/{}/invoke", "/model/{}/invoke-with-response-stream"),
    keeps="",
    says_stream=False,
    frames=framing_aws.frames,
    accept=framing_aws.accept,
    unwrapped=_from_chunks,
    wrapped=_to_chunks,
    read_error=bedrock_errors.read_error,
    write_error=bedrock_errors.write_error,
)
vertex = Hosted(
    name="anthropic_vertex",
    version="vertex-2023-10-16",
    paths=("/models/{}:rawPredict", "/models/{}:streamRawPredict"),
    keeps="@",
    says_stream=True,
    frames=framing.frames,
    accept=framing.accept,
    unwrapped=_as_they_are,
    wrapped=_unchanged,
    read_error=anthropic.read_error,  # which understands Google's too
    write_error=anthropic.write_error,
)
