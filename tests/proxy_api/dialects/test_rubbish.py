"""Whatever JSON a provider sends, it is an answer or one of our errors, never an exception of the parser."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_api.dialects import DIALECTS
from proxy_api.dialects.openai_chat import Tally, fold, is_usage_chunk, judge, usage_of
from proxy_api.errors import GatewayError
from tests.proxy_api.dialects.wire import frames

many = settings(max_examples=4 * settings.default.max_examples)
WORDS = """message_start content_block_start content_block_delta content_block_stop message_delta message_stop error
text thinking tool_use text_delta input_json_delta function stop STOP $.a"""
KEYS = """choices delta message tool_calls function arguments index id usage finish_reason error content reasoning name
type content_block input stop_reason prompt_tokens code x_groq text partial_json completion_tokens_details created model
stop_details function_call candidates parts functionCall partialArgs jsonPath finishReason promptFeedback usageMetadata
thoughtSignature inlineData groundingMetadata logprobsResult"""
_words, _keys = st.sampled_from(WORDS.split()), st.sampled_from(KEYS.split())
_leaves = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | _words
values = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=5), max_leaves=12
)
objects = st.dictionaries(_keys, values, max_size=6)


# Making a tree takes longer than reading it: each is read by every dialect.
@many
@given(events=st.lists(objects, max_size=4))
def test_any_stream_is_events_or_our_error(events: list[dict[str, Any]]) -> None:
    raw = b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events)
    for dialect in DIALECTS.values():
        with suppress(GatewayError):
            read = dialect.read_stream(frames(raw, 64), 1)
            list(DIALECTS["openai_chat"].write_stream(read, True))


@many
@given(
    body=values
    | st.fixed_dictionaries({"choices": st.lists(objects)})
    | st.fixed_dictionaries({"content": st.lists(objects)})
)
def test_any_body_is_an_answer_or_our_error(body: Any) -> None:
    for dialect in DIALECTS.values():
        with suppress(GatewayError):
            orjson.dumps(DIALECTS["openai_chat"].write_response(dialect.read_response(body, 1)))


@many
@given(body=values, status=st.sampled_from([200, 400, 401, 429, 500]))
def test_any_error_body_is_our_error(body: Any, status: int) -> None:
    for dialect in DIALECTS.values():
        error = dialect.read_error(status, {}, orjson.dumps(body))
        assert error.status >= 400
        assert error.message


@many
@given(st.lists(objects, max_size=4))
def test_any_chunks_are_judged_and_folded_or_our_error(events: list[dict[str, Any]]) -> None:
    chunks = [orjson.dumps(event) for event in events]
    with suppress(GatewayError):
        tally = Tally()
        for chunk in chunks:
            is_usage_chunk(tally.see(chunk))
        orjson.dumps(fold(chunks))


@many
@given(values)
def test_any_whole_body_is_judged_or_our_error(body: Any) -> None:
    with suppress(GatewayError):
        judge(body)
        usage_of(body)
