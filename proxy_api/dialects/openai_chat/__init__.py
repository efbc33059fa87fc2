"""OpenAI chat completions: https://platform.openai.com/docs/api-reference/chat

The language that clients speak, most providers answer in, and the one stored form of a finished answer.
request_in, request_out: a request read into the neutral chat and written from it. response: a finished answer, both
ways. stream_in, stream_out: its stream, both ways. errors: its error body. usage: its token counts.
The verbatim way (same language on both sides, bytes relayed as they come) needs three things only: tally judges a
provider's chunks, folding makes one completion of them, unfolding makes a stream of a finished completion.
Extensions, as the reference proxy has them: `cache_control` on parts and tools, `reasoning` lists on messages
([{id: signature, content}]), `reasoning_budget`, `reasoning_enabled`; and `reasoning_content`, DeepSeek's string.
"""

from proxy_api.dialects.openai_chat.errors import read_error, write_error
from proxy_api.dialects.openai_chat.folding import fold
from proxy_api.dialects.openai_chat.request_in import read_request
from proxy_api.dialects.openai_chat.request_out import write_request
from proxy_api.dialects.openai_chat.response import finished, judge, read_response, write_response
from proxy_api.dialects.openai_chat.stream_in import read_stream
from proxy_api.dialects.openai_chat.stream_out import write_stream
from proxy_api.dialects.openai_chat.tally import Tally, is_usage_chunk, written_in
from proxy_api.dialects.openai_chat.unfolding import unfold
from proxy_api.dialects.openai_chat.usage import usage_of
from proxy_api.framing import accept, frames

__all__ = [
    "Tally",
    "accept",
    "any_base64",
    "finished",
    "fold",
    "frames",
    "is_usage_chunk",
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
    "written_in",
]

name = "openai_chat"
wants_bytes = False
repeats_prefill = False
any_base64 = False


def path(model: str, stream: bool) -> str:
    return "/chat/completions"
