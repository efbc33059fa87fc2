"""A running call told to other processes: one more listener, whose client is Redis.

It begins when the first of them asks and stays as long as they go on asking. What Redis loses is told anew from the
beginning; a process that hears it leaves out what it has.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass

from cache_admin.sealed import Slot
from keys import redis
from keys.settled import settings
from proxy_api.errors import ClientGone
from proxy_api.joining import published
from proxy_api.joining.audience import Ear
from proxy_api.joining.lease import Command, Lease
from proxy_api.joining.published import FRAMES, Item
from proxy_api.joining.shared import End, Shared, Speaker, log

TELL_SECONDS = 30  # how long Redis keeps what was told, beyond two silences
FORGET_SECONDS = 10  # the same after the end
PAUSE_SECONDS = 0.25  # between two tellings
PAUSES = 12  # after the call's end: as long as who listens waits


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
    """number: of the next record; epoch: the lease's when this telling began, -1: Redis has not got all of it; head:
    who answers, as was told last: another provider may, as long as none has begun to."""

    publisher: Publisher
    ear: Ear
    number: int = 0
    epoch: int = -1
    head: Item | None = None

    def run(self) -> None:
        try:
            self.tell()
        except ClientGone:
            log.debug("nobody asks for a call any more")
        except Exception as error:
            log.error("a call could not be told to other processes: %s", type(error).__name__)
        finally:
            self.publisher.shared.leave(self.ear)
            if self.publisher.shared.end is not None:
                self.publisher.lease.release()

    def tell(self) -> None:
        """Tell the call to its end, as often as Redis loses it. Raises ClientGone where nobody asks any more."""
        pauses = 0
        while not self.ear.left and pauses < PAUSES:
            self.begin()  # at once: who asked knows from now on that it is heard of
            end = self.told()
            if end is not None and self.finished(end):
                return
            time.sleep(PAUSE_SECONDS)  # a Redis that is full refuses each time
            pauses += self.publisher.shared.end is not None

    def begin(self) -> None:
        """Tell it from the beginning, where Redis answers."""
        self.epoch, self.number, self.ear.position, self.head = self.publisher.lease.epoch, 0, 0, None
        try:
            redis.command("DEL", published.address(self.publisher.lease.call))
        except (redis.RedisAway, redis.ResponseError):
            self.epoch = -1
        else:
            self.introduce()

    def told(self) -> End | None:
        """Tell what comes; the call's end, None where it is to be told anew, or nobody asks any more."""
        heard = self.publisher.shared.hear(self.ear)
        while not self.ear.left and not self.lost():
            try:
                piece = next(heard)
            except StopIteration as ended:
                end: End = ended.value
                return end
            if piece is None:
                self.send(("EXPIRE", published.address(self.publisher.lease.call), tell_seconds()))
            else:
                self.append(Item(FRAMES, piece))
        return None

    def finished(self, end: End) -> bool:
        """Tell the end; whether Redis has got it. The lease goes before: who has heard the end finds it free."""
        self.introduce()
        *parts, last = published.ending(end)
        for part in parts:
            self.append(part)
        if self.lost():
            return False
        self.publisher.lease.release(*self.appending(last, FORGET_SECONDS))
        with suppress(redis.RedisAway, redis.ResponseError):
            if redis.command("EXISTS", published.address(self.publisher.lease.call)):
                return True
        self.epoch = -1
        return False

    def lost(self) -> bool:
        return self.epoch != self.publisher.lease.epoch

    def introduce(self) -> None:
        head = published.head(self.publisher.speaker, self.publisher.shared.usage)
        if head != self.head:
            self.head = head
            self.send(*self.appending(head, tell_seconds()))

    def append(self, item: Item) -> None:
        if self.number == 1:
            self.introduce()
        self.send(*self.appending(item, tell_seconds()))

    def appending(self, item: Item, seconds: int) -> tuple[Command, Command]:
        call = self.publisher.lease.call
        address, record = published.address(call), published.written(self.publisher.slot, call, self.number, item)
        self.number += 1
        return ("APPEND", address, record), ("EXPIRE", address, seconds)

    def send(self, *commands: Command) -> None:
        try:
            redis.tell_all(commands)
        except redis.RedisAway:
            self.epoch = -1


def tell_seconds() -> int:
    """A silent call is told of at each silence's end."""
    return TELL_SECONDS + int(2 * settings.DRAGOMAN_PING_INTERVAL)
