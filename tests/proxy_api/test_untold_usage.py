"""A call that its provider may bill, but whose usage it did not tell: estimated, marked, and counted by the budgets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from decimal import Decimal
from http.client import IncompleteRead
from typing import Any

import pytest

from proxy_api.framing import sse
from tests.bodies import anthropic_stream, openai_answer, openai_chunk, openai_error, openai_stream, openai_usage
from tests.client import Client, hello
from tests.live import Live, forget, started_live
from tests.loopback import Behaviour, answer, close, hang, raw, reset, stream, wire_of
from tests.proxy_api.asking import CLAUDE
from tests.proxy_api.conftest import CREDENTIALS
from tests.proxy_api.limited import Limited, limited

Act = Callable[[Limited], None]
PRICES = """
from cache_admin.models import Price
for provider in ("openai", "anthropic", "google"):
    Price.objects.update_or_create(provider=provider, model="*-*", defaults={"input": 1, "output": 10})
"""
DEADLINES = {"FIRST_BYTE": "1", "IDLE": "1", "TOTAL": "2.5"}
FRAMES = openai_stream("Hello there, this is an answer")  # a word a chunk
CAME = FRAMES[:3]  # "Hello there,": 12 characters
ASKED = 3  # tokens of `hello`
RESPONSES = "/v1/proxy/responses"
SAID = "Say hello to everybody"  # 6 tokens
DELTAS = [
    sse(json.dumps(event).encode())
    for event in (
        {"type": "response.created", "response": {"usage": None}},
        {"type": "response.output_text.delta", "delta": 'Hello "there"'},
        {"type": "response.output_text.delta", "delta": " you"},
    )
]


@pytest.fixture(scope="module")
def running_hasty() -> Iterator[Live]:
    deadlines = {f"DRAGOMAN_{name}_TIMEOUT": seconds for name, seconds in DEADLINES.items()}
    with started_live(**deadlines, DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS="127.0.0.1") as server:
        server.python(CREDENTIALS, places={"google": f"{server.upstream.url}/v1beta"})
        server.python(PRICES)
        time.sleep(1)  # every worker knows them
        yield server


@pytest.fixture
def live(running_hasty: Live) -> Live:
    """A server that waits for nobody long, and has a price for every model."""
    forget(running_hasty.upstream)
    return running_hasty


def budgeted(live: Live) -> Limited:
    return limited(live, [("tokens", 1_000_000), ("usd", 1_000)])


def row_of(key: Limited) -> dict[str, Any]:
    """The one call of this key as the ledger has it, once its budgets are settled: they say the same."""
    until = time.monotonic() + 20
    while True:
        key.live.manage("ship_usage")
        found = key.live.rows("SELECT * FROM cache_admin_usagerecord WHERE key_id = %s", key.id)
        if found and found[0]["status"] != "open":
            break
        assert time.monotonic() < until, found
        time.sleep(0.05)
    [row] = found
    tokens = (row["input_tokens"] or 0) + (row["output_tokens"] or 0)
    settled = [tokens, int((row["cost_usd"] or 0) * 10**9)]
    assert key.wait_for(lambda counts: not any(counts["held"]))["used"] == settled
    return row


def ended(live: Live, behaviour: Behaviour, act: Act) -> dict[str, Any]:
    live.upstream.script(behaviour)
    key = budgeted(live)
    act(key)
    return row_of(key)


def tokens(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["input_tokens"], row["output_tokens"], row["estimated"]


def asks(path: str = "/v1/chat/completions", **fields: Any) -> Act:
    """A call that is read to whatever end it has."""

    def act(key: Limited) -> None:
        body = {"model": "gpt-4o-mini", "input": SAID} if path == RESPONSES else hello()
        with suppress(IncompleteRead):
            key.request("POST", path, body | fields)

    return act


def leaves(mark: bytes = b"", path: str = "/v1/chat/completions", **fields: Any) -> Act:
    """A call that is left once `mark` has come, or its provider has it."""

    def act(key: Limited) -> None:
        body = {"model": "gpt-4o-mini", "input": SAID} if path == RESPONSES else hello()
        client = Client(key.live, body | fields, key.token, path)
        assert key.live.upstream.wait_until(lambda: key.live.upstream.count == 1)
        if mark:
            client.until(mark)
        time.sleep(0.1)
        client.leave()

    return act


HALF = stream(CAME, end=hang)
RELAYED_HALF = stream(DELTAS, end=hang)
ENDS: dict[str, tuple[Behaviour, Act, str, int, int]] = {
    "leaves before the head of a plain answer": (hang, leaves(), "client_disconnect", ASKED, 0),
    "leaves before the head of a stream": (hang, leaves(stream=True), "client_disconnect", ASKED, 0),
    "leaves in the middle of a plain answer": (
        raw(wire_of(openai_answer())[:-50], end=hang),
        leaves(),
        "client_disconnect",
        ASKED,
        0,
    ),
    "leaves mid-stream": (HALF, leaves(b"there", stream=True), "client_disconnect", ASKED, 3),
    "leaves a stream that it never read": (HALF, leaves(stream=True), "client_disconnect", ASKED, 3),
    "silence before the head": (hang, asks(), "timeout_first_byte", ASKED, 0),
    "silence mid-stream": (HALF, asks(stream=True), "timeout_idle", ASKED, 3),
    "a stream that is cut": (stream(CAME, gap=0.02, end=close), asks(stream=True), "incomplete", ASKED, 3),
    "a stream that ends early": (stream(CAME), asks(stream=True), "incomplete", ASKED, 3),
    "a plain answer that is cut": (raw(wire_of(openai_answer())[:-50], end=close), asks(), "incomplete", ASKED, 0),
    "a connection that is lost before the head": (reset, asks(), "upstream_error", ASKED, 0),
    "an error in mid-stream": (
        stream([*CAME, b"data: " + openai_error("Sorry", "server_error") + b"\n\n"]),
        asks(stream=True),
        "upstream_error",
        ASKED,
        3,
    ),
    "leaves a relayed call before its head": (hang, leaves(path=RESPONSES), "client_disconnect", 6, 0),
    "leaves a relayed stream": (
        RELAYED_HALF,
        leaves(b" you", RESPONSES, stream=True),
        "client_disconnect",
        6,
        5,
    ),
    "silence in a relayed stream": (RELAYED_HALF, asks(RESPONSES, stream=True), "timeout_idle", 6, 5),
    "a relayed stream that is cut": (
        stream(DELTAS, gap=0.02, end=close),
        asks(RESPONSES, stream=True),
        "incomplete",
        6,
        5,
    ),
    "a relayed answer that is cut": (raw(wire_of(b"x" * 100)[:-50], end=close), asks(RESPONSES), "incomplete", 6, 0),
    "silence before a relayed head": (hang, asks(RESPONSES), "timeout_first_byte", 6, 0),
    "leaves a response that would be kept": (
        RELAYED_HALF,
        leaves(b" you", RESPONSES, stream=True, temperature=0),
        "client_disconnect",
        6,
        5,
    ),
    "a response that would be kept is cut": (
        stream(DELTAS, gap=0.02, end=close),
        asks(RESPONSES, stream=True, seed=1),
        "incomplete",
        6,
        5,
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_however_a_call_ends_what_its_provider_may_bill_is_estimated_and_counted(live: Live, end: str) -> None:
    behaviour, act, status, read, written = ENDS[end]
    row = ended(live, behaviour, act)
    assert (row["status"], *tokens(row)) == (status, read, written, True)
    assert row["cost_usd"] == Decimal(read + 10 * written) / 1_000_000


REFUSED: dict[str, tuple[Behaviour, Act]] = {
    "400": (answer(openai_error("No."), 400), asks()),
    "500": (answer(b"oops", 500), asks(stream=True)),
    "429": (answer(openai_error("Slow down."), 429), asks()),
    "a refusal that is cut": (raw(wire_of(openai_error("No."), 400)[:-5], end=close), asks()),
    "an error object": (answer(openai_error("Sorry", "server_error")), asks()),
    "an error frame first": (stream([b"data: " + openai_error("Sorry", "server_error") + b"\n\n"]), asks(stream=True)),
    "a page": (answer(b"<html>", content_type="text/html"), asks(stream=True)),
    "a relayed 400": (answer(openai_error("No."), 400), asks(RESPONSES)),
    "a request that cannot be said": (hang, asks(model=CLAUDE, n=3, stream_options={"include_usage": 1})),
}


@pytest.mark.parametrize("refusal", REFUSED)
def test_what_a_provider_refuses_costs_nothing(live: Live, refusal: str) -> None:
    row = ended(live, *REFUSED[refusal])
    assert row["status"] != "ok"
    assert tokens(row) == (None, None, False)
    assert row["cost_usd"] is None


def gemini(text: str, written: int) -> bytes:
    """A chunk, with the usage until then. https://ai.google.dev/api/generate-content#UsageMetadata"""
    usage = {"promptTokenCount": 40, "candidatesTokenCount": written, "totalTokenCount": 40 + written}
    said = {"candidates": [{"index": 0, "content": {"parts": [{"text": text}]}}], "usageMetadata": usage}
    return sse(json.dumps(said).encode())


