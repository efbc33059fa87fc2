"""Paths of OpenAI's API that the gateway does not know itself, passed on to a provider that does.

Path, method, query and body stay; the answer comes back piece by piece, under an allow-list of headers. Never cached:
Responses that may be take another way (relay_responses.AsItCame). On the ledger like every call, tokens included where
JSON or an event tells them (passthrough_usage).
Invariant: a key that is limited to models relays only JSON bodies that name one of them.
"""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import quote

import orjson

from cache_admin.spool import SpoolUnavailable
from keys.entrance.tokens import PREFIX
from keys.settled import settings
from proxy_api import answers, framing, gateway, shape, transport
from proxy_api import body as request_body
from proxy_api.access_tokens import authorized
from proxy_api.admission import admitted
from proxy_api.attempts import deadlines, upstream_id
from proxy_api.body import Body
from proxy_api.caching import REPLAY, directives, not_cached
from proxy_api.dialects import openai_chat
from proxy_api.errors import ClientGone, GatewayError, error_object
from proxy_api.estimate import CHARACTERS, NO_TOKENS, written
from proxy_api.flight import Call
from proxy_api.outgoing import printable, shared_headers
from proxy_api.passthrough_routes import refuse_unnamed, routes_of
from proxy_api.passthrough_usage import EVENTS, Meter
from proxy_api.providers import Asked, hide_key, requested
from proxy_api.recording import Record
from proxy_api.relay import Facts
from proxy_api.routing import MAX_ATTEMPTS
from proxy_api.transport import Exchange, Head, Watch
from proxy_api.transport_wire import EMPTY, is_coded
from proxy_api.uploads import Arriving
from proxy_api.upstream import Route, UpstreamRequest

QUERY_SAFE = "!$&'()*+,;=:@%/?-._~"  # RFC 3986, 3.4; brackets, which clients send as they are, get encoded
CONTENT_TYPE = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,255}")
OCTETS = "application/octet-stream"
RELAYED = "relayed"  # why most of what is passed on is not cached


@dataclass(frozen=True, slots=True)
class Passing:
    """A request that is passed on. call: its endpoint's name is the path, its body the JSON or empty; upload: any other
    body; media, accept: the client's Content-Type and Accept; why: it is not cached, in one word."""

    call: Call
    method: str
    query: str = ""
    media: str = ""
    accept: str = ""
    upload: Arriving | None = None
    why: str = RELAYED

    @property
    def model(self) -> str:
        named = self.call.body.value.get("model")
        if isinstance(named, str):
            return named
        return self.upload.model() if self.upload is not None else ""


def answer(passing: Passing) -> answers.Answer:
    """Pass one request on. Raises GatewayError while nothing has been sent; every outcome is on the ledger."""
    return gateway.answer(passing.call, partial(passed, passing))


def passed(passing: Passing, call: Call, record: Record) -> answers.Answer:
    entry, model = record.entry, passing.model
    entry.cache, entry.cache_reason = "bypass", passing.why
    record.headers["x-bt-cached"] = "MISS"
    if call.identity.cassette == REPLAY or "only-if-cached" in directives(call.headers.get("cache-control")):
        raise not_cached()
    if model:
        shape.FIELDS["model"](model, "model")
        entry.model_asked = model
    if not isinstance(call.body.value.get("model"), str):
        refuse_unnamed(call.identity)
    routes = routes_of(call.endpoint.name, model, call.identity, call.headers.get("x-bt-endpoint-name"))
    if call.kept == "full":
        entry.request_body = call.body.raw or None
    if call.identity.subjects:
        routes = admitted(call, routes, record, None if passing.method == "POST" else NO_TOKENS)
    record.open(routes[0], billed=passing.method == "POST")
    watch = Watch(call.client) if call.client is not None else None
    try:
        exchange, head = answered(passing, routes[:MAX_ATTEMPTS], record, watch)
    except BaseException:
        if watch is not None:
            watch.close()
        raise
    entry.http_status = head.status
    passage = Passage(record, exchange, head, watch, passing.method == "POST")
    ours = {"x-dragoman-cache": f"bypass; {passing.why}", "x-dragoman-attempts": str(entry.attempts)}
    headers = {**shared_headers(record), **passage.headers(), **ours}
    return answers.Answer(headers, frames=answers.Frames(passage.pieces(), passage.abandon), status=head.status)


# -- there -----------------------------------------------------------------------------------------------------------
def answered(passing: Passing, routes: Sequence[Route], record: Record, watch: Watch | None) -> tuple[Exchange, Head]:
    """The first route that does not fail; a body that was sent as it came cannot be sent twice."""
    for number, route in enumerate(routes, start=1):
        record.attempt(route, number, time.monotonic())
        try:
            return asked(passing, route, record, watch)
        except GatewayError as error:
            hide_key(route, error)
            if passing.upload is not None or not error.retryable or number == len(routes):
                raise
    raise AssertionError("there is at least one route")


def asked(passing: Passing, route: Route, record: Record, watch: Watch | None) -> tuple[Exchange, Head]:
    """One try: sent, and the head of the answer read. Raises what the provider's refusal means."""
    exchange = transport.send(request_for(passing, authorized(route)), deadlines(), watch)
    record.owed = passing.method == "POST"
    try:
        while (head := exchange.head()) is None:
            pass
        record.entry.upstream_request_id = upstream_id(head.headers)
        if head.status >= 400:
            record.owed = False
            own_key = passing.call.identity.kind == "provider_key"
            raise openai_chat.read_error(head.status, head.headers, exchange.body(), own_key=own_key)
        return exchange, head
    except BaseException:
        exchange.close()
        raise


