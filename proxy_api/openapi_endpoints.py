"""How the endpoints beside chat stand in the OpenAPI document.

Shapes: https://developers.openai.com/api/reference/resources/completions , /embeddings , /moderations
"""

from __future__ import annotations

from typing import Any

from proxy_api.openapi import CHAT, CHAT_REQUEST, CHAT_RESPONSE, FAILURES, Schema, header, nullable, text

INPUT: Schema = {"description": "a text, or a list of texts or of token ids"}
CACHE_HEADERS = CHAT["parameters"]
COMPLETIONS_REQUEST: Schema = {
    "type": "object",
    "required": ["model"],
    "additionalProperties": True,
    "properties": {
        "model": text("`provider/model`, or a bare name that the catalogue knows"),
        "prompt": INPUT,
        "suffix": nullable("string"),
        "echo": nullable("boolean"),
        "max_tokens": nullable("integer", minimum=-1),
        "temperature": nullable("number", "0 makes the answer cacheable; the range is the provider's"),
        "seed": nullable("integer", "set, it makes the answer cacheable"),
        "stream": nullable("boolean"),
        "logprobs": nullable("integer"),
        "stop": {"description": "a string, or up to four"},
    },
}
COMPLETIONS_RESPONSE: Schema = {
    "type": "object",
    "required": ["id", "object", "created", "model", "choices"],
    "properties": {
        "id": text(),
        "object": {"const": "text_completion"},
        "created": {"type": "integer", "description": "Unix seconds"},
        "model": text(),
        "choices": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"index": {"type": "integer"}, "text": text(), "finish_reason": text()},
            },
        },
        "usage": nullable("object"),
    },
}
EMBEDDINGS_REQUEST: Schema = {
    "type": "object",
    "required": ["model", "input"],
    "additionalProperties": True,
    "properties": {
        "model": text("`provider/model`, or a bare name that the catalogue knows"),
        "input": INPUT,
        "encoding_format": nullable("string", "float, or base64 of little-endian float32", enum=["float", "base64"]),
        "dimensions": nullable("integer", "length of the vectors, where the model can choose", minimum=1),
        "user": nullable("string"),
    },
}
EMBEDDINGS_RESPONSE: Schema = {
    "type": "object",
    "required": ["object", "data", "model"],
    "properties": {
        "object": {"const": "list"},
        "data": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "object": {"const": "embedding"},
                    "index": {"type": "integer"},
                    "embedding": {"oneOf": [{"type": "array", "items": {"type": "number"}}, text("base64")]},
                },
            },
        },
        "model": text(),
        "usage": nullable("object"),
    },
}
MODERATIONS_REQUEST: Schema = {
    "type": "object",
    "required": ["input"],
    "additionalProperties": True,
    "properties": {"model": text("omni-moderation-latest where none is named"), "input": INPUT},
}
MODERATIONS_RESPONSE: Schema = {
    "type": "object",
    "required": ["results"],
    "properties": {
        "id": text(),
        "model": text(),
        "results": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"flagged": {"type": "boolean"}, "categories": {"type": "object"}},
            },
        },
    },
}

