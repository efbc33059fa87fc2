"""Cassettes: a project's calls are recorded for good, and replayed without a provider, a credential or a route."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from cache_admin.completions import ENDLESS
from tests.bodies import openai_answer
from tests.live import Answer, Live
from tests.loopback import answer
from tests.proxy_api.asking import cached, chunks, hello, refusal, text_of, with_request_id

SETTLED = 1  # seconds until every worker knows of a change
PROJECT = """
from keys.models import Project, ProviderCredential, VirtualKey
project = Project.objects.get_or_create(name=name)[0]
project.cassette = cassette
project.save()
VirtualKey.objects.filter(name__startswith=name).update(project=project)
for key in VirtualKey.objects.filter(name__startswith=name):
    key.models = models
    key.save()
ProviderCredential.objects.filter(name=name).delete()
if base_url:
    row = ProviderCredential(name=name, provider="groq", base_url=base_url)
    row.put_secret("gsk-cassette", "test")
    row.save()
result = project.id
"""


@dataclass
class Project:
    """A project with two keys and, while it is recorded, a credential of its own provider."""

    live: Live
    name: str
    tokens: tuple[str, str]
    id: str = ""

    def put(self, cassette: str, *models: str, credential: bool = True) -> None:
        """Known to every worker on return."""
        address = f"{self.live.upstream.url}/v1" if credential else ""
        names = {"name": self.name, "cassette": cassette, "models": list(models), "base_url": address}
        self.id = self.live.python(PROJECT, **names)
        time.sleep(SETTLED)

    def end(self) -> None:
        self.live.python(PROJECT, name=self.name, cassette="", models=[], base_url="")

    def ask(self, body: dict[str, Any], token: int = 0, path: str = "chat/completions", **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["authorization"] = f"Bearer {self.tokens[token]}"
        return self.live.request("POST", f"/v1/proxy/{path}", body, named)


@pytest.fixture
def project(open_live: Live) -> Iterator[Project]:
    name = f"cassette-{uuid.uuid4().hex}"
    found = Project(open_live, name, (open_live.key(f"{name}-1"), open_live.key(f"{name}-2")))
    yield found
    found.end()


def warm(**fields: Any) -> dict[str, Any]:
    """A request that `auto` would not keep."""
    return hello(model="groq/llama", temperature=1, **fields)


def test_a_recording_keeps_every_answer_for_good_and_for_all_keys_of_its_project(project: Project) -> None:
    project.put("record")
    body = warm()
    first = project.ask(body, x_bt_use_cache="never", x_bt_cache_ttl="5")
    assert (cached(first), first.headers["cache-control"]) == ("MISS", f"max-age={ENDLESS}")
    assert cached(project.ask(body, token=1)) == "HIT"
    assert cached(project.live.chat({**body, "model": "openai/llama"})) == "MISS"
    row = project.live.usage(with_request_id(first))
    [kept] = project.live.rows("SELECT * FROM cache_admin_storedcompletion WHERE digest = %s", row["cache_digest"])
    assert kept["scope"] == f"cassette:{project.id}"
    assert kept["expires_at"].year > 2090


def test_a_new_take_replaces_the_old_one(project: Project) -> None:
    project.put("record")
    body = warm()
    project.live.upstream.then(answer(openai_answer("First take")), answer(openai_answer("Second take")))
    assert cached(project.ask(body)) == "MISS"
    assert cached(project.ask(body, cache_control="no-cache")) == "MISS"
    found = project.ask(body)
    assert (cached(found), found.json()["choices"][0]["message"]["content"]) == ("HIT", "Second take")


def test_a_replay_needs_neither_credential_nor_provider(project: Project) -> None:
    project.put("record")
    body, unknown = warm(), warm()
    project.live.upstream.then(answer(openai_answer("Recorded")))
    assert cached(project.ask(body)) == "MISS"
    project.put("replay", credential=False)
    calls = project.live.upstream.count
    plain = project.ask(body, cache_control="no-cache", x_bt_use_cache="never")
    assert (cached(plain), plain.json()["choices"][0]["message"]["content"]) == ("HIT", "Recorded")
    streamed = project.ask({**body, "stream": True}, token=1)
    assert (cached(streamed), text_of(chunks(streamed.body))) == ("HIT", "Recorded")
    for path, other in (("chat/completions", unknown), ("images/generations", {"model": "gpt-image-1", "prompt": "x"})):
        refused = project.ask(other, path=path)
        assert (refused.status, refusal(refused)["code"]) == (504, "cache_miss")
    crossed = project.ask({"model": "groq/llama", "input": "Hello"}, path="responses")
    assert (crossed.status, refusal(crossed)["code"]) == (504, "cache_miss")
    assert project.live.upstream.count == calls
    row = project.live.usage(with_request_id(plain))
    assert (row["cache"], row["cost_usd"], row["attempts"]) == ("hit", 0, 0)


def test_a_replay_too_gives_a_key_only_models_that_it_may_use(project: Project) -> None:
    project.put("record")
    body = warm()
    assert cached(project.ask(body)) == "MISS"
    project.put("replay", "openai/*", credential=False)
    refused = project.ask(body)
    assert (refused.status, refusal(refused)["code"]) == (403, "model_not_allowed")
    project.put("replay", "groq/*", credential=False)
    assert cached(project.ask(body)) == "HIT"


def test_an_exported_cassette_is_replayed_by_the_project_that_imports_it(project: Project, tmp_path: Path) -> None:
    other = replace(project, name=f"{project.name}-2")  # the second key's alone, once that is put into it
    body = warm(top_p=0.70)
    project.put("record")
    project.live.upstream.then(answer(openai_answer("Recorded")), answer(openai_answer("With a header")))
    assert cached(project.ask({**body, "stream": True})) == "MISS"
    assert cached(project.ask(body, openai_beta="x=1", x_dragoman_strict="true")) == "MISS"
    project.live.manage("ship_usage")
    file = str(tmp_path / "cassette.jsonl")
    project.live.manage("export_cache", file, "--project", project.id, "--recorded")
    other.put("replay", credential=False)
    project.live.manage("import_cache", file, "--project", other.name)
    calls = project.live.upstream.count
    found = other.ask(body, token=1)
    assert (cached(found), found.json()["choices"][0]["message"]["content"]) == ("HIT", "Recorded")
    found = other.ask(body, token=1, openai_beta="x=1", x_dragoman_strict="true")
    assert found.json()["choices"][0]["message"]["content"] == "With a header"
    assert other.ask(body, token=1, openai_beta="x=2").status == 504
    assert other.ask(warm(top_p=0.71), token=1).status == 504
    assert project.live.upstream.count == calls
    other.end()
