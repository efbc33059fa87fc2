"""Reasoning items <-> neutral thoughts. https://developers.openai.com/api/docs/guides/reasoning

A client of OpenAI chat keeps one string per thought, its signature. It is `<id>:<encrypted content>` where the text is
a summary and `<id>#<encrypted content>` where it is the reasoning itself (gpt-oss, DeepSeek), so that the item goes
back as it came. Other makers' signatures are base64 without either sign: OpenAI would answer 400 to them.
"""

from __future__ import annotations

import re
from typing import Any

from proxy_api.chat import Reasoning

BREAK = "\n\n"  # between the parts of one thought
_SIGNED = re.compile(r"([\w.-]*)([:#])(.*)", re.DOTALL)
# Ids of items that carry another maker's proof, or a thought without any, to a Responses client and back.
_GUEST, _REDACTED, _UNSIGNED = "rs_guest_", "rs_redacted_", "rs_unsigned_"


def texts(item: dict[str, Any], field: str) -> list[str]:
    """field: summary or content."""
    return [part.get("text") or "" for part in item.get(field) or ()]


def read_reasoning(item: dict[str, Any]) -> Reasoning | None:
    """None for an item that has neither text nor encrypted content: nothing that a next turn could use."""
    text = BREAK.join([*texts(item, "summary"), *texts(item, "content")])
    if not text and not item.get("encrypted_content"):
        return None
    signature, redacted = proof(item)
    return Reasoning(text, signature, redacted)


def proof(item: dict[str, Any]) -> tuple[str | None, str | None]:
    """The thought's signature, or the sealed form of one without text; another maker's come back as they were."""
    item_id, encrypted = item.get("id") or "", item.get("encrypted_content") or ""
    if item_id.startswith(_REDACTED):
        return None, encrypted
    if item_id.startswith(_UNSIGNED):
        return None, None
    return encrypted if item_id.startswith(_GUEST) else _signature(item), None


def _signature(item: dict[str, Any]) -> str | None:
    """None where the item has nothing that proves it."""
    item_id, encrypted = item.get("id") or "", item.get("encrypted_content") or ""
    if not item_id and not encrypted:
        return None
    raw = bool(item.get("content")) and not item.get("summary")
    return f"{item_id}{'#' if raw else ':'}{encrypted}"


def write_reasoning(block: Reasoning, number: int) -> dict[str, Any]:
    """An item of an answer. number: its place, for the id that another maker's thought has not."""
    if block.redacted is not None:
        return _item(f"{_REDACTED}{number}", block.redacted, block.text)
    own = own_signature(block)
    if own is None and block.signature is not None:
        return _item(f"{_GUEST}{number}", block.signature, block.text)
    if own is None:
        return _item(f"{_UNSIGNED}{number}", "", block.text)
    item_id, sign, encrypted = own
    return _item(item_id, encrypted, block.text, sign == "#")


def own_signature(block: Reasoning) -> tuple[str, str, str] | None:
    """(id, sign, encrypted content) of a thought that this language has signed."""
    found = _SIGNED.fullmatch(block.signature or "")
    return (found[1], found[2], found[3]) if found else None


def replayed(block: Reasoning, stored: bool) -> dict[str, Any] | None:
    """The item of an earlier turn, None where the provider could not take it: an id alone finds what OpenAI has stored,
    reasoning in clear needs no proof."""
    own = own_signature(block)
    if own is None or block.redacted is not None:
        return None
    item_id, sign, encrypted = own
    if not encrypted and sign != "#" and not stored:
        return None
    return _item(item_id, encrypted, block.text, sign == "#")


def _item(item_id: str, encrypted: str, text: str, raw: bool = False) -> dict[str, Any]:
    said: dict[str, Any] = {"type": "reasoning", "summary": [], "id": item_id, "encrypted_content": encrypted}
    if text and raw:
        said["content"] = [{"type": "reasoning_text", "text": text}]
    elif text:
        said["summary"] = [{"type": "summary_text", "text": text}]
    return {name: value for name, value in said.items() if value != ""}
