"""Paths that are passed on to the provider as they are, over the running server."""

from __future__ import annotations

import hashlib
import http.client
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from proxy_api.framing import sse
from tests.bodies import OPENAI_ID, openai_error
from tests.live import Answer, Live, started_live
from tests.loopback import Call, answer, chunk, chunked_head, close, hang, head_of, raw, reset, short_length, stream
from tests.proxy_api.asking import payloads, refusal, with_request_id

BOUNDARY = "----form-7MA4YWxkTrZu0gW"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def form(model: str, file: bytes, *, file_first: bool = False) -> bytes:
    fields = [
        f'Content-Disposition: form-data; name="model"\r\n\r\n{model}\r\n'.encode(),
        b'Content-Disposition: form-data; name="file"; filename="a.mp3"\r\nContent-Type: audio/mpeg\r\n\r\n%b\r\n'
        % file,
    ]
    marked = [f"--{BOUNDARY}\r\n".encode() + field for field in (reversed(fields) if file_first else fields)]
    return b"".join(marked) + f"--{BOUNDARY}--\r\n".encode()


def send(live: Live, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    return live.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})


def test_a_transcription_is_passed_on_byte_for_byte(live: Live) -> None:
    said = b'{"text":"Hello","usage":{"type":"tokens","input_tokens":14,"output_tokens":3,"total_tokens":17}}'
    live.upstream.script(answer(said), path="/v1/audio/transcriptions")
    body = form("whisper-1", bytes(range(256)) * 1000)
    found = send(live, "POST", "/v1/proxy/audio/transcriptions?x=1&y=a%20b", body, content_type=FORM, cookie="a=b")
    assert (found.status, found.body) == (200, said)
    [call] = live.upstream.calls
    assert (call.method, call.path, call.body) == ("POST", "/v1/audio/transcriptions?x=1&y=a%20b", body)
    assert (call.headers["content-type"], call.headers["authorization"]) == (FORM, "Bearer sk-upstream-openai")
    assert "cookie" not in call.headers
    row = live.usage(with_request_id(found))
    told = {name: row[name] for name in ("endpoint", "status", "provider", "cache", "input_tokens", "output_tokens")}
    assert told == {
        "endpoint": "audio/transcriptions",
        "status": "ok",
        "provider": "openai",
        "cache": "bypass",
        "input_tokens": 14,
        "output_tokens": 3,
    }


@pytest.mark.parametrize("file_first", [False, True])
def test_the_provider_is_taken_off_the_model_that_a_form_names(live: Live, file_first: bool) -> None:
    body = form("openai/whisper-1", b"sound", file_first=file_first)
    assert send(live, "POST", "/v1/proxy/audio/transcriptions", body, content_type=FORM).status == 200
    assert live.upstream.calls[-1].body == form("whisper-1", b"sound", file_first=file_first)
    other = send(live, "POST", "/v1/proxy/audio/transcriptions", form("anthropic/x", b"sound"), content_type=FORM)
    assert (other.status, refusal(other)["param"]) == (400, "model")
    assert live.upstream.count == 1


def test_a_large_body_is_passed_on_while_it_comes(live: Live) -> None:
    """Larger than any JSON may be, and without a length, which reaches the provider in chunks as well."""
    digests: list[str] = []

    def count(call: Call) -> None:
        digests.append(hashlib.sha256(call.received.body).hexdigest())
        answer(b'{"id":"file-1","object":"file"}')(call)

    live.upstream.script(count, path="/v1/files")
    piece, pieces = b"x" * (1 << 20), 24
    whole = hashlib.sha256(piece * pieces).hexdigest()
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=30)
    headers = {
        "authorization": f"Bearer {live.token}",
        "content-type": FORM,
        "content-length": str(len(piece) * pieces),
    }
    connection.request("POST", "/v1/proxy/files", iter([piece] * pieces), headers)
    assert connection.getresponse().read() == b'{"id":"file-1","object":"file"}'
    assert digests == [whole]
    connection.close()


