"""Amazon Bedrock's Converse: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html

hosted is the data: what Converse takes for each family of models. request_out writes a request: its messages
(messages_out, media, call_ids), tools (tools_out), reasoning and sampling (tuning_out). request_in reads one. response
and stream_in read an answer, response and stream_out write one. errors: the exceptions, whole and in mid-stream.
Invariant: write_request sends an explicit list of fields; what is not on it never reaches Bedrock and is reported.
"""

from urllib.parse import quote

from proxy_api.dialects.bedrock_converse.errors import read_error, write_error
from proxy_api.dialects.bedrock_converse.request_in import read_request
from proxy_api.dialects.bedrock_converse.request_out import write_request
from proxy_api.dialects.bedrock_converse.response import read_response, write_response
from proxy_api.dialects.bedrock_converse.stream_in import read_stream
from proxy_api.dialects.bedrock_converse.stream_out import write_stream
from proxy_api.framing_aws import accept, frames

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

name = "bedrock_converse"
wants_bytes = True
repeats_prefill = False
any_base64 = False


def path(model: str, stream: bool) -> str:
    """model: an id, an inference profile or an ARN, whose colons and slashes are encoded."""
    return f"/model/{quote(model, safe='')}/{'converse-stream' if stream else 'converse'}"
