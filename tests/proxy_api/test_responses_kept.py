"""Responses of a provider that has them: cached under the rules of chat, but where they are more than their answer."""

from __future__ import annotations

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from proxy_api.framing import sse
from tests.bodies import anthropic_answer, openai_error
from tests.client import Client
from tests.live import Answer, Live
from tests.loopback import Behaviour, answer, close, hang, stream
from tests.proxy_api.asking import CLAUDE, anthropic, cached, refusal, with_request_id
from tests.proxy_api.dialects.responses import CALL, message, response, text
from tests.proxy_api.test_responses_crossing import events

PATH = "/v1/responses"
FOUND = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}}
WHOLE = response(FOUND, message(text("Hello you")), CALL, tomorrow=1)


def pieces(*said: str, last: dict[str, Any] | None = WHOLE) -> list[bytes]:
    told: list[dict[str, Any]] = [
        {"type": "response.created", "response": response(status="in_progress", usage=None)},
        *({"type": "response.output_text.delta", "item_id": "msg_1", "delta": word} for word in said),
    ]
    if last is not None:
        told.append({"type": f"response.{last['status']}", "response": last})
    return [sse(json.dumps(one).encode(), str(one["type"]).encode()) for one in told]


def asking(**fields: Any) -> dict[str, Any]:
    """A request that nobody has made before, and that may be cached."""
    return {"model": "openai/gpt-4o", "input": f"Hi {uuid.uuid4().hex}", "temperature": 0, **fields}