def test_a_body_without_a_length_is_passed_on_in_chunks(live: Live) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=30)
    headers = {"authorization": f"Bearer {live.token}", "content-type": "application/octet-stream"}
    connection.request("PUT", "/v1/proxy/uploads/part", iter([b"one", b"two"]), headers, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()
    [call] = live.upstream.calls
    assert (call.method, call.body, call.headers["transfer-encoding"]) == ("PUT", b"onetwo", "chunked")
    assert "content-length" not in call.headers


def test_a_json_body_names_the_provider_and_keeps_every_other_byte(live: Live) -> None:
    sound = bytes(range(256)) * 40
    live.upstream.script(answer(sound, content_type="audio/mpeg"), path="/v1/audio/speech")
    body = b'{ "model" : "openai/gpt-4o-mini-tts",\n "input":"Hi",  "voice":"alloy" }'
    found = send(live, "POST", "/v1/proxy/audio/speech", body)
    assert (found.body, found.headers["content-type"]) == (sound, "audio/mpeg")
    assert found.headers["content-length"] == str(len(sound))
    assert live.upstream.calls[-1].body == body.replace(b"openai/", b"")
    row = live.usage(with_request_id(found))
    assert (row["model_asked"], row["endpoint"]) == ("openai/gpt-4o-mini-tts", "audio/speech")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_other_methods_reach_the_provider_without_a_body(live: Live, method: str) -> None:
    found = send(live, method, "/v1/proxy/files/file-abc123/content/?include[]=a&key=" + live.token)
    assert found.status == 200
    [call] = live.upstream.calls
    assert (call.method, call.path, call.body) == (method, "/v1/files/file-abc123/content?include%5B%5D=a", b"")
    assert live.token not in json.dumps([call.path, call.headers])


def test_a_method_that_openai_has_nowhere_reaches_nobody(live: Live) -> None:
    found = send(live, "HEAD", "/v1/proxy/files/file-abc123")
    assert (found.status, found.headers["allow"]) == (405, "GET, POST, PUT, PATCH, DELETE")
    assert live.upstream.count == 0


def test_headers_of_the_answer_pass_an_allow_list(live: Live) -> None:
    headers = [("set-cookie", "a=b"), ("x-request-id", "req_1"), ("content-disposition", 'attachment; filename="a"')]
    live.upstream.script(answer(b"<script>", 201, headers, "text/html"), path="/v1/files/f/content")
    found = send(live, "GET", "/v1/proxy/files/f/content")
    assert (found.status, found.body) == (201, b"<script>")
    assert "set-cookie" not in found.headers
    assert found.headers["content-disposition"] == 'attachment; filename="a"'
    assert found.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert live.usage(with_request_id(found))["upstream_request_id"] == "req_1"


@pytest.mark.parametrize(("method", "status"), [("DELETE", 204), ("GET", 304)])
def test_an_answer_without_a_body_is_passed_on_without_one(live: Live, method: str, status: int) -> None:
    live.upstream.script(raw(head_of(status, [("x-request-id", "req_2")])), path="/v1/containers/c")
    found = send(live, method, "/v1/proxy/containers/c")
    assert (found.status, found.body) == (status, b"")
    assert not {"content-type", "content-length", "transfer-encoding"} & set(found.headers)
    row = live.usage(with_request_id(found))
    assert (row["status"], row["http_status"], row["upstream_request_id"]) == ("ok", status, "req_2")


EVENTS = [b'event: response.created\ndata: {"n":1}\n\n', b'event: response.completed\ndata: {"n":2}\n\n']


@pytest.mark.parametrize("prefix", ["/v1/proxy", "/v1", ""])
def test_responses_are_passed_on_as_they_stream(live: Live, prefix: str) -> None:
    live.upstream.script(stream(EVENTS, gap=0.2), path="/v1/responses")
    body = {"model": "openai/gpt-4o", "input": "Hi", "stream": True}
    found = send(live, "POST", f"{prefix}/responses", body)
    assert (found.status, found.body) == (200, b"".join(EVENTS))
    assert found.headers["content-type"].startswith("text/event-stream")


PRICED = """
from cache_admin.models import Price
Price.objects.create(provider="openai", model="gpt-4o", input="2", output="10")
"""
UNPRICED = 'from cache_admin.models import Price\nPrice.objects.get(provider="openai", model="gpt-4o").delete()'


@pytest.fixture
def priced(live: Live) -> Iterator[Live]:
    live.python(PRICED)
    time.sleep(1)  # every worker knows it
    yield live
    live.python(UNPRICED)


def test_the_tokens_and_the_cost_of_responses_are_on_the_record(priced: Live) -> None:
    usage = {"input_tokens": 30, "output_tokens": 20, "total_tokens": 50}
    usage_too = {
        "input_tokens_details": {"cached_tokens": 12},
        "output_tokens_details": {"reasoning_tokens": 8},
    }
    response = {"object": "response", "model": "gpt-4o-2024-08-06", "usage": usage | usage_too}
    frames: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**response, "usage": None}},
        {"type": "response.output_text.delta", "delta": '"usage": {"total_tokens": 1}'},
        {"type": "response.completed", "response": response},
    ]
    plain = answer(json.dumps(response).encode())
    streamed = stream([sse(json.dumps(one).encode(), str(one["type"]).encode()) for one in frames])
    for behaviour, body in ((plain, {}), (streamed, {"stream": True})):
        priced.upstream.script(behaviour, path="/v1/responses")
        found = send(priced, "POST", "/v1/proxy/responses", {"model": "openai/gpt-4o", "input": "Hi", **body})
        row = priced.usage(with_request_id(found))
        tokens = [row[name] for name in ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")]
        assert (row["status"], tokens, row["model_served"]) == ("ok", [30, 12, 20, 8], "gpt-4o-2024-08-06")
        assert float(row["cost_usd"]) == pytest.approx(30 * 2e-6 + 20 * 10e-6)


def test_a_stream_that_breaks_off_ends_with_an_error_frame(live: Live) -> None:
    live.upstream.script(stream(EVENTS[:1], end=close), path="/v1/responses")
    found = send(live, "POST", "/v1/proxy/responses", {"model": "gpt-4o", "stream": True})
    error = json.loads(payloads(found.body)[-1])["error"]
    assert error["code"] == "upstream_incomplete"
    assert live.usage(with_request_id(found))["status"] == "incomplete"


def test_a_download_that_breaks_off_is_cut_for_the_client_too(live: Live) -> None:
    for behaviour in (short_length(b"half of it"), unfinished):
        live.upstream.script(behaviour, path="/v1/files/f/content")
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            send(live, "GET", "/v1/proxy/files/f/content")
    assert send(live, "GET", "/v1/proxy/files/g").status == 200


def unfinished(call: Call) -> None:
    call.write(chunked_head(content_type="application/octet-stream") + chunk(b"half"))
    call.close()


def test_a_client_that_leaves_ends_the_providers_call(live: Live) -> None:
    """B26."""
    live.upstream.script(hang, path="/v1/files/f/content")
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=20)
    connection.request("GET", "/v1/proxy/files/f/content", None, {"authorization": f"Bearer {live.token}"})
    assert live.upstream.wait_until(lambda: live.upstream.count == 1)
    connection.close()
    assert live.upstream.wait_until(lambda: len(live.upstream.aborted) == 1)