def request_for(passing: Passing, route: Route) -> UpstreamRequest:
    """Body and query as they came, but for the model's name and for keys of ours."""
    call = passing.call
    query = kept_query(passing.query)
    wanted = Asked(
        path=f"/{call.endpoint.name}{'?' if query else ''}{query}",
        method=passing.method,
        content_type=passing.media or "application/json",
        accept=passing.accept if CONTENT_TYPE.fullmatch(passing.accept) else "*/*",
        stream=call.stream,
        now=call.now,
    )
    body = json_for(call.body, route) if passing.upload is None else passing.upload.upload(route.model)
    return requested(route, wanted, body, call.headers)


def json_for(body: Body, route: Route) -> bytes:
    named = route.model and isinstance(body.value.get("model"), str)
    return request_body.with_model(body, route.model) if named else body.raw


def kept_query(query: str) -> str:
    """The query for the provider: a key of ours, which some clients put there, stays here."""
    return "&".join(quote(pair, safe=QUERY_SAFE) for pair in query.split("&") if pair and PREFIX not in pair)


# -- and back --------------------------------------------------------------------------------------------------------
@dataclass(slots=True)
class Passage:
    """An answer on its way back; makes: to a request that may cost something. Invariant: the final record is written
    before the last bytes, or before the end that marks them as the last."""

    record: Record
    exchange: Exchange
    head: Head
    watch: Watch | None
    makes: bool
    seen: int = 0
    meter: Meter = field(init=False)

    def __post_init__(self) -> None:
        self.meter = Meter(self.media)

    @property
    def media(self) -> str:
        said = self.head.headers.get("content-type", "")
        return said if CONTENT_TYPE.fullmatch(said) else OCTETS

    @property
    def events(self) -> bool:
        return self.meter.media == EVENTS

    @property
    def length(self) -> int | None:
        """What the provider says that will come."""
        if self.head.status in EMPTY or is_coded(self.head):
            return None
        said = self.head.headers.get("content-length", "")
        return int(said) if said.isascii() and said.isdigit() and len(said) < 16 else None

    def headers(self) -> dict[str, str]:
        """A page that a provider sends is no page of ours: it may run nothing here. No media type where there can be
        no body."""
        headers = {"content-security-policy": "default-src 'none'; sandbox"}
        if self.head.status not in EMPTY:
            headers["content-type"] = self.media
        if (length := self.length) is not None:
            headers["content-length"] = str(length)
        if "content-disposition" in self.head.headers:
            headers["content-disposition"] = printable(self.head.headers["content-disposition"])
        if self.events:
            headers["cache-control"] = "no-cache, no-transform"
        return headers

    def pieces(self) -> Iterator[bytes]:
        """The body; where it breaks off, a stream of events ends with an error frame, anything else with a cut."""
        try:
            yield from self.relayed()
            self.finish()
        except GatewayError as error:
            self.fail(error)
            yield from self.broken(error)
        except SpoolUnavailable:
            yield from self.broken(answers.ledger_unavailable())
        finally:
            self.exchange.close()

    def relayed(self) -> Iterator[bytes]:
        for piece in self.exchange.pieces(settings.DRAGOMAN_MAX_RELAYED_BYTES):
            if piece is None:
                if self.events:
                    yield framing.PING
                continue
            self.record.first_byte(time.monotonic())
            self.note(piece)
            yield piece

    def note(self, piece: bytes) -> None:
        self.seen += len(piece)
        self.meter.note(piece)
        if self.seen == self.length:
            self.finish()

    def finish(self) -> None:
        """The answer is whole; one that tells no usage has none. Raises SpoolUnavailable. Idempotent."""
        if self.record.closed:
            return
        self.record.owed = self.goes_on
        clock = self.record.marks.done = time.monotonic()
        self.record.succeed(self.facts(), clock)

    def fail(self, error: GatewayError) -> None:
        self.record.fail(error, time.monotonic(), self.facts())

    @property
    def goes_on(self) -> bool:
        """Whether the provider works on after its answer: https://developers.openai.com/api/docs/guides/background ."""
        return self.makes and self.record.body.get("background") is True

    def facts(self) -> Facts:
        """What the answer tells. What is only read was counted when it was made. What goes on without us ends where
        nobody tells us, so it counts as all that it may write."""
        facts = self.meter.facts()
        if not self.makes:
            facts.usage = None
        elif self.goes_on and not facts.told:
            models = [self.record.route.model] if self.record.route else []
            facts.written = max(facts.written, CHARACTERS * written(self.record.body, models))
        return facts

    def broken(self, error: GatewayError) -> Iterator[bytes]:
        if not self.events:
            raise ConnectionResetError(errno.ECONNRESET, "the provider's answer broke off")
        yield framing.sse(orjson.dumps(error_object(error)))

    def abandon(self) -> None:
        """The client left, or all is done: idempotent either way."""
        self.exchange.close()
        gone = self.watch.parting() if self.watch is not None else ClientGone("The client left.")
        self.fail(gone)
        if self.watch is not None:
            self.watch.close()