COUNTED = [openai_chunk({"content": "Hello"}, usage=openai_usage(30, count)) for count in (5, 9)]
FLOORS: dict[str, tuple[str, Sequence[bytes], tuple[int, int]]] = {
    "the start of a message": (CLAUDE, anthropic_stream("Hello there, you")[:6], (25, 4)),
    "running counts of Gemini": ("google/gemini-2.5-flash", [gemini("Hello", 2), gemini(" there", 8)], (40, 8)),
    "usage in each chunk": ("openai/gpt-4o-mini", COUNTED, (30, 9)),
    "usage in each chunk, less than came": ("openai/gpt-4o-mini", [COUNTED[0], *CAME[1:] * 10], (30, 32)),
}


@pytest.mark.parametrize("floor", FLOORS)
def test_what_a_provider_has_told_before_the_end_is_the_least(live: Live, floor: str) -> None:
    model, frames, counted = FLOORS[floor]
    row = ended(live, stream(frames, gap=0.02, end=close), asks(model=model, stream=True))
    assert (row["status"], *tokens(row)) == ("incomplete", *counted, True)
    assert row["cost_usd"] == Decimal(counted[0] + 10 * counted[1]) / 1_000_000


def test_thoughts_and_calls_are_output_too(live: Live) -> None:
    call = {"index": 0, "function": {"name": "find", "arguments": '{"name":"me"}'}}
    frames = [openai_chunk({"content": None, "reasoning_content": "Let me"}), openai_chunk({"tool_calls": [call]})]
    assert tokens(ended(live, stream(frames), asks(stream=True))) == (ASKED, 6, True)


