"""Well-known model ids by provider: what GET /v1/models shows before the catalogue's table is filled."""

from __future__ import annotations

from collections.abc import Mapping

# Shown by GET /v1/models where the provider has a credential without a model list of its own.
# openai: the ids of https://developers.openai.com/api/docs/models that chat/completions serves.
WELL_KNOWN: Mapping[str, tuple[str, ...]] = {
    "openai": (
        "gpt-6.2-sol",
        "gpt-6.1-sol",
        "gpt-6.1-terra",
        "gpt-6-luna",
        "gpt-5.6-sol",
        "gpt-5.6-terra",
        "gpt-5.6-luna",
        "gpt-5.5",
        "gpt-5.4",
        "gpt-5.4-mini",
        "gpt-5.4-nano",
        "gpt-5.2",
        "gpt-5.1",
        "gpt-5",
        "gpt-5-mini",
        "gpt-5-nano",
        "gpt-4.1",
        "gpt-4.1-mini",
        "gpt-4.1-nano",
        "gpt-4o",
        "gpt-4o-mini",
        "o4-mini",
        "o3",
        "o3-mini",
        "o1",
        "gpt-4-turbo",
        "gpt-4",
        "gpt-3.5-turbo",
    ),
    # https://platform.claude.com/docs/en/models/overview
    "anthropic": (
        "claude-fable-5-1",
        "claude-opus-5-5",
        "claude-sonnet-5-5",
        "claude-haiku-5-5",
        "claude-opus-5",
        "claude-sonnet-5",
        "claude-opus-4-8",
        "claude-opus-4-7",
        "claude-opus-4-6",
        "claude-sonnet-4-6",
        "claude-opus-4-5",
        "claude-sonnet-4-5",
        "claude-haiku-4-5",
    ),
    # https://console.groq.com/docs/models
    "groq": (
        "llama-3.3-70b-versatile",
        "llama-3.1-8b-instant",
        "openai/gpt-oss-120b",
        "openai/gpt-oss-20b",
        "qwen/qwen3-32b",
        "moonshotai/kimi-k2-instruct-0905",
    ),
    # https://docs.mistral.ai/getting-started/models
    "mistral": (
        "mistral-large-latest",
        "mistral-medium-latest",
        "mistral-small-latest",
        "magistral-medium-latest",
        "codestral-latest",
        "ministral-8b-latest",
        "pixtral-large-latest",
    ),
    # https://api-docs.deepseek.com/quick_start/pricing
    "deepseek": ("deepseek-chat", "deepseek-reasoner"),
    # https://docs.x.ai/docs/models
    "xai": (
        "grok-4",
        "grok-4-fast-reasoning",
        "grok-4-fast-non-reasoning",
        "grok-3",
        "grok-3-mini",
        "grok-code-fast-1",
    ),
    # https://docs.perplexity.ai/getting-started/models
    "perplexity": ("sonar", "sonar-pro", "sonar-reasoning-pro", "sonar-deep-research"),
    # https://inference-docs.cerebras.ai/models/overview
    "cerebras": ("gpt-oss-120b", "llama-3.3-70b", "llama3.1-8b", "qwen-3-32b"),
}
