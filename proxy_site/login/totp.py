"""Codes of authenticator apps (RFC 6238), as every app has them: SHA-1, six digits, a new one each 30 s. Pure."""

from __future__ import annotations

import hmac

import segno
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

STEP_SECONDS, DIGITS = 30, 6
SECRET_BYTES = 20  # RFC 4226, section 4, R6
DRIFT = 1  # steps that a phone's clock may be off, either way


def matching_step(secret: bytes, code: str, now: float) -> int | None:
    """The step (of 30 s since 1970) whose code this is, around `now` (Unix s); None where it is none's."""
    given = "".join(code.split()).encode()
    current = int(now) // STEP_SECONDS
    for step in range(current - DRIFT, current + DRIFT + 1):
        if hmac.compare_digest(generator(secret).generate(step * STEP_SECONDS), given):
            return step
    return None


def app_address(secret: bytes, user: str, installation: str) -> str:
    """What the app reads from the picture: https://github.com/google/google-authenticator/wiki/Key-Uri-Format"""
    return generator(secret).get_provisioning_uri(user, installation)


def picture(address: str) -> str:
    """A QR code as an <svg> element, dark on white whatever the page's theme: apps read no inverted one."""
    svg: str = segno.make(address, micro=False).svg_inline(scale=4, border=4, dark="#000", light="#fff")
    return svg


def generator(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303  # HMAC-SHA1 is what every app has
