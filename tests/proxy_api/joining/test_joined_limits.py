"""Joined calls of keys with limits: the leader's are reserved and settled once, a follower's are not asked."""

from __future__ import annotations

import time
from collections import Counter
from threading import Event

from tests.client import Client
from tests.live import Live
from tests.loopback import answer, openai_answer, openai_stream, stream
from tests.proxy_api.joining.company import (
    BROKEN,
    PROJECT,
    TEXT,
    answering,
    asked,
    at,
    held,
    late,
    led,
    question,
    read,
    rows_of,
    said,
    workers,
)
from tests.proxy_api.limited import Limited, limited


def bearer(key: Limited) -> str:
    return f"Bearer {key.token}"


def test_a_call_and_all_who_join_it_count_as_one(live: Live) -> None:
    key = limited(live, [("requests", 100), ("tokens", 1_000_000), ("usd", 100)], requests_per_minute=1)
    go = Event()
    live.upstream.script(held(go))
    body = question()
    here, there = workers(live)
    (leader,) = at(live, here, [body], authorization=bearer(key))
    assert live.upstream.wait_until(lambda: live.upstream.count == 1, 10)
    others = [
        *at(live, here, [body] * 4, authorization=bearer(key)),
        *at(live, there, [body] * 4, authorization=bearer(key)),
    ]
    time.sleep(0.1)
    counts = key.counts()
    assert min(counts["held"]) == 1  # request
    go.set()
    assert said(read([leader, *others])) == {TEXT}
    rows = rows_of(live, [leader, *others])
    tokens, dollars = rows[0]["input_tokens"] + rows[0]["output_tokens"], int(rows[0]["cost_usd"] * 10**9)
    counts = key.wait_for(lambda found: not any(found["held"]))
    assert sorted(counts["used"]) == sorted([1, tokens, dollars])
    assert Client(live, question(), key.token).rest().status == 429


def test_who_has_nothing_left_may_join_as_it_may_have_what_is_kept(live: Live) -> None:
    fields = {"cache_scope": "project", "project_id": live.python(PROJECT)}
    rich, poor = limited(live, **fields), limited(live, [("requests", 1)], **fields)
    assert Client(live, question(), poor.token).rest().status == 200
    assert Client(live, question(), poor.token).rest().status == 429
    live.upstream.forget()
    live.upstream.script(late(answer(openai_answer(TEXT))))
    body = question()
    leader = led(live, body, authorization=bearer(rich))
    others = asked(live, [body] * 4, authorization=bearer(poor))
    assert said(read([leader, *others])) == {TEXT}
    assert live.upstream.count == 1
    assert Counter(row["cache"] for row in rows_of(live, others)) == {"joined": 4}
    assert said([Client(live, body, poor.token).rest()]) == {TEXT}  # what is kept by now
    assert poor.counts()["used"] == [1]


def test_who_has_nothing_left_takes_no_call_over(live: Live) -> None:
    """It is refused in its own name, and the next one takes its place."""
    fields = {"cache_scope": "project", "project_id": live.python(PROJECT)}
    rich, poor = limited(live, **fields), limited(live, [("requests", 1)], **fields)
    assert Client(live, question(), poor.token).rest().status == 200
    live.upstream.forget()
    live.upstream.then(late(BROKEN))
    live.upstream.script(answering)
    body = question()
    here, there = workers(live)
    (leader,) = at(live, here, [body], authorization=bearer(rich))
    assert live.upstream.wait_until(lambda: live.upstream.count == 1, 10)
    poors = at(live, there, [body], authorization=bearer(poor))
    riches = at(live, there, [body] * 4, authorization=bearer(rich))
    assert leader.rest().status == 502
    assert said(read(riches)) == {TEXT}
    assert {client.status for client in read(poors)} <= {200, 429}
    assert live.upstream.count == 2


def test_a_leader_that_leaves_pays_for_the_call_that_goes_on(live: Live) -> None:
    key = limited(live, [("requests", 100), ("tokens", 1_000_000)])
    live.upstream.script(stream(openai_stream(TEXT), gap=0.05))
    body = question(stream=True)
    leader = led(live, body, authorization=bearer(key)).until(b"Hello")
    (follower,) = asked(live, [body], authorization=bearer(key))
    follower.until(b"Hello")
    leader.leave()
    assert said([follower.rest()]) == {TEXT}
    counts = key.wait_for(lambda found: not any(found["held"]))
    assert sorted(counts["used"]) == [1, 29]
