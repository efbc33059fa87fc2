"""Claude by Bedrock's InvokeModel and on Vertex: what differs from Anthropic's own API.

Shapes after https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html and
https://docs.claude.com/en/api/claude-on-vertex-ai
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

import orjson
import pytest

from proxy_api.catalog import facts
from proxy_api.dialects import openai_chat
from proxy_api.dialects.anthropic_hosted import Hosted, bedrock, vertex
from proxy_api.errors import GatewayError, UpstreamError, UpstreamIncomplete
from proxy_api.framing_aws import event, message
from tests.proxy_api.dialects.wire import anthropic_stream, chunks, joined

MODEL = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
HELLO = [{"role": "user", "content": "Hello"}]
EVENTS: tuple[dict[str, Any], ...] = (
    {"type": "message_start", "message": {"id": "msg_1", "model": "claude-x", "usage": {"input_tokens": 10}}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi 😀"}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
    {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 10}},
)


def written(dialect: Hosted, model: str = MODEL, **fields: Any) -> tuple[dict[str, Any], list[str]]:
    asked = openai_chat.read_request({"model": model, "messages": HELLO, "max_tokens": 50, **fields})
    body, losses = dialect.write_request(asked, facts(model))
    return body, [loss.param for loss in losses]


def chunked(*events: dict[str, Any]) -> bytes:
    wrapped = [orjson.dumps({"bytes": b64encode(orjson.dumps(said)).decode(), "p": "abc"}) for said in events]
    return b"".join(event("chunk", data) for data in wrapped)


def crossed(dialect: Hosted, upstream: bytes) -> bytes:
    pieces = iter(upstream[at : at + 1] for at in range(len(upstream)))
    return joined(openai_chat.write_stream(dialect.read_stream(dialect.frames(pieces), 1), False))


def test_on_bedrock_the_model_and_the_stream_stand_in_the_path() -> None:
    assert bedrock.path(MODEL, False) == "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke"
    assert bedrock.path("m", True) == "/model/m/invoke-with-response-stream"
    body, losses = written(bedrock, stream=True)
    assert body == {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 50, "messages": HELLO}
    assert losses == []


def test_on_vertex_the_body_says_that_it_streams() -> None:
    assert vertex.path("claude-sonnet-4-5@20250929", False) == "/models/claude-sonnet-4-5@20250929:rawPredict"
    assert vertex.path("claude/../x", True) == "/models/claude%2F..%2Fx:streamRawPredict"
    version = {"anthropic_version": "vertex-2023-10-16", "max_tokens": 50, "messages": HELLO}
    assert written(vertex)[0] == version
    assert written(vertex, stream=True)[0] == {**version, "stream": True}


def test_anthropics_tiers_are_reported_and_not_sent() -> None:
    for dialect in (bedrock, vertex):
        body, losses = written(dialect, service_tier="auto")
        assert "service_tier" not in body
        assert losses == ["service_tier"]


def test_an_effort_is_told_to_both_hosts_as_to_anthropic() -> None:
    for dialect in (bedrock, vertex):
        body, _ = written(dialect, "us.anthropic.claude-opus-4-7", reasoning_effort="low")
        assert body["thinking"]["type"] == "adaptive"
        assert body["output_config"] == {"effort": "low"}


def test_the_accept_header_names_each_hosts_stream() -> None:
    assert bedrock.accept(True) == "application/vnd.amazon.eventstream"
    assert vertex.accept(True) == "text/event-stream"


@pytest.mark.parametrize(
    ("dialect", "upstream"),
    [(bedrock, chunked(*EVENTS)), (vertex, anthropic_stream(*EVENTS))],
    ids=["bedrock", "vertex"],
)
def test_both_streams_are_anthropics_own(dialect: Hosted, upstream: bytes) -> None:
    raw = crossed(dialect, upstream)
    assert raw.endswith(b"data: [DONE]\n\n")
    said = [chunk["choices"][0] for chunk in chunks(raw)]
    assert [choice["delta"].get("content") for choice in said] == ["", "Hi 😀", None]
    assert said[-1]["finish_reason"] == "stop"


def test_a_stream_on_bedrock_that_is_cut_is_incomplete() -> None:
    for upstream in (chunked(*EVENTS[:-1]), chunked(*EVENTS)[:-1]):
        with pytest.raises(UpstreamIncomplete):
            crossed(bedrock, upstream)


@pytest.mark.parametrize("data", [b"{}", b'{"bytes":5}', b'{"bytes":"x"}', b"[]", b"{"])
def test_a_chunk_without_an_event_is_an_error(data: bytes) -> None:
    with pytest.raises(UpstreamError):
        crossed(bedrock, event("chunk", data))


def test_an_exception_and_an_error_event_in_bedrocks_stream_are_mapped() -> None:
    headers = {":message-type": "exception", ":exception-type": "throttlingException"}
    with pytest.raises(GatewayError, match="Slow") as caught:
        crossed(bedrock, chunked(EVENTS[0]) + message(b'{"message":"Slow down"}', headers))
    assert caught.value.status == 429
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    with pytest.raises(UpstreamError, match="Overloaded"):
        crossed(bedrock, chunked(EVENTS[0], overloaded))


def test_errors_come_in_each_hosts_own_shape() -> None:
    headers = {"x-amzn-errortype": "ValidationException:http://internal.amazon.com/"}
    assert bedrock.read_error(400, headers, b'{"message":"Said."}').message == "Said."
    assert bedrock.read_error(429, {"x-amzn-errortype": "ThrottlingException"}, b"{}").code == "rate_limit_exceeded"
    google = b'[{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED"}}]'
    assert (vertex.read_error(429, {}, google).message, vertex.read_error(429, {}, google).status) == (
        "Quota exceeded",
        429,
    )
    own = b'{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long"}}'
    assert vertex.read_error(400, {}, own).code == "context_length_exceeded"
    assert vertex.read_error(404, {}, b'{"error":{"message":"No such model"}}').code == "model_not_found"
    assert vertex.read_error(403, {}, google).code == "provider_auth"
    for said in (b"<html>", b"", b"[]", b"null", b'{"error":[]}'):
        assert vertex.read_error(500, {}, said).message


def test_a_beta_that_a_tool_needs_stands_in_bedrocks_body_alone() -> None:
    asked = openai_chat.read_request(
        {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "tools": [{"type": "computer_20250124"}]}
    )
    bodies = {host.name: host.write_request(asked, facts(MODEL))[0] for host in (bedrock, vertex)}
    assert bodies["anthropic_bedrock"]["anthropic_beta"] == ["computer-use-2025-01-24"]
    assert "anthropic_beta" not in bodies["anthropic_vertex"]


def test_the_clients_betas_join_those_in_bedrocks_body() -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html"""
    asked = openai_chat.read_request({"model": "m", "messages": HELLO, "tools": [{"type": "computer_20250124"}]})
    asked = replace(asked, betas=("context-1m-2025-08-07", "computer-use-2025-01-24"))
    body, _ = bedrock.write_request(asked, facts(MODEL))
    assert body["anthropic_beta"] == ["context-1m-2025-08-07", "computer-use-2025-01-24"]
    assert "anthropic_beta" not in vertex.write_request(asked, facts(MODEL))[0]
    assert bedrock.read_request(body).betas == asked.betas
