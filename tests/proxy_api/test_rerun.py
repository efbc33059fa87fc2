"""Asking again what a cached completion answers: past the cache, on the usage log under whose name it was."""

from __future__ import annotations

import json
from typing import Any

from tests.bodies import anthropic_answer, openai_error
from tests.client import hello
from tests.live import Live
from tests.loopback import answer, openai_answer
from tests.proxy_api.asking import CLAUDE, anthropic
from tests.proxy_api.dialects.responses import message, response, text

ASKED = """
from cache_admin.rerunning import Question, rerun
found = rerun(Question(endpoint, request.encode(), project, by="ada"))
result = {name: str(getattr(found, name)) for name in ("request_id", "fault", "provider", "model")}
result |= {"answer": found.answer.decode(), "seconds": found.seconds, "tokens": found.output_tokens}
"""


def asked(live: Live, request: str, endpoint: str = "chat/completions", project: str = "") -> dict[str, Any]:
    found: dict[str, Any] = live.python(ASKED, endpoint=endpoint, request=request, project=project)
    return found


def test_an_answer_is_asked_for_once_more_past_the_cache_and_logged_as_a_re_run(live: Live) -> None:
    live.upstream.script(answer(openai_answer("Fresh")))
    request = json.dumps(hello(temperature=0, stream=True, stream_options={"include_usage": True}))
    found = [asked(live, request), asked(live, request)]
    assert {one["fault"] for one in found} == {""}
    assert json.loads(found[0]["answer"])["choices"][0]["message"]["content"] == "Fresh"
    assert (found[0]["provider"], found[0]["model"]) == ("openai", "gpt-4o-mini")
    assert found[0]["seconds"] > 0
    assert [json.loads(call.body).get("stream") for call in live.upstream.calls] == [None, None]
    row = live.usage(found[0]["request_id"])
    assert (row["key_name"], row["key_id"], row["cache"]) == ("ada (re-run)", "staff:ada", "bypass")
    assert row["output_tokens"] == found[0]["tokens"]


def test_responses_are_asked_for_where_they_came_from(live: Live) -> None:
    found = response(message(text("Fresh")))
    live.upstream.script(answer(found), path="/v1/responses")
    request = json.dumps({"model": "openai/gpt-4o", "input": "Hi", "stream": True, "tools": [{"type": "web_search"}]})
    assert json.loads(asked(live, request, "responses")["answer"]) == found
    anthropic(live, answer(anthropic_answer("Fresh too")))
    crossed = asked(live, json.dumps({"model": CLAUDE, "input": "Hi"}), "responses")
    assert (crossed["fault"], crossed["provider"]) == ("", "anthropic")
    assert json.loads(crossed["answer"])["output"][0]["content"][0]["text"] == "Fresh too"


def test_what_goes_wrong_with_a_re_run_is_told_in_a_sentence(live: Live) -> None:
    live.upstream.script(answer(openai_error("No such model."), 404))
    refused = asked(live, json.dumps(hello()))
    assert "No such model." in refused["fault"]
    assert live.usage(refused["request_id"])["status"] == "upstream_error"
    assert "no endpoint" in asked(live, json.dumps(hello()), "audio/speech")["fault"]
    assert asked(live, "{")["fault"]


def test_a_re_run_goes_on_the_account_of_the_entrys_project(live: Live) -> None:
    made = "from keys.models import Project; result = Project.objects.create(name='of the re-run').pk"
    project = live.python(made)
    live.upstream.script(answer(openai_answer("Fresh")))
    row = live.usage(asked(live, json.dumps(hello()), project=project)["request_id"])
    assert (row["project_id"], row["project_name"]) == (project, "of the re-run")
