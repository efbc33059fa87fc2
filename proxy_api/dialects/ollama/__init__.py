"""Ollama's own chat: https://docs.ollama.com/api/chat

request_out writes a request: its messages (messages_out), options and tools. request_in reads one. response and
stream_in read an answer, response and stream_out write one; a stream is one JSON object a line. errors: the error body.
It takes pictures as bytes only (`wants_bytes`), and its arguments of tools are objects.
"""

from proxy_api.dialects.ollama.errors import read_error, write_error
from proxy_api.dialects.ollama.request_in import read_request
from proxy_api.dialects.ollama.request_out import write_request
from proxy_api.dialects.ollama.response import read_response, write_response
from proxy_api.dialects.ollama.stream_in import read_stream
from proxy_api.dialects.ollama.stream_out import write_stream
from proxy_api.framing_lines import lines as frames

__all__ = [
    "accept",
    "any_base64",
    "frames",
    "name",
    "path",
    "read_error",
    "read_request",
    "read_response",
    "read_stream",
    "repeats_prefill",
    "wants_bytes",
    "write_error",
    "write_request",
    "write_response",
    "write_stream",
]

name = "ollama"
wants_bytes = True
repeats_prefill = False
any_base64 = False


def path(model: str, stream: bool) -> str:
    """Below the host itself: the row's address ends in the /v1 of OpenAI's language, which its mount takes away."""
    return "/api/chat"


def accept(stream: bool) -> str:
    return "application/x-ndjson" if stream else "application/json"
