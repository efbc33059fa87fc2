"""The mail server's address."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from proxy_site.mail import Server, server


def test_without_an_address_there_is_no_mail_server() -> None:
    assert not server("").host


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("smtp://relay.internal", Server("relay.internal", 25)),
        ("smtp+tls://bo:p%40ss@mail.example.com", Server("mail.example.com", 587, "bo", "p@ss", True, False)),
        (
            "smtps://bo%40example.com:x@mail.example.com:8465",
            Server("mail.example.com", 8465, "bo@example.com", "x", False, True),
        ),
        ("smtp://bo:x@127.0.0.1:2525/", Server("127.0.0.1", 2525, "bo", "x")),
    ],
)
def test_the_scheme_says_how_the_connection_is_kept_secret(url: str, read: Server) -> None:
    assert server(url) == read


def test_mails_come_from_the_user_where_that_is_an_address() -> None:
    assert server("smtps://bo%40example.com:x@mail.example.com").sender == "bo@example.com"
    assert server("smtps://apikey:x@mail.example.com").sender == "dragoman@mail.example.com"


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.com",
        "http://bo:hunter2@mail.example.com",
        "smtps://",
        "smtps://bo:hunter2@mail.example.com:99999",
        "smtps://bo:hunter2@mail.example.com/inbox",
        "smtp://bo:hunter2@mail.example.com",
    ],
)
def test_what_cannot_be_read_or_would_show_the_password_is_refused_without_saying_it(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DRAGOMAN_EMAIL_URL") as refused:
        server(url)
    assert "hunter2" not in str(refused.value)
