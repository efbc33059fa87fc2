"""The providers whose calls need more than an address and a key: another language, a region, a project, a deployment.

The rest, which speak OpenAI's language, stand in rows.py. Every row names the vendor's page that its facts are from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keys.outward.options import Option, Part
from proxy_api.shape_messages import answered
from proxy_api.shape_rules import Rule, integer, number
from proxy_api.upstream import Mount, Provider, Quirk

# Their variables are those of AWS's own tools: https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html
_REGION = Option("region", ("AWS_REGION", "AWS_DEFAULT_REGION"), default="us-east-1")
_AWS_KEY = (
    Part("access_key_id", "AWS_ACCESS_KEY_ID"),
    Part("secret_access_key", "AWS_SECRET_ACCESS_KEY"),
    Part("session_token", "AWS_SESSION_TOKEN", needed=False),
)
# OpenAI's models that answer by Responses alone: https://developers.openai.com/api/docs/models (each model's page), and
# what ResponsesModel has beside ChatModel: https://github.com/openai/openai-python/blob/main/src/openai/types/shared
RESPONSES_ONLY = (
    (r"^(o[1-9]|gpt-[5-9](\.\d+)?)-pro(-\d{4}|$)", "openai_responses"),
    (r"^gpt-[5-9](\.\d+)?-(codex|cyber)|^(codex-mini|gpt-daybreak-)", "openai_responses"),
    (r"^o[34](-mini)?-deep-research|^computer-use-", "openai_responses"),
)
# What OpenAI's reasoning models answer with 400: https://developers.openai.com/api/docs/guides/deployment-checklist
# (sampling only without thinking), https://developers.openai.com/api/reference/resources/chat (max_tokens) and
# https://developers.openai.com/api/docs/guides/reasoning (levels of effort; up to gpt-5.4 none is the default, from
# gpt-5.5 on medium is).
_ONE_SAMPLING: Mapping[str, Any] = {
    "temperature": 1,
    "top_p": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "logprobs": False,
    "top_logprobs": None,
    "logit_bias": None,
}
_RENAMED = {"max_tokens": "max_completion_tokens"}
REASONING_QUIRKS = (
    Quirk(
        r"^o[1-9](-|$)",
        drops={**_ONE_SAMPLING, "parallel_tool_calls": None},
        renames=_RENAMED,
        values={"reasoning_effort": {"none": "low", "minimal": "low", "xhigh": "high", "max": "high"}},
    ),
    Quirk(
        r"^gpt-5(-mini|-nano)?(-\d{4}|$)",
        drops=_ONE_SAMPLING,
        renames=_RENAMED,
        values={"reasoning_effort": {"none": "minimal", "xhigh": "high", "max": "high"}},
    ),
    Quirk(r"^gpt-([6-9]|5\.\d)", renames=_RENAMED, values={"reasoning_effort": {"minimal": "low"}}),
    Quirk(r"^gpt-5\.1(?!\d)", values={"reasoning_effort": {"xhigh": "high", "max": "high"}}),
    Quirk(r"^gpt-5\.[2-5](?!\d)", values={"reasoning_effort": {"max": "xhigh"}}),
    Quirk(r"^gpt-6-astra", values={"reasoning_effort": {"none": "low"}}),
    Quirk(r"^gpt-5\.[1-4](?!\d)", drops=_ONE_SAMPLING, thinking=True),
    Quirk(r"^gpt-([6-9]|5\.([5-9]|\d\d))(?!.*chat)", drops=_ONE_SAMPLING, thinking=True, thinks=True),
)
# What the same page names and other hosts do not share; max_tokens 0 is for completions with `echo`.
_LIMIT = integer(0)
OPENAI_RULES: Mapping[str, Rule] = {
    "messages": answered,
    "temperature": number(0, 2),
    "n": integer(1, 128),
    "top_logprobs": integer(0, 20),
    "max_tokens": _LIMIT,
    "max_completion_tokens": _LIMIT,
}
_PROJECT = "[/projects/{project}/locations/{location}]/publishers"

CLOUDS: tuple[Provider, ...] = (
    Provider(
        name="anthropic",
        dialect="anthropic",
        base_url="https://api.anthropic.com/v1",
        source="https://platform.claude.com/docs/en/api/overview",
        auth="x-api-key",
        headers={"anthropic-version": "2023-06-01"},  # https://platform.claude.com/docs/en/api/versioning
        dialects={"openai": "openai_chat"},  # https://platform.claude.com/docs/en/api/openai-sdk
    ),
    Provider(
        name="google",
        dialect="google",
        base_url="https://generativelanguage.googleapis.com/v1beta",
        source="https://ai.google.dev/api/generate-content",
        auth="x-goog-api-key",
        env=("GEMINI_API_KEY",),
        embeddings="google",
        dialects={"openai": "openai_chat"},  # https://ai.google.dev/gemini-api/docs/openai
        mounts=(Mount("$", "/openai", dialect="openai_chat"),),
    ),
    # https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations: `global` and the multi-regions have hosts
    # of their own; without a project an API key is taken ("express mode").
    Provider(
        name="vertex",
        price_list="google",
        dialect="google",
        base_url="https://{location}-aiplatform.googleapis.com/v1",
        source="https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference",
        auth="google",
        embeddings="google_vertex",
        options=(
            Option("project", ("GOOGLE_CLOUD_PROJECT",), part="project_id"),
            Option("location", ("GOOGLE_CLOUD_LOCATION",), default="global"),
        ),
        irregular={
            "https://global-aiplatform.googleapis.com/v1": "https://aiplatform.googleapis.com/v1",
            "https://us-aiplatform.googleapis.com/v1": "https://aiplatform.us.rep.googleapis.com/v1",
            "https://eu-aiplatform.googleapis.com/v1": "https://aiplatform.eu.rep.googleapis.com/v1",
        },
        dialects={"anthropic": "anthropic_vertex"},
        model_dialects=(("^claude-", "anthropic_vertex"),),
        mounts=(
            Mount("/publishers/[^/]+$", "/publishers/anthropic", dialect="anthropic_vertex"),
            Mount("/publishers/[^/]+$", "/publishers/google"),
            Mount("(/projects/[^/]+/locations/[^/]+)$", r"\1/publishers/anthropic", dialect="anthropic_vertex"),
            Mount("(/projects/[^/]+/locations/[^/]+)$", r"\1/publishers/google"),
            Mount("$", f"{_PROJECT}/anthropic", dialect="anthropic_vertex"),
            Mount("$", f"{_PROJECT}/google"),
        ),
        probe=None,
    ),
    # The key's own variable is https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html
    Provider(
        name="bedrock",
        price_list="aws",
        dialect="bedrock_converse",
        base_url="https://bedrock-runtime.{region}.amazonaws.com",
        source="https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html",
        auth="aws",
        env=("AWS_BEARER_TOKEN_BEDROCK",),
        options=(_REGION,),
        parts=_AWS_KEY,
        dialects={"converse": "bedrock_converse", "anthropic": "anthropic_bedrock"},
        # https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ListAsyncInvokes.html
        probe=Mount("$", "/async-invoke?maxResults=1"),
    ),
    # OpenAI's own models answer on another path than the rest, and by Responses alone.
    Provider(
        name="bedrock-mantle",
        price_list="aws",
        dialect="openai_chat",
        base_url="https://bedrock-mantle.{region}.api.aws/v1",
        source="https://docs.aws.amazon.com/bedrock/latest/userguide/bedrock-mantle.html",
        auth="aws",
        signing_name="bedrock-mantle",
        env=("AWS_BEARER_TOKEN_BEDROCK",),
        options=(_REGION,),
        parts=_AWS_KEY,
        endpoints=frozenset({"responses"}),
        dialects={"openai": "openai_chat", "responses": "openai_responses"},
        model_dialects=((r"^openai\.gpt-\d", "openai_responses"),),
        mounts=(Mount("(?<!/openai)/v1$", "/openai/v1", dialect="openai_responses", model=r"^openai\.gpt-\d"),),
    ),
    # An address that ends in /v1 is the new API, one in /models the models of others; a resource's own gets the form
    # with deployments (https://learn.microsoft.com/en-us/azure/ai-foundry/openai/reference), but for Responses, which
    # is a part of the new one: https://learn.microsoft.com/en-us/azure/ai-foundry/openai/how-to/responses
    Provider(
        name="azure",
        dialect="openai_chat",
        base_url="https://{resource}.openai.azure.com",
        source="https://learn.microsoft.com/en-us/azure/ai-foundry/openai/api-version-lifecycle",
        auth="azure",
        env=("AZURE_OPENAI_API_KEY",),
        addresses=("AZURE_OPENAI_ENDPOINT",),  # https://github.com/openai/openai-python#microsoft-azure-openai
        embeddings="openai",
        endpoints=frozenset({"completions", "embeddings", "responses"}),
        options=(
            Option("resource", ("AZURE_OPENAI_RESOURCE",)),
            Option("api_version", ("AZURE_OPENAI_API_VERSION", "OPENAI_API_VERSION"), default="2025-04-01-preview"),
        ),
        parts=(
            Part("tenant_id", "AZURE_TENANT_ID"),
            Part("client_id", "AZURE_CLIENT_ID"),
            Part("client_secret", "AZURE_CLIENT_SECRET"),
        ),
        dialects={"openai": "openai_chat", "responses": "openai_responses"},
        rules=OPENAI_RULES,
        quirks=REASONING_QUIRKS,
        model_dialects=RESPONSES_ONLY,  # a deployment may be called anything, most are called as their model
        mounts=(
            Mount("/v1$", "/v1"),
            Mount("/models$", "/models?api-version={api_version:2024-05-01-preview}"),
            Mount("(/openai)?$", "/openai/v1", dialect="openai_responses"),
            Mount("/deployments/[^/]+$", "/deployments/{model}?api-version={api_version}"),
            Mount("(/openai)?$", "/openai/deployments/{model}?api-version={api_version}"),
        ),
        # https://learn.microsoft.com/en-us/rest/api/azureopenai/models/list
        probe=Mount("(/models|(/openai)?(/v1|/deployments/[^/]+)?)$", "/openai/models?api-version=2024-10-21"),
    ),
    # Its own language; the one of OpenAI, which loses the tool plan and citations, has an address of its own:
    # https://docs.cohere.com/docs/compatibility-api
    Provider(
        name="cohere",
        dialect="cohere",
        base_url="https://api.cohere.com/v2",
        source="https://docs.cohere.com/reference/chat",
        env=("CO_API_KEY",),
        embeddings="cohere",
        endpoints=frozenset({"rerank"}),
        dialects={"openai": "openai_chat"},
        mounts=(Mount(r"/v\d+$", "/compatibility/v1", dialect="openai_chat"),),
        probe=Mount(r"/v\d+$", "/v1/models?page_size=1"),  # https://docs.cohere.com/reference/list-models
    ),
    Provider(
        name="mistral",
        dialect="mistral",
        base_url="https://api.mistral.ai/v1",
        source="https://docs.mistral.ai/api/endpoint/chat",
        embeddings="openai",
        endpoints=frozenset({"agents", "audio", "classifications", "embeddings", "files", "fim", "moderations", "ocr"}),
    ),
    # The native language is a neighbour of OpenAI's, with embeddings of its own: https://docs.ollama.com/api/chat
    Provider(
        name="ollama",
        dialect="openai_chat",
        base_url="http://127.0.0.1:11434/v1",
        source="https://docs.ollama.com/api/openai-compatibility",
        keyless=True,
        embeddings="ollama",
        endpoints=frozenset({"completions", "embeddings", "responses"}),
        dialects={"openai": "openai_chat", "native": "ollama", "responses": "openai_responses"},
        mounts=(Mount("(/v1|/api)?$", "", dialect="ollama"),),
        probe=Mount("(/v1|/api)?$", "/v1/models"),
    ),
    # A workspace's address; the model is the name of a serving endpoint. Tools are taken, stream_options and
    # parallel_tool_calls are not among the parameters.
    Provider(
        name="databricks",
        dialect="openai_chat",
        base_url="https://{host}/serving-endpoints",
        source="https://docs.databricks.com/aws/en/machine-learning/foundation-model-apis/api-reference",
        env=("DATABRICKS_TOKEN",),
        stream_usage=False,
        drops=("parallel_tool_calls",),
        embeddings="openai",
        endpoints=frozenset({"embeddings"}),
        options=(Option("host"),),
        # https://docs.databricks.com/api/workspace/servingendpoints/list
        probe=Mount("/serving-endpoints$", "/api/2.0/serving-endpoints"),
    ),
    Provider(
        name="snowflake",
        dialect="openai_chat",
        base_url="https://{account}.snowflakecomputing.com/api/v2/cortex/v1",
        source="https://docs.snowflake.com/en/user-guide/snowflake-cortex/cortex-rest-api",
        env=("SNOWFLAKE_PAT",),
        says_finish=False,  # Claude's answers have an empty finish_reason, their streams none
        options=(Option("account"),),
        probe=None,
    ),
    Provider(
        name="cloudflare",
        dialect="openai_chat",
        base_url="https://api.cloudflare.com/client/v4/accounts/{account_id}/ai/v1",
        source="https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility/",
        env=("CLOUDFLARE_API_TOKEN",),
        embeddings="openai",
        endpoints=frozenset({"embeddings", "responses"}),
        options=(Option("account_id"),),
        # https://developers.cloudflare.com/api/resources/ai/subresources/models/methods/list
        probe=Mount("/ai/v1$", "/ai/models/search?per_page=1"),
    ),
)
