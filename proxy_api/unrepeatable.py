"""Responses calls whose answer is for once only: what they do or read at their provider is more than their answer.

https://developers.openai.com/api/docs/guides/conversation-state , /background , /tools , and /prompting for stored
prompts, whose text changes under one id unless a version is named. An earlier response never changes, so a call that
goes on from one (previous_response_id) may be answered again, with the id that its answer had.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STATE, TOOLS = "state", "tools"
# What the client runs itself: a response with calls of these has done nothing yet.
_CLIENTS = frozenset({"function", "custom", "local_shell", "apply_patch", "computer", "computer_use_preview"})


def why_once(value: Mapping[str, Any], outright: bool) -> str:
    """ "" where the answer to a request may be given again. `state`: it changes what its provider keeps, or depends on
    it; `tools`: its tools run there, and may do or see something else next time, which the caller may take outright."""
    if value.get("background") or value.get("conversation") or changes(value.get("prompt")):
        return STATE
    tools = value.get("tools")
    if outright or not isinstance(tools, list):
        return ""
    return "" if all(is_clients(tool) for tool in tools) else TOOLS


def changes(prompt: Any) -> bool:
    return bool(prompt) and not (isinstance(prompt, dict) and prompt.get("version"))


def is_clients(tool: Any) -> bool:
    return isinstance(tool, dict) and tool.get("type") in _CLIENTS
