"""The ways of Responses. A provider that has it is asked as the client asked, and answers as it answers; a model of any
other is asked as a chat, and answers as a response.

What a provider that has it is asked and nobody keeps takes another way: it is passed on unread (passthrough.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from proxy_api import body as request_body
from proxy_api import catalog, chat, framing, replay
from proxy_api.dialects import DIALECTS, openai_chat, openai_responses
from proxy_api.errors import GatewayError, UpstreamIncomplete
from proxy_api.kept_turns import check_whole
from proxy_api.relay import (
    KEEP_ALIVE,
    UNREAD,
    Completing,
    Crossing,
    Facts,
    Keeping,
    Turn,
    Verbatim,
    Way,
    dumps,
    judged_json,
    loads,
)
from proxy_api.upstream import Route

CLIENT = DIALECTS[openai_responses.name]
LARGEST_EVENT = 32 << 20  # bytes: the last event of a stream holds the whole answer, images and all
# What the neutral chat calls a field of Responses.
_OURS: Mapping[str, str] = {
    "max_tokens": "max_output_tokens",
    "response_format": "text.format",
    "reasoning_effort": "reasoning.effort",
    "verbosity": "text.verbosity",
}


def way_for(route: Route, body: request_body.Body, keeping: Keeping) -> Way:
    """As relay.way_for."""
    dialect = DIALECTS[route.dialect]
    if dialect.name == openai_chat.name:
        return OverChat(route, body, keeping)
    return Crossing(route, body, dialect, keeping, CLIENT)


def param_named(param: str) -> str:
    """The client's own name of a param: messages are read out of its `input`, several items into one."""
    name, dot, rest = param.partition(".")
    if name.startswith("messages"):
        return "input"
    return f"{_OURS.get(name, name)}{dot}{rest}"


class AsItCame:
    """Said to a provider that has Responses: bytes through, each event judged, none changed. The last event of a stream
    holds the whole response, which is what is kept."""

    def __init__(self, route: Route, body: request_body.Body, keeping: Keeping) -> None:
        self.route, self.body = route, body
        self.losses: tuple[chat.Loss, ...] = ()
        self.headers: Mapping[str, str] = {}
        self.facts = Facts()
        self.answer = b""

    def complete(self, completing: Completing) -> Iterable[None]:
        return ()

    def request(self) -> bytes:
        return request_body.with_model(self.body, self.route.model)

    def plain(self, answer: bytes) -> bytes:
        self.note(judged_json(answer), 0)
        self.answer = answer
        return answer

    def stream(self, pieces: Iterator[bytes | None]) -> Iterator[bytes | None]:
        tally = openai_responses.Tally()
        try:
            for frame in framing.frames(pieces, LARGEST_EVENT):
                if frame is None:
                    yield None
                elif frame.raw.startswith(KEEP_ALIVE) if frame.data is None else said(tally, frame.data):
                    yield frame.raw
                if tally.last is not None:
                    break
        finally:
            self.facts.written = tally.written
        if tally.last is None:
            raise UpstreamIncomplete("The provider's stream ended before its answer was complete.")
        self.note(tally.last, tally.told)
        self.answer = dumps(tally.last)

    def note(self, response: chat.JSON, told: int) -> None:
        """The whole response. Raises as openai_responses.judge."""
        reason, native = openai_responses.judge(response)
        facts = self.facts
        facts.finish_reasons, facts.native_finish_reason = [reason], native
        facts.usage, facts.model = openai_responses.usage_of(response), response.get("model")
        facts.complete, facts.whole = True, openai_responses.is_whole(response, reason, told)

    def completion(self) -> bytes:
        return self.answer

    def turn(self) -> Turn:
        return UNREAD

    def read_error(self, status: int, headers: Mapping[str, str], answer: bytes, *, own_key: bool) -> GatewayError:
        return openai_chat.read_error(status, headers, answer, own_key=own_key)


def said(tally: openai_responses.Tally, data: bytes) -> bool:
    """Whether this event goes to the client: not [DONE], which Responses does not have. Raises as Tally.see()."""
    if data.startswith(b"[DONE]"):
        return False
    tally.see(data)
    return True


class OverChat:
    """Said to a host of OpenAI's chat, as a chat of its own would be: with its quirks, each frame judged."""

    def __init__(self, route: Route, body: request_body.Body, keeping: Keeping) -> None:
        self.body, self.keeping = body, keeping
        check_whole(body.value, openai_chat.name)
        asked = openai_responses.read_request({**body.value, "model": route.model})
        written, self.losses = openai_chat.write_request(asked, catalog.facts(route.model))
        self.chat = Verbatim(route, request_body.read(dumps(written)), keep=False)
        self.headers: Mapping[str, str] = {}
        self.facts: Facts = self.chat.facts
        self.events: list[chat.Event] = []
        self.answer = b""

    def complete(self, completing: Completing) -> Iterable[None]:
        return ()

    def request(self) -> bytes:
        body = self.chat.request()
        self.losses = (*self.losses, *self.chat.losses)
        return body

    def plain(self, answer: bytes) -> bytes:
        read = openai_chat.read_response(loads(self.chat.plain(answer)), self.keeping.now)
        self.answer = dumps(openai_responses.write_response(read))
        return self.answer

    def stream(self, pieces: Iterator[bytes | None]) -> Iterator[bytes | None]:
        frames = framing.frames(ended(self.chat.stream(pieces)))
        yield from openai_responses.write_stream(self.noted(openai_chat.read_stream(frames, self.keeping.now)), True)

    def noted(self, events: Iterator[chat.Event | None]) -> Iterator[chat.Event | None]:
        for event in events:
            if event is not None and self.keeping.keep:
                self.events.append(event)
            yield event

    def completion(self) -> bytes:
        return self.answer or dumps(openai_responses.write_response(replay.collect(self.events)))

    def turn(self) -> Turn:
        return UNREAD

    def read_error(self, status: int, headers: Mapping[str, str], answer: bytes, *, own_key: bool) -> GatewayError:
        return self.chat.read_error(status, headers, answer, own_key=own_key)


def ended(frames: Iterator[bytes | None]) -> Iterator[bytes | None]:
    """A chat's frames with the last word that its way leaves to the gateway."""
    yield from frames
    yield framing.DONE
