"""Mistral's chat completions: https://docs.mistral.ai/api/endpoint/chat

OpenAI's form with words of its own: random_seed, `any`, ids of nine characters, content lists with thinking in them.
request_out writes a request: its messages (messages_out). request_in reads one. response and stream_in read an answer,
response and stream_out write one. errors: the error bodies.
Invariant: write_request sends an explicit list of fields; Mistral answers any other with 422.
"""

from proxy_api.dialects.mistral.errors import read_error, write_error
from proxy_api.dialects.mistral.request_in import read_request
from proxy_api.dialects.mistral.request_out import write_request
from proxy_api.dialects.mistral.response import read_response, write_response
from proxy_api.dialects.mistral.stream_in import read_stream
from proxy_api.dialects.mistral.stream_out import write_stream
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

name = "mistral"
wants_bytes = False
repeats_prefill = True  # https://docs.mistral.ai/guides/prefix
any_base64 = False


def path(model: str, stream: bool) -> str:
    return "/chat/completions"
