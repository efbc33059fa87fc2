"""Silence is said, and the next credential is tried: when, when not, and never once an event was sent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.bodies import openai_error
from tests.client import Client, hello
from tests.live import Live, started_live
from tests.loopback import (
    Behaviour,
    Call,
    Upstream,
    answer,
    closed_port,
    openai_answer,
    openai_stream,
    raw,
    reset,
    stream,
)

FRAMES = openai_stream("Hello there")
GOOD_TEXT = b'"Hello'
PING = b": ping\n\n"  # each 0.3 s of silence
TRIES = 24  # each starts at a random one of two credentials: all at one of them is no chance to count on
CREDENTIAL = """
from keys.models import ProviderCredential
row = ProviderCredential(name=name, provider=provider, base_url=url)
row.put_secret(secret, "0" * 12)
row.save()
"""


@dataclass
class Pair:
    """A server with two credentials of one provider: `first` (the environment's) and `second` (the admin's)."""

    live: Live
    first: Upstream
    second: Upstream

    def script(self, first: Behaviour, second: Behaviour) -> None:
        for upstream, behaviour in ((self.first, first), (self.second, second)):
            upstream.forget()
            upstream.script(behaviour)

    def ask(self, *, streamed: bool = False, model: str = "openai/gpt-4o-mini") -> list[Client]:
        return [Client(self.live, hello(model, stream=streamed)).rest() for _ in range(TRIES)]


@pytest.fixture(scope="module")
def servers() -> Iterator[Pair]:
    more = {
        "DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS": "127.0.0.1",
        "DRAGOMAN_PING_INTERVAL": "0.3",
        "DRAGOMAN_FIRST_BYTE_TIMEOUT": "2",
        "DRAGOMAN_IDLE_TIMEOUT": "2",
    }
    with started_live(**more) as live, Upstream() as second:
        rows = [("second", "openai", second.url), ("dead", "groq", f"http://127.0.0.1:{closed_port()}")]
        rows.append(("alive", "groq", second.url))
        for name, provider, url in rows:
            live.python(CREDENTIAL, name=name, provider=provider, url=f"{url}/v1", secret=f"sk-{name}-upstream")
        time.sleep(1)
        yield Pair(live, live.upstream, second)


def good(call: Call) -> None:
    (stream(FRAMES) if call.received.json().get("stream") else answer(openai_answer()))(call)


def late(seconds: float, behaviour: Behaviour) -> Behaviour:
    def behave(call: Call) -> None:
        call.pause(seconds)
        behaviour(call)

    return behave


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "plain"])
@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503, 529])
def test_the_next_credential_is_tried_after_a_refusal(servers: Pair, status: int, streamed: bool) -> None:
    servers.script(answer(openai_error("No."), status), good)
    found = servers.ask(streamed=streamed)
    assert {client.status for client in found} == {200}
    assert all(client.done for client in found) or not streamed
    assert 0 < servers.first.count < TRIES
    assert servers.second.count == TRIES
    attempts = sorted(client.headers["x-dragoman-attempts"] for client in found)
    assert attempts.count("2") == servers.first.count
    assert {client.headers["x-bt-used-endpoint"] for client in found} == {"second"}


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_the_caller_did_wrong_is_not_tried_again(servers: Pair, status: int) -> None:
    servers.script(answer(openai_error("No."), status), good)
    found = servers.ask()
    refused = [client for client in found if client.status == status]
    assert 0 < len(refused) == servers.first.count < TRIES
    assert servers.second.count == TRIES - len(refused)


def test_the_next_credential_is_tried_when_one_cannot_be_reached(servers: Pair) -> None:
    servers.script(good, good)
    found = servers.ask(model="groq/llama-3.3-70b")
    assert {client.status for client in found} == {200}
    assert {client.headers["x-dragoman-attempts"] for client in found} == {"1", "2"}


def test_what_may_have_been_billed_is_not_tried_again(servers: Pair) -> None:
    servers.script(reset, good)
    found = servers.ask()
    assert servers.first.count + servers.second.count == TRIES
    assert sum(client.status == 502 for client in found) == servers.first.count > 0


@pytest.mark.parametrize(
    "end", [(b"data: " + openai_error("Busy") + b"\n\n",), ()], ids=["an error event", "an early end"]
)
def test_after_an_event_was_sent_nothing_is_tried_again(servers: Pair, end: tuple[bytes, ...]) -> None:
    servers.script(stream([*FRAMES[:2], *end]), good)
    found = servers.ask(streamed=True)
    broken = [client for client in found if not client.done]
    assert 0 < len(broken) == servers.first.count < TRIES
    assert servers.second.count == TRIES - len(broken)
    assert all(client.error["type"] and b"[DONE]" not in client.body for client in broken)


def test_an_error_event_before_any_other_is_still_a_refusal(servers: Pair) -> None:
    servers.script(stream([b": hello\n\n", b"data: " + openai_error("Busy", "server_error") + b"\n\n"]), good)
    assert all(client.done for client in servers.ask(streamed=True))


def test_silence_is_said_before_and_after_the_first_token(servers: Pair) -> None:
    servers.script(*[stream(FRAMES[:3] + FRAMES[-3:], lead=1.5, gap=0.7)] * 2)
    client = Client(servers.live, hello(stream=True)).rest()
    before, _, after = client.body.partition(b"data: ")
    assert client.done
    assert before.startswith(2 * PING)
    assert before.replace(PING, b"") == b""
    assert after.count(PING) >= 5


def test_before_the_headers_silence_is_said_too(servers: Pair) -> None:
    servers.script(*[late(1.8, good)] * 2)
    client = Client(servers.live, hello(stream=True)).head()
    assert time.monotonic() - client.sent_at < 1.6
    assert client.rest().done
    before, _, _ = client.body.partition(b"data: ")
    assert before.startswith(2 * PING)
    assert before.replace(PING, b"") == b""


def test_a_ping_is_no_event_and_the_next_credential_still_answers(servers: Pair) -> None:
    servers.script(late(1, answer(openai_error("No."), 500)), good)
    found = [Client(servers.live, hello(stream=True)) for _ in range(TRIES)]
    assert all(client.rest().done for client in found)
    assert 0 < servers.first.count < TRIES
    assert sum(client.body.startswith(b": ping") for client in found) == servers.first.count
    assert all(client.body.count(GOOD_TEXT) == 1 for client in found)
    row = servers.live.usage(next(client.id for client in found if client.body.startswith(b": ping")))
    assert (row["status"], row["attempts"], row["credential"]) == ("ok", 2, "second")


def test_the_connection_is_used_again_after_a_stream(servers: Pair) -> None:
    servers.script(*[raw_end_later] * 2)
    before = servers.first.connections + servers.second.connections
    assert all(client.done for client in servers.ask(streamed=True))
    assert servers.first.connections + servers.second.connections - before <= 4  # two workers, two credentials


def raw_end_later(call: Call) -> None:
    """The terminal chunk comes a moment after [DONE], in a packet of its own."""
    stream(FRAMES, end=late(0.02, raw(b"0\r\n\r\n")))(call)
