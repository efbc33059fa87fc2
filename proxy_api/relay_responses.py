"""The ways of Responses for models whose provider has no Responses: asked as a chat, answered as a response.

A provider that has Responses gets the request as it came (passthrough.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from proxy_api import body as request_body
from proxy_api import catalog, chat, framing, replay
from proxy_api.dialects import DIALECTS, openai_chat, openai_responses
from proxy_api.errors import GatewayError
from proxy_api.kept_turns import check_whole
from proxy_api.relay import UNREAD, Completing, Crossing, Facts, Keeping, Turn, Verbatim, Way, dumps, loads
from proxy_api.upstream import Route

CLIENT = DIALECTS[openai_responses.name]
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
