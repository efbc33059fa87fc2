"""Codes as RFC 6238 has them."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from proxy_site.login import totp

SECRET = b"12345678901234567890"
# RFC 6238, appendix B, SHA-1: the last six of its eight digits.
VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
]


@pytest.mark.parametrize(("moment", "code"), VECTORS)
def test_codes_are_those_of_the_rfc(moment: int, code: str) -> None:
    assert totp.matching_step(SECRET, code, moment) == moment // 30
    assert totp.matching_step(SECRET, f" {code[:3]} {code[3:]}", moment) == moment // 30


@pytest.mark.parametrize(("off", "taken"), [(-61, False), (-30, True), (30, True), (61, False)])
def test_a_clock_may_be_one_step_off(off: int, taken: bool) -> None:
    assert (totp.matching_step(SECRET, "005924", 1234567890 + off) is not None) == taken


@pytest.mark.parametrize("code", ["", "00592", "0059244", "００５９２４", "abcdef", "\x00"])
def test_what_is_no_code_is_none(code: str) -> None:
    assert totp.matching_step(SECRET, code, 1234567890) is None


def test_the_app_is_told_the_secret_the_user_and_who_asks() -> None:
    parts = urlsplit(totp.app_address(SECRET, "a user@x", "Dragoman"))
    assert (parts.scheme, parts.netloc, parts.path) == ("otpauth", "totp", "/Dragoman:a%20user%40x")
    told = parse_qs(parts.query)
    assert (told["secret"], told["issuer"]) == (["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"], ["Dragoman"])


def test_the_picture_is_an_element_of_our_own_page() -> None:
    picture = totp.picture("otpauth://totp/x?secret=GEZD")
    assert picture.startswith("<svg")
    assert "http" not in picture.replace("http://www.w3.org", "")
    assert "GEZD" not in picture
