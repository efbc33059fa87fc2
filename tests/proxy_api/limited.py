"""Keys with limits, for tests of the live server."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.live import Answer, Live
from tests.proxy_api.asking import hello, refusal

LIMIT = """
from keys.models import Budget, VirtualKey
row = VirtualKey.objects.get(name=name)
for field, value in limits.items():
    setattr(row, field, value)
row.save()
for unit, amount in budgets:
    Budget.objects.create(key=row, unit=unit, amount=amount, period="month")
result = row.id
"""
COUNTS = """
import time
from keys import limits
from keys.entrance.callers import identity_of
from keys.limits import scripts
from keys.limits.use import living
from keys.models import VirtualKey
row = VirtualKey.objects.get(pk=id)
(subject,) = identity_of(row).subjects
uses = limits.state(subject, time.time())
calls = living(f"{scripts.prefix()}c:key:{id}")
result = {"used": [use.used for use in uses], "held": [use.held for use in uses], "calls": calls}
"""
PRICED = """
from cache_admin.models import Price
Price.objects.update_or_create(provider="openai", model=model, defaults={"input": 0, "output": output})
"""


@dataclass(frozen=True)
class Limited:
    """A key of `live` with limits. asked: fields of each of its requests."""

    live: Live
    token: str
    id: str
    asked: dict[str, Any] = field(default_factory=dict)

    def chat(self, **fields: Any) -> Answer:
        """A request that nobody has made before."""
        return self.request("POST", "/v1/chat/completions", hello(**self.asked | fields))

    def request(self, method: str, path: str, body: Any = None) -> Answer:
        return self.live.request(method, path, body, {"authorization": f"Bearer {self.token}"})

    def counts(self) -> dict[str, Any]:
        """What is settled and held of its budgets, and how many calls are under way, as Redis has it."""
        found: dict[str, Any] = self.live.python(COUNTS, id=self.id)
        return found

    def wait_for(self, condition: Callable[[dict[str, Any]], bool], seconds: float = 20) -> dict[str, Any]:
        until = time.monotonic() + seconds
        while not condition(counts := self.counts()):
            assert time.monotonic() < until, counts
            time.sleep(0.05)
        return counts


def limited(live: Live, budgets: Sequence[tuple[str, float]] = (), asked: Any = None, **limits: Any) -> Limited:
    """A new key. limits: fields of its row; budgets: (unit, amount) a month."""
    name = uuid.uuid4().hex
    token = live.key(name)
    row = live.python(LIMIT, name=name, limits=limits, budgets=[(unit, str(amount)) for unit, amount in budgets])
    return Limited(live, token, row, asked or {})


def price(live: Live, model: str, dollars_a_token: float) -> None:
    """A token of output costs this much, input nothing; every worker knows it when this returns."""
    live.python(PRICED, model=model, output=str(Decimal(str(dollars_a_token)) * 1_000_000))
    time.sleep(1)


def refused(answer: Answer, status: int, code: str) -> str:
    """The message of a refusal."""
    error = refusal(answer)
    assert (answer.status, error["code"]) == (status, code), answer.body
    return str(error["message"])
