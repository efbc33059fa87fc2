"""How the routes of /v1 stand in the OpenAPI document: raw JSON Schemas, since the bodies are OpenAI's.

Shapes: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter

Schema = dict[str, Any]


def text(description: str = "", **more: Any) -> Schema:
    return {"type": "string", **({"description": description} if description else {}), **more}


def nullable(kind: str, description: str = "", **more: Any) -> Schema:
    return {"type": [kind, "null"], **({"description": description} if description else {}), **more}


ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": text(),
                "type": text(),
                "param": nullable("string", "the field at fault"),
                "code": nullable("string"),
            },
        }
    },
}

MESSAGE: Schema = {
    "type": "object",
    "required": ["role"],
    "properties": {
        "role": text(enum=["system", "developer", "user", "assistant", "tool", "function"]),
        "content": {"description": "text, or a list of parts (text, image_url, file, input_audio, refusal)"},
        "name": text(),
        "tool_calls": {"type": "array", "items": {"type": "object"}},
        "tool_call_id": text(),
        "reasoning": {"type": "array", "items": {"type": "object"}, "description": "[{id: signature, content}]"},
    },
}

CHAT_REQUEST: Schema = {
    "type": "object",
    "required": ["model", "messages"],
    "additionalProperties": True,
    "properties": {
        "model": text("`provider/model`, or a bare name that the catalogue knows"),
        "messages": {"type": "array", "minItems": 1, "items": MESSAGE},
        "stream": nullable("boolean"),
        "stream_options": nullable("object", properties={"include_usage": {"type": "boolean"}}),
        "temperature": nullable("number", "0 makes the answer cacheable; the range is the provider's"),
        "seed": nullable("integer", "set, it makes the answer cacheable"),
        "top_p": nullable("number", minimum=0, maximum=1),
        "n": nullable("integer", minimum=1),
        "max_tokens": nullable("integer", "-1: none, where the host has it", minimum=-1),
        "max_completion_tokens": nullable("integer", minimum=-1),
        "stop": {"description": "a string, or up to four"},
        "tools": {"type": "array", "items": {"type": "object"}},
        "tool_choice": {"description": "auto, none, required, or one tool"},
        "parallel_tool_calls": nullable("boolean"),
        "response_format": nullable("object"),
        "reasoning_effort": nullable("string"),
        "user": nullable("string"),
        "metadata": nullable("object", additionalProperties={"type": "string"}),
    },
}

CHAT_RESPONSE: Schema = {
    "type": "object",
    "required": ["id", "object", "created", "model", "choices"],
    "properties": {
        "id": text(),
        "object": {"const": "chat.completion"},
        "created": {"type": "integer", "description": "Unix seconds"},
        "model": text(),
        "choices": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "index": {"type": "integer"},
                    "message": MESSAGE,
                    "finish_reason": text(enum=["stop", "length", "tool_calls", "content_filter", "function_call"]),
                },
            },
        },
        "usage": nullable("object"),
    },
}

MODEL_OBJECT: Schema = {
    "type": "object",
    "properties": {"id": text(), "object": {"const": "model"}, "created": {"type": "integer"}, "owned_by": text()},
}
MODEL_LIST: Schema = {
    "type": "object",
    "properties": {"object": {"const": "list"}, "data": {"type": "array", "items": MODEL_OBJECT}},
}


def header(name: str, description: str, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, description=description, **more)


FAILURES = {
    (400, "application/json"): ERROR,
    (401, "application/json"): ERROR,
    (403, "application/json"): ERROR,
    (404, "application/json"): ERROR,
    (429, "application/json"): ERROR,
    (502, "application/json"): ERROR,
    (503, "application/json"): ERROR,
    (504, "application/json"): ERROR,
}

CHAT: dict[str, Any] = {
    "summary": "Chat completion, from the model that the request names",
    "description": "OpenAI's chat completions for every provider. Cached where temperature is 0 or a seed is set; "
    "equal calls of that kind that run at the same time are one. x-dragoman-cache says what happened: hit, stale, "
    "joined, stored, miss or bypass, and why.",
    "tags": ["chat"],
    "request": {"application/json": CHAT_REQUEST},
    "responses": {
        (200, "application/json"): CHAT_RESPONSE,
        (200, "text/event-stream"): text("`data:` lines of chat.completion.chunk objects, then `data: [DONE]`"),
        **FAILURES,
    },
    "parameters": [
        header("x-bt-use-cache", "whether the cache is used", enum=["auto", "always", "never"]),
        header("x-bt-cache-ttl", "life of the entry that this call writes, seconds (1 to the installation's maximum)"),
        header("x-bt-endpoint-name", "use only the credential of this name"),
        header(
            "cache-control", "no-cache, no-store, max-age=N, only-if-cached, stale-if-error=N, stale-while-revalidate=N"
        ),
    ],
}
MODELS: dict[str, Any] = {
    "operation_id": "list_models",
    "summary": "Models that this key may call",
    "tags": ["models"],
    "responses": {(200, "application/json"): MODEL_LIST, (401, "application/json"): ERROR},
}
MODEL: dict[str, Any] = {
    "operation_id": "retrieve_model",
    "summary": "One model",
    "tags": ["models"],
    "responses": {
        (200, "application/json"): MODEL_OBJECT,
        (401, "application/json"): ERROR,
        (404, "application/json"): ERROR,
    },
}
