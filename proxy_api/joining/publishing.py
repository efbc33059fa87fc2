"""A running call told to other processes: one more listener, whose client is Redis.

It begins when the first of them asks and stays as long as they go on asking. What Redis loses is told anew from the
beginning; a process that hears it leaves out what it has.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from cache_admin.sealed import Slot
from keys import redis
from proxy_api.errors import ClientGone
from proxy_api.joining import published
from proxy_api.joining.audience import Ear
from proxy_api.joining.lease import Command, Lease
from proxy_api.joining.published import FRAMES, Item
from proxy_api.joining.shared import End, Shared, Speaker, log

TELL_SECONDS = 30  # how long Redis keeps what was told last
FORGET_SECONDS = 10  # the same after the end


@dataclass(slots=True)
class Publisher:
    """Tells one call of this process where another asks for it."""

    shared: Shared
    speaker: Speaker
    slot: Slot
    lease: Lease
    ear: Ear | None = None

    @property
    def telling(self) -> bool:
        """Whether somebody is told, who will hear of the call's end."""
        return self.ear is not None and not self.ear.left

    def begin(self) -> None:
        """Another process asked. Called by the leases' thread, so it must not wait."""
        ear = Ear(None, frames=True)
        if self.shared.listen(ear):
            self.ear = ear
            threading.Thread(target=Telling(self, ear).run, daemon=True, name="dragoman-publisher").start()

    def lapse(self) -> None:
        """Nobody asks any more. Must not wait either."""
        if self.ear is not None:
            self.ear.left = True
            self.shared.audience.lost(self.ear)


@dataclass(slots=True)
class Telling:
    """number: of the next record; epoch: the lease's when this telling began, -1: it is to begin anew; head: who
    answers, as was told last: another provider may, as long as none has begun to."""

    publisher: Publisher
    ear: Ear
    number: int = 0
    epoch: int = -1
    head: Item | None = None

    def run(self) -> None:
        try:
            end = self.told()
            if end is not None:
                self.finish(end)
        except ClientGone:
            log.debug("nobody asks for a call any more")
        except Exception as error:
            log.error("a call could not be told to other processes: %s", type(error).__name__)
        finally:
            self.publisher.shared.leave(self.ear)
            if self.publisher.shared.end is not None:
                self.publisher.lease.release()

    def told(self) -> End | None:
        """Tell all that comes; the call's end, None where nobody asks any more. Raises ClientGone in that case too."""
        self.begin()  # at once: who asked knows from now on that it is heard of
        heard = self.publisher.shared.hear(self.ear)
        while not self.ear.left:
            try:
                piece = next(heard)
            except StopIteration as ended:
                if not self.lost():
                    end: End = ended.value
                    return end
                heard = self.publisher.shared.hear(self.ear)
                piece = None
            if self.lost():
                self.begin()
            elif piece is not None:
                self.append(Item(FRAMES, piece))
        return None

    def lost(self) -> bool:
        """Whether Redis may not have what was told."""
        return self.epoch != self.publisher.lease.epoch

    def begin(self) -> None:
        """Tell it from the beginning."""
        self.epoch, self.number, self.ear.position, self.head = self.publisher.lease.epoch, 0, 0, None
        self.send(("DEL", published.address(self.publisher.lease.call)))
        self.introduce()

    def introduce(self) -> None:
        head = published.head(self.publisher.speaker, self.publisher.shared.usage)
        if head != self.head:
            self.head = head
            self.send(*self.appending(head, TELL_SECONDS))

    def append(self, item: Item) -> None:
        if self.number == 1:
            self.introduce()
        self.send(*self.appending(item, TELL_SECONDS))

    def finish(self, end: End) -> None:
        """The lease goes first: who has heard the end finds it free."""
        self.introduce()
        self.publisher.lease.release(*self.appending(published.ending(end), FORGET_SECONDS))

    def appending(self, item: Item, seconds: int) -> tuple[Command, Command]:
        call = self.publisher.lease.call
        address, record = published.address(call), published.written(self.publisher.slot, call, self.number, item)
        self.number += 1
        return ("APPEND", address, record), ("EXPIRE", address, seconds)

    def send(self, *commands: Command) -> None:
        """What Redis misses now is told once it is back."""
        try:
            redis.tell_all(commands)
        except redis.RedisAway:
            self.epoch = -1
