"""Whatever JSON Google sends where its parts belong, it is an answer or one of our errors."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_api.dialects import google, openai_chat
from proxy_api.errors import GatewayError
from tests.proxy_api.dialects.google.crossing import stream
from tests.proxy_api.dialects.wire import frames

many = settings(max_examples=4 * settings.default.max_examples)
KEYS = """text thought thoughtSignature functionCall name args id partialArgs jsonPath stringValue numberValue
willContinue
inlineData mimeType data index content parts finishReason role tokenCount uri startIndex groundingChunks web
groundingSupports segment groundingChunkIndices citations logprobs chosenCandidates topCandidates token candidates"""
WORDS = "STOP SAFETY MALFORMED_FUNCTION_CALL $.a $.a[0] image/png audio/L16 AAAA é f"
keys = st.sampled_from(KEYS.split())
leaves = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.sampled_from(WORDS.split())
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5), max_leaves=10
)
objects = st.dictionaries(keys, values, max_size=6)
parts = st.lists(objects | st.dictionaries(keys, objects, max_size=3), max_size=3)
candidates = st.fixed_dictionaries(
    {"content": st.fixed_dictionaries({"parts": parts}) | values},
    optional={
        "finishReason": values,
        "index": values,
        "groundingMetadata": objects,
        "citationMetadata": objects,
        "logprobsResult": objects,
    },
)
answers = st.fixed_dictionaries(
    {"candidates": st.lists(candidates, max_size=2)},
    optional={"usageMetadata": st.dictionaries(st.sampled_from(["promptTokenCount", "totalTokenCount"]), values)},
)


@many
@given(body=answers)
def test_any_answer_is_read_or_our_error(body: dict[str, Any]) -> None:
    with suppress(GatewayError):
        orjson.dumps(openai_chat.write_response(google.read_response(body, 1)))


@many
@given(events=st.lists(answers, max_size=3))
def test_any_stream_is_read_or_our_error(events: list[dict[str, Any]]) -> None:
    with suppress(GatewayError):
        list(openai_chat.write_stream(google.read_stream(frames(stream(*events), 64), 1), True))