def ask(live: Live, body: dict[str, Any], path: str = PATH, **headers: str) -> Answer:
    return live.request("POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()})


def says(live: Live, behaviour: Behaviour) -> None:
    live.upstream.script(behaviour, path=PATH)


# -- kept, and replayed ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_is_kept_once_for_both_forms(live: Live, streamed: bool) -> None:
    says(live, stream(pieces("Hello ", "you")) if streamed else answer(WHOLE))
    body = asking(tools=[{"type": "function", "name": "f"}], user="me")
    first = ask(live, {**body, "stream": streamed})
    assert cached(first) == "MISS"
    assert first.headers["x-dragoman-cache"] == ("miss" if streamed else "stored")
    assert first.body == (b"".join(pieces("Hello ", "you")) if streamed else json.dumps(WHOLE).encode())
    plain, told = ask(live, body, "/v1/proxy/responses"), ask(live, {**body, "stream": True})
    assert (cached(plain), plain.json()) == ("HIT", WHOLE)
    assert (cached(told), told.headers["content-type"]) == ("HIT", "text/event-stream; charset=utf-8")
    assert events(told.body)[-1]["response"] == WHOLE
    assert live.upstream.count == 1
    assert live.upstream.calls[0].json() == {**body, "model": "gpt-4o", "stream": streamed}


def test_a_hit_costs_nothing_and_says_what_it_saved(live: Live) -> None:
    says(live, answer(WHOLE))
    body = asking()
    rows = [live.usage(with_request_id(ask(live, body))) for _ in range(2)]
    assert [row["cache"] for row in rows] == ["stored", "hit"]
    for row in rows:
        told = (row["endpoint"], row["status"], row["input_tokens"], row["output_tokens"], row["cached_tokens"])
        assert told == ("responses", "ok", 30, 7, 20)
    assert (rows[1]["attempts"], rows[1]["cost_usd"]) == (0, 0)


def test_openais_client_reads_a_hit_in_both_forms(live: Live) -> None:
    says(live, answer(response(message(text("Hello you")))))
    client = openai.OpenAI(base_url=f"{live.url}/v1", api_key=live.token, max_retries=0)
    body = asking()
    assert client.responses.create(**body).output_text == "Hello you"
    assert client.responses.create(**body).output_text == "Hello you"
    with client.responses.stream(**body) as streamed:
        kinds = [one.type for one in streamed]
        assert streamed.get_final_response().output_text == "Hello you"
    assert kinds.count("response.output_text.delta") == 1
    assert live.upstream.count == 1


def test_white_space_and_the_order_of_names_do_not_count_but_all_that_is_asked_does(live: Live) -> None:
    says(live, answer(WHOLE))
    body = asking(text={"format": {"type": "json_schema", "name": "r", "schema": {"b": {}, "a": {}}}})
    assert cached(ask(live, body)) == "MISS"
    reordered = json.dumps(dict(reversed(body.items())), indent=2).encode()
    assert cached(live.request("POST", PATH, reordered)) == "HIT"
    schema = {"type": "json_schema", "name": "r", "schema": {"a": {}, "b": {}}}
    for other in ({"text": {"format": schema}}, {"previous_response_id": "resp_9"}, {"store": False}, {"top_p": 1}):
        assert cached(ask(live, body | other)) == "MISS", other


@pytest.mark.parametrize("how", [{"seed": 0}, {"x_bt_use_cache": "always"}])
def test_a_seed_or_the_word_always_is_enough(live: Live, how: dict[str, Any]) -> None:
    says(live, answer(WHOLE))
    body = asking(temperature=1, **{name: value for name, value in how.items() if name == "seed"})
    headers = {name: value for name, value in how.items() if name != "seed"}
    assert [cached(ask(live, body, **headers)) for _ in range(2)] == ["MISS", "HIT"]


# -- not kept ----------------------------------------------------------------------------------------------------------
SEARCH = {"tools": [{"type": "web_search"}]}
ONCE: list[tuple[dict[str, Any], dict[str, str], str]] = [
    ({"temperature": 1}, {}, "temperature"),
    ({"temperature": "0"}, {}, "temperature"),
    ({}, {"x_bt_use_cache": "never"}, "never"),
    ({"background": True}, {}, "state"),
    ({"background": True}, {"cache_control": "no-store"}, "state"),
    ({"conversation": "conv_1"}, {"x_bt_use_cache": "always"}, "state"),
    ({"conversation": {"id": "conv_1"}}, {}, "state"),
    ({"prompt": {"id": "pmpt_1"}}, {}, "state"),
    (SEARCH, {}, "tools"),
    ({"tools": [{"type": "function", "name": "f"}, {"type": "mcp", "server_url": "https://x"}]}, {}, "tools"),
    ({"tools": [5]}, {}, "tools"),
]


@pytest.mark.parametrize(("fields", "headers", "why"), ONCE)
def test_what_is_for_once_is_passed_on_each_time_and_says_why(
    live: Live, fields: dict[str, Any], headers: dict[str, str], why: str
) -> None:
    queued = {"id": "resp_1", "object": "response", "status": "queued"}
    says(live, answer(queued))
    body = asking(**fields)
    for _ in range(2):
        found = ask(live, body, **headers)
        assert (cached(found), found.json()) == ("MISS", queued)
        assert found.headers["x-dragoman-cache"] == f"bypass; {why}"
    assert live.upstream.count == 2
    row = live.usage(with_request_id(found))
    assert (row["cache"], row["cache_reason"]) == ("bypass", why)


def test_a_query_goes_on_to_the_provider_which_may_read_more_in_it_than_we_do(live: Live) -> None:
    says(live, answer(WHOLE))
    body = asking()
    assert [cached(ask(live, body, f"{PATH}?include[]=a")) for _ in range(2)] == ["MISS", "MISS"]
    assert {call.path for call in live.upstream.calls} == {f"{PATH}?include%5B%5D=a"}
    assert [cached(ask(live, body, f"{PATH}?key={live.token}")) for _ in range(2)] == ["MISS", "HIT"]


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        (SEARCH, {"x_bt_use_cache": "Always"}),
        ({"prompt": {"id": "pmpt_1", "version": "3"}}, {}),
        ({"previous_response_id": "resp_0"}, {}),
        ({"tools": [{"type": "custom", "name": "f"}], "background": False}, {}),
    ],
)
def test_what_does_not_change_may_be_given_again(live: Live, fields: dict[str, Any], headers: dict[str, str]) -> None:
    says(live, answer(WHOLE))
    body = asking(**fields)
    assert [cached(ask(live, body, **headers)) for _ in range(2)] == ["MISS", "HIT"]


