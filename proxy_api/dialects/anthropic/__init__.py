"""Anthropic Messages: https://platform.claude.com/docs/en/api/messages

request_out writes a request: its messages (messages_out), tools (tools_out) and reasoning and sampling (tuning_out).
request_in reads one. response and stream_in read an answer, response and stream_out write one. errors: the error body.
Invariant: write_request sends an explicit list of fields; what is not on it never reaches Anthropic and is reported.
"""

from proxy_api.dialects.anthropic.errors import read_error, write_error
from proxy_api.dialects.anthropic.request_in import read_request
from proxy_api.dialects.anthropic.request_out import write_request
from proxy_api.dialects.anthropic.response import read_response, write_response
from proxy_api.dialects.anthropic.stream_in import read_stream
from proxy_api.dialects.anthropic.stream_out import write_stream
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

name = "anthropic"
wants_bytes = False
repeats_prefill = False
any_base64 = False


def path(model: str, stream: bool) -> str:
    return "/messages"
