"""The two ways an answer comes back: verbatim where client and provider speak one language, crossing where they do not.

The split lives here and nowhere else. Both ways offer the same: the body to send, what the client gets (plain or
streamed), and afterwards the facts of the finished answer, so that gateway, cache and ledger see no difference.
A streamed way yields frames without the closing [DONE]: the gateway sends that last, once the call is on the ledger.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

import orjson

from proxy_api import body as request_body
from proxy_api import catalog, chat, forms, framing, quirks, replay
from proxy_api.dialects import DIALECTS, Dialect, openai_chat
from proxy_api.dialects.asked import events_as_asked, response_as_asked
from proxy_api.dialects.failures import SHAPELESS
from proxy_api.dialects.foreign import check_tools, headers_for
from proxy_api.errors import GatewayError, UpstreamError, UpstreamIncomplete
from proxy_api.gathering import Gathered, length
from proxy_api.kept_turns import check_whole
from proxy_api.upstream import Route

OWN_FIELDS = ("use_cache", "reasoning_enabled", "reasoning_budget")
CLIENT_DIALECT = openai_chat
Named = TypeVar("Named", chat.ChatResponse, chat.Started)
# Finish reasons, OpenAI's and providers' own, of answers that are given but never cached.
SPOILT = frozenset(
    {"content_filter", "error", "ERROR", "TIMEOUT", "malformed_model_output", "malformed_tool_use"}
    | {"MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"}
    | {"MISSING_THOUGHT_SIGNATURE"}
)
LONG_INTEGER = re.compile(rb"[0-9]{19}")
# Frames without data that travel on. Lines with any other name mean nothing to a reader of events: a page, perhaps.
KEEP_ALIVE = (b":", b"event:", b"id:", b"retry:", b"data")


@dataclass(slots=True)
class Facts:
    """What is known of a finished answer, or of one that broke off. `complete`: marked complete by the provider, not
    merely ended; written: characters of output that came, where `usage` does not tell all of it; whole: what a cache
    would keep has all that the client was told."""

    usage: chat.Usage | None = None
    finish_reasons: list[str] = field(default_factory=list)
    native_finish_reason: str | None = None
    model: str | None = None
    complete: bool = False
    written: int = 0
    whole: bool = True

    @property
    def told(self) -> bool:
        """`usage` is the whole answer's; what is told before a finish reason is what was used until then."""
        return self.usage is not None and (self.complete or bool(self.finish_reasons))

    @property
    def sound(self) -> bool:
        """Worth keeping: all of it there, neither filtered nor ended by a fault of the model, which may not happen
        again."""
        return self.whole and SPOILT.isdisjoint((*self.finish_reasons, self.native_finish_reason))


@dataclass(frozen=True, slots=True)
class Turn:
    """asked: the client's messages, as it sent them; answers: the parts of each choice, in the provider's order."""

    asked: Sequence[chat.Message] = ()
    answers: Sequence[tuple[chat.Part, ...]] = ()


UNREAD = Turn()


@dataclass(frozen=True, slots=True)
class Keeping:
    """keep: hold what a cache entry needs; now: Unix seconds, the answer's `created`; answer_id: for an answer that
    comes without one (Bedrock, Ollama)."""

    keep: bool
    now: int
    answer_id: str = ""


# What a request needs beside the client's words before it can be said in a language; yields None while it waits.
Completing = Callable[[chat.ChatRequest, Dialect], Generator[None, None, chat.ChatRequest]]


class Way(Protocol):
    """One answer's way back; used once. headers: what the body needs beside it, known after request()."""

    facts: Facts
    losses: tuple[chat.Loss, ...]
    headers: Mapping[str, str]

    def complete(self, completing: Completing) -> Iterable[None]:
        """Before request(). Raises what `completing` raises."""
        ...

    def request(self) -> bytes:
        """The body for the provider. Raises BadRequest where the target cannot say it."""
        ...

    def plain(self, answer: bytes) -> bytes:
        """The client's JSON out of the provider's. Raises UpstreamError, UpstreamIncomplete."""
        ...

    def stream(self, pieces: Iterator[bytes | None]) -> Iterator[bytes | None]:
        """Frames for the client as the provider's bytes come; None is a silence. Raises as `plain` does."""
        ...

    def completion(self) -> bytes:
        """The finished answer as the client's JSON; only where the way was told to keep it."""
        ...

    def turn(self) -> Turn:
        """What was asked and answered, where it had to be read."""
        ...

    def read_error(self, status: int, headers: Mapping[str, str], answer: bytes, *, own_key: bool) -> GatewayError:
        """The provider's refusal in our words; own_key: the caller brought the key, so 401 and 403 are the caller's."""
        ...


def way_for(route: Route, body: request_body.Body, keeping: Keeping) -> Way:
    """The way for this route."""
    dialect = DIALECTS[route.dialect]
    if dialect.name == CLIENT_DIALECT.name:
        return Verbatim(route, body, keeping.keep)
    return Crossing(route, body, dialect, keeping)


