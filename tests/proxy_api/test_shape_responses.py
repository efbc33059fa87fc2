"""Responses requests that a chat can hold pass as they are; what each refusal names is tested over the route."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_api.dialects import openai_responses
from proxy_api.errors import BadRequest
from proxy_api.shape_responses import check_responses

CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}", "status": "completed"}
IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}
GOOD: list[dict[str, Any]] = [
    {"input": ""},
    {"input": [{"role": "user", "content": "Hi"}], "instructions": None, "metadata": {"a": "b"}},
    {"input": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}]},
    {"input": [{"role": "user", "content": [{"type": "input_text", "text": "What?"}, IMAGE]}]},
    {"input": [CALL, {"type": "function_call_output", "call_id": "c1", "output": [IMAGE]}]},
    {"input": [{"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm"}]}]},
    {"input": "Hi", "tools": [{"type": "function", "name": "f"}], "tool_choice": {"type": "function", "name": "f"}},
    {"input": "Hi", "text": {"format": {"type": "json_schema", "name": "r", "schema": {}}, "verbosity": "low"}},
    {"input": "Hi", "reasoning": {"effort": "minimal", "summary": "auto"}, "include": ["reasoning.encrypted_content"]},
    {"input": "Hi", "background": False, "prompt": None, "a_field_of_tomorrow": {"x": 1}},
]


@pytest.mark.parametrize("fields", GOOD)
def test_what_a_chat_can_hold_passes(fields: dict[str, Any]) -> None:
    check_responses({"model": "m", **fields})


TYPES = ("message", "function_call", "function_call_output", "reasoning", "function", "json_schema", "allowed_tools")
WORDS = ("input_text", "input_image", "input_file", "user", "assistant", "auto", "c1", "{}", "data:a/b;base64,QQ==")
NAMES = ("type", "role", "content", "text", "call_id", "name", "arguments", "output", "summary", "image_url", "id")
OTHERS = ("file_data", "tools", "mode", "format", "schema", "effort", "encrypted_content", "parameters", "verbosity")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2) | st.sampled_from((*TYPES, *WORDS)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from((*NAMES, *OTHERS)), inner, max_size=5),
    max_leaves=12,
)
FIELDS = st.sampled_from(["input", "tools", "text", "reasoning", "include", "tool_choice", "instructions", "stream"])


@given(st.dictionaries(FIELDS, VALUES))
def test_whatever_passes_can_be_read_and_the_rest_is_a_refusal(fields: dict[str, Any]) -> None:
    body = {"model": "m", "input": "Hi", **fields}
    with suppress(BadRequest):
        check_responses(body)
        assert openai_responses.read_request(body).model == "m"
