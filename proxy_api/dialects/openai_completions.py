"""OpenAI's legacy completions, as the verbatim way needs them: a text for a prompt, plain or streamed.

https://developers.openai.com/api/reference/resources/completions . A choice is {index, text, logprobs, finish_reason}
in the finished answer and in a chunk alike, so judging is openai_chat's; a chunk's text is a piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orjson import dumps

from proxy_api.dialects import openai_chat
from proxy_api.framing import DONE


def fold(chunks: Sequence[bytes]) -> dict[str, Any]:
    """chunks: the data payloads of one whole stream. Raises UpstreamError where one is no JSON."""
    whole = openai_chat.fold(chunks)
    whole["object"] = "text_completion"
    for choice in whole["choices"]:
        del choice["message"]
        choice.setdefault("text", "")
    return whole


def unfold(completion: dict[str, Any], include_usage: bool) -> bytes:
    """A finished completion as its whole stream: a chunk for each choice, usage if it is asked for, [DONE]."""
    head = {key: value for key, value in completion.items() if key not in ("choices", "usage")}
    null: dict[str, Any] = {"usage": None} if include_usage else {}
    chunks = [head | {"choices": [choice]} | null for choice in completion["choices"]]
    if include_usage and completion.get("usage") is not None:
        chunks.append(head | {"choices": [], "usage": completion["usage"]})
    return b"".join([b"data: " + dumps(chunk) + b"\n\n" for chunk in chunks]) + DONE
