"""The one way to Redis: the concurrent calls of a process share one connection and go out as one pipeline.

Whoever finds the connection free leads: it sends what has queued up, its own call included, reads the replies, hands
them out, and passes the lead to the first who came meanwhile. Alone, a call goes out at once. A command costs 91-219 us
of CPU by itself through redis-py's client; here 21-32 us alone and 11-13 us with 16 callers.

No retries, timeouts of 70 ms (settings.CACHES: a request that asks twice waits for 140), and a breaker: after three
failures in a row every call raises RedisAway at once, and a thread of the process's own asks once a second whether
Redis is back, so that no caller waits for that. After three exchanges in a row that took 30 ms it is slow: commands go
out as ever, but who can do without need not ask (slow). Works in threads and in gevent's greenlets.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import hiredis
from django_redis import get_redis_connection
from redis.exceptions import DataError, RedisError
from redis.exceptions import ResponseError as ResponseError

from keys.native import Local, passing

Argument = bytes | str | int | float
FAILURES_TO_OPEN = 3
PROBE_SECONDS = 1.0
SLOW_SECONDS = 0.03


class RedisAway(Exception):
    """Redis did not answer in time, or has not for a while: go on without it. The command may have run."""


@dataclass(slots=True, eq=False)
class Call:
    """One command under way, and the lock that its caller sleeps on; none for one who leads from the start."""

    packed: bytes
    gate: threading.Lock | None = None
    done: bool = False
    leads: bool = False
    abandoned: bool = False
    reply: Any = None
    error: Exception | None = None

    def result(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.reply


def in_resp(command: tuple[Argument, ...]) -> bytes:
    """A command as it goes over the wire (RESP), by hiredis itself: redis-py's way to it looks at every argument once
    more, half of what packing costs. Raises DataError."""
    try:
        return bytes(hiredis.pack_command(command))  # type: ignore[arg-type]  # its stub knows tuples of one alone
    except TypeError as error:
        raise DataError(str(error)) from None


class Breaker:
    """Closed until three failures in a row; then open. watched: somebody finds out when Redis is back; where nobody
    does, one call a second tries."""

    __slots__ = ("failures", "probe_at", "watched")

    def __init__(self) -> None:
        self.failures = 0
        self.probe_at = 0.0
        self.watched = False

    def check(self, now: float) -> None:
        if self.failures < FAILURES_TO_OPEN:
            return
        if self.watched or now < self.probe_at:
            raise RedisAway("Redis has not answered lately")
        self.probe_at = now + PROBE_SECONDS

    def failed(self, now: float) -> None:
        self.failures += 1
        self.probe_at = now + PROBE_SECONDS


class Pipe:
    """One connection, its queue and its breaker. lasting: it is there for as long as its process, not for a thread that
    comes and goes."""

    def __init__(self, connection: Any, lasting: bool) -> None:
        self._connection, self._lasting = connection, lasting
        self._queue: deque[Call] = deque()
        self._lead = threading.Lock()
        self._breaker = Breaker()
        self._sending = threading.Lock()
        self._owed = 0  # replies to what was told since the last exchange went out: they come before the next one's
        self._late = 0  # exchanges in a row that took long
        self.losses = 0

    def failures(self) -> int:
        """How many in a row, up to now."""
        return self._breaker.failures

    def open(self) -> bool:
        """Whether the breaker is."""
        return self._breaker.failures >= FAILURES_TO_OPEN

    def slow(self) -> bool:
        """Whether it answers, but late."""
        return self._late >= FAILURES_TO_OPEN

    def tell(self, *commands: tuple[Argument, ...]) -> None:
        """Send at once, between two exchanges or in the middle of one, and do not wait: the replies come after those
        of the exchange under way, and are read by the next, which counts a refusal as a loss."""
        self._breaker.check(time.monotonic())
        packed = [in_resp(command) for command in commands]
        try:
            with self._sending:
                self._send(packed)
                self._owed += len(commands)
        except (RedisError, OSError) as error:
            self._failed()
            raise RedisAway(f"Redis is away: {type(error).__name__}") from None

    def ask(self, command: tuple[Argument, ...]) -> Any:
        self._breaker.check(time.monotonic())
        return self._asked(command)

    def let_go(self) -> None:
        """Nobody has this pipe any more."""
        self._breaker.failures = self._late = 0

    def _failed(self) -> None:
        self._breaker.failed(time.monotonic())
        self._disconnect()
        if self.open():
            self._be_watched()

    def _answered(self, began: float, worked: float) -> None:
        """An exchange is over. began: monotonic seconds; worked: this thread's CPU seconds until then. One that was
        late because this thread had other work, as under gevent all calls have one, says nothing of Redis."""
        self._breaker.failures = 0
        took = time.monotonic() - began
        if took < SLOW_SECONDS:
            self._late = 0
        elif time.thread_time() - worked < took / 2:
            self._late += 1
            if self.slow():
                self._be_watched()

    def _be_watched(self) -> None:
        if self._lasting and not self._breaker.watched:
            self._breaker.watched = True
            threading.Thread(target=self._watch, daemon=True, name="dragoman-redis").start()

    def _watch(self) -> None:
        """Until Redis answers as it should, or nobody has this pipe any more."""
        while self.open() or self.slow():
            time.sleep(PROBE_SECONDS)
            with suppress(RedisAway, ResponseError):
                self._asked(("PING",))
        self._breaker.watched = False

    def _asked(self, command: tuple[Argument, ...]) -> Any:
        # Packed by the caller: an argument that cannot be sent fails its own call and nobody else's.
        call = Call(in_resp(command))
        if self._free():
            self._queue.append(call)
            self._run()
        else:
            self._queue_up(call)
        return call.result()

    def _free(self) -> bool:
        """Take the lead where nobody has it. Looked at first: gevent's refusal costs a switch of greenlets."""
        return not self._lead.locked() and self._lead.acquire(blocking=False)

    def _queue_up(self, call: Call) -> None:
        """Until its reply is there; as leader, where the lead comes to it."""
        call.gate = threading.Lock()
        call.gate.acquire()
        self._queue.append(call)
        try:
            # Who led may have let go before it could see this call: then the lead is free, and ours. gevent lets others
            # run before it says no, so that the lead may be given to this call, or the call killed, here as well.
            leads = self._free()
            if not leads:
                call.gate.acquire()
        except BaseException:  # killed: the lead must not die with it
            call.abandoned = True
            if call.leads:
                self._pass_on()
            raise
        if leads or not call.done:
            self._run()

    def _run(self) -> None:
        """Lead: one exchange for all that is queued."""
        batch = self._drained()
        began, worked = time.monotonic(), time.thread_time()
        try:
            self._exchange(batch)
            self._answered(began, worked)
        except (RedisError, OSError) as error:
            self._failed()
            batch += self._drained()  # they waited for the same outage
            fail(batch, error)
        finally:
            self._settle(batch)
            self._pass_on()

    def _drained(self) -> list[Call]:
        batch = []
        while self._queue:
            batch.append(self._queue.popleft())
        return batch

    def _exchange(self, batch: list[Call]) -> None:
        connection = self._connection
        with self._sending:
            self._send([call.packed for call in batch])
            owed, self._owed = self._owed, 0
        for _ in range(owed):
            try:
                connection.read_response()
            except ResponseError:  # e.g. a server without the script that was told
                self.losses += 1
        for call in batch:
            try:
                call.reply = connection.read_response()
            except ResponseError as error:  # an answer like any other, for this caller alone
                call.error = error
            call.done = True

    def _settle(self, batch: list[Call]) -> None:
        """Wake every caller. Replies still missing: the leader was killed, so what comes is nobody's any more."""
        if batch and not batch[-1].done:
            self._disconnect()
            fail(batch, None)
        for call in batch:
            if call.gate is not None and call.gate.locked():
                call.gate.release()

    def _pass_on(self) -> None:
        """Wake the first in the queue as the next leader, or let the lead go where nobody waits."""
        while True:
            while self._queue:
                call = self._queue[0]
                if call.gate is not None and not call.abandoned:
                    call.leads = True
                    call.gate.release()
                    return
                self._queue.popleft()
            self._lead.release()
            if not self._queue or not self._lead.acquire(blocking=False):
                return

    def _send(self, packed: Sequence[bytes]) -> None:
        """One system call for what is small, where the client's own way through gevent's sendall takes two."""
        connection, data = self._connection, b"".join(packed)
        if connection._sock is None:
            connection.connect()
        sent = connection._sock.send(data)
        if sent < len(data):
            connection._sock.sendall(data[sent:])

    def _disconnect(self) -> None:
        self._connection.disconnect()
        self._owed = 0
        self.losses += 1


