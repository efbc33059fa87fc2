"""The ways of embeddings: verbatim where the provider speaks OpenAI's language, else through the neutral form."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import cast

from proxy_api import body as request_body
from proxy_api import chat, forms
from proxy_api.dialects import DIALECTS, openai_chat, openai_responses
from proxy_api.dialects.cohere import embeddings as cohere
from proxy_api.dialects.google import embeddings as google
from proxy_api.dialects.google import vertex_embeddings as vertex
from proxy_api.dialects.ollama import embeddings as ollama
from proxy_api.embeddings import Embedder, Embeddings, read_request, write_response
from proxy_api.errors import GatewayError, UpstreamError, UpstreamIncomplete
from proxy_api.relay import (
    UNREAD,
    Completing,
    Facts,
    Keeping,
    Turn,
    Verbatim,
    Way,
    dumps,
    loads,
)
from proxy_api.upstream import Route

VERBATIM = "openai"  # what a provider's row calls OpenAI's language of embeddings
OPENAIS = frozenset({openai_chat.name, openai_responses.name})  # beside both stand the same embeddings
# By the word of the provider's row.
EMBEDDERS: Mapping[str, Embedder] = {
    "cohere": cast("Embedder", cohere),
    "google": cast("Embedder", google),
    "google_vertex": cast("Embedder", vertex),
    "ollama": cast("Embedder", ollama),
}


def language(route: Route) -> str:
    """OpenAI's where the route speaks it at all, else the provider's own."""
    return VERBATIM if route.dialect in OPENAIS else route.provider.embeddings


def way_for(route: Route, body: request_body.Body, keeping: Keeping) -> Way:
    """As relay.way_for."""
    if language(route) == VERBATIM:
        return Verbatim(route, body, keeping.keep, forms.EMBEDDINGS)
    return CrossingEmbeddings(route, body)


def path_of(route: Route) -> str:
    """What follows the provider's address."""
    if language(route) == VERBATIM:
        return "/embeddings"
    return EMBEDDERS[language(route)].embeddings_path(route.model)


class CrossingEmbeddings:
    """Texts out, vectors back, in the provider's own language of embeddings."""

    def __init__(self, route: Route, body: request_body.Body) -> None:
        self.route, self.value = route, body.value
        self.embedder = EMBEDDERS[language(route)]
        self.asked = read_request({**body.value, "model": route.model})
        self.losses: tuple[chat.Loss, ...] = ()
        self.headers: Mapping[str, str] = {}
        self.facts = Facts()
        self.answer = b""

    def complete(self, completing: Completing) -> Iterable[None]:
        return ()

    def request(self) -> bytes:
        written, self.losses = self.embedder.write_embeddings(self.asked)
        return dumps(written)

    def plain(self, answer: bytes) -> bytes:
        found = self.embedder.read_embeddings(loads(answer))
        if len(found.vectors) != len(self.asked.texts):
            raise UpstreamIncomplete("The provider's answer has not one vector for each text.")
        self.answer = written(found, self.route.model, self.value.get("encoding_format"))
        usage = None if found.input_tokens is None else chat.Usage(input_tokens=found.input_tokens, output_tokens=0)
        self.facts = Facts(usage, complete=True)
        return self.answer

    def stream(self, pieces: Iterator[bytes | None]) -> Iterator[bytes | None]:
        return cast("Iterator[bytes | None]", forms.unstreamed())

    def completion(self) -> bytes:
        return self.answer

    def turn(self) -> Turn:
        return UNREAD

    def read_error(self, status: int, headers: Mapping[str, str], answer: bytes, *, own_key: bool) -> GatewayError:
        return DIALECTS[self.route.dialect].read_error(status, headers, answer, own_key=own_key)


def written(found: Embeddings, model: str, encoding: str | None) -> bytes:
    try:
        return dumps(write_response(found, model, encoding))
    except (struct.error, OverflowError):
        raise UpstreamError("The provider's answer holds a vector that is none.") from None
