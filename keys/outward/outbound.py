"""The address gate: where a request of ours may go when its address was typed by somebody (a credential's base URL).

`ipaddress.is_global` and `is_private` are no such gate: is_global is true for 64:ff9b::a9fe:a9fe, 2002:a9fe:a9fe:: and
168.63.129.16, and is_private is false for 100.64.0.0/10. So the nets stand here, after
https://www.iana.org/assignments/iana-ipv4-special-registry and
https://www.iana.org/assignments/iana-ipv6-special-registry .
A host is resolved once, every address is checked, and the caller connects to the checked address: a second answer of
the name server (DNS rebinding) is never asked for.

Invariant: the URL is read by `read_url` alone, here and by who connects, so that both see the same host.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, NamedTuple

from django.conf import settings

RESOLVE_SECONDS = 2.0

Address = tuple[int, tuple[Any, ...]]
Resolver = Callable[[str, int], list[Address]]
Ip = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

REFUSED_IPV4 = tuple(
    IPv4Network(net)
    for net in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier NAT; 100.100.100.200 is Alibaba's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host agent
        "169.254.0.0/16",  # link-local; 169.254.169.254 is most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",  # 192.0.0.192 is Oracle's metadata
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",
    )
)
GLOBAL_IPV6 = IPv6Network("2000::/3")  # all that is given out: https://www.iana.org/assignments/ipv6-address-space
REFUSED_IPV6 = tuple(IPv6Network(net) for net in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
CARRIERS_OF_IPV4 = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))  # mapped; NAT64 (RFC 6052)

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_URL = re.compile(
    rf"(?P<scheme>https?)://(?:(?P<name>{_LABEL}(?:\.{_LABEL})*)|\[(?P<six>[0-9a-f:.]+)\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?P<query>\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?",
)
_ENDS_IN_NUMBER = re.compile(
    r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)"
)  # https://url.spec.whatwg.org/#ends-in-a-number-checker


class AddressRefused(Exception):
    """The address gate says no; the text says why, for an operator."""


class AddressUnknown(Exception):
    """The name has no address, or the name server did not answer in time."""


class Url(NamedTuple):
    """A URL's parts: scheme, host (an IPv6 address without brackets), port, path with its query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The Host header: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"


@lru_cache(maxsize=512)
def read_url(url: str) -> Url:
    """The parts of an http or https URL. Raises AddressRefused for a user name, a fragment, and every odd spelling."""
    match = _URL.fullmatch(_with_small_origin(url))
    if match is None:
        raise AddressRefused(
            "The address must be https://host[:port]/path, with no user name, fragment or odd character."
        )
    host = match["name"] or match["six"]
    if match["six"] or _ENDS_IN_NUMBER.fullmatch(host):
        host = _canonical_ip(host)
    port = int(match["port"] or (443 if match["scheme"] == "https" else 80))
    if not 1 <= port <= 65535 or len(host) > 253:
        raise AddressRefused("The address has an impossible host or port.")
    return Url(match["scheme"], host, port, (match["path"] or "/") + (match["query"] or ""))


def _with_small_origin(url: str) -> str:
    """Scheme and host are case-insensitive (RFC 3986 section 6.2.2.1), the path is not."""
    start = url.find("/", url.find("://") + 3) if "://" in url else -1
    return url.lower() if start < 0 else url[:start].lower() + url[start:]


def _canonical_ip(host: str) -> str:
    """127.1, 0x7f000001, 0177.0.0.1 and 2130706433 all mean loopback to a resolver: only the dotted quad is taken."""
    try:
        return str(ip_address(host))
    except ValueError:
        raise AddressRefused("The address is an oddly spelt IP address.") from None


def check_url(url: str) -> None:
    """Whether `url` may be a provider's base address, without asking a name server. Raises AddressRefused, with a text
    for a form: not https though the host is not listed, a private or local address, a query, an odd spelling."""
    parts = read_url(url)
    if "?" in parts.target:
        raise AddressRefused("The address must not have a query.")
    check_origin(parts)


def check_origin(url: Url, *, public: bool = False) -> None:
    """The part of check_url that holds for each request: https, and no address that is written out and refused.
    public: nothing secret goes along, so http will do."""
    if listed(url.host):
        return
    if url.scheme != "https" and not public:
        raise AddressRefused(
            "The address must be https. DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS lists hosts that may be called without."
        )
    if url.host == "localhost" or url.host.endswith(".localhost"):
        raise _refusal(url.host)
    literal = _literal(url.host)
    if literal is not None and not permitted(literal):
        raise _refusal(url.host)


