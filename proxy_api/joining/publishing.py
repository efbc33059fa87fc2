"""A running call told to other processes: one more listener, whose client is Redis.

It begins when the first of them asks and stays as long as they go on asking. What Redis loses is told anew from the
beginning; a process that hears it leaves out what it has.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from cache_admin.sealed import Slot
from keys import redis
from proxy_api.joining import published
from proxy_api.joining.audience import Ear
from proxy_api.joining.lease import Lease
from proxy_api.joining.published import FRAMES, Item
from proxy_api.joining.shared import Shared, log

TELL_SECONDS = 30  # how long Redis keeps what was told last
FORGET_SECONDS = 10  # the same after the end


@dataclass(slots=True)
class Publisher:
    """Tells one call of this process where another asks for it."""

    shared: Shared
    slot: Slot
    ear: Ear | None = None

    def begin(self, lease: Lease) -> None:
        """Another process asked. Called by the leases' thread, so it must not wait."""
        self.ear = ear = Ear(None, frames=True)
        if self.shared.listen(ear):
            telling = Telling(self.shared, self.slot, lease, ear)
            threading.Thread(target=telling.run, daemon=True, name="dragoman-publisher").start()

    def lapse(self) -> None:
        """Nobody asks any more. Must not wait either."""
        if self.ear is not None:
            self.ear.left = True
            self.shared.audience.lost(self.ear)


@dataclass(slots=True)
class Telling:
    """number: of the next record; epoch: the lease's when this telling began; -1: it is to begin anew."""

    shared: Shared
    slot: Slot
    lease: Lease
    ear: Ear
    number: int = 0
    epoch: int = -1

    def run(self) -> None:
        try:
            self.tell_all()
        except Exception as error:
            log.error("a call could not be told to other processes: %s", type(error).__name__)
        finally:
            self.shared.leave(self.ear)

    def tell_all(self) -> None:
        self.tell_anew()  # at once: who asked knows from now on that it is heard of
        heard = self.shared.hear(self.ear)
        while not self.ear.left:
            try:
                piece = next(heard)
            except StopIteration as ended:
                self.tell_anew()
                self.append(published.ending(ended.value))
                self.send("EXPIRE", FORGET_SECONDS)
                return
            if not self.tell_anew() and piece is not None:
                self.append(Item(FRAMES, piece))

    def tell_anew(self) -> bool:
        """Tell all that has come so far where Redis does not have it; True where that was needed."""
        if self.epoch == self.lease.epoch or self.shared.speaker is None:
            return False
        self.epoch, self.number = self.lease.epoch, 0
        self.send("DEL")
        self.append(published.head(self.shared.speaker, self.shared.usage))
        if told := bytes(self.shared.frames):
            self.ear.position = len(told)  # more may have come since this listener was last told
            self.append(Item(FRAMES, told))
        return True

    def append(self, item: Item) -> None:
        self.send("APPEND", published.written(self.slot, self.lease.call, self.number, item))
        self.number += 1
        self.send("EXPIRE", TELL_SECONDS)

    def send(self, word: str, *more: redis.Argument) -> None:
        """What Redis misses now is told once it is back."""
        try:
            redis.tell(word, published.address(self.lease.call), *more)
        except redis.RedisAway:
            self.epoch = -1
