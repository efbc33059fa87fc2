"""The one validator of a client's chat request: a table of fields, each with its rule.

https://developers.openai.com/api/reference/resources/chat names the fields, types and ranges. Unknown fields pass and
are forwarded; null stands for an absent field. Where hosts of the family allow more than OpenAI, the wider rule
stands and the host judges; what OpenAI alone refuses is a fact of its rows (Provider.rules).
https://docs.vllm.ai/en/latest/api/vllm/sampling_params , https://docs.ollama.com/modelfile : wider ranges.
Extensions: top_k, reasoning_enabled, reasoning_budget, use_cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy_api.errors import BadRequest
from proxy_api.shape_messages import TYPE_NAME, check_messages
from proxy_api.shape_rules import (
    CONTROL,
    INT64,
    Rule,
    a_dict,
    anything,
    either,
    filled,
    flag,
    integer,
    items,
    mapping,
    matching,
    missing,
    number,
    one_of,
    record,
    short,
    text,
    wrong_type,
    wrong_value,
)

MAX_TEXT = 64 * 1024
MAX_MODEL = 1024
MAX_TOKENS = 2**31 - 1
NO_LIMIT = -1
MAX_STOPS = 16  # OpenAI takes 4, DeepSeek 16: https://api-docs.deepseek.com/api/create-chat-completion


# -- tools -------------------------------------------------------------------------------------------------------
FUNCTION_NAME = matching(r"[a-zA-Z0-9_-]{1,64}", "expected 1 to 64 of the characters a-z, A-Z, 0-9, _ and -")
_FUNCTION = record({"name": FUNCTION_NAME, "description": text, "parameters": a_dict, "strict": flag}, ("name",))
_CUSTOM = record({"name": FUNCTION_NAME, "description": text, "format": a_dict}, ("name",))
_NAMED = record({"name": filled}, ("name",))
_ALLOWED = record({"mode": one_of("auto", "required"), "tools": items(a_dict)}, ("mode", "tools"))
_TOOLS: Mapping[str, Rule] = {"function": _FUNCTION, "custom": _CUSTOM}
_CHOICES: Mapping[str, Rule] = {"function": _NAMED, "custom": _NAMED, "allowed_tools": _ALLOWED}


def _tagged(rules: Mapping[str, Rule]) -> Rule:
    """An object whose `type` names the member that holds the rest; other types are vendors' and pass. Mistral's
    client leaves the type of a function out."""

    def check(value: Any, param: str) -> None:
        if type(value) is not dict:
            raise wrong_type(param, "an object", value)
        kind = value.get("type") or ("function" if "function" in value else None)
        if kind is None:
            raise missing(f"{param}.type")
        TYPE_NAME(kind, f"{param}.type")
        if kind in rules:
            if value.get(kind) is None:
                raise missing(f"{param}.{kind}")
            rules[kind](value[kind], f"{param}.{kind}")

    return check


# `any` is Mistral's word for required: https://docs.mistral.ai/api/endpoint/chat
_TOOL_CHOICE = either(str, one_of("auto", "none", "required", "any"), _tagged(_CHOICES))


# -- the rest ----------------------------------------------------------------------------------------------------
def _model(value: Any, param: str) -> None:
    text(value, param)
    if not value.strip() or len(value) > MAX_MODEL or CONTROL.search(value):
        raise wrong_value(param, f"expected a model name of 1 to {MAX_MODEL} characters, no control characters")


# regex: Perplexity; grammar: Fireworks; structural_tag: vLLM; json: Hugging Face TGI
_FORMAT = record(
    {
        "type": one_of("text", "json_object", "json_schema", "regex", "grammar", "structural_tag", "json"),
        "json_schema": record({"name": text, "description": text, "schema": a_dict, "strict": flag}),
    },
    ("type",),
)


def _response_format(value: Any, param: str) -> None:
    """Together puts the schema next to the type: https://docs.together.ai/docs/json-mode"""
    _FORMAT(value, param)
    if value["type"] == "json_schema" and value.get("json_schema") is None and value.get("schema") is None:
        raise missing(f"{param}.json_schema")


_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max", "default")  # default: Groq
_TIERS = ("auto", "default", "flex", "scale", "priority", "fast")
_OTHER_TIERS = ("on_demand", "performance", "standard", "standard_only", "reserved")  # Groq, Anthropic, Bedrock
_TOKEN_ID = matching(r"-?[0-9]{1,10}", "expected token ids as names")
_PAIR_NAME, _PAIR_VALUE = short(64), short(512)  # https://developers.openai.com/api/reference: metadata
_PENALTY = number(-2, 2)
_TOKENS = integer(1, MAX_TOKENS)


def _limit(value: Any, param: str) -> None:
    """-1 means none at LM Studio and llama.cpp: https://lmstudio.ai/docs/developer/rest/endpoints"""
    if value != NO_LIMIT or type(value) is not int:
        _TOKENS(value, param)


_LONG_TEXT = short(MAX_TEXT)

FIELDS: Mapping[str, Rule] = {
    "model": _model,
    "messages": check_messages,
    "temperature": number(),  # Ollama and llama.cpp have no upper bound
    "top_p": number(0, 1),
    "top_k": integer(-1),
    "n": integer(1),  # vLLM takes 16384 and more
    "max_tokens": _limit,
    "max_completion_tokens": _limit,
    "stream": flag,
    "stream_options": record({"include_usage": flag, "include_obfuscation": flag}),
    "stop": either(str, filled, items(filled, high=MAX_STOPS)),
    "presence_penalty": _PENALTY,
    "frequency_penalty": _PENALTY,
    "logit_bias": mapping(_TOKEN_ID, number(-100, 100), 4096),
    "logprobs": either(int, integer(0, 20), flag),  # a count at Together
    "top_logprobs": integer(-1),  # vLLM: a setting; -1 is all
    "user": _LONG_TEXT,
    "safety_identifier": _LONG_TEXT,
    "prompt_cache_key": _LONG_TEXT,
    "prompt_cache_retention": text,
    "prompt_cache_options": a_dict,
    "seed": integer(-INT64 - 1, INT64),
    "response_format": _response_format,
    "tools": items(_tagged(_TOOLS)),
    "tool_choice": _TOOL_CHOICE,
    "parallel_tool_calls": flag,
    "functions": items(_FUNCTION),
    "function_call": either(str, filled, _NAMED),
    "metadata": mapping(_PAIR_NAME, _PAIR_VALUE, 16),
    "store": flag,
    "service_tier": one_of(*_TIERS, *_OTHER_TIERS),
    "modalities": items(one_of("text", "audio", "image", "video")),
    "audio": a_dict,
    "reasoning_effort": one_of(*_EFFORTS),
    "verbosity": one_of("low", "medium", "high", "xhigh", "max"),
    "prediction": record({"type": text, "content": anything}, ("type",)),
    "web_search_options": a_dict,
    "moderation": a_dict,
    "reasoning_enabled": flag,
    "reasoning_budget": integer(-1, MAX_TOKENS),
    "use_cache": flag,
}


def check_chat(value: dict[str, Any]) -> None:
    """Returns if `value` can be a chat request; else BadRequest with the param, e.g. `messages[2].content[0].text`."""
    for name in ("model", "messages"):
        if value.get(name) is None:
            raise missing(name)
    for name, item in value.items():
        rule = FIELDS.get(name)
        if rule is not None and item is not None:
            rule(item, name)
    if value.get("stream_options") is not None and not value.get("stream"):
        raise BadRequest(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            param="stream_options",
            code="invalid_value",
        )
