"""Inline data goes to Google as it came: both alphabets of base64 are read there."""

from __future__ import annotations

import pytest

from proxy_api.chat import ChatRequest, File, Message
from proxy_api.dialects import DIALECTS, google
from proxy_api.errors import BadRequest
from proxy_api.media import with_media


def asked(data: str, any_base64: bool) -> ChatRequest:
    request = ChatRequest("m", (Message("user", (File("application/pdf", data),)),))
    going = with_media(request, wants_bytes=False, kept={}, watch=None, any_base64=any_base64)
    try:
        while True:
            next(going)
    except StopIteration as done:
        found: ChatRequest = done.value
        return found


def test_the_url_safe_alphabet_stays_where_it_is_read() -> None:
    assert asked("JVBE_-==", google.any_base64).messages[0].parts == (File("application/pdf", "JVBE_-=="),)
    assert asked("JVBE_-==", False).messages[0].parts == (File("application/pdf", "JVBE/+=="),)


def test_data_that_is_no_base64_is_refused_all_the_same() -> None:
    with pytest.raises(BadRequest):
        asked("%%%", google.any_base64)


def test_googles_dialect_alone_reads_both_alphabets() -> None:
    assert [name for name, dialect in DIALECTS.items() if dialect.any_base64] == ["google"]