COMPLETIONS: dict[str, Any] = {
    "summary": "Legacy completion of a prompt",
    "description": "Passed on to providers that have it; a chat model is refused. Cached as chat is.",
    "tags": ["completions"],
    "request": {"application/json": COMPLETIONS_REQUEST},
    "responses": {
        (200, "application/json"): COMPLETIONS_RESPONSE,
        (200, "text/event-stream"): text("`data:` lines of text_completion objects, then `data: [DONE]`"),
        **FAILURES,
    },
    "parameters": CACHE_HEADERS,
}
EMBEDDINGS: dict[str, Any] = {
    "summary": "Embeddings of texts",
    "description": "Always cached, unless x-bt-use-cache or Cache-Control say otherwise.",
    "tags": ["embeddings"],
    "request": {"application/json": EMBEDDINGS_REQUEST},
    "responses": {(200, "application/json"): EMBEDDINGS_RESPONSE, **FAILURES},
    "parameters": CACHE_HEADERS,
}
MODERATIONS: dict[str, Any] = {
    "summary": "Moderation of texts and images",
    "description": "Always cached, unless x-bt-use-cache or Cache-Control say otherwise.",
    "tags": ["moderations"],
    "request": {"application/json": MODERATIONS_REQUEST},
    "responses": {(200, "application/json"): MODERATIONS_RESPONSE, **FAILURES},
    "parameters": CACHE_HEADERS,
}
AUTO: dict[str, Any] = {
    "summary": "Chat or legacy completion, by what the model is for",
    "tags": ["chat"],
    "request": {"application/json": {"oneOf": [CHAT_REQUEST, COMPLETIONS_REQUEST]}},
    "responses": {
        (200, "application/json"): {"oneOf": [CHAT_RESPONSE, COMPLETIONS_RESPONSE]},
        (200, "text/event-stream"): text("as of the endpoint that was chosen"),
        **FAILURES,
    },
    "parameters": CACHE_HEADERS,
}
CREDENTIALS_REQUEST: Schema = {
    "type": "object",
    "additionalProperties": True,
    "properties": {
        "model": nullable("string", "the only model that it may use; none: those of its key"),
        "ttl_seconds": nullable("number", "its life", minimum=1, maximum=86_400, default=600),
        "logging": nullable(
            "object",
            "what its calls are logged under, as by x-bt-parent",
            properties={
                "project_name": text(),
                "parent": text("project_id:..., project_name:..., experiment_id:..., or an exported span"),
                "compress_audio": {"type": "boolean", "description": "kept, and without meaning here"},
            },
        ),
    },
}
CREDENTIALS: dict[str, Any] = {
    "summary": "A temporary credential: a token with at most the rights of the key that asks",
    "description": "For a browser or a job that should not hold a key. It counts against its key's limits, is bound to "
    "the organization that x-bt-org-name names, and ends with its key at the latest. Errors are plain text, or "
    "OpenAI's object where Accept names application/json.",
    "tags": ["credentials"],
    "request": {"application/json": CREDENTIALS_REQUEST},
    "responses": {
        (200, "application/json"): {"type": "object", "required": ["key"], "properties": {"key": text("a JWT")}},
        (400, "text/plain"): text("what is wrong, or a list of it as JSON"),
        (401, "text/plain"): text(),
        (403, "text/plain"): text(),
        (503, "text/plain"): text(),
    },
    "parameters": [header("x-bt-org-name", "the organization that it is bound to")],
}
RELAYED: dict[str, Any] = {
    "summary": "Any other path of OpenAI's API, passed on",
    "description": "audio, images, files, batches and more: path, method, query and body as they are, to "
    "the provider of the model that a JSON body or a form names, or of the credential that x-bt-endpoint-name names. "
    "Never cached.",
    "tags": ["relayed"],
    "request": {"application/json": {"type": "object"}, "multipart/form-data": {"type": "object"}},
    "responses": {(200, "*/*"): {"description": "the provider's answer"}, **FAILURES},
    "parameters": [header("x-bt-endpoint-name", "use the credential of this name")],
}
RESPONSES_REQUEST: dict[str, Any] = {
    "type": "object",
    "required": ["model", "input"],
    "properties": {
        "model": text(),
        "input": {"oneOf": [text(), {"type": "array", "items": {"type": "object"}}]},
        "instructions": text(),
        "max_output_tokens": {"type": "integer"},
        "stream": {"type": "boolean"},
    },
}
RESPONSES: dict[str, Any] = {
    "summary": "A response, OpenAI's other language for chats",
    "description": "As it is to a provider that has it. A model of any other provider is asked as a chat and answers "
    "as a response; turns that OpenAI keeps and its own tools are refused there. Cached as chat is, but for calls that "
    "run in the background, go on with a conversation, or have tools that run at the provider.",
    "tags": ["chat"],
    "request": {"application/json": RESPONSES_REQUEST},
    "responses": {
        (200, "application/json"): {"type": "object"},
        (200, "text/event-stream"): text("`event:` and `data:` lines, the last one `response.completed`"),
        **FAILURES,
    },
    "parameters": CACHE_HEADERS,
}
