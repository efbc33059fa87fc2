"""The address gate: every odd spelling of a local address, every reserved net, and a name server that lies."""

from __future__ import annotations

import socket
import threading
import time
from ipaddress import ip_address

import pytest
from pytest_django.fixtures import Settings

from keys.outward.outbound import (
    Address,
    AddressRefused,
    AddressUnknown,
    addresses,
    check_origin,
    check_url,
    is_public,
    read_url,
)

LOCAL = [
    "127.0.0.1",
    "127.1.2.3",
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "168.63.129.16",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:a9fe:a9fe::",
    "2002:808:808::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "2606:4700::1111"]
PUBLIC += ["::ffff:8.8.8.8", "64:ff9b::808:808"]

ODD_HOSTS = [
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "127.1",
    "127.0.1",
    "0",
    "0x0",
    "127.0.0.1.",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "api.openai.com.",
    "bücher.example",
    "user@api.openai.com",
    "user:secret@api.openai.com",
    "api.openai.com:0",
    "api.openai.com:65536",
    "api.openai.com:",
    "127.0.0.1:80\\@example.com",
    "example.com\\@127.0.0.1",
    "api.openai.com%2e",
    "api..openai.com",
    "-x.example.com",
    "",
    ":443",
    "[::1",
    "::1",
    "[fe80::1%25eth0]",
    "[::g]",
    "a b.example",
    "a\tb.example",
    "example.com\r\nx: y",
    "example.com#@127.0.0.1",
    "example.com?@127.0.0.1",
]


def answering(*answers: str) -> list[Address]:
    return [(socket.AF_INET6 if ":" in text else socket.AF_INET, (text, 443)) for text in answers]


@pytest.mark.parametrize("text", LOCAL)
def test_a_reserved_address_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_an_address_of_the_internet_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize("text", LOCAL)
def test_a_name_that_leads_to_a_reserved_address_is_refused(text: str) -> None:
    with pytest.raises(AddressRefused):
        addresses("provider.example", 443, trusted=False, resolve=lambda _host, _port: answering(text))


@pytest.mark.parametrize("text", LOCAL)
def test_a_reserved_address_that_is_written_out_is_refused_in_a_form(text: str) -> None:
    host = f"[{text}]" if ":" in text else text
    with pytest.raises(AddressRefused):
        check_url(f"https://{host}/v1")


@pytest.mark.parametrize("host", ODD_HOSTS)
def test_an_odd_spelling_is_refused_in_a_form(host: str) -> None:
    with pytest.raises(AddressRefused):
        check_url(f"https://{host}/v1")


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "①②⑦.⓪.⓪.①"])
def test_an_odd_spelling_is_refused_by_what_the_system_makes_of_it(host: str) -> None:
    with pytest.raises((AddressRefused, AddressUnknown)):
        addresses(host, 443, trusted=False)


@pytest.mark.parametrize(
    "url", ["http://api.openai.com/v1", "ftp://api.openai.com", "//api.openai.com", "api.openai.com", "https:/x", ""]
)
def test_an_address_must_be_https(url: str) -> None:
    with pytest.raises(AddressRefused):
        check_url(url)


@pytest.mark.parametrize("url", ["https://api.openai.com/v1?x=1", "https://localhost/v1", "https://a.localhost/v1"])
def test_a_query_and_local_names_are_refused_in_a_form(url: str) -> None:
    with pytest.raises(AddressRefused):
        check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "HTTPS://API.OpenAI.com/v1",
        "https://my-resource.openai.azure.com:8443/openai/deployments/gpt-4o",
        "https://[2606:4700::1111]/v1",
        "https://xn--bcher-kva.example/v1",
    ],
)
def test_a_plain_address_is_taken(url: str) -> None:
    check_url(url)


def test_one_refused_address_among_public_ones_refuses_the_host() -> None:
    with pytest.raises(AddressRefused):
        addresses("p.example", 443, trusted=False, resolve=lambda _host, _port: answering("8.8.8.8", "127.0.0.1"))