WHOLE: dict[str, tuple[Behaviour, Act, tuple[Any, ...]]] = {
    "a stream that tells no usage": (
        stream(openai_stream("Hello there, you", usage=False)),
        asks(stream=True),
        (ASKED, 4, True),
    ),
    "an answer that tells no usage": (answer(openai_answer("Hello there, you", usage=None)), asks(), (ASKED, 4, True)),
    "a stream that is cut after its usage": (stream(FRAMES[:-1]), asks(stream=True), (19, 10, False)),
    "a whole stream": (stream(FRAMES), asks(stream=True), (19, 10, False)),
    "a relayed answer that tells none": (answer({"id": "r"}), asks(RESPONSES), (None, None, False)),
}


@pytest.mark.parametrize("end", WHOLE)
def test_a_whole_answer_is_estimated_only_where_it_tells_no_usage(live: Live, end: str) -> None:
    behaviour, act, counted = WHOLE[end]
    assert tokens(ended(live, behaviour, act)) == counted


def test_the_usage_of_a_relayed_stream_that_is_left_at_its_last_event_is_kept(live: Live) -> None:
    used = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
    last = sse(json.dumps({"type": "response.completed", "response": {"usage": used}}).encode())
    row = ended(live, stream([*DELTAS, last], end=hang), leaves(b"completed", RESPONSES, stream=True))
    assert (row["status"], *tokens(row)) == ("client_disconnect", 5, 2, False)


def test_a_response_that_is_asked_as_a_chat_is_estimated_too(live: Live) -> None:
    act = leaves(b" you", RESPONSES, stream=True, model=CLAUDE)
    row = ended(live, stream(anthropic_stream("Hello there, you")[:6], end=hang), act)
    assert (row["status"], *tokens(row)) == ("client_disconnect", 25, 4, True)


QUEUED = {"id": "resp_1", "object": "response", "status": "queued", "background": True, "usage": None}
BEHIND = {"background": True, "max_output_tokens": 70}


@pytest.mark.parametrize(
    ("behaviour", "act"),
    [
        (answer(QUEUED), asks(RESPONSES, **BEHIND)),
        (RELAYED_HALF, leaves(b"you", RESPONSES, stream=True, **BEHIND)),
    ],
)
def test_what_a_provider_goes_on_with_in_the_background_counts_as_all_that_it_may_write(
    live: Live, behaviour: Behaviour, act: Act
) -> None:
    """Its end is told to nobody here: whoever reads it later may be another, or nobody."""
    assert tokens(ended(live, behaviour, act)) == (6, 70, True)


def test_a_response_that_is_read_again_is_not_paid_again(live: Live) -> None:
    key = budgeted(live)
    usage = {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12}
    live.upstream.script(answer(QUEUED | {"status": "completed", "usage": usage}), path="/v1/responses/resp_1")
    assert key.request("GET", f"{RESPONSES}/resp_1").json()["usage"] == usage
    assert tokens(row_of(key)) == (None, None, False)


def test_moderations_are_free_and_embeddings_are_read(live: Live) -> None:
    for path, asked in (("moderations", (None, None, False)), ("embeddings", (6, 0, True))):
        key = budgeted(live)
        live.upstream.script(hang, path=f"/v1/{path}")
        body = {"input": SAID} | ({"model": "text-embedding-3-small"} if path == "embeddings" else {})
        key.live.request("POST", f"/v1/proxy/{path}", body, {"authorization": f"Bearer {key.token}"})
        assert tokens(row_of(key)) == asked, path


def test_a_call_above_its_whole_time_is_estimated(live: Live) -> None:
    row = ended(live, stream(FRAMES[1:2] * 200, gap=0.05), asks(stream=True))
    assert (row["status"], row["estimated"]) == ("timeout_total", True)
    assert 10 < row["output_tokens"] < 100