FILTERED = response(message(text("Hello you")), status="incomplete", incomplete_details={"reason": "content_filter"})
CUT = response(message(text("Hello you")), status="incomplete", incomplete_details={"reason": "tomorrow"})
FAULTS: dict[str, tuple[Behaviour, bool, int, str]] = {
    "filtered": (answer(FILTERED), False, 200, ""),
    "filtered in a stream": (stream(pieces("Hello you", last=FILTERED)), True, 200, ""),
    "cut short": (answer(CUT), False, 200, ""),
    "less at the end than was told": (stream(pieces("Hello you", last=response())), True, 200, ""),
    "of another media type": (answer(WHOLE, content_type="text/plain"), False, 200, ""),
    "still under way": (answer(response(status="in_progress")), False, 502, "upstream_incomplete"),
    "no response": (answer({"id": "x"}), False, 502, "upstream_unavailable"),
    "half of the JSON": (answer(json.dumps(WHOLE).encode()[:-9]), False, 502, "upstream_unavailable"),
    "failed": (
        answer(response(status="failed", error={"code": "slow_down", "message": "N"})),
        False,
        503,
        "upstream_unavailable",
    ),
    "a page": (answer("<html>", content_type="text/html"), True, 502, "upstream_unavailable"),
    "a stream that is cut": (stream(pieces("Hello ", last=None), end=close), True, 200, "upstream_incomplete"),
    "a stream that ends early": (stream(pieces("Hello ", last=None)), True, 200, "upstream_incomplete"),
    "an error event": (
        stream([*pieces("Hello ", last=None), sse(b'{"type":"error","message":"No"}')]),
        True,
        200,
        "upstream_unavailable",
    ),
    "a failed stream": (
        stream([sse(json.dumps({"type": "response.failed", "response": response(status="failed")}).encode())]),
        True,
        502,
        "upstream_unavailable",
    ),
    "bad JSON": (stream([*pieces("Hello ", last=None), b"data: {\n\n"]), True, 200, "upstream_unavailable"),
    "an error": (answer(openai_error("No", "invalid_request_error"), 400), False, 400, ""),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_but_a_whole_answer_is_kept(live: Live, fault: str) -> None:
    behaviour, streamed, status, code = FAULTS[fault]
    says(live, behaviour)
    body = asking(stream=streamed)
    for _ in range(2):
        found = ask(live, body)
        assert found.status == status
        if code:
            last = json.loads(found.body.decode().strip().rpartition("data: ")[2]) if status == 200 else found.json()
            assert last["error"]["code"] == code
        assert found.headers.get("x-bt-cached", "MISS") == "MISS"
    assert live.upstream.count == 2


def test_a_large_last_event_is_relayed_and_kept(live: Live) -> None:
    large = response(message(text("x" * (3 << 19))))
    says(live, stream(pieces("x" * 10, last=large)))
    body = asking(stream=True)
    assert [cached(found := ask(live, body)) for _ in range(2)] == ["MISS", "HIT"]
    assert events(found.body)[-1]["response"] == large


def test_a_stream_that_goes_on_after_its_end_has_ended(live: Live) -> None:
    says(live, stream([*pieces("Hello you"), b"data: [DONE]\n\n"], end=hang))
    body = asking(stream=True)
    first = ask(live, body)
    assert first.body == b"".join(pieces("Hello you"))
    assert cached(ask(live, body)) == "HIT"


# -- the rest of the rules ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("fields", [{}, {"temperature": 1}, {"background": True}])
def test_only_if_cached_calls_nobody(live: Live, fields: dict[str, Any]) -> None:
    found = ask(live, asking(**fields), cache_control="only-if-cached")
    assert (found.status, refusal(found)["code"], live.upstream.count) == (504, "cache_miss", 0)


def test_only_if_cached_is_heard_on_relayed_paths_too(live: Live) -> None:
    found = live.request("GET", "/v1/proxy/files", headers={"cache-control": "max-age=5, Only-If-Cached"})
    assert (found.status, refusal(found)["code"], live.upstream.count) == (504, "cache_miss", 0)


@pytest.mark.parametrize(
    ("fields", "headers", "param"),
    [
        ({}, {"x_bt_use_cache": "maybe"}, "x-bt-use-cache"),
        ({"temperature": 1}, {"x_bt_cache_ttl": "abc"}, "x-bt-cache-ttl"),
        ({"stream": "yes"}, {}, "stream"),
        ({"stream_options": 5}, {}, "stream_options"),
        ({"user": 5}, {}, "user"),
        ({"metadata": "x"}, {}, "metadata"),
    ],
)
def test_what_is_wrong_with_a_call_is_said_here_and_is_on_the_ledger(
    live: Live, fields: dict[str, Any], headers: dict[str, str], param: str
) -> None:
    found = ask(live, asking(**fields), **headers)
    assert (found.status, refusal(found)["param"], live.upstream.count) == (400, param, 0)
    assert live.usage(with_request_id(found))["endpoint"] == "responses"


def test_a_stale_response_stands_in_for_a_provider_that_fails(live: Live) -> None:
    says(live, answer(WHOLE))
    body = asking()
    assert cached(ask(live, body)) == "MISS"
    says(live, answer(openai_error(), 500))
    found = ask(live, body, cache_control="no-cache, stale-if-error=60")
    assert (cached(found), found.headers["x-dragoman-cache"], found.json()) == ("HIT", "stale; error", WHOLE)


def test_equal_calls_that_run_at_the_same_time_are_one(live: Live) -> None:
    says(live, stream(pieces(*["word "] * 5, last=WHOLE), gap=0.1))
    body = asking()
    first = Client(live, {**body, "stream": True}, path=PATH)
    assert live.upstream.wait_until(lambda: live.upstream.count == 1)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda at: ask(live, {**body, "stream": at % 2 == 0}), range(8)))
    assert live.upstream.count == 1
    assert {one.headers["x-dragoman-cache"] for one in found} <= {"joined", "hit"}
    for at, one in enumerate(found):
        assert (events(one.body)[-1]["response"] if at % 2 == 0 else one.json()) == WHOLE
    assert events(first.rest().body)[-1]["response"] == WHOLE


