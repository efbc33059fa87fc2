"""A host that says no finish reason: whole answers are whole, cut streams are not, and no other host is let off."""

import json

import pytest

from keys.outward.credentials import Credential
from proxy_api import body, relay
from proxy_api.errors import UpstreamIncomplete
from proxy_api.providers import PROVIDERS
from proxy_api.upstream import Route

CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def way(provider: str = "snowflake") -> relay.Way:
    asked = body.read(b'{"model": "snowflake/m", "messages": [{"role": "user", "content": "Hi"}], "stream": true}')
    route = Route(PROVIDERS[provider], "m", Credential(id="c", name="c", provider=provider))
    return relay.way_for(route, asked, relay.Keeping(True, 0))


def whole(**message: object) -> bytes:
    return json.dumps({"id": "", "choices": [{"index": 0, "finish_reason": "", "message": message}]}).encode()


def frames(*payloads: str) -> list[bytes | None]:
    return [f"data: {payload}\n\n".encode() for payload in payloads]


CHUNK = '{"id":"","choices":[{"index":0,"delta":{"content":"4"}}]}'


@pytest.mark.parametrize(
    ("message", "reason"), [({"content": "4", "tool_calls": None}, "stop"), ({"tool_calls": [CALL]}, "tool_calls")]
)
def test_an_answer_gets_the_reason_that_its_content_means(message: dict[str, object], reason: str) -> None:
    answering = way()
    answer = json.loads(answering.plain(whole(**message)))
    assert (answer["choices"][0]["finish_reason"], answer["choices"][0]["message"]) == (reason, message)
    assert (answering.facts.finish_reasons, answering.facts.complete) == ([reason], True)


def test_a_stream_is_complete_by_its_terminal_marker_alone() -> None:
    answering = way()
    assert list(answering.stream(iter(frames(CHUNK, "[DONE]")))) == frames(CHUNK)
    assert answering.facts.complete
    assert json.loads(answering.completion())["choices"][0]["finish_reason"] == "stop"


def test_a_stream_that_is_cut_is_not() -> None:
    with pytest.raises(UpstreamIncomplete):
        list(way().stream(iter(frames(CHUNK))))


def test_where_a_reason_is_said_its_absence_is_a_cut() -> None:
    with pytest.raises(UpstreamIncomplete):
        way("openai").plain(whole(content="4"))
    with pytest.raises(UpstreamIncomplete):
        list(way("openai").stream(iter(frames(CHUNK, "[DONE]"))))
