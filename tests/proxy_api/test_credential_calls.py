"""Credentials in use: whose they are, in which order, with which headers, on the running server."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.bodies import openai_error
from tests.live import Answer, Live, forget
from tests.loopback import Behaviour, Call, answer, openai_answer
from tests.proxy_api.asking import cached, hello, refusal

TRIES = 40  # the start is random: all at one of two, with weights 3 to 1, is once in 100,000 runs
MODEL = "together/team-model"
ROW = """
from keys.models import Project, ProviderCredential
owner = Project.objects.get_or_create(name=project)[0] if project else None
row = ProviderCredential(name=name, provider="together", project=owner, base_url=base_url, **fields)
row.put_secret(secret, "0" * 12)
row.save()
"""
GONE = """
from keys.models import ProviderCredential
ProviderCredential.objects.filter(provider="together").delete()
"""
HEADERS = {"x-team": "search", "openai-beta": "ours", "x-gw-token": "Bearer {gw}"}
IN_PARTS = json.dumps({"key": "sk-headed", "gw": "planted-gateway-key"})
ROWS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("often", "", {"weight": 3}),
    ("seldom", "", {}),
    ("spare", "", {"priority": 1}),
    ("headed", "", {"priority": 2, "headers": HEADERS}),
    ("ours", "credentials-ours", {"priority": 9}),
    ("tuned", "credentials-ours", {"priority": 8, "models": ["ours-alone"]}),
    ("theirs", "credentials-theirs", {"models": ["theirs-alone", "team-model"]}),
)


@dataclass
class Installation:
    """Some credentials of one provider, told apart by their secrets, and a key of each kind."""

    live: Live
    ours: str
    theirs: str

    def ask(self, token: str = "", model: str = MODEL, **headers: str) -> Answer:
        return self.live.chat(hello(model=model), authorization=f"Bearer {token or self.live.token}", **headers)

    def used(self) -> list[str]:
        return [call.headers["authorization"].removeprefix("Bearer sk-") for call in self.live.upstream.calls]


@pytest.fixture(scope="module")
def installed(running_open_server: Live) -> Iterator[Installation]:
    live = running_open_server
    for name, project, fields in ROWS:
        secret = IN_PARTS if name == "headed" else f"sk-{name}"
        given = {"name": name, "project": project, "base_url": f"{live.upstream.url}/v1", "secret": secret}
        live.python(ROW, fields=fields, **given)
    keys = [live.key(f"of {name}", "--project", f"credentials-{name}") for name in ("ours", "theirs")]
    time.sleep(1)  # every worker knows them
    yield Installation(live, *keys)
    live.python(GONE)


@pytest.fixture
def credentials(installed: Installation) -> Installation:
    forget(installed.live.upstream)
    return installed


def refusing(status: int, *names: str) -> Behaviour:
    """To those who come with these secrets; the others are answered."""

    def behave(call: Call) -> None:
        refused = call.received.headers["authorization"].removeprefix("Bearer sk-") in names
        answer(openai_error("No."), status)(call) if refused else answer(openai_answer())(call)

    return behave


def test_both_of_one_priority_get_traffic_and_the_one_after_it_none(credentials: Installation) -> None:
    """M16, with weights."""
    found = Counter(credentials.ask().headers["x-bt-used-endpoint"] for _ in range(TRIES))
    assert set(found) == {"often", "seldom"}
    assert Counter(credentials.used()) == found


@pytest.mark.parametrize("status", [500, 429])
def test_a_failure_moves_on_to_the_next_and_then_to_the_next_priority(credentials: Installation, status: int) -> None:
    """M16, with weights."""
    credentials.live.upstream.script(refusing(status, "often", "seldom"))
    found = credentials.ask()
    assert (found.status, found.headers["x-bt-used-endpoint"]) == (200, "spare")
    assert sorted(credentials.used()[:2]) == ["often", "seldom"]
    assert credentials.used()[2:] == ["spare"]


def test_what_the_caller_did_wrong_moves_nowhere(credentials: Installation) -> None:
    """M16, with weights."""
    credentials.live.upstream.script(refusing(400, "often", "seldom"))
    assert credentials.ask().status == 400
    assert credentials.live.upstream.count == 1


def test_a_projects_own_credential_comes_first_and_the_global_ones_stand_in(credentials: Installation) -> None:
    assert credentials.ask(credentials.ours).headers["x-bt-used-endpoint"] == "ours"
    credentials.live.upstream.script(refusing(503, "ours"))
    assert credentials.ask(credentials.ours).headers["x-bt-used-endpoint"] in ("often", "seldom")
    assert credentials.used()[:2] == ["ours", "ours"]


def test_a_hit_names_the_projects_credential_whose_answer_it_is(credentials: Installation) -> None:
    body, bearer = hello(model=MODEL, temperature=0), f"Bearer {credentials.ours}"
    found = [credentials.live.chat(body, authorization=bearer) for _ in range(2)]
    assert [(cached(one), one.headers["x-bt-used-endpoint"]) for one in found] == [("MISS", "ours"), ("HIT", "ours")]
    assert credentials.used() == ["ours"]


def test_nobody_else_reaches_a_projects_credential(credentials: Installation) -> None:
    """Not by its name, not by a model that only it serves, not on a relayed path, not in the list."""
    live = credentials.live
    for token in ("", credentials.theirs):
        bearer = {"authorization": f"Bearer {token or live.token}"}
        assert credentials.ask(token, x_bt_endpoint_name="ours").status == 404
        assert credentials.ask(token, "ours-alone").status == 404
        named = {**bearer, "x-bt-endpoint-name": "ours"}
        for method, path, body in (("GET", "files", None), ("POST", "audio/speech", {"model": MODEL, "input": "a"})):
            answered = live.request(method, f"/v1/proxy/{path}", body, named)
            assert (answered.status, refusal(answered)["code"]) == (404, "model_not_found")
        listed = json.dumps(live.request("GET", "/v1/models", None, bearer).json())
        assert "ours-alone" not in listed
    assert live.upstream.count == 0


def test_its_own_keys_reach_it_by_all_of_these(credentials: Installation) -> None:
    live, bearer = credentials.live, {"authorization": f"Bearer {credentials.ours}"}
    assert credentials.ask(credentials.ours, x_bt_endpoint_name="ours").status == 200
    assert credentials.ask(credentials.ours, "ours-alone").status == 200
    assert live.request("GET", "/v1/proxy/files", None, {**bearer, "x-bt-endpoint-name": "ours"}).status == 200
    assert "ours-alone" in json.dumps(live.request("GET", "/v1/models", None, bearer).json())
    assert credentials.used() == ["ours", "tuned", "ours"]


def test_extra_headers_are_sent_on_every_request_and_win_over_the_callers(credentials: Installation) -> None:
    live = credentials.live
    named = {"x-bt-endpoint-name": "headed", "openai-beta": "theirs", "x-team": "theirs", "x-gw-token": "theirs"}
    for method, path, body in (
        ("POST", "chat/completions", hello(model=MODEL)),
        ("POST", "embeddings", {"model": MODEL, "input": "a"}),
        ("GET", "files", None),
    ):
        live.request(method, f"/v1/proxy/{path}", body, named)
    assert live.upstream.count == 3
    for call in live.upstream.calls:
        assert call.headers["authorization"] == "Bearer sk-headed"
        assert (call.headers["x-team"], call.headers["openai-beta"]) == ("search", "ours")
        assert call.headers["x-gw-token"] == "Bearer planted-gateway-key"


def test_a_provider_that_quotes_a_secret_header_is_not_relayed_with_it(credentials: Installation) -> None:
    quoting = openai_error("Bad gateway key planted-gateway-key for sk-headed.")
    credentials.live.upstream.script(answer(quoting, 400))
    found = credentials.ask(x_bt_endpoint_name="headed")
    assert refusal(found)["message"] == "Bad gateway key [key] for [key]."