def test_another_key_does_not_share_it(live: Live) -> None:
    says(live, answer(WHOLE))
    body = asking()
    assert cached(ask(live, body)) == "MISS"
    assert cached(ask(live, body, authorization=f"Bearer {live.key('responses of another')}")) == "MISS"


PUT_ON = """
from keys.models import Project, VirtualKey
project, _ = Project.objects.get_or_create(name="responses on a cassette")
project.cassette = cassette
project.save()
key = VirtualKey.objects.get(name="cassette of responses")
key.project = project
key.save()
"""


def test_a_cassette_records_and_replays_them(live: Live) -> None:
    token = live.key("cassette of responses")
    live.python(PUT_ON, cassette="record")
    says(live, answer(WHOLE))
    body, bearer = asking(temperature=1, **SEARCH), {"authorization": f"Bearer {token}"}
    assert cached(ask(live, body, **bearer)) == "MISS"
    anthropic(live, answer(anthropic_answer("Crossed")))
    crossed = asking(model=CLAUDE)
    assert cached(ask(live, crossed, **bearer)) == "MISS"
    live.python(PUT_ON, cassette="replay")
    time.sleep(1)  # every worker knows it
    count = live.upstream.count
    found = ask(live, body, **bearer)
    assert (cached(found), found.json()) == ("HIT", WHOLE)
    assert cached(ask(live, {**body, "stream": True}, **bearer)) == "HIT"
    again = ask(live, {**crossed, "stream": True}, **bearer)
    assert (cached(again), events(again.body)[-1]["response"]["output"][0]["content"][0]["text"]) == ("HIT", "Crossed")
    assert ask(live, {**body, "conversation": "conv_1"}, **bearer).status == 504
    assert live.upstream.count == count