def usage_wanted(value: Mapping[str, Any]) -> bool:
    """The client asked for the usage chunk of a stream (stream_options.include_usage)."""
    return bool((value.get("stream_options") or {}).get("include_usage"))


def loads(answer: bytes) -> Any:
    """The provider's JSON; anything else is no answer (an HTML page, half an object)."""
    try:
        # orjson makes floats of integers beyond 64 bits, the standard library keeps them.
        return json.loads(answer) if LONG_INTEGER.search(answer) else orjson.loads(answer)
    except (ValueError, RecursionError):
        raise UpstreamError("The provider's answer is not JSON.") from None


def judged_json(answer: bytes) -> Any:
    """As loads(), for an answer whose own bytes go on: a long integer may be read as a float."""
    try:
        return orjson.loads(answer)
    except ValueError:
        raise UpstreamError("The provider's answer is not JSON.") from None


def dumps(value: Any) -> bytes:
    """JSON of a value that may hold integers beyond 64 bits, which orjson refuses."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class Verbatim:
    """Same language: bytes through, each frame judged, nothing rewritten but what must change.

    form: what a complete answer of the endpoint looks like."""

    def __init__(self, route: Route, body: request_body.Body, keep: bool, form: forms.Form = forms.CHAT) -> None:
        self.route, self.body, self.form = route, body, form
        self.losses: tuple[chat.Loss, ...] = ()
        self.headers: Mapping[str, str] = {}
        self.facts = Facts()
        self.include_usage = usage_wanted(body.value)
        self.kept: list[bytes] | None = [] if keep else None
        self.answer = b""

    def complete(self, completing: Completing) -> Iterable[None]:
        return ()

    def request(self) -> bytes:
        """The client's bytes with the provider's model name and field names, and usage reporting asked for."""
        value, provider = self.body.value, self.route.provider
        replace: dict[str, bytes] = {}
        if value["model"] != self.route.model:
            replace["model"] = orjson.dumps(self.route.model)
        edits = quirks.edits(value, provider, self.route.model)
        self.losses = tuple(edits.losses)
        remove = [name for name in OWN_FIELDS if name in value] + edits.remove
        replace |= {name: dumps(said) for name, said in edits.replace.items()}
        self.ask_usage(replace, remove)
        return request_body.edited(self.body, replace, remove) if replace or remove else self.body.raw

    def ask_usage(self, replace: dict[str, bytes], remove: list[str]) -> None:
        """Always ask for the usage chunk of a stream where the provider knows the field; else leave the field out."""
        options = self.body.value.get("stream_options")
        if not self.route.provider.stream_usage:
            remove.extend(["stream_options"] if "stream_options" in self.body.value else [])
        elif self.body.value.get("stream") is True and not self.include_usage:
            replace["stream_options"] = orjson.dumps({**(options or {}), "include_usage": True})

    def plain(self, answer: bytes) -> bytes:
        if self.route.provider.says_finish:
            found = judged_json(answer)
        else:
            found = openai_chat.finished(loads(answer))
            answer = dumps(found)
        self.facts.finish_reasons = list(self.form.judge(found).values())
        self.facts.usage = openai_chat.usage_of(found)
        self.facts.model = found.get("model")
        self.facts.complete = True
        if self.facts.usage is None:
            self.facts.written = sum(map(openai_chat.written_in, found.get("choices") or ()))
        self.answer = answer
        return answer

    def stream(self, pieces: Iterator[bytes | None]) -> Iterator[bytes | None]:
        tally = openai_chat.Tally(self.route.provider.says_finish)
        try:
            for frame in framing.frames(pieces):
                if frame is None:
                    yield None
                elif frame.raw.startswith(KEEP_ALIVE) if frame.data is None else self.judged(tally, frame.data):
                    yield frame.raw
                if tally.done:
                    break
        finally:
            self.note(tally)
        if not tally.complete:
            raise UpstreamIncomplete("The provider's stream ended before its answer was complete.")

    def judged(self, tally: openai_chat.Tally, data: bytes) -> bool:
        """Whether this frame goes to the client: not [DONE] (the gateway's), not a usage chunk it did not ask for."""
        chunk = tally.see(data)
        if tally.error is not None:
            raise tally.error
        if not chunk:
            return False
        if self.kept is not None:
            self.kept.append(data)
        return self.include_usage or not openai_chat.is_usage_chunk(chunk)

    def note(self, tally: openai_chat.Tally) -> None:
        self.facts.usage = tally.usage
        self.facts.finish_reasons = [tally.finish_reasons[index] for index in sorted(tally.finish_reasons)]
        self.facts.model = tally.model
        self.facts.complete = tally.complete
        self.facts.written = tally.written

    def completion(self) -> bytes:
        if self.answer:
            return self.answer
        folded = self.form.fold(self.kept or [])
        return orjson.dumps(folded if self.route.provider.says_finish else openai_chat.finished(folded))

    def turn(self) -> Turn:
        return UNREAD

    def read_error(self, status: int, headers: Mapping[str, str], answer: bytes, *, own_key: bool) -> GatewayError:
        return openai_chat.read_error(status, headers, answer, own_key=own_key)


class Crossing:
    """Two languages: the request and the answer go through the neutral chat. client: the language of the caller."""

    def __init__(
        self,
        route: Route,
        body: request_body.Body,
        dialect: Dialect,
        keeping: Keeping,
        client: Dialect = DIALECTS[CLIENT_DIALECT.name],
    ) -> None:
        self.route, self.body, self.dialect, self.keeping, self.client = route, body, dialect, keeping, client
        self.asked = client.read_request({**body.value, "model": route.model})
        self.losses: tuple[chat.Loss, ...] = ()
        self.facts = Facts()
        self.told = self.asked.messages  # as the client sent them, whatever is added to `asked`
        self.events: list[chat.Event] = []
        self.headers: Mapping[str, str] = {}
        self.gathered = Gathered()
        self.so_far: Callable[[], chat.Usage] | None = None
        self.answers: list[tuple[chat.Part, ...]] = []
        self.answer = b""

    def complete(self, completing: Completing) -> Iterable[None]:
        self.asked = yield from completing(self.asked, self.dialect)

    def request(self) -> bytes:
        check_whole(self.body.value, self.dialect.name)
        unsaid = check_tools(self.asked, self.dialect.name)
        written, losses = self.dialect.write_request(self.asked, catalog.facts(self.route.model))
        self.losses = (*losses, *unsaid)
        self.headers = headers_for(self.dialect.name, written, self.asked.betas)
        return dumps(written)

    def plain(self, answer: bytes) -> bytes:
        read = self.dialect.read_response(loads(answer), self.keeping.now)
        response = response_as_asked(self.named(read), self.asked, repeats_prefill=self.dialect.repeats_prefill)
        self.facts = response_facts(response)
        self.answers = [choice.parts for choice in response.choices]
        self.note_untold()
        self.answer = dumps(self.client.write_response(response))
        return self.answer

    def stream(self, pieces: Iterator[bytes | None]) -> Iterator[bytes | None]:
        read = self.dialect.read_stream(self.dialect.frames(pieces), self.keeping.now)
        events = self.noted(events_as_asked(read, self.asked, repeats_prefill=self.dialect.repeats_prefill))
        try:
            for frame in self.client.write_stream(events, usage_wanted(self.body.value)):
                if frame != framing.DONE:
                    yield frame
        finally:
            self.note_untold()
        if not self.facts.complete:
            raise UpstreamIncomplete("The provider's stream ended before its answer was complete.")

    def named(self, answer: Named) -> Named:
        """With an id and a model, whatever its provider leaves out."""
        if answer.id and answer.model:
            return answer
        return replace(answer, id=answer.id or self.keeping.answer_id, model=answer.model or self.route.model)

    def noted(self, events: Iterator[chat.Event | None]) -> Iterator[chat.Event | None]:
        for event in events:
            if isinstance(event, chat.Started):
                event = self.named(event)
            if event is not None:
                self.note(event)
            yield event

    def note(self, event: chat.Event) -> None:
        if self.keeping.keep:
            self.events.append(event)
        self.gathered.note(event)
        match event:
            case chat.TextDelta() | chat.ToolCallDelta():
                return
            case chat.Started(model=model, so_far=so_far):
                self.facts.model, self.so_far = model, so_far
            case chat.Finished(finish_reason=reason, native_finish_reason=native):
                self.facts.finish_reasons.append(reason)
                self.facts.native_finish_reason = native
            case chat.UsageSeen(usage=usage):
                self.facts.usage = usage
            case chat.Ended():
                self.facts.complete = True

    def note_untold(self) -> None:
        """Where the usage of the whole answer was not told: what was told until now, and what came."""
        if self.facts.told:
            return
        if self.facts.usage is None and self.so_far is not None:
            with suppress(*SHAPELESS):
                self.facts.usage = self.so_far()
        self.facts.written = length(self.answers or self.gathered.answers())

    def turn(self) -> Turn:
        return Turn(self.told, self.answers or self.gathered.answers())

    def completion(self) -> bytes:
        if self.answer:
            return self.answer
        return orjson.dumps(self.client.write_response(replay.collect(self.events)))

    def read_error(self, status: int, headers: Mapping[str, str], answer: bytes, *, own_key: bool) -> GatewayError:
        return self.dialect.read_error(status, headers, answer, own_key=own_key)


def response_facts(response: chat.ChatResponse) -> Facts:
    """The facts of a plain answer that its dialect has read whole."""
    return Facts(
        usage=response.usage,
        finish_reasons=[choice.finish_reason for choice in response.choices],
        native_finish_reason=response.choices[0].native_finish_reason if response.choices else None,
        model=response.model,
        complete=True,
    )