def fail(batch: list[Call], error: Exception | None) -> None:
    for call in batch:
        if not call.done:
            call.error = RedisAway(f"Redis is away: {type(error).__name__}" if error else "the call was cut off")
            call.done = True


def command(*args: Argument) -> Any:
    """One command's reply (bytes, int, list, None). RedisAway without Redis, ResponseError where Redis refuses it.

    Not for commands that block or change the connection (BLPOP, SUBSCRIBE, SELECT, MULTI).
    """
    return _pipe().ask(args)


def tell(*args: Argument) -> None:
    """A command whose reply nobody needs. It is on its way when this returns, before whatever anyone asks later.
    RedisAway where Redis has not answered lately; a refusal is heard of by losses() alone."""
    _pipe().tell(args)


def tell_all(commands: Sequence[tuple[Argument, ...]]) -> None:
    """As tell(), for several in one go."""
    if commands:
        _pipe().tell(*commands)


def away() -> bool:
    """Whether Redis has not answered lately, as far as this process knows."""
    return _pipe().open()


def slow() -> bool:
    """Whether Redis answers, but has been late lately, as far as this process knows. False in threads that come and go,
    which would have to find out by themselves when that is over."""
    return not passing() and _pipe().slow()


def answering() -> bool:
    """Whether the last command was answered, and the last ones in time, as far as this process knows."""
    return _pipe().failures() == 0 and not slow()


def losses() -> int:
    """How often this process has lost its connection, or heard that what it told was refused: where that is more than
    before, what was told may be lost."""
    return _pipe().losses


_shared: dict[str, Pipe] = {}  # none or one
_local = Local()


def _pipe() -> Pipe:
    """The process's pipe. Under gevent a socket belongs to its thread's loop, and pages run in a pool of threads that
    come and go: each of those has its own, for as long as it lives."""
    kept: dict[str, Pipe] = _local.__dict__ if passing() else _shared
    pipe = kept.get("pipe")
    if pipe is None:
        pool = get_redis_connection("default").connection_pool
        pipe = kept.setdefault("pipe", Pipe(pool.make_connection(), lasting=kept is _shared))
    return pipe


def forget() -> None:
    """Drop the connection and its breaker, e.g. after settings.CACHES was changed."""
    for pipe in _shared.values():
        pipe.let_go()
    _shared.clear()


# A connection taken over from the parent would mix two processes' replies.
os.register_at_fork(after_in_child=forget)
