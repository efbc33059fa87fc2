"""Keys on the running server with its two worker processes: where they may be used, rotated under load, revoked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from tests.bodies import anthropic_answer
from tests.live import Answer, Live, forget
from tests.loopback import answer
from tests.proxy_api.asking import CLAUDE, anthropic, hello, refusal, with_request_id

ISSUE = """
from keys.administration import issuing
key, token = issuing.issue(name)
for field, value in fields.items():
    setattr(key, field, value)
key.save()
result = token
"""
ROTATE = """
from datetime import timedelta
from django.utils import timezone
from keys.administration import issuing
from keys.models import VirtualKey
result = issuing.rotate(VirtualKey.objects.get(name=name), timedelta(seconds=seconds), timezone.now())
"""
CHANGE = """
from keys.models import VirtualKey
key = VirtualKey.objects.get(name=name)
for field, value in fields.items():
    setattr(key, field, value)
key.save()
"""
ISSUER = """
from keys.models import Project, TokenIssuer
project = Project.objects.create(name="outside", organization="acme")
TokenIssuer.objects.create(
    name="login", issuer=issuer, audience="us", jwks_url=url, project_claim="team", projects={"searchers": project.id}
)
"""
ISSUER_GONE = "from keys.models import TokenIssuer\nTokenIssuer.objects.all().delete()"
SIGNER = ec.generate_private_key(ec.SECP256R1())


def key(live: Live, name: str, **fields: Any) -> str:
    return str(live.python(ISSUE, name=name, fields=fields))


def called(live: Live, token: str, **fields: Any) -> Answer:
    return live.chat(hello(**fields), authorization=f"Bearer {token}")


def statuses(live: Live, token: str, calls: int = 24) -> set[int]:
    """Of concurrent calls over a connection each: both workers get some."""
    with ThreadPoolExecutor(12) as pool:
        return {one.status for one in pool.map(lambda _: called(live, token), range(calls))}


def test_a_key_is_refused_from_elsewhere_and_its_calls_are_recorded(live: Live) -> None:
    assert called(live, key(live, "at home", networks=["127.0.0.0/8", "::1"])).status == 200
    found = called(live, key(live, "abroad", networks=["10.0.0.0/8"]))
    assert (found.status, refusal(found)["code"], refusal(found)["type"]) == (
        403,
        "network_not_allowed",
        "permission_error",
    )
    assert live.upstream.count == 1
    row = live.usage(with_request_id(found))
    assert (row["key_name"], row["status"], row["endpoint"]) == ("abroad", "refused", "chat/completions")


def test_what_a_client_says_of_its_address_is_not_believed(live: Live) -> None:
    token = key(live, "pretender", networks=["10.0.0.0/8"])
    found = live.chat(hello(), authorization=f"Bearer {token}", x_forwarded_for="10.0.0.1")
    assert found.status == 403


def test_a_key_for_one_endpoint_calls_no_other_and_makes_no_credential(live: Live) -> None:
    token = key(live, "embedder", endpoints=["embeddings", "files*"])
    for path in ("chat/completions", "responses", "proxy/audio/speech"):
        found = live.request("POST", f"/v1/{path}", hello(), {"authorization": f"Bearer {token}"})
        assert (found.status, refusal(found)["code"]) == (403, "endpoint_not_allowed")
        assert live.usage(with_request_id(found))["endpoint"] == path.removeprefix("proxy/")
    refused = live.request("POST", "/v1/proxy/credentials", {}, {"authorization": f"Bearer {token}"})
    assert refused.status == 403
    body = {"model": "openai/text-embedding-3-small", "input": "Hello"}
    live.request("POST", "/v1/embeddings", body, {"authorization": f"Bearer {token}"})
    assert [call.path for call in live.upstream.calls] == ["/v1/embeddings"]


def test_a_strict_key_gets_a_400_without_the_header(live: Live) -> None:
    anthropic(live, answer(anthropic_answer()))
    found = called(live, key(live, "strict", strict=True), model=CLAUDE, logit_bias={"50256": 1})
    assert (found.status, refusal(found)["param"]) == (400, "logit_bias")
    assert live.upstream.count == 0


def test_a_key_that_is_off_is_refused_in_both_processes_within_a_second_and_taken_again_when_it_is_on(
    live: Live,
) -> None:
    token = key(live, "switched")
    ids = [with_request_id(called(live, token)) for _ in range(24)]
    live.usage(ids[-1])
    served = live.rows("SELECT DISTINCT instance FROM cache_admin_usagerecord WHERE id = ANY(%s)", ids)
    assert len(served) == 2
    live.python(CHANGE, name="switched", fields={"enabled": False})
    time.sleep(1)
    assert statuses(live, token) == {401}
    live.python(CHANGE, name="switched", fields={"enabled": True})
    time.sleep(1)
    assert statuses(live, token) == {200}


def test_a_key_is_rotated_under_load_without_an_error(live: Live) -> None:
    old, stop = key(live, "rotated"), Event()

    def keep_calling(_: int) -> set[int]:
        found = set()
        while not stop.is_set():
            found.add(called(live, old).status)
        return found

    with ThreadPoolExecutor(4) as pool:
        callers = pool.map(keep_calling, range(4))
        time.sleep(0.2)
        new = str(live.python(ROTATE, name="rotated", seconds=3))
        began = time.monotonic()
        assert statuses(live, new) == {200}
        time.sleep(max(0.0, began + 1.3 - time.monotonic()))
        stop.set()
        assert list(callers) == [{200}] * 4
    assert statuses(live, old) == {200}
    time.sleep(max(0.0, began + 3 - time.monotonic()))
    assert statuses(live, old) == {401}
    assert statuses(live, new) == {200}


@pytest.fixture(scope="module")
def running_login(running_open_server: Live) -> Iterator[Live]:
    url = f"{running_open_server.upstream.url}/jwks"
    running_open_server.python(ISSUER, issuer="https://login.example.com", url=url)
    time.sleep(1)  # both workers know it
    yield running_open_server
    running_open_server.python(ISSUER_GONE)


@pytest.fixture
def login(running_login: Live) -> Live:
    """The open server with an outside issuer, whose keys its upstream serves."""
    forget(running_login.upstream)
    keys = {"keys": [{**ECAlgorithm.to_jwk(SIGNER.public_key(), as_dict=True), "kid": "k"}]}
    running_login.upstream.script(answer(keys), path="/jwks")
    return running_login


def outside(**more: Any) -> str:
    now = int(time.time())
    said = {"iss": "https://login.example.com", "aud": "us", "sub": "ada", "iat": now, "exp": now + 60, **more}
    return jwt.encode(said, SIGNER, algorithm="ES256", headers={"kid": "k"})


def test_a_token_of_an_outside_issuer_calls_for_its_project(login: Live) -> None:
    found = called(login, outside(team="searchers"))
    assert found.status == 200
    row = login.usage(with_request_id(found))
    assert (row["key_name"], row["project_name"], row["organization"]) == ("login: ada", "outside", "acme")
    refused = called(login, outside(team="others"))
    assert (refused.status, refusal(refused)["code"]) == (403, "project_not_allowed")
    credential = login.request(
        "POST", "/v1/proxy/credentials", {}, {"authorization": f"Bearer {outside(team='searchers')}"}
    )
    assert credential.status == 403


def test_an_outside_token_is_never_taken_for_a_providers_key(login: Live) -> None:
    """This server takes callers' own keys: a token of a known issuer that is not right must not be sent on as one."""
    before = login.upstream.count
    for token in (outside(aud="others", team="searchers"), outside(team="searchers")[:-4] + "AAAA"):
        assert called(login, token).status == 401
    assert login.upstream.count - before <= 2  # the keys, once for each worker
    assert all(call.path == "/jwks" for call in login.upstream.calls[before:])
