"""Planted secrets: whatever happens to a call, keys, prompts and completions stand nowhere in the clear."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from tests.bodies import openai_error
from tests.client import Client, hello
from tests.live import Live, started_live
from tests.loopback import answer, close, openai_answer, openai_stream, stream
from tests.planted import forms, found, in_redis, tables

PROVIDER_KEY = "sk-planted/provider+key-4711"
PROMPT = "planted prompt: where is the treasure?"
COMPLETION = "planted completion: under the old oak"
FRAMES = openai_stream(COMPLETION)


@pytest.fixture(scope="module")
def used() -> Iterator[Live]:
    """A server after calls that went well, were cached, failed, were cut and were no calls at all."""
    with started_live(OPENAI_API_KEY=PROVIDER_KEY, DRAGOMAN_PING_INTERVAL="0.3") as live:
        quoting = openai_error(f"Incorrect API key provided: {PROVIDER_KEY}")
        for behaviour in (
            answer(openai_answer(COMPLETION)),
            stream(FRAMES),
            stream(FRAMES[:4], end=close),
            answer(quoting, 401),
            answer(quoting, 500),
            answer(f"<html>{PROVIDER_KEY}</html>", 502, content_type="text/html"),
            stream([*FRAMES[:3], b"data: {" + COMPLETION.encode() + b"\n\n"]),
        ):
            live.upstream.script(behaviour)
            for fields in ({"temperature": 0}, {"temperature": 0, "stream": True}, {"seed": 1, "stream": True}):
                client = Client(live, body := asked(**fields)).rest()
                assert PROVIDER_KEY.encode() not in client.body
                Client(live, body).rest()
        for wrong in (asked(temperature="hot"), asked(n=[PROMPT]), {"model": f"nobody/{PROMPT}", "messages": []}):
            assert Client(live, wrong).rest().status in {400, 404}
        assert live.request("POST", "/v1/chat/completions", PROMPT.encode()).status == 400
        Client(live, asked(stream=True)).leave(abruptly=True)
        assert live.chat(hello(), authorization=f"Bearer {live.token}x").status == 401
        yield live


def asked(**fields: object) -> dict[str, object]:
    return {**hello(**fields), "messages": [{"role": "user", "content": PROMPT}]}


def seen(live: Live, place: bytes) -> list[str]:
    planted = {"provider key": PROVIDER_KEY, "virtual key": live.token, "prompt": PROMPT, "completion": COMPLETION}
    return found(planted, place)


def test_the_log_holds_none_of_them(used: Live) -> None:
    assert seen(used, used.log().encode()) == []


def test_the_spool_holds_none_of_them_before_and_the_tables_none_after_shipping(used: Live) -> None:
    spooled = b"".join(path.read_bytes() for path in (used.folder / "data" / "spool").iterdir() if path.is_file())
    assert spooled.count(b'"final":true') > 40
    assert seen(used, spooled) == []
    used.manage("ship_usage")
    dumped = tables(used)
    assert used.rows("SELECT count(*) AS n FROM cache_admin_storedcompletion")[0]["n"] > 0
    assert used.rows("SELECT count(*) AS n FROM cache_admin_usagerecord")[0]["n"] > 40
    assert seen(used, dumped) == []


def test_redis_holds_none_of_them(used: Live) -> None:
    held = in_redis(used)
    assert held
    assert seen(used, held) == []


def test_the_search_itself_finds_what_is_there(used: Live) -> None:
    for form in forms(PROMPT):
        assert seen(used, b"..." + form + b"...") == ["prompt"]
    for pad in range(3):
        assert seen(used, base64.b64encode(b"\0" * pad + PROMPT.encode() + b"!!!")) == ["prompt"]
