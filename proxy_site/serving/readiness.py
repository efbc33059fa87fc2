"""Asking the new server whether a request would be answered."""

from __future__ import annotations

import http.client
import socket

from django.conf import settings


def answers(host: str, port: int) -> bool:
    """GET /readyz says 200. A server that does not answer within a second is not ready."""
    connection = http.client.HTTPConnection(reachable(host), port, timeout=1)
    try:
        connection.request("GET", "/readyz", headers={"Host": known_host()})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def reachable(host: str) -> str:
    """An address to connect to for one to listen on: `every address` becomes loopback."""
    return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def known_host() -> str:
    """A Host header that passes ALLOWED_HOSTS."""
    first = next((host for host in settings.ALLOWED_HOSTS if host != "*"), "localhost")
    return first.removeprefix(".")


def web_address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if is_ipv6(host) else f"http://{host}:{port}"


def is_ipv6(host: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6, host)
    except OSError:
        return False
    return True
