"""Asks a provider once more what a cached completion answers, for `cache_admin` (see cache_admin/rerunning.py).

It is the operator's call, not the key's: it takes no right of the key, goes out with the credentials of the entry's
project and counts against the limits of project and installation. It neither reads nor writes the cache.
"""

from __future__ import annotations

import time

from cache_admin.rerunning import Fresh, Question
from keys.entrance.callers import subjects_of
from keys.entrance.identity import Identity, Rights
from keys.ids import new_id
from keys.models import Project
from proxy_api import answers, endpoints, gateway
from proxy_api import body as request_body
from proxy_api.body import Body
from proxy_api.endpoints import Endpoint
from proxy_api.errors import BadRequest, GatewayError
from proxy_api.flight import Call
from proxy_api.passthrough_routes import home_of
from proxy_api.recording import Record

ENDPOINTS = {one.name: one for one in (*endpoints.HOME.values(), endpoints.RESPONSES)}
PAST_THE_CACHE = {"x-bt-use-cache": "never"}


def rerun(question: Question) -> Fresh:
    """A cache_admin.rerunning.Rerunner."""
    try:
        return answered(call_of(question))
    except GatewayError as error:
        return Fresh(request_id="", fault=error.message)


def answered(call: Call) -> Fresh:
    """The call's outcome, its figures as the usage log has them."""
    seen: list[Record] = []

    def work(call: Call, record: Record) -> answers.Answer:
        seen.append(record)
        return gateway.found_or_made(call, record)

    try:
        answer = gateway.answer(call, work).body or b""
    except GatewayError as error:
        return Fresh(call.id, error.message)
    return fresh_of(seen[0], answer)


def fresh_of(record: Record, answer: bytes) -> Fresh:
    entry = record.entry
    return Fresh(
        entry.id,
        answer=answer,
        provider=entry.provider,
        model=record.route.model if record.route else "",
        endpoint_name=entry.credential,
        input_tokens=entry.input_tokens,
        output_tokens=entry.output_tokens,
        cost_usd=entry.cost_usd,
        seconds=(entry.total_ms or 0.0) / 1000,
        dropped=tuple(entry.dropped),
    )


def call_of(question: Question) -> Call:
    """Raises BadRequest where the kept request is none any more."""
    body = request_body.read(question.request, max_nodes=endpoints.EMBEDDINGS.max_nodes)
    body, identity = whole(body), identity_of(question)
    endpoint = endpoint_of(question.endpoint, body, identity)
    endpoint.check(body.value)
    return Call(new_id(), endpoint, identity, body, PAST_THE_CACHE, time.monotonic(), time.time())


def whole(body: Body) -> Body:
    """The same request for an answer in one piece."""
    gone = ("stream", "stream_options")
    return request_body.read(request_body.edited(body, {}, gone)) if body.value.get("stream") else body


def endpoint_of(name: str, body: Body, identity: Identity) -> Endpoint:
    model = body.value.get("model")
    if name == endpoints.AUTO:
        return endpoints.auto(str(model))
    if name == endpoints.RESPONSES.name and home_of(name, model, identity, None) == "there":
        return endpoints.RESPONSES_AS_IT_CAME
    if name not in ENDPOINTS:
        raise BadRequest("What this entry was asked at is no endpoint that can be asked again.")
    return ENDPOINTS[name]


def identity_of(question: Question) -> Identity:
    """Nobody's key: the usage log says who of the staff asked, and that it was once more."""
    row = Project.objects.filter(pk=question.project, enabled=True).first() if question.project else None
    return Identity(
        kind="virtual",
        id=f"staff:{question.by}"[:64],
        name=f"{question.by} (re-run)"[:200],
        scope="",
        rights=Rights(project=row.id if row else ""),
        project_name=row.name if row else "",
        organization=(row.organization if row else "") or None,
        subjects=subjects_of(None, row),
    )