def test_failures_of_the_provider_are_in_openais_shape(live: Live) -> None:
    live.upstream.script(answer(openai_error("No such File object", "invalid_request_error"), 404))
    failed = send(live, "GET", "/v1/proxy/files/file-nothing")
    assert (failed.status, refusal(failed)["message"]) == (404, "No such File object")
    assert live.usage(with_request_id(failed))["endpoint"] == "files/file-nothing"
    live.upstream.script(reset)
    lost = send(live, "POST", "/v1/proxy/images/generations", {"model": "gpt-image-1", "prompt": "a cat"})
    assert (lost.status, refusal(lost)["code"]) == (502, "upstream_unavailable")


def test_a_provider_that_refuses_an_upload_is_asked_once(live: Live) -> None:
    live.upstream.script(answer(openai_error("Maximum content size limit exceeded", "server_error"), 413))
    failed = send(live, "POST", "/v1/proxy/audio/transcriptions", form("whisper-1", b"x" * 300_000), content_type=FORM)
    assert (failed.status, refusal(failed)["message"]) == (413, "Maximum content size limit exceeded")
    assert live.upstream.count == 1


@pytest.mark.parametrize(
    "path",
    [
        "http://127.0.0.1:6379/",
        "//127.0.0.1/",
        "../admin/",
        "%2e%2e/%2e%2e/admin",
        "files/../../admin",
        "files/%2e%2e/admin",
        "files//x",
        "files/a%0d%0ax",
        "files/a%00",
        "files/a%3fb",
        "files/a\\b",
        "Files",
        "admin",
        "chat/completions/x",
        "nothing-that-is-known",
    ],
)
def test_a_path_that_is_not_known_is_404_and_calls_nobody(live: Live, path: str) -> None:
    found = send(live, "POST", f"/v1/proxy/{path}", {"model": "gpt-4o"})
    assert found.status == 404
    assert (refusal(found)["type"], refusal(found)["code"]) == ("invalid_request_error", "unknown_url")
    assert live.upstream.count == 0


def test_relayed_paths_live_under_proxy_alone(live: Live) -> None:
    assert send(live, "POST", "/v1/audio/speech", {"model": "tts-1"}).status == 404
    assert send(live, "POST", "/v1/proxy/audio/speech", {"model": "tts-1"}, authorization="Bearer x").status == 401