def addresses(
    host: str, port: int, *, trusted: bool, resolve: Resolver | None = None, seconds: float = RESOLVE_SECONDS
) -> list[Address]:
    """(family, socket address) of `host`, to connect to in turn. `trusted`: the operator's word, nothing is checked.

    One refused address among several refuses the host. Raises AddressRefused, and AddressUnknown after `seconds`.
    """
    found = _literal_address(host, port) or _resolved(host, port, resolve or system_resolver, seconds)
    if not found:
        raise AddressUnknown(f"The host {host} has no address.")
    if not trusted and not listed(host):
        for _, (text, *_rest) in found:
            if not permitted(ip_address(str(text).partition("%")[0])):
                raise _refusal(host)
    return found


def _refusal(host: str) -> AddressRefused:
    return AddressRefused(
        f"The host {host} is a private or local address. DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS lists those that may be."
    )


def permitted(ip: Ip) -> bool:
    """A public address, or one in a network that the settings list."""
    return is_public(ip) or any(ip.version == net.version and ip in net for net in _listed()[1])


def is_public(ip: Ip) -> bool:
    if isinstance(ip, IPv4Address):
        return not any(ip in net for net in REFUSED_IPV4)
    if any(ip in net for net in CARRIERS_OF_IPV4):
        return is_public(IPv4Address(ip.packed[12:]))
    return ip in GLOBAL_IPV6 and not any(ip in net for net in REFUSED_IPV6)


def listed(host: str) -> bool:
    """The host's name, or its literal address, stands in DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS."""
    names, networks = _listed()
    if host in names:
        return True
    literal = _literal(host)
    return literal is not None and any(literal.version == net.version and literal in net for net in networks)


def _listed() -> tuple[frozenset[str], tuple[Network, ...]]:
    return _read_list(tuple(settings.DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS))


@lru_cache(maxsize=8)
def _read_list(entries: tuple[str, ...]) -> tuple[frozenset[str], tuple[Network, ...]]:
    names: set[str] = set()
    networks: list[Network] = []
    for entry in entries:
        try:
            networks.append(ip_network(entry.strip("[]"), strict=False))
        except ValueError:
            names.add(entry.lower())
    return frozenset(names), tuple(networks)


def _literal(host: str) -> Ip | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _literal_address(host: str, port: int) -> list[Address]:
    match _literal(host):
        case IPv4Address():
            return [(socket.AF_INET, (host, port))]
        case IPv6Address():
            return [(socket.AF_INET6, (host, port, 0, 0))]
        case None:
            return []


def system_resolver(host: str, port: int) -> list[Address]:
    """getaddrinfo(3), without a deadline of its own."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


class _Lookup:
    """A question to a resolver, asked in a thread of its own, because getaddrinfo cannot be given a deadline."""

    def __init__(self, resolve: Resolver, host: str, port: int) -> None:
        self._done = threading.Event()
        self._found: list[Address] = []
        # The native thread's id: under gevent an Event belongs to the loop of one thread.
        self._key = (resolve, host, port, threading.get_native_id())

    @classmethod
    def of(cls, resolve: Resolver, host: str, port: int) -> _Lookup:
        """The lookup that is under way for this host, else a new one: a mute name server holds one thread a host."""
        lookup = cls(resolve, host, port)
        running = _under_way.setdefault(lookup._key, lookup)
        if running is lookup:
            threading.Thread(target=lookup._ask, daemon=True).start()
        return running

    def _ask(self) -> None:
        resolve, host, port, _ = self._key
        try:
            self._found = resolve(host, port)
        except (OSError, UnicodeError):  # socket.gaierror is an OSError; no address: the answer stays empty
            self._found = []
        finally:
            _under_way.pop(self._key, None)
            self._done.set()

    def answer(self, seconds: float) -> list[Address] | None:
        return self._found if self._done.wait(seconds) else None


_under_way: dict[tuple[Resolver, str, int, int], _Lookup] = {}


def _resolved(host: str, port: int, resolve: Resolver, seconds: float) -> list[Address]:
    found = _Lookup.of(resolve, host, port).answer(seconds)
    if found is None:
        raise AddressUnknown(f"The name server did not answer for {host} in time.")
    return found
