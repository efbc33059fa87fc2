"""OpenAI Responses: https://developers.openai.com/api/reference/resources/responses

The only language of some of OpenAI's models (o1-pro, gpt-5-codex, ...), and one more of many other hosts.
request_out writes a request: its messages (items_out, reasoning), tools and answer format (tools_out), limits, sampling
and reasoning (tuning_out) within what the model takes (facts). request_in and items_in read one. response and stream_in
read an answer, response and stream_out write one; tally judges a stream that is relayed, stream_whole streams a
finished response. usage: token counts. errors: failures over HTTP and in-band.
Choice: stateless. OpenAI stores nothing unless the client asks; thoughts come sealed and go back with the next turn.
"""

from proxy_api.dialects.openai_responses.errors import read_error, write_error
from proxy_api.dialects.openai_responses.request_in import read_request
from proxy_api.dialects.openai_responses.request_out import write_request
from proxy_api.dialects.openai_responses.response import NAME, judge, read_response, write_response
from proxy_api.dialects.openai_responses.stream_in import read_stream
from proxy_api.dialects.openai_responses.stream_out import write_stream
from proxy_api.dialects.openai_responses.stream_whole import unfold
from proxy_api.dialects.openai_responses.tally import Tally, is_whole
from proxy_api.dialects.openai_responses.usage import usage_of
from proxy_api.framing import accept, frames

__all__ = [
    "Tally",
    "accept",
    "any_base64",
    "frames",
    "is_whole",
    "judge",
    "name",
    "path",
    "read_error",
    "read_request",
    "read_response",
    "read_stream",
    "repeats_prefill",
    "unfold",
    "usage_of",
    "wants_bytes",
    "write_error",
    "write_request",
    "write_response",
    "write_stream",
]

name = NAME
wants_bytes = False
repeats_prefill = False
any_base64 = False


def path(model: str, stream: bool) -> str:
    return "/responses"
