"""The ids by which calls and results find each other, in a spelling that Bedrock takes.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolUseBlock.html (1 to 64 of a-z A-Z 0-9 _ -)
https://docs.mistral.ai/capabilities/function_calling (Mistral: 9 letters or digits)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import blake2b

from proxy_api.errors import BadRequest

_PLAIN = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_SHORT = re.compile(r"[a-zA-Z0-9]{9}")
_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")
_ROOM = 55  # characters left beside an underscore and 8 hex digits


@dataclass(slots=True)
class CallIds:
    """short: Mistral's rule. pending: names and made-up ids of legacy calls whose result has not come yet."""

    short: bool = False
    pending: list[tuple[str, str]] = field(default_factory=list)
    made: int = 0

    def spelled(self, given: str) -> str:
        """The same for a call and its result, and different ids stay different."""
        if (_SHORT if self.short else _PLAIN).fullmatch(given):
            return given
        if self.short:
            return blake2b(given.encode(), digest_size=5).hexdigest()[:9]
        return f"{_FOREIGN.sub('_', given)[:_ROOM]}_{blake2b(given.encode(), digest_size=4).hexdigest()}"

    def of_call(self, given: str, name: str) -> str:
        """given: "" for a legacy function_call, which has no id."""
        if given:
            return self.spelled(given)
        self.made += 1
        made = self.spelled(f"call_{self.made}")
        self.pending.append((name, made))
        return made

    def of_result(self, given: str, name: str | None, where: str) -> str:
        """A legacy function's answer belongs to the oldest open call of that name."""
        if given:
            return self.spelled(given)
        for position, (called, made) in enumerate(self.pending):
            if called == name:
                del self.pending[position]
                return made
        raise BadRequest("This message answers no function call", param=f"{where}.name")
