"""The providers that a row of data describes: address, where the key goes, what they refuse or call otherwise.

Adding an OpenAI-compatible provider is adding a row; its key is then read from <NAME>_API_KEY and its address from
<NAME>_BASE_URL. Every row names the vendor's page that its facts are from. Those that need more stand in clouds.py.
Where `probe` is None, the list of models is open to everybody, or no page of the vendor tells of one.
"""

from __future__ import annotations

from proxy_api.providers.clouds import CLOUDS, OPENAI_RULES, REASONING_QUIRKS, RESPONSES_ONLY
from proxy_api.upstream import Mount, Provider

_RESPONSES = {"openai": "openai_chat", "responses": "openai_responses"}

HOSTS: tuple[Provider, ...] = (
    Provider(
        name="openai",
        dialect="openai_chat",
        base_url="https://api.openai.com/v1",
        source="https://developers.openai.com/api/reference/resources/chat",
        embeddings="openai",
        endpoints=frozenset({"completions", "embeddings", "moderations", "responses"}),
        dialects=_RESPONSES,
        rules=OPENAI_RULES,
        quirks=REASONING_QUIRKS,
        model_dialects=RESPONSES_ONLY,
    ),
    # Fields that are answered with 400: https://console.groq.com/docs/openai
    Provider(
        name="groq",
        dialect="openai_chat",
        base_url="https://api.groq.com/openai/v1",
        source="https://console.groq.com/docs/api-reference",
        drops=("logprobs", "top_logprobs", "logit_bias"),
        endpoints=frozenset({"responses"}),
        dialects=_RESPONSES,
    ),
    Provider(
        name="together",
        dialect="openai_chat",
        base_url="https://api.together.xyz/v1",
        source="https://docs.together.ai/reference/chat-completions-1",
        embeddings="openai",
        endpoints=frozenset({"completions", "embeddings"}),
    ),
    # The usage comes with the last chunk, the one with the finish reason; the field is not among its parameters.
    Provider(
        name="fireworks",
        dialect="openai_chat",
        base_url="https://api.fireworks.ai/inference/v1",
        source="https://docs.fireworks.ai/tools-sdks/openai-compatibility",
        stream_usage=False,
        embeddings="openai",
        endpoints=frozenset({"completions", "embeddings", "responses"}),
        dialects=_RESPONSES,
    ),
    Provider(
        name="xai",
        dialect="openai_chat",
        base_url="https://api.x.ai/v1",
        price_list="x-ai",
        source="https://docs.x.ai/docs/api-reference",
        endpoints=frozenset({"responses"}),
        dialects=_RESPONSES,
    ),
    Provider(
        name="deepseek",
        dialect="openai_chat",
        base_url="https://api.deepseek.com",
        source="https://api-docs.deepseek.com/api/create-chat-completion",
        endpoints=frozenset({"responses"}),
        dialects=_RESPONSES,
    ),
    Provider(
        name="openrouter",
        dialect="openai_chat",
        base_url="https://openrouter.ai/api/v1",
        source="https://openrouter.ai/docs/api-reference/chat-completion",
        embeddings="openai",
        endpoints=frozenset({"completions", "embeddings", "responses"}),
        dialects=_RESPONSES,
        probe=Mount("$", "/key"),  # https://openrouter.ai/docs/api/api-reference/api-keys/get-current-api-key
    ),
    # Every chunk carries the usage so far; the field is not among its parameters.
    Provider(
        name="perplexity",
        dialect="openai_chat",
        base_url="https://api.perplexity.ai",
        source="https://docs.perplexity.ai/api-reference/chat-completions-post",
        stream_usage=False,
        env=("PPLX_API_KEY",),
        probe=Mount("$", "/router/v1/models"),  # https://docs.perplexity.ai/api-reference/gateway-models-get
    ),
    # Fields that are answered with 400: https://inference-docs.cerebras.ai/resources/openai
    Provider(
        name="cerebras",
        dialect="openai_chat",
        base_url="https://api.cerebras.ai/v1",
        source="https://inference-docs.cerebras.ai/api-reference/chat-completions",
        drops=("frequency_penalty", "presence_penalty", "logit_bias"),
        endpoints=frozenset({"completions"}),
    ),
    Provider(
        name="baseten",
        dialect="openai_chat",
        base_url="https://inference.baseten.co/v1",
        source="https://docs.baseten.co/inference/model-apis/overview",
    ),
    Provider(
        name="huggingface",
        dialect="openai_chat",
        base_url="https://router.huggingface.co/v1",
        source="https://huggingface.co/docs/inference-providers/tasks/chat-completion",
        env=("HF_TOKEN", "HUGGINGFACE_TOKEN"),
        endpoints=frozenset({"responses"}),
        dialects=_RESPONSES,
        probe=None,
    ),
    Provider(
        name="moonshotai",
        dialect="openai_chat",
        base_url="https://api.moonshot.ai/v1",
        source="https://platform.moonshot.ai/docs/api/chat",
        env=("MOONSHOT_API_KEY",),
    ),
    Provider(
        name="zai",
        dialect="openai_chat",
        base_url="https://api.z.ai/api/paas/v4",
        source="https://docs.z.ai/api-reference/llm/chat-completion",
        env=("ZHIPU_API_KEY",),
        probe=None,
    ),
    # The address outside China; inside, ALIBABA_BASE_URL=https://dashscope.aliyuncs.com/compatible-mode/v1
    Provider(
        name="alibaba",
        dialect="openai_chat",
        base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        source="https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope",
        env=("DASHSCOPE_API_KEY",),
        embeddings="openai",
        endpoints=frozenset({"embeddings"}),
        probe=None,
    ),
    Provider(
        name="crusoe",
        dialect="openai_chat",
        base_url="https://api.inference.crusoecloud.com/v1",
        source="https://docs.crusoecloud.com/managed-inference/overview",
        probe=None,
    ),
    Provider(
        name="heroku",
        dialect="openai_chat",
        base_url="https://us.inference.heroku.com/v1",
        source="https://devcenter.heroku.com/articles/heroku-inference-api-v1-chat-completions",
        env=("INFERENCE_KEY",),
        embeddings="openai",
        endpoints=frozenset({"embeddings"}),
        probe=None,
    ),
    Provider(
        name="nvidia",
        dialect="openai_chat",
        base_url="https://integrate.api.nvidia.com/v1",
        source="https://docs.api.nvidia.com/nim/reference/llm-apis",
        embeddings="openai",
        endpoints=frozenset({"embeddings"}),
        probe=None,
    ),
    Provider(
        name="sambanova",
        dialect="openai_chat",
        base_url="https://api.sambanova.ai/v1",
        source="https://docs.sambanova.ai/docs/en/features/openai-compatibility",
        embeddings="openai",
        endpoints=frozenset({"embeddings"}),
        probe=None,
    ),
    # Any other server that speaks OpenAI's chat: vLLM, llama.cpp, LM Studio, ... Its address comes with the credential.
    Provider(
        name="custom",
        dialect="openai_chat",
        base_url="",
        source="https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
        keyless=True,
        embeddings="openai",
        endpoints=frozenset({"completions", "embeddings", "moderations", "responses"}),
        dialects=_RESPONSES,
    ),
)
ROWS: tuple[Provider, ...] = (*HOSTS, *CLOUDS)
