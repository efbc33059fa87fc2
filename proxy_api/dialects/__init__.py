"""One module per wire language, each a set of pure functions: {read,write}_{request,response,stream,error}.

Read is from the wire into the neutral chat (proxy_api.chat), write the other way.
Code map: a package a language. What they share: reading.py and saying.py for requests read and written, functions.py
for tools, names.py for their spelling, in_turn.py for streams of whole parts, failures.py for what a provider's failure
means, sentences.py for its words, foreign.py for what one provider alone has. asked.py adapts an answer to how its
request was said, prefill.py takes away the words that it repeats.
Invariant: no Django, no socket, no clock, no randomness in here, and no provider's name decides anything.
Adding a language: one module with the functions of `Dialect`, one line in DIALECTS.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, cast

from proxy_api.catalog import ModelFacts
from proxy_api.chat import JSON, ChatRequest, ChatResponse, Event, Loss
from proxy_api.dialects import (
    anthropic,
    anthropic_hosted,
    bedrock_converse,
    cohere,
    google,
    mistral,
    ollama,
    openai_chat,
    openai_responses,
)
from proxy_api.errors import GatewayError
from proxy_api.framing import Frame


class Dialect(Protocol):
    """What a wire language must know. now: Unix seconds. Iterators pass `None` (a silence) on."""

    name: str
    wants_bytes: bool  # media by reference must be fetched for it
    repeats_prefill: bool  # an answer begins with the assistant's words that its request ended with
    any_base64: bool  # it reads both alphabets of base64 (RFC 4648, 4 and 5), else the first alone

    def path(self, model: str, stream: bool) -> str:
        """What follows the base URL, percent-encoded where the vendor wants it."""

    def accept(self, stream: bool) -> str:
        """The Accept header."""

    def frames(self, pieces: Iterator[bytes | None]) -> Iterator[Frame | None]:
        """The stream's bytes cut into its frames."""

    def read_request(self, body: dict[str, Any]) -> ChatRequest:
        """Raises BadRequest naming the param."""

    def write_request(self, request: ChatRequest, facts: ModelFacts) -> tuple[dict[str, Any], tuple[Loss, ...]]:
        """The body, and what could not be said. Raises BadRequest where content cannot be said."""

    def read_response(self, body: JSON, now: int) -> ChatResponse:
        """Raises UpstreamError, UpstreamIncomplete, or what an in-band error object means."""

    def write_response(self, response: ChatResponse) -> dict[str, Any]:
        """The finished answer as the client's JSON."""

    def read_stream(self, frames: Iterator[Frame | None], now: int) -> Iterator[Event | None]:
        """Ends with Ended, or raises UpstreamError, UpstreamIncomplete, or what an error event means."""

    def write_stream(self, events: Iterator[Event | None], include_usage: bool) -> Iterator[bytes | None]:
        """Whole SSE frames; the language's own last word only after Ended."""

    def read_error(
        self, status: int, headers: Mapping[str, str], body: bytes, *, own_key: bool = False
    ) -> GatewayError:
        """own_key: the caller brought the provider key, so its 401 and 403 are told as they are."""

    def write_error(self, error: GatewayError) -> dict[str, Any]:
        """The error body of this language."""


# Type checkers do not take a module for a Protocol inside a Mapping: hence the casts.
DIALECTS: Mapping[str, Dialect] = {
    openai_chat.name: cast("Dialect", openai_chat),
    openai_responses.name: cast("Dialect", openai_responses),
    anthropic.name: cast("Dialect", anthropic),
    mistral.name: cast("Dialect", mistral),
    cohere.name: cast("Dialect", cohere),
    ollama.name: cast("Dialect", ollama),
    google.name: cast("Dialect", google),
    bedrock_converse.name: cast("Dialect", bedrock_converse),
    anthropic_hosted.bedrock.name: cast("Dialect", anthropic_hosted.bedrock),
    anthropic_hosted.vertex.name: cast("Dialect", anthropic_hosted.vertex),
}
