"""The endpoints beside chat, over the running server."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.bodies import (
    HELLO,
    INSTRUCT,
    completion_answer,
    completion_stream,
    embeddings_answer,
    moderation_answer,
    openai_error,
)
from tests.live import Answer, Live
from tests.loopback import answer, close, stream
from tests.proxy_api.asking import cached, chunks, hello, payloads, refusal, with_request_id

EMBEDDER = "openai/text-embedding-3-small"
BASE64 = "AACAPwAAAEA="
PREFIXES = ("/v1/proxy", "/v1", "/proxy", "", "/v1/v1")


def post(live: Live, path: str, body: dict[str, Any], **headers: str) -> Answer:
    return live.request("POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()})


def texts(**fields: Any) -> dict[str, Any]:
    """An embeddings request that nobody has made before."""
    return {"model": EMBEDDER, "input": uuid.uuid4().hex, **fields}


def prompt(**fields: Any) -> dict[str, Any]:
    return {"model": f"openai/{INSTRUCT}", "prompt": uuid.uuid4().hex, **fields}


def embedding(live: Live) -> None:
    live.upstream.script(answer(embeddings_answer([1.0, 2.0])), path="/v1/embeddings")


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("slash", ["", "/"])
def test_embeddings_are_relayed_under_every_alias(live: Live, prefix: str, slash: str) -> None:
    embedding(live)
    found = post(live, f"{prefix}/embeddings{slash}", texts())
    assert found.status == 200
    assert found.body == embeddings_answer([1.0, 2.0])
    [call] = live.upstream.calls
    assert (call.path, call.json()["model"]) == ("/v1/embeddings", "text-embedding-3-small")
    row = live.usage(with_request_id(found))
    assert (row["endpoint"], row["status"], row["input_tokens"], row["output_tokens"]) == ("embeddings", "ok", 8, 0)


def test_the_same_embeddings_twice_are_a_hit_without_a_temperature(live: Live) -> None:
    """M5."""
    embedding(live)
    body = texts()
    first, second = (post(live, "/v1/proxy/embeddings", body) for _ in range(2))
    assert (cached(first), cached(second)) == ("MISS", "HIT")
    assert second.body == first.body
    assert live.upstream.count == 1
    assert live.usage(with_request_id(second))["cost_usd"] == 0
    assert cached(post(live, "/v1/proxy/embeddings", body, x_bt_use_cache="never")) == "MISS"


def test_floats_and_base64_are_cached_apart(live: Live) -> None:
    embedding(live)
    body = texts()
    assert cached(post(live, "/v1/embeddings", body)) == "MISS"
    live.upstream.script(answer(embeddings_answer(BASE64)), path="/v1/embeddings")
    found = post(live, "/v1/embeddings", {**body, "encoding_format": "base64"})
    assert (cached(found), found.json()["data"][0]["embedding"]) == ("MISS", BASE64)
    assert live.upstream.calls[-1].json()["encoding_format"] == "base64"
    assert cached(post(live, "/v1/embeddings", body)) == "HIT"


def test_token_arrays_go_to_openai_as_they_are(live: Live) -> None:
    embedding(live)
    tokens = [[1, 2, 3], [4]]
    assert post(live, "/v1/embeddings", texts(input=tokens, dimensions=2)).status == 200
    sent = live.upstream.calls[-1].json()
    assert (sent["input"], sent["dimensions"]) == (tokens, 2)


@pytest.mark.parametrize("said", [b"{}", b'{"data": []}', b'{"data": null, "object": "list"}', b"[]"])
def test_embeddings_without_data_are_no_answer_and_not_kept(live: Live, said: bytes) -> None:
    live.upstream.then(answer(said))
    embedding(live)
    body = texts()
    failed = post(live, "/v1/embeddings", body)
    assert (failed.status, refusal(failed)["code"]) == (502, "upstream_incomplete")
    assert [cached(post(live, "/v1/embeddings", body)) for _ in range(2)] == ["MISS", "HIT"]


def test_failures_of_embeddings_are_in_openais_shape(live: Live) -> None:
    live.upstream.script(answer(openai_error("Too long", "invalid_request_error", "context_length_exceeded"), 400))
    failed = post(live, "/v1/embeddings", texts())
    assert (failed.status, refusal(failed)["code"]) == (400, "context_length_exceeded")
    bad = post(live, "/v1/embeddings", texts(dimensions=0))
    assert (bad.status, refusal(bad)["param"]) == (400, "dimensions")
    assert live.usage(with_request_id(bad))["endpoint"] == "embeddings"
    unknown = post(live, "/v1/embeddings", texts(model="nobody-knows-embed"))
    assert (unknown.status, refusal(unknown)["code"]) == (404, "model_not_found")
    assert live.request("GET", "/v1/embeddings").status == 405
    assert live.request("POST", "/v1/embeddings", texts(), {"authorization": "Bearer x"}).status == 401


def test_a_chat_model_and_a_provider_without_embeddings_are_told_so(live: Live) -> None:
    chat = refusal(post(live, "/v1/embeddings", texts(model="openai/gpt-4o")))
    assert (chat["param"], chat["message"].endswith("Did you mean /chat/completions?")) == ("model", True)
    nobody = refusal(post(live, "/v1/embeddings", texts(model="anthropic/embedder")))
    assert nobody["message"] == "The provider of this model (anthropic) has no /embeddings."
    assert live.upstream.count == 0


# -- moderations ---------------------------------------------------------------------------------------------------
def test_moderations_are_relayed_and_always_cached(live: Live) -> None:
    live.upstream.script(answer(moderation_answer()), path="/v1/moderations")
    body = {"input": uuid.uuid4().hex}
    first, second = (post(live, "/v1/proxy/moderations", body) for _ in range(2))
    assert (cached(first), cached(second)) == ("MISS", "HIT")
    assert first.body == second.body == moderation_answer()
    [call] = live.upstream.calls
    assert call.json() == {**body, "model": "omni-moderation-latest"}
    assert live.usage(with_request_id(first))["endpoint"] == "moderations"
    refused = post(live, "/v1/moderations", {"input": []})
    assert (refused.status, refusal(refused)["param"]) == (400, "input")


# -- completions ---------------------------------------------------------------------------------------------------
def test_a_completion_is_relayed_and_cached_by_chats_rule(live: Live) -> None:
    live.upstream.script(answer(completion_answer()), path="/v1/completions")
    body = prompt(temperature=0)
    first, second = (post(live, "/v1/completions", body) for _ in range(2))
    assert (cached(first), cached(second)) == ("MISS", "HIT")
    assert first.json()["choices"][0]["text"] == HELLO
    assert cached(post(live, "/v1/completions", prompt(temperature=1))) == "MISS"
    row = live.usage(with_request_id(first))
    assert (row["endpoint"], row["finish_reason"], row["output_tokens"]) == ("completions", "stop", 7)


def test_a_streamed_completion_is_judged_and_kept_for_both_forms(live: Live) -> None:
    live.upstream.script(stream(completion_stream()), path="/v1/completions")
    body = prompt(temperature=0)
    found = post(live, "/v1/completions", {**body, "stream": True})
    assert cached(found) == "MISS"
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks(found.body)) == HELLO
    assert live.upstream.calls[-1].json()["stream_options"] == {"include_usage": True}
    plain = post(live, "/v1/completions", body)
    assert (cached(plain), plain.json()) == ("HIT", json.loads(completion_answer()))
    again = post(live, "/v1/completions", {**body, "stream": True, "stream_options": {"include_usage": True}})
    assert cached(again) == "HIT"
    *told, last = chunks(again.body)
    assert ("".join(chunk["choices"][0]["text"] for chunk in told), last["usage"]["total_tokens"]) == (HELLO, 12)


def test_a_completion_that_breaks_off_is_an_error_and_not_kept(live: Live) -> None:
    live.upstream.script(stream(completion_stream()[:3], end=close), path="/v1/completions")
    body = prompt(temperature=0, stream=True)
    found = post(live, "/v1/completions", body)
    assert json.loads(payloads(found.body)[-1])["error"]["code"] == "upstream_incomplete"
    assert cached(post(live, "/v1/completions", body)) == "MISS"


def test_a_chat_model_on_completions_is_told_where_it_lives(live: Live) -> None:
    found = post(live, "/v1/proxy/completions", prompt(model="gpt-4o"))
    assert found.status == 400
    assert refusal(found) == {
        "message": "gpt-4o is a model for chat and not supported on /completions. Did you mean /chat/completions?",
        "type": "invalid_request_error",
        "param": "model",
        "code": "unsupported_model",
    }
    assert live.upstream.count == 0


# -- auto ----------------------------------------------------------------------------------------------------------
def test_auto_is_chat_or_completions_by_the_models_kind(live: Live) -> None:
    """M2."""
    live.upstream.script(answer(completion_answer()), path="/v1/completions")
    assert post(live, "/v1/proxy/auto", hello()).json()["object"] == "chat.completion"
    assert post(live, "/v1/proxy/auto", prompt()).json()["object"] == "text_completion"
    assert [call.path for call in live.upstream.calls] == ["/v1/chat/completions", "/v1/completions"]


def test_auto_refuses_an_embedding_model(live: Live) -> None:
    """M2."""
    found = post(live, "/v1/proxy/auto", hello(model="text-embedding-3-small"))
    assert found.status == 400
    wanted = "Unsupported model text-embedding-3-small (must be chat or completion for /auto endpoint)"
    assert refusal(found)["message"] == wanted
    assert refusal(post(live, "/v1/auto", {"messages": []}))["param"] == "model"


def test_auto_and_chat_share_no_cache_entry(live: Live) -> None:
    """M10."""
    body = hello(temperature=0)
    assert [cached(post(live, f"/v1/proxy/{path}", body)) for path in ("auto", "auto", "chat/completions")] == [
        "MISS",
        "HIT",
        "MISS",
    ]


# -- other languages of embeddings -----------------------------------------------------------------------------------
VECTORS = [[1.0, 2.0], [0.5, 0.25]]


def google_says(live: Live) -> None:
    said = {"embeddings": [{"values": vector} for vector in VECTORS], "usageMetadata": {"promptTokenCount": 6}}
    live.upstream.script(answer(said), path="/v1beta/models/gemini-embedding-001:batchEmbedContents")


def cohere_says(live: Live) -> None:
    said = {"id": "e", "embeddings": {"float": VECTORS}, "meta": {"billed_units": {"input_tokens": 6}}}
    live.upstream.script(answer(said), path="/v2/embed")


OTHERS = {"google/gemini-embedding-001": google_says, "cohere/embed-v4.0": cohere_says}


@pytest.mark.parametrize(("model", "says"), OTHERS.items(), ids=OTHERS)
def test_other_embeddings_come_in_openais_form(crossing: Live, model: str, says: Callable[[Live], None]) -> None:
    says(crossing)
    body = texts(model=model, input=[uuid.uuid4().hex, "b"], dimensions=2)
    found, again = (post(crossing, "/v1/embeddings", body) for _ in range(2))
    assert (cached(found), cached(again), found.body) == ("MISS", "HIT", again.body)
    assert [item["embedding"] for item in found.json()["data"]] == VECTORS
    assert found.json()["usage"] == {"prompt_tokens": 6, "total_tokens": 6}
    coded = post(crossing, "/v1/embeddings", {**body, "encoding_format": "base64"})
    assert (cached(coded), coded.json()["data"][0]["embedding"]) == ("MISS", BASE64)
    row = crossing.usage(with_request_id(found))
    assert (row["endpoint"], row["provider"], row["input_tokens"]) == ("embeddings", model.partition("/")[0], 6)


@pytest.mark.parametrize(("model", "says"), OTHERS.items(), ids=OTHERS)
def test_what_other_embeddings_cannot_say_is_refused_or_told(
    crossing: Live, model: str, says: Callable[[Live], None]
) -> None:
    says(crossing)
    tokens = post(crossing, "/v1/embeddings", texts(model=model, input=[1, 2]))
    assert (tokens.status, refusal(tokens)["param"]) == (400, "input")
    assert crossing.upstream.count == 0
    named = post(crossing, "/v1/embeddings", texts(model=model, input=["a", "b"], user="me"))
    assert (named.status, named.headers["x-dragoman-dropped"]) == (200, "user")
    strict = post(crossing, "/v1/embeddings", texts(model=model, input=["a", "b"], user="you"), x_dragoman_strict="1")
    assert (strict.status, refusal(strict)["param"]) == (400, "user")


def test_too_few_vectors_are_no_answer(crossing: Live) -> None:
    cohere_says(crossing)
    found = post(crossing, "/v1/embeddings", texts(model="cohere/embed-v4.0", input=["a", "b", "c"]))
    assert (found.status, refusal(found)["code"]) == (502, "upstream_incomplete")
