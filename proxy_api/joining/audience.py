"""Who listens to a running call. The exchange with the provider sees all of them as one client."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache, partial
from operator import attrgetter

from gevent import monkey

from proxy_api.errors import ClientGone
from proxy_api.transport import Watch
from proxy_api.transport_watch import wait_for


@cache
def driven() -> bool:
    """As Watch.driven. An exchange asks for each piece, and each call for itself: it does not change."""
    return bool(monkey.is_module_patched("socket"))


class Ear:
    """One listener of a call. frames: it wants them as they come; position: how many pieces of them it has been
    told; watch: its client, where there is one; left: it listens no more; gates: what it sleeps on, at most one."""

    __slots__ = ("frames", "gates", "left", "position", "watch")

    def __init__(self, watch: Watch | None, frames: bool) -> None:
        self.watch, self.frames = watch, frames
        self.position = 0
        self.left = False
        self.gates: list[threading.Lock] = []

    @property
    def gone(self) -> bool:
        return self.left or (self.watch is not None and self.watch.gone)

    def gate(self) -> threading.Lock:
        """A closed gate, which the next wake() opens."""
        gate = threading.Lock()
        gate.acquire()
        self.gates[:] = [gate]
        return gate

    def wake(self) -> None:
        try:
            self.gates.pop().release()
        except IndexError:
            return

    def parting(self) -> ClientGone:
        return self.watch.parting() if self.watch is not None else ClientGone("The client left.")


_GONE = attrgetter("gone")  # an exchange asks several times a call


class Audience:
    """As transport_watch.Watch, for everybody who listens: gone once all of them are.

    parted: why the leader's client is no longer there, once it has left the others behind."""

    __slots__ = ("begun", "driven", "ears", "leader", "on_gone", "parted")

    def __init__(self) -> None:
        self.ears: list[Ear] = []
        self.leader: Ear | None = None
        self.parted: ClientGone | None = None
        self.on_gone: Callable[[], None] | None = None
        self.begun = False
        self.driven = driven()

    def join(self, ear: Ear) -> None:
        self.ears.append(ear)
        if ear.watch is not None:
            ear.watch.on_gone = partial(self.lost, ear)
            if self.begun:
                ear.watch.begin()

    def leave(self, ear: Ear) -> None:
        """Idempotent."""
        ear.left = True
        if ear in self.ears:
            self.ears.remove(ear)

    def lost(self, ear: Ear) -> None:
        """A listener's client hung up, or it has left. Called by the loop, so it must not wait."""
        ear.wake()
        if self.gone and self.on_gone is not None:
            self.on_gone()

    @property
    def gone(self) -> bool:
        return all(map(_GONE, self.ears))

    def begin(self) -> None:
        self.begun = True
        for ear in self.ears:
            if ear.watch is not None:
                ear.watch.begin()

    def check(self) -> bool:
        for ear in self.ears:
            if ear.watch is not None:
                ear.watch.check()
        return self.gone

    def wait(self, upstream: int, seconds: float) -> bool:
        return wait_for(upstream, [ear.watch for ear in self.ears if ear.watch is not None], seconds)

    def parting(self) -> ClientGone:
        """The error of a call that nobody waits for."""
        if self.parted is not None or self.leader is None:
            return self.parted or ClientGone("The client left.")
        return self.leader.parting()

    def leader_gone(self) -> ClientGone | None:
        """Why the leader's client does not see the end of its call, where others do; after a check()."""
        leader = self.leader
        if self.parted is None and leader is not None and leader.watch is not None and leader.watch.gone:
            self.parted = leader.parting()
        return self.parted

    def close(self) -> None:
        """Each listener looks after its own client."""
        self.on_gone = None
