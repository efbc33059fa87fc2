"""Bodies as the vendors' documentation shows them, for the loopback provider.

OpenAI: https://platform.openai.com/docs/api-reference/chat/object and chat-streaming ;
Anthropic: https://docs.anthropic.com/en/api/messages and messages-streaming .
"""

from __future__ import annotations

import json
from typing import Any

OPENAI_ID = "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT"
OPENAI_MODEL = "gpt-4o-mini-2024-07-18"
ANTHROPIC_ID = "msg_01XFDUDYJgAACzvnptvVoYEL"
ANTHROPIC_MODEL = "claude-sonnet-4-5-20250929"
HELLO = "Hello! How can I assist you today?"


def openai_usage(prompt: int = 19, completion: int = 10) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def openai_answer(content: str | None = HELLO, finish: str = "stop", **fields: Any) -> bytes:
    """A chat completion; `fields` replace or add top-level ones."""
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None, "annotations": []}
    body = {
        "id": OPENAI_ID,
        "object": "chat.completion",
        "created": 1741569952,
        "model": OPENAI_MODEL,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": openai_usage(),
        "service_tier": "default",
        "system_fingerprint": "fp_06737a9306",
    }
    return json.dumps(body | fields).encode()


def openai_chunk(delta: dict[str, Any], finish: str | None = None, **fields: Any) -> bytes:
    body = {
        "id": OPENAI_ID,
        "object": "chat.completion.chunk",
        "created": 1741569952,
        "model": OPENAI_MODEL,
        "service_tier": "default",
        "system_fingerprint": "fp_06737a9306",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
    }
    return b"data: " + json.dumps(body | fields, separators=(",", ":")).encode() + b"\n\n"


def openai_stream(content: str = HELLO, finish: str = "stop", usage: bool = True, done: bool = True) -> list[bytes]:
    """The frames of a streamed completion, a word a chunk; with `usage`, the last one before [DONE] carries it."""
    null: dict[str, Any] = {"usage": None} if usage else {}
    frames = [openai_chunk({"role": "assistant", "content": "", "refusal": None}, **null)]
    frames += [openai_chunk({"content": word}, **null) for word in _words(content)]
    frames.append(openai_chunk({}, finish, **null))
    if usage:
        frames.append(openai_chunk({}, choices=[], usage=openai_usage()))
    return [*frames, b"data: [DONE]\n\n"] if done else frames


def openai_error(message: str = "Rate limit reached", type: str = "requests", code: str | None = None) -> bytes:
    return json.dumps({"error": {"message": message, "type": type, "param": None, "code": code}}).encode()


def anthropic_usage(input: int = 25, output: int = 15) -> dict[str, Any]:
    return {
        "input_tokens": input,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": output,
        "service_tier": "standard",
    }


def anthropic_answer(text: str = HELLO, stop: str = "end_turn", **fields: Any) -> bytes:
    """A message; `fields` replace or add top-level ones."""
    body = {
        "id": ANTHROPIC_ID,
        "type": "message",
        "role": "assistant",
        "model": ANTHROPIC_MODEL,
        "content": [{"type": "text", "text": text}],
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": anthropic_usage(),
    }
    return json.dumps(body | fields).encode()


def anthropic_event(type: str, **fields: Any) -> bytes:
    return f"event: {type}\ndata: {json.dumps({'type': type} | fields)}\n\n".encode()


def anthropic_stream(text: str = HELLO, stop: str = "end_turn") -> list[bytes]:
    """The frames of a streamed message, message_start to message_stop, with its ping."""
    start = json.loads(anthropic_answer(content=[], stop_reason=None, usage=anthropic_usage(output=1)))
    deltas = [
        anthropic_event("content_block_delta", index=0, delta={"type": "text_delta", "text": word})
        for word in _words(text)
    ]
    return [
        anthropic_event("message_start", message=start),
        anthropic_event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        anthropic_event("ping"),
        *deltas,
        anthropic_event("content_block_stop", index=0),
        anthropic_event(
            "message_delta", delta={"stop_reason": stop, "stop_sequence": None}, usage={"output_tokens": 15}
        ),
        anthropic_event("message_stop"),
    ]


