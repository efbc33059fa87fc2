"""Where the answer of a call comes from that others may join: the cache after all, another process that runs it, or a
provider, asked in the name of the listener that began it. That one is the leader: its limits, its record, its cost.

Invariant: the leader's record is closed here, when the call ends, wherever its client is by then.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from cache_admin import completions, spool
from cache_admin.spool import SpoolUnavailable
from proxy_api import caching
from proxy_api.answers import ledger_unavailable, unforeseen
from proxy_api.attempts import attempts, received_plain, received_stream
from proxy_api.departing import departed
from proxy_api.errors import ClientGone, GatewayError, ServerShutdown
from proxy_api.flight import Call, Flight, Plan
from proxy_api.joining.audience import Ear
from proxy_api.joining.hearing import cut_off, heard
from proxy_api.joining.lease import TICK, Holder, Lease
from proxy_api.joining.published import Told
from proxy_api.joining.publishing import Publisher
from proxy_api.joining.shared import Again, End, Shared, Source, log
from proxy_api.recording import Record
from proxy_api.relay import usage_wanted


@dataclass(slots=True)
class Leader:
    """Who began a call, and listens to it."""

    call: Call
    plan: Plan
    record: Record
    ear: Ear
    flight: Flight | None = None

    def source(self, shared: Shared) -> Source:
        """All that comes of the call. Raises nothing of ours: how it ended is what it returns."""
        try:
            lease = self.plan.lease
            assert lease is not None  # gateway.begun() sees to it for a call that shares
            holder = lease.take()
            if (holder is not None or lease.late) and (end := self.kept(shared)) is not None:
                lease.release()
                return end
            if holder is not None:
                return (yield from self.elsewhere(shared, holder))
            return (yield from self.led(shared, lease))
        except GatewayError as error:
            return failed(error, again_after(None, error))

    def elsewhere(self, shared: Shared, holder: Holder) -> Source:
        """Another process runs the call; or another call of this one has just got its lease, or just ended."""
        if holder.instance != spool.own().instance:
            return (yield from heard(shared, self.plan.slot, holder))
        time.sleep(TICK)
        return cut_off()

    def kept(self, shared: Shared) -> End | None:
        """The answer of a call that ended between this one's look-up and now."""
        now = time.time()
        found = completions.find(self.plan.slot, now)
        if found is None or caching.verdict(self.plan.policy, now - found.stored_at, found.ttl) != "fresh":
            return None
        shared.speaker = Told(found.provider, found.model, found.endpoint_name, list(found.dropped))
        return End(answer=found.answer)

    def led(self, shared: Shared, lease: Lease) -> Source:
        shared.audience.leader, shared.speaker = self.ear, self.record.entry
        shared.usage = usage_wanted(self.call.body.value)
        publisher = lease.teller = Publisher(shared, self.record.entry, self.plan.slot, lease)
        kept = False
        try:
            flight = self.flight = departed(self.call, self.plan, self.record, shared.audience)
            yield from flown(flight, shared)
            flight.look()
            kept = flight.finish(shared.audience.leader_gone())
            return End(answer=flight.completion())
        except GatewayError as error:
            if self.plan.spare is None or shared.pieces:
                self.fail(error)
            return failed(error, again_after(self.flight, error))
        except SpoolUnavailable:
            self.record.settle()
            return End(error=ledger_unavailable(), again="always")
        except GeneratorExit:
            self.fail(shared.audience.parting())
            raise
        except Exception:
            log.exception("unexpected failure in a joined call")
            self.fail(unforeseen())
            return End(error=unforeseen())
        finally:
            if kept:
                lease.forget()
            elif not publisher.telling:  # else it is let go along with the end that is told
                lease.release()

    def fail(self, error: GatewayError) -> None:
        """Close the record with what was used so far. Idempotent."""
        if self.flight is not None:
            self.flight.fail(error)
        else:
            self.record.fail(error, time.monotonic())


def flown(flight: Flight, shared: Shared) -> Iterator[bytes | None]:
    """Frames from the first event on; None for a silence, and for the comments before it."""
    streams = flight.call.stream
    with closing(attempts(flight, received_stream if streams else received_plain)) as pieces:
        for piece in pieces:
            if piece is None or (streams and piece.startswith(b":")):
                yield None
            elif streams:
                yield piece
                yield from pieces


def failed(error: GatewayError, again: Again) -> End:
    """An end without the frames that its error came through: they hold the call, and the call holds its end."""
    error.__traceback__ = error.__context__ = None
    return End(error=error, again=again)


def again_after(flight: Flight | None, error: GatewayError) -> Again:
    match error:
        case ServerShutdown():
            return "never"
        case ClientGone():
            return "always"
        case _ if flight is None or not flight.record.entry.attempts:
            return "always"
        case _:
            return "never" if flight.started else "once"
