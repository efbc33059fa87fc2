"""The ids by which calls and results find each other, in a spelling that Bedrock takes.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolUseBlock.html (1 to 64 of a-z A-Z 0-9 _ -)
https://docs.mistral.ai/capabilities/function_calling (Mistral: 9 letters or digits)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import blake2b

from proxy_api.chat import ToolCall, ToolResult
from proxy_api.dialects import saying

_PLAIN = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_SHORT = re.compile(r"[a-zA-Z0-9]{9}")
_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")
_ROOM = 55  # characters left beside an underscore and 8 hex digits


@dataclass(slots=True)
class CallIds:
    """short: Mistral's rule; known: the ids before they are spelled."""

    short: bool = False
    known: saying.CallIds = field(default_factory=saying.CallIds)

    def of_call(self, call: ToolCall) -> str:
        return self._spelled(self.known.of_call(call))

    def of_result(self, result: ToolResult, where: str) -> str:
        return self._spelled(self.known.of_result(result, where))

    def _spelled(self, given: str) -> str:
        """The same for a call and its result, and different ids stay different."""
        if (_SHORT if self.short else _PLAIN).fullmatch(given):
            return given
        if self.short:
            return blake2b(given.encode(), digest_size=5).hexdigest()[:9]
        return f"{_FOREIGN.sub('_', given)[:_ROOM]}_{blake2b(given.encode(), digest_size=4).hexdigest()}"