def anthropic_blocks(content: list[dict[str, Any]], stop: str = "end_turn", **delta: Any) -> list[bytes]:
    """The frames of a message with these blocks, each in two deltas where it can come in pieces."""
    start = json.loads(anthropic_answer(content=[], stop_reason=None, usage=anthropic_usage(output=1)))
    frames = [anthropic_event("message_start", message=start)]
    for index, block in enumerate(content):
        begun, deltas = _begun(block)
        frames.append(anthropic_event("content_block_start", index=index, content_block=begun))
        frames += [anthropic_event("content_block_delta", index=index, delta=delta) for delta in deltas]
        frames.append(anthropic_event("content_block_stop", index=index))
    last = {"stop_reason": stop, "stop_sequence": None} | delta
    return [
        *frames,
        anthropic_event("message_delta", delta=last, usage={"output_tokens": 15}),
        anthropic_event("message_stop"),
    ]


def _begun(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """How a block starts in a stream, and the deltas that complete it."""
    match block["type"]:
        case "text":
            cited = [{"type": "citations_delta", "citation": citation} for citation in block.get("citations", ())]
            start = block | {"text": ""} | ({"citations": []} if "citations" in block else {})
            return start, [*_halves("text_delta", "text", block["text"]), *cited]
        case "thinking":
            signature = {"type": "signature_delta", "signature": block["signature"]}
            return block | {"thinking": "", "signature": ""}, [
                *_halves("thinking_delta", "thinking", block["thinking"]),
                signature,
            ]
        case "tool_use" | "server_tool_use" | "mcp_tool_use":
            return block | {"input": {}}, _halves("input_json_delta", "partial_json", json.dumps(block["input"]))
        case _:
            return block, []


def _halves(type: str, field: str, text: str) -> list[dict[str, Any]]:
    middle = len(text) // 2
    return [{"type": type, field: text[:middle]}, {"type": type, field: text[middle:]}]


def anthropic_error(type: str = "overloaded_error", message: str = "Overloaded") -> bytes:
    return json.dumps({"type": "error", "error": {"type": type, "message": message}, "request_id": "req_011"}).encode()


def _words(text: str) -> list[str]:
    return [word if at == 0 else f" {word}" for at, word in enumerate(text.split(" "))]


# -- OpenAI beside chat: https://platform.openai.com/docs/api-reference/completions , embeddings , moderations
COMPLETION_ID = "cmpl-uqkvlQyYK7bGYrRHQ0eXlWi7"
INSTRUCT = "gpt-3.5-turbo-instruct"


def completion_choice(text: str, finish: str | None = None) -> dict[str, Any]:
    return {"text": text, "index": 0, "logprobs": None, "finish_reason": finish}


def completion_answer(text: str = HELLO, finish: str = "stop", **fields: Any) -> bytes:
    """A legacy completion; `fields` replace or add top-level ones."""
    body = {
        "id": COMPLETION_ID,
        "object": "text_completion",
        "created": 1589478378,
        "model": INSTRUCT,
        "choices": [completion_choice(text, finish)],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
    }
    return json.dumps(body | fields).encode()


def completion_stream(text: str = HELLO, finish: str = "stop", usage: bool = True) -> list[bytes]:
    whole = json.loads(completion_answer())
    head = {key: value for key, value in whole.items() if key not in ("choices", "usage")}
    chunks = [head | {"choices": [completion_choice(word)]} for word in _words(text)]
    chunks.append(head | {"choices": [completion_choice("", finish)]})
    if usage:
        chunks.append(head | {"choices": [], "usage": whole["usage"]})
    return [*(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks), b"data: [DONE]\n\n"]


def embeddings_answer(*vectors: Any, **fields: Any) -> bytes:
    """vectors: lists of floats, or base64 texts."""
    data = [{"object": "embedding", "index": at, "embedding": vector} for at, vector in enumerate(vectors)]
    usage = {"prompt_tokens": 8, "total_tokens": 8}
    body = {"object": "list", "data": data, "model": "text-embedding-3-small", "usage": usage}
    return json.dumps(body | fields).encode()


def moderation_answer(flagged: bool = False) -> bytes:
    result = {"flagged": flagged, "categories": {"violence": flagged}, "category_scores": {"violence": 0.1}}
    return json.dumps({"id": "modr-0d9740", "model": "omni-moderation-latest", "results": [result]}).encode()
