"""Whether a call may read and write the cache, and under which key. Pure: headers and JSON in, a decision out.

The rule is the reference's: `auto` caches where the answer is meant to repeat (temperature is the number 0, or a seed
is set), `always` and `never` say it outright, Cache-Control narrows it per call (RFC 9111, section 5.2.1) or lets it
have a stale answer (RFC 5861).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cache_admin.completions import ENDLESS
from proxy_api.errors import BadRequest, GatewayError

REPLAY = "replay"  # a project's cassette: kept answers alone
MODES = ("auto", "always", "never")
STREAM_FORMATS = ("openai", "vercel-ai")
LEADING_INTEGER = re.compile(r"\s*([+-]?[0-9]{1,18})", re.ASCII)
# Forwarded headers that can change an answer are part of its key.
KEYED_HEADERS = ("openai-beta", "anthropic-beta", "x-bt-project-id")
STRICT = "x-dragoman-strict"


@dataclass(frozen=True, slots=True)
class Policy:
    """read, write: may this call; max_age: oldest entry served, seconds (None: any); ttl: life of what it writes,
    seconds; bypass: why it may neither, in one word ("" where it may); only_if_cached: no provider is called;
    stale_if_error, stale_while_revalidate: how stale an entry may be, seconds, where the provider fails, and where a
    fresh one is fetched meanwhile."""

    read: bool
    write: bool
    ttl: int
    max_age: int | None = None
    bypass: str = ""
    only_if_cached: bool = False
    stale_if_error: int = 0
    stale_while_revalidate: int = 0

    @property
    def involved(self) -> bool:
        return self.read or self.write

    @property
    def shares(self) -> bool:
        """Equal calls under way may be one: who wants none but a fresh answer, leaves none, or calls nobody, has none
        in common."""
        return self.read and self.write and not self.only_if_cached


def policy(
    headers: Mapping[str, str], body: Mapping[str, Any], default_mode: str, max_ttl: int, repeats: bool = False
) -> Policy:
    """The cache decision for one request.

    headers: lower-cased request headers; default_mode: the key's own; max_ttl: seconds, default and upper bound;
    repeats: the endpoint's answers always do (embeddings).
    Raises BadRequest for an unknown mode or a TTL that is no number.
    """
    mode = one_of(headers, "x-bt-use-cache", MODES) or default_mode
    one_of(headers, "x-bt-use-creds-cache", MODES)
    ttl = time_to_live(headers.get("x-bt-cache-ttl"), max_ttl)
    wishes = directives(headers.get("cache-control"))
    bypass = refused_by(mode, repeats or repeatable(body))
    if bypass:
        return Policy(read=False, write=False, ttl=ttl, bypass=bypass, only_if_cached="only-if-cached" in wishes)
    return narrowed(ttl, wishes) if wishes else Policy(read=True, write=True, ttl=ttl)


def cassette_policy(cassette: str, headers: Mapping[str, str]) -> Policy:
    """As policy(), for a project whose calls are recorded or replayed, whatever they ask: a recording is for good, and
    a replay calls nobody. Of their wishes Cache-Control alone counts, while recording. Raises BadRequest."""
    one_of(headers, "x-bt-use-cache", MODES)
    one_of(headers, "x-bt-use-creds-cache", MODES)
    time_to_live(headers.get("x-bt-cache-ttl"), ENDLESS)
    if cassette == REPLAY:
        return Policy(read=True, write=False, ttl=ENDLESS, only_if_cached=True)
    return narrowed(ENDLESS, directives(headers.get("cache-control")))


def held_back(rules: Policy, why: str) -> Policy:
    """The rules of a call whose answer is for once only. why: in one word."""
    return Policy(False, False, rules.ttl, bypass=why, only_if_cached=rules.only_if_cached)


def asks_outright(headers: Mapping[str, str], default_mode: str) -> bool:
    """Whether its answer is to be kept whatever speaks against it. The mode is one of the known."""
    return headers.get("x-bt-use-cache", default_mode).strip().lower() == "always"


def narrowed(ttl: int, wishes: Mapping[str, str]) -> Policy:
    """What Cache-Control leaves of a call that may read and write."""
    max_age = age_limit(wishes)
    read, write = max_age != 0, "no-store" not in wishes
    return Policy(
        read,
        write,
        ttl,
        max_age,
        bypass="" if read or write else "cache-control",
        only_if_cached="only-if-cached" in wishes,
        stale_if_error=seconds(wishes.get("stale-if-error")),
        stale_while_revalidate=seconds(wishes.get("stale-while-revalidate")),
    )


def refused_by(mode: str, repeats: bool) -> str:
    """Why `mode` keeps this request from the cache; "" where it does not."""
    if mode == "never":
        return "never"
    return "" if mode == "always" or repeats else "temperature"


def repeatable(body: Mapping[str, Any]) -> bool:
    """temperature is the JSON number 0 (not "0", not false), or seed is there and not null."""
    temperature = body.get("temperature")
    zero = isinstance(temperature, int | float) and not isinstance(temperature, bool) and temperature == 0
    return zero or body.get("seed") is not None


def one_of(headers: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str | None:
    """The header's value in lower case, None where it is absent; the reference's error text for anything else."""
    value = headers.get(name)
    if value is None:
        return None
    value = value.strip().lower()
    if value not in allowed:
        raise BadRequest(f"Invalid {name} header '{value[:64]}'. Must be one of {', '.join(allowed)}", param=name)
    return value


def time_to_live(value: str | None, max_ttl: int) -> int:
    """Seconds: the header's leading integer clamped to 1..max_ttl; max_ttl where there is no header."""
    if value is None:
        return max_ttl
    found = LEADING_INTEGER.match(value)
    if not found:
        raise BadRequest("Invalid x-bt-cache-ttl header. Must be a number of seconds", param="x-bt-cache-ttl")
    return max(1, min(max_ttl, int(found[1])))