@pytest.mark.parametrize("prefix", ["/v1/proxy", "/v1"])
def test_realtime_is_not_implemented_and_says_so(live: Live, prefix: str) -> None:
    found = send(live, "GET", f"{prefix}/realtime?model=gpt-4o-realtime")
    assert (found.status, refusal(found)["code"]) == (501, "not_implemented")


def test_bad_json_is_refused_before_anybody_is_called(live: Live) -> None:
    found = send(live, "POST", "/v1/proxy/images/generations", b'{"model": "gpt-image-1", ')
    assert (found.status, refusal(found)["type"]) == (400, "invalid_request_error")
    assert live.usage(with_request_id(found))["endpoint"] == "images/generations"
    coded = send(live, "POST", "/v1/proxy/files", b"x", content_type=FORM, content_encoding="gzip")
    assert coded.status == 415
    unknown = send(live, "POST", "/v1/proxy/images/generations", {"model": "nobody-knows-this"})
    assert (unknown.status, refusal(unknown)["code"]) == (404, "model_not_found")
    assert live.upstream.count == 0


@pytest.mark.parametrize("fields", [{"user": 5}, {"user": ["x"], "metadata": "x"}, {"metadata": [1]}])
def test_what_a_relayed_request_says_of_its_client_is_the_providers_to_judge(
    live: Live, fields: dict[str, Any]
) -> None:
    found = send(live, "POST", "/v1/proxy/images/generations", {"model": "gpt-image-1", "prompt": "a", **fields})
    assert found.status == 200
    row = live.usage(with_request_id(found))
    assert (row["user"], row["metadata"]) == ("", {})


def test_a_key_that_is_limited_to_models_relays_only_those(live: Live) -> None:
    token = live.key("images only", "--models", "gpt-image-1")
    bearer = f"Bearer {token}"
    allowed = send(live, "POST", "/v1/proxy/images/generations", {"model": "gpt-image-1"}, authorization=bearer)
    assert allowed.status == 200
    for answered in (
        send(live, "POST", "/v1/proxy/images/generations", {"model": "dall-e-3"}, authorization=bearer),
        send(live, "GET", "/v1/proxy/files", authorization=bearer),
        send(live, "POST", "/v1/proxy/images/edits", form("gpt-image-1", b""), content_type=FORM, authorization=bearer),
    ):
        assert (answered.status, refusal(answered)["code"]) == (403, "model_not_allowed")
    assert live.upstream.count == 1


@pytest.fixture(scope="module")
def two() -> Iterator[Live]:
    with started_live(GROQ_API_KEY="sk-upstream-groq", DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS="127.0.0.1") as server:
        yield server


def test_among_several_credentials_the_named_one_is_asked(two: Live) -> None:
    alone = send(two, "GET", "/v1/proxy/files")
    assert (alone.status, refusal(alone)["code"]) == (400, "ambiguous_provider")
    named = send(two, "GET", "/v1/proxy/files", x_bt_endpoint_name="OPENAI_API_KEY")
    assert (named.status, named.headers["x-bt-used-endpoint"]) == (200, "OPENAI_API_KEY")
    unheard = {"model": f"new-{uuid.uuid4().hex}", "prompt": "a"}
    sent = send(two, "POST", "/v1/proxy/images/generations", unheard, x_bt_endpoint_name="OPENAI_API_KEY")
    assert (sent.status, sent.json()["id"]) == (200, OPENAI_ID)
    assert two.upstream.calls[-1].json() == unheard
    nobody = send(two, "GET", "/v1/proxy/files", x_bt_endpoint_name="nobody")
    assert (nobody.status, refusal(nobody)["code"]) == (404, "model_not_found")


SIGNING = """
from keys.models import ProviderCredential
row = ProviderCredential(name="signing", provider="bedrock-mantle", base_url=base_url)
row.put_secret("AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI", "0" * 12)
row.save()
"""


def test_what_is_relayed_to_amazon_is_signed_and_an_upload_that_cannot_be_is_refused(two: Live) -> None:
    two.python(SIGNING, base_url=f"{two.upstream.url}/v1")
    time.sleep(1)  # every worker knows it
    named = {"x_bt_endpoint_name": "signing"}
    assert send(two, "POST", "/v1/proxy/batches", {"input_file_id": "f"}, **named).status == 200
    assert send(two, "GET", "/v1/proxy/files?limit=2", **named).status == 200
    for call in two.upstream.calls[-2:]:
        assert call.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/")
    count = two.upstream.count
    refused = send(two, "POST", "/v1/proxy/files", form("m", b"sound"), content_type=FORM, **named)
    assert (refused.status, refusal(refused)["code"]) == (400, "unsupported_upload")
    assert two.upstream.count == count
    assert two.usage(with_request_id(refused))["status"] == "refused"
