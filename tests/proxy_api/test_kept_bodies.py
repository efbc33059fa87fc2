"""What the ledger keeps of prompts and completions: nothing, the metadata, or everything, and then sealed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bodies import HELLO, openai_answer, openai_stream
from tests.live import Live
from tests.loopback import answer, stream
from tests.proxy_api.asking import hello, with_request_id

PROMPT = "the unmistakable prompt 8f1c"
NAMED = {"user": "u-17", "metadata": {"team": "blue"}, "messages": [{"role": "user", "content": PROMPT}]}
OPENED = """
from cache_admin.models import UsageBody
from cache_admin.sealed import unseal_body
row = UsageBody.objects.filter(pk=request_id).first()
sealed = {"request": row.request_sealed, "answer": row.answer_sealed} if row else {"request": b"", "answer": b""}
result = {name: unseal_body(request_id, name, bytes(value)).decode() if value else "" for name, value in sealed.items()}
"""


SET = """
from keys.models import VirtualKey
key = VirtualKey.objects.filter(name=name).latest("created_at")
key.log_bodies = what
key.save()
result = None
"""


def keeping(live: Live, what: str) -> str:
    """A key whose calls keep `what`."""
    name = f"keeps {what}"
    token = live.key(name)
    live.python(SET, name=name, what=what)
    return token


def opened(live: Live, request_id: str) -> dict[str, str]:
    live.usage(request_id)
    found: dict[str, str] = live.python(OPENED, request_id=request_id)
    return found


@pytest.mark.parametrize("streamed", [False, True])
def test_full_keeps_prompt_and_completion_of_a_call_and_of_a_hit_sealed(live: Live, streamed: bool) -> None:
    token = keeping(live, "full")
    live.upstream.script(stream(openai_stream()) if streamed else answer(openai_answer()))
    body = hello(**NAMED, temperature=0, seed=int(streamed), stream=streamed)
    for _ in range(2):
        found = live.chat(body, authorization=f"Bearer {token}")
        kept = opened(live, with_request_id(found))
        assert PROMPT in kept["request"]
        assert HELLO in kept["answer"]
        sealed = live.rows("SELECT request_sealed FROM cache_admin_usagebody WHERE id = %s", with_request_id(found))
        assert PROMPT.encode() not in bytes(sealed[0]["request_sealed"])


def test_metadata_is_the_default_and_keeps_no_body(live: Live) -> None:
    found = live.chat(hello(**NAMED))
    assert opened(live, with_request_id(found)) == {"request": "", "answer": ""}
    row = live.usage(with_request_id(found))
    assert (row["user"], row["metadata"]) == ("u-17", {"team": "blue"})


def test_none_keeps_neither_bodies_nor_what_the_client_says_of_itself(live: Live) -> None:
    found = live.chat(hello(**NAMED), authorization=f"Bearer {keeping(live, 'none')}")
    assert opened(live, with_request_id(found)) == {"request": "", "answer": ""}
    row: dict[str, Any] = live.usage(with_request_id(found))
    assert (row["user"], row["metadata"], row["status"]) == ("", {}, "ok")
