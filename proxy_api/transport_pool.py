"""Connections to providers: opened to a checked address, kept for the next call, looked at before they are used again.

Works on plain threads and on gevent's patched sockets alike: no call here blocks without a deadline.
"""

from __future__ import annotations

import _socket
import select
import socket
import ssl
import time
from dataclasses import dataclass
from functools import lru_cache
from os import getpid

import certifi

from keys.native import native_thread, passing
from keys.outward.outbound import (
    RESOLVE_SECONDS,
    Address,
    AddressRefused,
    AddressUnknown,
    Resolver,
    Url,
    addresses,
    check_origin,
)
from proxy_api.errors import AddressBlocked, UpstreamError, UpstreamTimeout
from proxy_api.transport_peek import peek

MAX_IDLE = 100  # connections kept for each origin
SWEEP_SECONDS = 10.0
MAX_AGE = 60.0  # seconds since it was opened: a provider's new address is used within that time


Key = tuple[str, str, int, bool, int, bool]  # scheme, host, port, trusted, native thread, public


@lru_cache(maxsize=1)
def verified_tls() -> ssl.SSLContext:
    """Certificates are checked against certifi's list, host names too; TLS 1.2 at least. Made once, for its 20 ms."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection leads. `trusted` connections never serve a request that the address gate must check, and
    `public` ones, which may be plain http, never one that carries a key."""

    url: Url
    trusted: bool
    public: bool = False

    def key(self) -> Key:
        # A gevent socket belongs to the loop of one native thread, so each has its own connections.
        return (self.url.scheme, self.url.host, self.url.port, self.trusted, native_thread(), self.public)


class Connection:
    """A connected socket. `used`: it has carried a call before."""

    __slots__ = ("key", "opened_at", "sock", "used")

    def __init__(self, key: Key, sock: socket.socket) -> None:
        self.key = key
        self.sock = sock
        self.opened_at = time.monotonic()
        self.used = False

    def write(self, data: bytes, until: float) -> None:
        """All of `data`, until the monotonic time `until`, however slowly the other side reads. Raises OSError."""
        view = memoryview(data)
        while view:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self.sock.settimeout(left)
            view = view[self.sock.send(view) :]

    def is_fresh(self) -> bool:
        """Young enough, still open, and silent: a byte or an end that nobody asked for means it is about to close."""
        if time.monotonic() - self.opened_at > MAX_AGE:
            return False
        try:
            peek(self.sock)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def wake(self) -> None:
        """Whoever waits on the socket wakes up with its end. May be called from anywhere."""
        if self.sock.fileno() >= 0:
            plain = self._plain()
            try:
                plain.shutdown(_socket.SHUT_RDWR)
            except OSError:
                pass  # it had been cut already
            finally:
                plain.detach()

    def close(self) -> None:
        self.sock.close()

    def _plain(self) -> _socket.socket:
        """The same descriptor below TLS and gevent; to be detached, never closed."""
        return _socket.socket(self.sock.family, self.sock.type, self.sock.proto, fileno=self.sock.fileno())


class Pool:
    """Idle connections by origin, the youngest used first. Bounded; empty again in a forked child.

    tls, resolve: whose certificates are believed and who resolves names (by default certifi and the system).
    """

    def __init__(self, tls: ssl.SSLContext | None = None, resolve: Resolver | None = None) -> None:
        self._tls = tls
        self._resolve = resolve
        self._idle: dict[Key, list[Connection]] = {}
        self._pid = getpid()
        self.swept_at = time.monotonic()

    def take(self, origin: Origin) -> Connection | None:
        """A connection that was alive a moment ago, or None."""
        if self._pid != getpid():
            self._idle, self._pid = {}, getpid()  # the parent's: two processes on one connection would mix answers
        idle = self._idle.get(origin.key())
        while idle:
            connection = idle.pop()
            if connection.is_fresh():
                return connection
            connection.close()
        return None

    def open(self, origin: Origin, until: float) -> Connection:
        """A new connection: see connect()."""
        return connect(origin, until, self._tls or verified_tls(), self._resolve)

    def give(self, connection: Connection) -> None:
        if passing():  # nobody would ever come back for it
            connection.close()
            return
        idle = self._idle.setdefault(connection.key, [])
        while idle and (len(idle) >= MAX_IDLE or time.monotonic() - idle[0].opened_at > MAX_AGE):
            idle.pop(0).close()
        connection.used = True
        idle.append(connection)
        if time.monotonic() - self.swept_at > SWEEP_SECONDS:
            self._sweep()

    def _sweep(self) -> None:
        """Close what died or aged in the meantime, of every origin of this thread: nobody may ask for it again."""
        self.swept_at = time.monotonic()
        thread = native_thread()
        for key, idle in tuple(self._idle.items()):
            if key[4] == thread:
                kept, idle[:] = idle[:], []
                for connection in kept:
                    if connection.is_fresh():
                        idle.append(connection)
                    else:
                        connection.close()

    def clear(self) -> None:
        for idle in self._idle.values():
            while idle:
                idle.pop().close()


