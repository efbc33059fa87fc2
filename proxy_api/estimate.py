"""What a call may use, before anybody knows: what its limits hold back for it until its usage is settled. And what it
has used, where nobody told. Pure.

Input: a token for each 4 characters of text (https://platform.openai.com/tokenizer), a flat number for each image,
document or sound. Output: what the request allows, for each choice, or a flat number; no more than the model writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from proxy_api import catalog
from proxy_api.chat import Usage

CHARACTERS = 4  # of a token
MEDIA_TOKENS = 1_000
OUTPUT_TOKENS = 1_000
MOST = 100_000_000  # whatever a client writes
MEDIA = frozenset({"image_url", "input_image", "image", "input_audio", "file", "input_file", "document"})
SAID = ("messages", "input", "prompt", "system", "instructions", "tools")
ALLOWED = ("max_completion_tokens", "max_tokens", "max_output_tokens")


@dataclass(frozen=True, slots=True)
class Tokens:
    """As cache_admin.prices counts them: nothing is known of a provider's cache beforehand."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def total(self) -> int:
        return self.input_tokens + self.output_tokens


NO_TOKENS = Tokens(0, 0)


def estimate(body: Mapping[str, Any], models: Iterable[str], *, writes: bool) -> Tokens:
    """For a request of any of OpenAI's endpoints that may be answered by one of `models`; writes: it is answered with
    tokens (not with vectors)."""
    return Tokens(asked(body), min(MOST, written(body, models)) if writes else 0)


def presumed(body: Mapping[str, Any], told: Usage | None, characters: int) -> Usage:
    """What a call used that was sent, and whose provider did not tell all of it: what was `told` until then, else what
    the request asks, and what came of the answer. Total: a provider's counts may be anything."""
    usage = told or Usage()
    return replace(
        usage,
        input_tokens=whole(usage.input_tokens) or asked(body),
        output_tokens=max(whole(usage.output_tokens), -(-characters // CHARACTERS)),
    )


def asked(body: Mapping[str, Any]) -> int:
    """Tokens of input."""
    return min(MOST, sum(read_in(body.get(name)) for name in SAID))


def read_in(value: Any) -> int:
    """Tokens of what is said in `value`, however deep. A loop, for every call is counted."""
    tokens, left = 0, [value]
    while left:
        value = left.pop()
        if isinstance(value, str):
            tokens += MEDIA_TOKENS if value.startswith("data:") else -(-len(value) // CHARACTERS)
        elif isinstance(value, dict):
            if is_media(value):
                tokens += MEDIA_TOKENS
            else:
                left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)
        elif value is not None and not isinstance(value, bool):
            tokens += 1  # a number; in `input` or `prompt` it is a token itself
    return tokens


def is_media(part: Mapping[str, Any]) -> bool:
    kind = part.get("type")
    return isinstance(kind, str) and kind in MEDIA


def written(body: Mapping[str, Any], models: Iterable[str]) -> int:
    allowed = [value for name in ALLOWED if (value := whole(body.get(name)))]
    most = min(allowed, default=OUTPUT_TOKENS)
    each = max((min(most, catalog.facts(model).max_output_tokens or most) for model in models), default=most)
    return each * max(1, whole(body.get("n"))) * prompts(body.get("prompt"))


def prompts(prompt: Any) -> int:
    """Of how many prompts a request of /completions is: a list of texts or of lists of tokens is that many."""
    many = isinstance(prompt, list) and prompt and isinstance(prompt[0], (str, list))
    return len(prompt) if many else 1


def whole(value: Any) -> int:
    """The positive integer that `value` is, else 0: relayed requests are not checked."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
