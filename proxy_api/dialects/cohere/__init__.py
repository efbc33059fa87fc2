"""Cohere's chat, version 2: https://docs.cohere.com/reference/chat

request_out writes a request: its messages (messages_out), tools and answer formats (tools_out), reasoning and sampling
(tuning_out). request_in reads one. response and stream_in read an answer, response and stream_out write one.
errors: the error body. embeddings: the language of /embed.
Invariant: write_request sends an explicit list of fields; what is not on it never reaches Cohere and is reported.
"""

from proxy_api.dialects.cohere.errors import read_error, write_error
from proxy_api.dialects.cohere.request_in import read_request
from proxy_api.dialects.cohere.request_out import write_request
from proxy_api.dialects.cohere.response import read_response, write_response
from proxy_api.dialects.cohere.stream_in import read_stream
from proxy_api.dialects.cohere.stream_out import write_stream
from proxy_api.framing import accept, frames

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

name = "cohere"
wants_bytes = False
repeats_prefill = False
any_base64 = False


def path(model: str, stream: bool) -> str:
    return "/chat"
