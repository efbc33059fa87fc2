"""Which provider a bare model name means."""

from __future__ import annotations

import re

from proxy_api.catalog.known import WELL_KNOWN

# Only names that their maker alone serves: open weights (llama, gpt-oss, qwen) are
# found through the well-known ids below and through the model lists of credentials.
_OWNERS: tuple[tuple[str, str], ...] = (
    (r"claude-", "anthropic"),
    (
        r"(ft:)?gpt-(?!oss)|chatgpt-|o[1-9](-|$)|codex-|text-embedding-(3|ada)|(omni|text)-moderation-|davinci-|babbage-"
        r"|whisper-1|tts-1|dall-e-|sora-",
        "openai",
    ),
    (r"(open-)?(mistral|mixtral|codestral|ministral|pixtral|magistral|devstral|voxtral)-", "mistral"),
    (r"deepseek-(chat|reasoner|v\d)", "deepseek"),
    (r"grok-", "xai"),
    (r"sonar", "perplexity"),
    (r"accounts/", "fireworks"),
    (r"(gemini|gemma|learnlm)-|text-embedding-00|gemini-embedding", "google"),
    (r"command-|c4ai-|embed-(v\d|english|multilingual)", "cohere"),
    (r"(kimi|moonshot)-", "moonshotai"),
    (r"glm-", "zai"),
    (r"qwen(\d|-)(?!.*/)|qw[qv]-", "alibaba"),
    (r"databricks-", "databricks"),
    (r"((us|eu|apac|jp|au|ca|global)\.)?(amazon|anthropic|meta|mistral|cohere|deepseek|ai21|writer|qwen)\.", "bedrock"),
)
_BARE = tuple((re.compile(pattern), provider) for pattern, provider in _OWNERS)


def providers_of(name: str) -> tuple[str, ...]:
    """The providers that a bare model name means, the most likely first; () for a name that nobody here knows."""
    owner = tuple(provider for pattern, provider in _BARE if pattern.match(name))
    listed = tuple(provider for provider, ids in WELL_KNOWN.items() if name in ids and provider not in owner)
    return owner + listed
