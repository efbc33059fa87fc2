"""Gemini's generateContent, of AI Studio and of Vertex AI: https://ai.google.dev/api/generate-content

request_out writes a request: its contents (messages_out, media), tools and answer format (tools_out), reasoning and
sampling (tuning_out). request_in reads one. stream_in and response read an answer (partial: arguments in pieces),
answer says what its words mean; response and stream_out write one. errors: the error body. embeddings (AI Studio) and
vertex_embeddings: the languages of their endpoints.
Invariant: write_request sends an explicit list of fields; what is not on it never reaches Google and is reported.
"""

from urllib.parse import quote

from proxy_api.dialects.google.errors import read_error, write_error
from proxy_api.dialects.google.request_in import read_request
from proxy_api.dialects.google.request_out import write_request
from proxy_api.dialects.google.response import read_response, write_response
from proxy_api.dialects.google.stream_in import read_stream
from proxy_api.dialects.google.stream_out import write_stream
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

name = "google"
wants_bytes = False  # Google fetches public addresses itself
repeats_prefill = False
any_base64 = True  # https://protobuf.dev/programming-guides/json/ : bytes in either alphabet


def path(model: str, stream: bool) -> str:
    """The same on both hosts: the base URL of Vertex AI ends in /publishers/google."""
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"/models/{quote(model.removeprefix('models/'), safe='')}:{method}"
