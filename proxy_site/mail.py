"""The mail server that alerts go out through, as one address: DRAGOMAN_EMAIL_URL."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

# Scheme -> the port that is usual for it: RFC 5321 relay; RFC 6409 submission, with STARTTLS (RFC 3207); RFC 8314.
PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
FORM = "DRAGOMAN_EMAIL_URL must be smtp+tls://user:password@host:587, smtps:// (TLS at once) or smtp:// (none)"


class Server(NamedTuple):
    """As Django's EMAIL_ settings have it; host: empty where there is none; starttls: TLS once connected; tls: at
    once."""

    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""
    starttls: bool = False
    tls: bool = False

    @property
    def sender(self) -> str:
        """Who mails come from where nobody says."""
        return self.user if "@" in self.user else f"dragoman@{self.host or 'localhost'}"


def server(url: str) -> Server:
    """Raises ImproperlyConfigured, without a word of `url`, which holds a password."""
    if not url:
        return Server()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ImproperlyConfigured(FORM) from None
    if parts.scheme not in PORTS or not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise ImproperlyConfigured(FORM)
    if parts.password and parts.scheme == "smtp" and host not in LOOPBACK:
        raise ImproperlyConfigured(
            "DRAGOMAN_EMAIL_URL would send its password in the clear: use smtp+tls:// or smtps://"
        )
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    starttls, tls = parts.scheme == "smtp+tls", parts.scheme == "smtps"
    return Server(host, port or PORTS[parts.scheme], user, password, starttls, tls)