def connect(origin: Origin, until: float, tls: ssl.SSLContext, resolve: Resolver | None = None) -> Connection:
    """A new connection, open by the monotonic time `until`. Raises UpstreamError and UpstreamTimeout, all retryable:
    nothing has been sent."""
    url = origin.url
    sock = _connected(_checked(origin, until, resolve), until, url.host)
    if url.scheme == "https":
        sock = _encrypted(sock, url.host, until, tls)
    return Connection(origin.key(), sock)


def _checked(origin: Origin, until: float, resolve: Resolver | None) -> list[Address]:
    host, port = origin.url.host, origin.url.port
    try:
        if not origin.trusted:
            check_origin(origin.url, public=origin.public)
        seconds = min(RESOLVE_SECONDS, max(until - time.monotonic(), 0))
        return addresses(host, port, trusted=origin.trusted, resolve=resolve, seconds=seconds)
    except AddressRefused as error:
        raise AddressBlocked(str(error), retryable=True) from None
    except AddressUnknown as error:
        raise UpstreamError(str(error), retryable=True) from None


def _connected(found: list[Address], until: float, host: str) -> socket.socket:
    """The first address that accepts; each gets its share of the time that is left."""
    failure: OSError = TimeoutError()
    for at, (family, address) in enumerate(found):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(max((until - time.monotonic()) / (len(found) - at), 0.001))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError as error:
            failure = error
            sock.close()
        except BaseException:
            sock.close()
            raise
    if isinstance(failure, TimeoutError):
        raise _late(host)
    raise UpstreamError(f"The provider at {host} could not be reached.", retryable=True)


def _late(host: str) -> UpstreamTimeout:
    return UpstreamTimeout(
        f"The provider at {host} did not connect in time.", retryable=True, outcome="timeout_connect"
    )


def _encrypted(plain: socket.socket, host: str, until: float, tls: ssl.SSLContext) -> ssl.SSLSocket:
    """The handshake in non-blocking steps, because a socket's timeout counts anew for every byte that drips in."""
    sock: ssl.SSLSocket | None = None
    try:
        plain.settimeout(0)
        sock = tls.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False, suppress_ragged_eofs=False)
        while not _shaken(sock, until):
            pass
        return sock
    except TimeoutError:
        _abandon(sock or plain)
        raise _late(host) from None
    except (ssl.SSLError, ssl.CertificateError, OSError) as error:
        _abandon(sock or plain)
        raise UpstreamError(_tls_text(host, error), code="upstream_tls", retryable=True) from None
    except BaseException:
        _abandon(sock or plain)
        raise


def _shaken(sock: ssl.SSLSocket, until: float) -> bool:
    """One step of the handshake, and the wait for the next one; True once it is done."""
    try:
        sock.do_handshake()
        return True
    except ssl.SSLWantReadError:
        event = select.POLLIN
    except ssl.SSLWantWriteError:
        event = select.POLLOUT
    left = until - time.monotonic()
    poll = select.poll()
    poll.register(sock.fileno(), event)
    if left <= 0 or not poll.poll(left * 1000):
        raise TimeoutError
    return False


def _abandon(sock: socket.socket) -> None:
    sock.close()


def _tls_text(host: str, error: OSError) -> str:
    reason = getattr(error, "verify_message", None) or getattr(error, "reason", None) or "the handshake failed"
    return f"No trusted TLS connection to the provider at {host}: {reason}."
