"""What a provider and a route are, as data, and the request that is made for them. No I/O.

Invariant: a provider's address and key never come from a request, only from the operator (environment or admin).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from keys.outward.options import Option, Part
from proxy_api.shape_rules import Rule

if TYPE_CHECKING:  # Django imports this module before its models may be
    from keys.outward.credentials import Credential
    from keys.secrecy.secret import Secret

Auth = Literal["bearer", "x-api-key", "api-key", "x-goog-api-key", "aws", "google", "azure"]


class Mount(NamedTuple):
    """What a dialect's path is put under, where that is not just the base URL.

    found: a pattern in the base URL; becomes: what stands in the place of what it found (\\1: its group), a template
    in which {name} and {name:otherwise} are an option or the model, and a part in [] is left out where an option in it
    is not given; after a ? stands the query. dialect, model: only for this wire language, for models of this pattern.
    """

    found: str
    becomes: str
    dialect: str = ""
    model: str = ""


MODELS = Mount("$", "/models")


@dataclass(frozen=True, slots=True)
class Quirk:
    """What some models take otherwise. model: their pattern; drops: {field: the one value that they take}; renames:
    {field: what they call it}; values: {field: {value that they do not have: the nearest}}; thinking: only where
    they think: where reasoning_effort asks them to, and where nothing is said if `thinks`."""

    model: str
    drops: Mapping[str, Any] = field(default_factory=dict)
    renames: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    thinking: bool = False
    thinks: bool = False


@lru_cache(maxsize=4096)
def spoken_of(patterns: tuple[tuple[str, str], ...], model: str) -> str:
    """The language that a model's name decides; "" where it decides none. Remembered: few names occur."""
    return next((name for pattern, name in patterns if re.search(pattern, model)), "")


@dataclass(frozen=True, slots=True)
class Provider:
    """Who answers. A new OpenAI-compatible provider is one of these and nothing else.

    name: as in `name/model`; dialect: its wire language (a key of dialects.DIALECTS); base_url: with the version, no
    trailing slash; auth: the header that carries the key; keyless: answers without a key (a local Ollama);
    stream_usage: it knows `stream_options.include_usage`; headers: always sent; env: more names of its key's variable;
    addresses: more names of its address's variable;
    renames: request fields that it calls otherwise; quirks: what some of its models take otherwise; source: the
    vendor's page for these facts.
    dialects: the word in `name:word/model` -> another of its wire languages; model_dialects: (pattern, dialect) of
    models that answer in another language than the rest; drops: fields of OpenAI chat that it refuses, left out and
    reported; rules: of fields, narrower than shape.FIELDS, in OpenAI's own language; embeddings: the language of its
    embeddings (see relay_embeddings; "" = none); endpoints: OpenAI's other endpoints that it has; options: of a
    credential, that the address and the signing need; parts: of a secret that is no single word, with their variables;
    mounts: the first that fits counts; irregular: addresses that do not come out of base_url's template as they should;
    signing_name: what AWS's signatures call it; price_list: what the list of prices calls it, if not by its name;
    says_finish: its answers have a finish reason; probe: in the place of `mounts`, what is read to try a credential:
    something small that a wrong key does not get; None: it has nothing like that.
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
    addresses: tuple[str, ...] = ()
    renames: Mapping[str, str] = field(default_factory=dict)
    quirks: tuple[Quirk, ...] = ()
    dialects: Mapping[str, str] = field(default_factory=dict)
    model_dialects: tuple[tuple[str, str], ...] = ()
    drops: tuple[str, ...] = ()
    rules: Mapping[str, Rule] = field(default_factory=dict)
    embeddings: str = ""
    endpoints: frozenset[str] = frozenset()
    options: tuple[Option, ...] = ()
    parts: tuple[Part, ...] = ()
    mounts: tuple[Mount, ...] = ()
    irregular: Mapping[str, str] = field(default_factory=dict)
    signing_name: str = "bedrock"
    price_list: str = ""
    says_finish: bool = True
    probe: Mount | None = MODELS

    def dialect_of(self, model: str, word: str = "") -> str | None:
        """The wire language for a model; `word` asks for one by name. None: it has no such language."""
        if word:
            return self.dialect if word == self.dialect else self.dialects.get(word)
        return spoken_of(self.model_dialects, model) or self.dialect


@dataclass(frozen=True, slots=True)
class Upload:
    """A body that is sent as it comes, so once only. pieces: none of them empty; length: bytes, None: not known, so it
    goes out in chunks."""

    pieces: Iterator[bytes] = field(repr=False)
    length: int | None


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """One HTTP request, ready to be sent. `trusted`: the address is the operator's word from the environment, so
    the address gate lets it point anywhere; else private addresses are refused unless the settings name them. `public`:
    no key goes along, so plain http is allowed too, and a redirect is told instead of refused."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | Upload
    stream: bool = False
    trusted: bool = False
    public: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """Where one attempt goes. position: its place as configured, before the random start; spoken: the wire language,
    the provider's usual one where nothing is said; token: what the credential's secret was exchanged for."""

    provider: Provider
    model: str
    credential: Credential
    position: int = 0
    spoken: str = ""
    token: Secret | None = None

    @property
    def dialect(self) -> str:
        return self.spoken or self.provider.dialect