def test_a_scoped_address_is_checked_without_its_scope() -> None:
    with pytest.raises(AddressRefused):
        addresses("p.example", 443, trusted=False, resolve=lambda _host, _port: answering("fe80::1%eth0"))


def test_a_second_answer_of_the_name_server_is_held_against_the_gate_too() -> None:
    answers = [answering("8.8.8.8"), answering("127.0.0.1")]

    def rebinding(_host: str, _port: int) -> list[Address]:
        return answers.pop(0)

    assert addresses("p.example", 443, trusted=False, resolve=rebinding) == answering("8.8.8.8")
    with pytest.raises(AddressRefused):
        addresses("p.example", 443, trusted=False, resolve=rebinding)


def test_the_environments_address_may_lead_anywhere() -> None:
    assert addresses("127.0.0.1", 8000, trusted=True) == [(socket.AF_INET, ("127.0.0.1", 8000))]
    assert addresses("::1", 8000, trusted=True) == [(socket.AF_INET6, ("::1", 8000, 0, 0))]
    assert addresses("localhost", 8000, trusted=True)


def test_listed_hosts_may_be_called_without_https(settings: Settings) -> None:
    settings.DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS = ("ollama", "10.1.0.0/16", "127.0.0.1", "::1")
    for url in ("http://ollama:11434/v1", "http://10.1.2.3/v1", "http://127.0.0.1:8000/v1", "http://[::1]/v1"):
        check_url(url)
    for url in ("http://ollama2:11434/v1", "http://10.2.2.3/v1", "http://127.0.0.2/v1", "http://2130706433/v1"):
        with pytest.raises(AddressRefused):
            check_url(url)


def test_a_listed_network_lets_names_pass_that_lead_into_it(settings: Settings) -> None:
    settings.DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS = ("10.1.0.0/16",)
    inside, outside = answering("10.1.2.3"), answering("10.2.2.3")
    assert addresses("in.example", 443, trusted=False, resolve=lambda _host, _port: inside) == inside
    with pytest.raises(AddressRefused):
        addresses("out.example", 443, trusted=False, resolve=lambda _host, _port: outside)


def test_a_name_without_an_address_is_unknown() -> None:
    def failing(_host: str, _port: int) -> list[Address]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    def empty(_host: str, _port: int) -> list[Address]:
        return []

    for resolve in (failing, empty):
        with pytest.raises(AddressUnknown):
            addresses("p.example", 443, trusted=False, resolve=resolve)


def test_a_mute_name_server_costs_its_deadline_and_one_thread() -> None:
    release = threading.Event()
    asked = []

    def mute(host: str, _port: int) -> list[Address]:
        asked.append(host)
        release.wait(20)
        return answering("8.8.8.8")

    started = time.monotonic()
    for _ in range(3):
        with pytest.raises(AddressUnknown):
            addresses("p.example", 443, trusted=False, resolve=mute, seconds=0.05)
    assert time.monotonic() - started < 10
    assert asked == ["p.example"]
    release.set()


def test_a_url_is_read_into_what_is_connected_to_and_what_is_said() -> None:
    url = read_url("HTTPS://Api.OpenAI.com/v1/Chat?api-version=1")
    assert (url.scheme, url.host, url.port, url.target) == ("https", "api.openai.com", 443, "/v1/Chat?api-version=1")
    assert url.authority == "api.openai.com"
    assert read_url("http://[::1]:8080").authority == "[::1]:8080"
    assert read_url("http://[0:0:0:0:0:0:0:1]").host == "::1"
    assert read_url("https://x.example:80").authority == "x.example:80"


@pytest.mark.parametrize("path", ["/a b", "/\x00", "/é", "/a\r\nHost: x", "/a\\b", "/#x"])
def test_a_path_with_a_byte_that_could_end_the_request_line_is_refused(path: str) -> None:
    with pytest.raises(AddressRefused):
        read_url("https://api.openai.com" + path)


def test_the_gate_of_each_request_lets_a_query_pass() -> None:
    check_origin(read_url("https://x.openai.azure.com/openai/deployments/a?api-version=2024-10-21"))
