"""The client's address, with and without trusted proxies in between."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from keys.entrance.client_address import client_address

PROXIES = (ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48"))


def came_from(address: str, forwarded: str | None = None) -> str:
    environ: dict[str, Any] = {"REMOTE_ADDR": address}
    if forwarded is not None:
        environ["HTTP_X_FORWARDED_FOR"] = forwarded
    return client_address(environ)


def test_without_trusted_proxies_what_a_request_says_of_itself_means_nothing(settings: Any) -> None:
    settings.DRAGOMAN_TRUSTED_PROXIES = ()
    assert came_from("10.0.0.1", "192.0.2.1") == "10.0.0.1"
    assert client_address({}) == ""


@pytest.mark.parametrize(
    ("address", "forwarded", "client"),
    [
        ("192.0.2.9", "192.0.2.1", "192.0.2.9"),  # no proxy of ours: it may say what it likes
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "1.1.1.1, 192.0.2.1", "192.0.2.1"),  # the first was written by the client itself
        ("10.0.0.1", "192.0.2.1, 10.2.2.2", "192.0.2.1"),
        ("10.0.0.1", "10.3.3.3, 10.2.2.2", "10.3.3.3"),
        ("::ffff:10.0.0.1", "192.0.2.1:5678", "192.0.2.1"),
        ("2001:db8:ffff::1", "[2001:db8::1]:443", "2001:db8::1"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "192.0.2.1, nonsense", "nonsense"),
        ("10.0.0.1", " , ", "10.0.0.1"),
    ],
)
def test_behind_a_trusted_proxy_the_last_address_that_is_none_is_the_client(
    settings: Any, address: str, forwarded: str | None, client: str
) -> None:
    settings.DRAGOMAN_TRUSTED_PROXIES = PROXIES
    assert came_from(address, forwarded) == client
