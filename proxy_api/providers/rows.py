"""The providers that a row of data describes: address, dialect, where the key goes, what they call otherwise.

Adding an OpenAI-compatible provider is adding a row; its key is then read from <NAME>_API_KEY and its address from
<NAME>_BASE_URL. Every row names the vendor's page that its facts are from.
"""

from __future__ import annotations

from proxy_api.upstream import Provider

ROWS: tuple[Provider, ...] = (
    Provider(
        name="openai",
        dialect="openai_chat",
        base_url="https://api.openai.com/v1",
        source="https://developers.openai.com/api/reference/resources/chat",
    ),
    Provider(
        name="anthropic",
        dialect="anthropic",
        base_url="https://api.anthropic.com/v1",
        source="https://platform.claude.com/docs/en/api/overview",
        auth="x-api-key",
        headers={"anthropic-version": "2023-06-01"},  # https://platform.claude.com/docs/en/api/versioning
    ),
    # No stream_options in its request; the usage comes with the last chunk anyway.
    Provider(
        name="mistral",
        dialect="openai_chat",
        base_url="https://api.mistral.ai/v1",
        source="https://docs.mistral.ai/api/endpoint/chat",
        stream_usage=False,
        renames={"max_completion_tokens": "max_tokens", "seed": "random_seed"},
    ),
    Provider(
        name="groq",
        dialect="openai_chat",
        base_url="https://api.groq.com/openai/v1",
        source="https://console.groq.com/docs/api-reference",
    ),
    Provider(
        name="together",
        dialect="openai_chat",
        base_url="https://api.together.xyz/v1",
        source="https://docs.together.ai/reference/chat-completions-1",
    ),
    # The usage comes with the last chunk, the one with the finish reason; the field is not among its parameters.
    Provider(
        name="fireworks",
        dialect="openai_chat",
        base_url="https://api.fireworks.ai/inference/v1",
        source="https://docs.fireworks.ai/tools-sdks/openai-compatibility",
        stream_usage=False,
    ),
    Provider(
        name="xai",
        dialect="openai_chat",
        base_url="https://api.x.ai/v1",
        source="https://docs.x.ai/docs/api-reference",
    ),
    Provider(
        name="deepseek",
        dialect="openai_chat",
        base_url="https://api.deepseek.com",
        source="https://api-docs.deepseek.com/api/create-chat-completion",
    ),
    Provider(
        name="openrouter",
        dialect="openai_chat",
        base_url="https://openrouter.ai/api/v1",
        source="https://openrouter.ai/docs/api-reference/chat-completion",
    ),
    # Every chunk carries the usage so far; the field is not among its parameters.
    Provider(
        name="perplexity",
        dialect="openai_chat",
        base_url="https://api.perplexity.ai",
        source="https://docs.perplexity.ai/api-reference/chat-completions-post",
        stream_usage=False,
        env=("PPLX_API_KEY",),
    ),
    Provider(
        name="cerebras",
        dialect="openai_chat",
        base_url="https://api.cerebras.ai/v1",
        source="https://inference-docs.cerebras.ai/api-reference/chat-completions",
    ),
    Provider(
        name="ollama",
        dialect="openai_chat",
        base_url="http://127.0.0.1:11434/v1",
        source="https://docs.ollama.com/api/openai-compatibility",
        keyless=True,
    ),
    # Any other server that speaks OpenAI's chat: vLLM, llama.cpp, LM Studio, ... Its address comes with the credential.
    Provider(
        name="custom",
        dialect="openai_chat",
        base_url="",
        source="https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
        keyless=True,
    ),
)
