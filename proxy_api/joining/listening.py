"""One client's side of a call that others may listen to as well: it joins, hears, and has a record of its own.

Whatever the leader asked for, each listener gets the form that it wants: the frames, with or without usage; or the
finished answer, which is unfolded for a streamed listener of a plain call.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Generator

import orjson

from proxy_api import framing
from proxy_api.answers import facts_in
from proxy_api.chat import JSON
from proxy_api.dialects.openai_chat import is_usage_chunk
from proxy_api.errors import ClientGone, GatewayError
from proxy_api.flight import Call, Plan
from proxy_api.forms import Form
from proxy_api.joining.audience import Ear
from proxy_api.joining.leading import Leader
from proxy_api.joining.shared import End, State, joined
from proxy_api.recording import FREE, Record
from proxy_api.relay import Facts, usage_wanted
from proxy_api.transport import Watch


class Listener:
    """As flight.Flight, for answers.py. leads: the call is this one's, and so is its record's end."""

    def __init__(self, call: Call, plan: Plan, record: Record) -> None:
        self.call, self.plan, self.record = call, plan, record
        self.usage = usage_wanted(call.body.value)
        self.watch = Watch(call.client) if call.client is not None else None
        self.end = End()
        self.started = self.tried = False
        self.reason = record.entry.cache_reason
        self.join()

    @property
    def facts(self) -> Facts:
        return self.leader.flight.facts if self.leads and self.leader.flight else Facts()

    @property
    def leads(self) -> bool:
        return self.shared.audience.leader is self.ear

    # -- what is heard -------------------------------------------------------------------------------------------------
    def pieces(self) -> Generator[bytes | None]:
        """What the client gets, None for a silence. Raises GatewayError."""
        while True:
            try:
                self.end = yield from self.heard()
            finally:
                self.shared.leave(self.ear)
            if self.end.error is None:
                break
            if not self.goes_on():
                raise copy.copy(self.end.error)
            self.join()
        if rest := self.rest():
            self.begin()
            yield rest

    def join(self) -> None:
        """Listen to the call that runs, or begin it."""
        entry = self.record.entry
        entry.cache, entry.cache_reason, entry.cost_usd = "miss", self.reason, None
        self.ear = Ear(self.watch, self.call.stream)
        self.leader = Leader(self.call, self.plan, self.record, self.ear)
        self.shared = joined(self.plan.slot.name, self.ear, self.leader.source)

    def heard(self) -> Generator[bytes | None, None, End]:
        source = self.shared.hear(self.ear)
        while True:
            try:
                piece = next(source)
            except StopIteration as ended:
                self.introduce()
                found: End = ended.value
                return found
            self.introduce()
            if piece is None:
                yield None
            elif wanted := self.wished(piece):
                self.begin()
                yield wanted
            if self.leads and self.started:
                return (yield from source)  # as it comes

    def begin(self) -> None:
        """The client is told something now."""
        if not self.started:
            self.started = True
            self.record.first_byte(time.monotonic())

    def goes_on(self) -> bool:
        """Whether to ask anew where the call failed: only if nothing of it was told, and no more than once where it was
        the provider that failed."""
        if self.leads or self.ear.position or State.draining:
            return False
        if self.end.again == "once" and self.plan.spare is not None:
            return False
        if self.plan.lease is not None:
            self.plan.lease.doubt()
        tried, self.tried = self.tried, self.tried or self.end.again == "once"
        return self.end.again == "always" or (self.end.again == "once" and not tried)

    def introduce(self) -> None:
        """Who answers, for headers and record of one who follows."""
        if self.leads:
            return
        entry, marks = self.record.entry, self.record.marks
        entry.cache, entry.cache_reason, entry.cost_usd = "joined", "", FREE
        marks.called = marks.called or time.monotonic()
        if (speaker := self.shared.speaker) is not None:
            entry.provider, entry.model_served = speaker.provider, speaker.model_served
            entry.credential, entry.dropped = speaker.credential, speaker.dropped

    def wished(self, piece: bytes) -> bytes:
        return without_usage(piece) if self.shared.usage and not self.usage else piece

    def rest(self) -> bytes:
        """What is still to be told once the answer is whole, but for a stream's last word."""
        form = self.call.endpoint.form
        if not self.call.stream:
            return self.end.answer
        if not self.ear.position:
            return form.unfold(self.end.body, self.usage).removesuffix(framing.DONE)
        return usage_frame(form, self.end.body) if self.usage and not self.shared.usage else b""

    # -- the record ----------------------------------------------------------------------------------------------------
    def look(self) -> None:
        """Whether the client is still there. Raises ClientGone."""
        if not self.leads and self.watch is not None and self.watch.check():
            raise self.watch.parting()

    def finish(self) -> None:
        """The answer is complete. A leader's record is closed already."""
        if self.leads:
            return
        entry, marks = self.record.entry, self.record.marks
        if self.call.kept == "full":
            entry.request_body, entry.answer_body = self.call.body.raw, self.end.answer
        marks.done = time.monotonic()
        self.record.succeed(facts_in(self.call.endpoint.form, self.end.body), marks.done)

    def fail(self, error: GatewayError) -> None:
        """A leader that leaves others behind has its record closed when the call ends. Idempotent."""
        if not self.leads:
            if self.call.kept == "full":
                self.record.entry.request_body = self.call.body.raw
            self.record.fail(error, time.monotonic())
        elif self.shared.end is None and isinstance(error, ClientGone):
            self.shared.audience.parted = error
        else:
            self.leader.fail(error)

    def release(self) -> None:
        """Let go of the client's socket. Idempotent."""
        if self.watch is not None:
            self.watch.close()


def without_usage(piece: bytes) -> bytes:
    """Whole frames, but for a usage chunk that this listener did not ask for."""
    return b"".join([frame.raw for frame in framing.frames(iter([piece])) if frame and not is_usage(frame.data)])


def is_usage(data: bytes | None) -> bool:
    return data is not None and data.startswith(b"{") and is_usage_chunk(orjson.loads(data))


def usage_frame(form: Form, body: JSON) -> bytes:
    """The usage chunk that the leader did not ask for."""
    frames = framing.frames(iter([form.unfold(body, True)]))
    return b"".join([frame.raw for frame in frames if frame and is_usage(frame.data)])
