"""The client's socket while the provider is silent: a client that left must not go on costing money.

A plain generator notices at its next write, which may be minutes away. Under gevent the loop itself tells (an I/O
watcher, free of cost for each chunk); on plain threads whoever waits for the provider waits for both sockets.
"""

from __future__ import annotations

import _socket
import errno
import select
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from gevent import get_hub, monkey

from proxy_api.errors import ClientGone
from proxy_api.transport_peek import peek

PIPELINED_CHECK = 0.25  # seconds between two looks at a client that has sent its next request already
_TCP_CLOSED = (7, 8, 9, 11)  # CLOSE, CLOSE_WAIT, LAST_ACK, CLOSING of linux/include/net/tcp_states.h


class Watching(Protocol):
    """What a call asks of whoever watches its client: a Watch, or several as one (joining/audience.py)."""

    on_gone: Callable[[], None] | None

    @property
    def driven(self) -> bool: ...
    @property
    def begun(self) -> bool: ...
    @property
    def gone(self) -> bool: ...
    def begin(self) -> None: ...
    def check(self) -> bool: ...
    def wait(self, upstream: int, seconds: float) -> bool: ...
    def parting(self) -> ClientGone: ...
    def close(self) -> None: ...


class Watch:
    """gone: the client hung up, noticed in less than 0.3 s. One for each call, over all its attempts; close() it before
    the socket is closed, because the loop must not watch a descriptor that may be given out again.

    late: the kernel gave the client up, because it took nothing for too long (TCP_USER_TIMEOUT, tcp(7)).
    A client that only shut down its writing half counts as gone: the two cannot be told apart, and no HTTP client of
    ours does it. A byte that waits to be read is a pipelined request and no hang-up.
    driven: the loop tells by itself once it was told to begin(); otherwise who waits must wait with wait().
    """

    __slots__ = ("_client", "_fd", "_io", "_timer", "driven", "gone", "late", "on_gone", "pipelined")

    def __init__(self, sock: socket.socket) -> None:
        self.gone = self.late = False
        self.pipelined = False
        self.on_gone: Callable[[], None] | None = None  # who is to be woken
        self._client, self._fd = sock, sock.fileno()
        self._io: Any = None  # gevent's watchers
        self._timer: Any = None
        self.driven = bool(monkey.is_module_patched("socket"))

    def begin(self) -> None:
        """Let the loop look from now on; what happened before is seen at once. Idempotent; nothing for threads.

        It costs two system calls and 20 us, so it is for calls that last (QUIET in transport_exchange)."""
        if self.driven and self._io is None and self._fd >= 0:
            self._io = get_hub().loop.io(self._fd, 1)
            self._io.start(self._readable)

    @property
    def begun(self) -> bool:
        return self._io is not None

    def check(self) -> bool:
        """Look now; True where the client is gone. No waiting."""
        if not self.gone and self._fd >= 0:
            self.gone = self._closed()
        return self.gone

    def wait(self, upstream: int, seconds: float) -> bool:
        """For threads: wait until `upstream` (a descriptor) is readable, the client is gone, or the time is over.
        True where the upstream is readable."""
        return wait_for(upstream, (self,), seconds)

    def add_to(self, poll: select.poll) -> None:
        """Let `poll` wake for this client too, unless it has sent its next request already."""
        if not self.pipelined and self._fd >= 0:
            poll.register(self._fd, select.POLLIN)

    def parting(self) -> ClientGone:
        """The error of a call whose client is gone: seen here, or by the server's write that failed just now."""
        if self.late or isinstance(sys.exc_info()[1], TimeoutError):
            return ClientGone("The client took nothing for too long.", code="client_timeout", outcome="client_timeout")
        return ClientGone("The client left before the end of its answer.")

    def close(self) -> None:
        """Idempotent. The socket itself stays as it is."""
        self.on_gone = None
        self._fd = -1
        for watcher in (self._io, self._timer):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        self._io = self._timer = None

    def _readable(self) -> None:
        """Called by the loop, so it must not wait."""
        if self.check():
            self._stop_looking()
            if self.on_gone is not None:
                self.on_gone()
        elif self.pipelined and self._io is not None and self._io.active:
            self._io.stop()  # its byte stays readable: the loop would spin
            self._timer = get_hub().loop.timer(PIPELINED_CHECK, PIPELINED_CHECK)
            self._timer.start(self._readable)

    def _stop_looking(self) -> None:
        for watcher in (self._io, self._timer):
            if watcher is not None:
                watcher.stop()

    def _closed(self) -> bool:
        try:
            if self.pipelined or peek(self._client):
                self.pipelined = True
                return self._client.getsockopt(_socket.IPPROTO_TCP, _socket.TCP_INFO, 1)[0] in _TCP_CLOSED
            return True
        except BlockingIOError:
            return False
        except OSError as error:
            self.late = error.errno == errno.ETIMEDOUT
            return not self.pipelined  # a unix socket has no TCP state to ask for


def wait_for(upstream: int, watches: Sequence[Watch], seconds: float) -> bool:
    """As Watch.wait, for the clients of several."""
    poll = select.poll()
    poll.register(upstream, select.POLLIN)
    for watch in watches:
        watch.add_to(poll)
    if any(watch.pipelined for watch in watches):
        seconds = min(seconds, PIPELINED_CHECK)
    ready = dict(poll.poll(max(seconds, 0) * 1000))
    for watch in watches:
        watch.check()
    return upstream in ready