def directives(value: str | None) -> dict[str, str]:
    """Cache-Control as {name: argument or ""}, names in lower case. Of several of one name the first counts (RFC 9111,
    4.2.1)."""
    if not value:
        return {}
    pairs = [part.strip().partition("=") for part in value.split(",")]
    return {name.strip().lower(): argument.strip().strip('"') for name, _, argument in reversed(pairs) if name.strip()}


def age_limit(wishes: Mapping[str, str]) -> int | None:
    """The oldest answer that will do, seconds; 0: ask anew. An unreadable max-age counts as 0 (RFC 9111, 4.2.1)."""
    if "no-cache" in wishes:
        return 0
    if "max-age" not in wishes:
        return None
    return seconds(wishes["max-age"])


def seconds(argument: str | None) -> int:
    """A directive's delta-seconds; 0 where it is absent or none."""
    return int(argument[:18]) if argument and argument.isascii() and argument.isdigit() else 0


Verdict = Literal["fresh", "stale", "spare", "useless"]


def verdict(rules: Policy, age: float, ttl: int) -> Verdict:
    """What a kept answer is to this call: `fresh`; `stale`, but good enough while another is fetched; `spare`, for
    where the provider fails. age, ttl: seconds."""
    late = age - (ttl if rules.max_age is None else min(ttl, rules.max_age))
    if rules.read and late <= 0:
        return "fresh"
    if rules.read and late <= rules.stale_while_revalidate:
        return "stale"
    return "spare" if rules.stale_if_error and late <= rules.stale_if_error else "useless"


def not_cached() -> GatewayError:
    """Only a kept answer would have done, and none fits (RFC 9111, 5.2.1.7). Asking again changes nothing."""
    message = "No cached answer fits this request, and only-if-cached, or a project on replay, takes no other."
    return GatewayError(message, status=504, code="cache_miss", outcome="refused", headers={"x-should-retry": "false"})


def digest(secret: bytes, scope: str, target: tuple[str, ...], headers: Mapping[str, str], canonical: bytes) -> bytes:
    """The cache key: keyed BLAKE2b (RFC 7693, 32 bytes) over who asks, whom, and what.

    scope: whose answers these are; target: endpoint path, provider, its address, model, endpoint name, organization.
    Never the credential: two credentials of one provider would halve the hits.
    """
    keyed = [f"{name}={value}" for name, value in keyed_headers(headers).items()]
    parts = [scope, *target, *keyed]
    lengths = ",".join([str(len(part)) for part in parts])  # first, so that no two lists of parts read the same
    said = "".join([lengths, "\n", *parts, "\n"]).encode() + canonical
    return hashlib.blake2b(said, key=secret, digest_size=32).digest()


def keyed_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in KEYED_HEADERS if name in headers}


def asks_strictly(headers: Mapping[str, str]) -> bool:
    """A parameter that would be left out or changed is refused instead."""
    said = headers.get(STRICT)
    return said is not None and said.strip().lower() in ("1", "true")


def stream_format(headers: Mapping[str, str], stream: bool) -> None:
    """Refuse what x-bt-stream-fmt asks for and we do not speak, with the reference's text where it has one."""
    wanted = one_of(headers, "x-bt-stream-fmt", STREAM_FORMATS)
    if wanted != "vercel-ai":
        return
    if not stream:
        raise BadRequest("Vercel AI format requires the stream parameter to be set to true", param="x-bt-stream-fmt")
    raise BadRequest("x-bt-stream-fmt vercel-ai is not supported here; use openai", param="x-bt-stream-fmt")
