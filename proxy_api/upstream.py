"""What a provider and a route are, as data, and the request that is made for them. No I/O.

Invariant: a provider's address and key never come from a request, only from the operator (environment or admin).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from keys.options import Option, Part

if TYPE_CHECKING:  # Django imports this module before its models may be
    from keys.credentials import Credential

Auth = Literal["bearer", "x-api-key", "api-key", "x-goog-api-key", "aws", "google", "azure"]


@dataclass(frozen=True, slots=True)
class Provider:
    """Who answers. A new OpenAI-compatible provider is one of these and nothing else.

    name: as in `name/model`; dialect: its wire language (a key of dialects.DIALECTS); base_url: with the version, no
    trailing slash; auth: the header that carries the key; keyless: answers without a key (a local Ollama);
    stream_usage: it knows `stream_options.include_usage`; headers: always sent; env: more names of its key's variable;
    renames: request fields that it calls otherwise; source: the vendor's page for these facts.
    dialects: the word in `name:word/model` -> another of its wire languages; model_dialects: (pattern, dialect) of
    models that answer in another language than the rest; drops: fields of OpenAI chat that it refuses, left out and
    reported; embeddings: the language of its embeddings (openai, google, cohere; "" = none); endpoints: OpenAI's other
    endpoints that it has; options: of a credential, that the address and the signing need; parts: of a secret that is
    no single word, with their variables.
    """

    name: str
    dialect: str
    base_url: str
    source: str
    auth: Auth = "bearer"
    keyless: bool = False
    stream_usage: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    env: tuple[str, ...] = ()
    renames: Mapping[str, str] = field(default_factory=dict)
    dialects: Mapping[str, str] = field(default_factory=dict)
    model_dialects: tuple[tuple[str, str], ...] = ()
    drops: tuple[str, ...] = ()
    embeddings: str = ""
    endpoints: frozenset[str] = frozenset()
    options: tuple[Option, ...] = ()
    parts: tuple[Part, ...] = ()

    def dialect_of(self, model: str, word: str = "") -> str | None:
        """The wire language for a model; `word` asks for one by name. None: it has no such language."""
        if word:
            return self.dialect if word == self.dialect else self.dialects.get(word)
        return next((name for pattern, name in self.model_dialects if re.search(pattern, model)), self.dialect)


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """One HTTP request, ready to be sent. `trusted`: the address is the operator's word from the environment, so
    the address gate lets it point anywhere; else private addresses are refused unless the settings name them."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    stream: bool = False
    trusted: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """Where one attempt goes. position: its place as configured, before the random start; spoken: the wire language,
    the provider's usual one where nothing is said."""

    provider: Provider
    model: str
    credential: Credential
    position: int = 0
    spoken: str = ""

    @property
    def dialect(self) -> str:
        return self.spoken or self.provider.dialect
