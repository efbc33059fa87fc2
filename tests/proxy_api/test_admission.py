"""Which routes may be tried under a budget of money, and what a refusal says in OpenAI's words."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from cache_admin import prices
from cache_admin.models import Price
from keys import freshness
from keys.limits import LimitReached
from keys.outward.credentials import Credential
from keys.secrecy.secret import Secret
from proxy_api.admission import priced, refusal
from proxy_api.errors import BadRequest
from proxy_api.estimate import Tokens
from proxy_api.providers import PROVIDERS
from proxy_api.upstream import Route

TOKENS = Tokens(1000, 100)


@pytest.fixture
def no_snapshot() -> Iterator[None]:
    prices.forget()
    yield
    prices.forget()
    freshness.stop()


def route(model: str) -> Route:
    return Route(PROVIDERS["openai"], model, Credential(id="", name="", provider="openai", secret=Secret("sk")))


def price(model: str, read: str, written: str) -> None:
    Price.objects.create(provider="openai", model=model, input=Decimal(read), output=Decimal(written))


@pytest.mark.django_db(transaction=True)
def test_routes_without_a_price_are_left_out_and_the_dearest_of_the_rest_counts(no_snapshot: None) -> None:
    price("cheap", "1", "2")
    price("dear", "3", "40")
    left, dearest = priced([route("cheap"), route("unknown"), route("dear")], TOKENS)
    assert [one.model for one in left] == ["cheap", "dear"]
    assert dearest == 3_000_000 + 4_000_000  # nano-USD: 0.003 and 0.004 USD


@pytest.mark.django_db(transaction=True)
def test_what_costs_part_of_a_billionth_is_not_nothing(no_snapshot: None) -> None:
    price("tiny", "0.000001", "0")
    assert priced([route("tiny")], Tokens(1, 0))[1] == 1


@pytest.mark.django_db(transaction=True)
def test_without_a_priced_route_the_model_is_named(no_snapshot: None) -> None:
    with pytest.raises(BadRequest) as caught:
        priced([route("unknown")], TOKENS)
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, "model_not_priced", "model")
    assert "openai/unknown" in caught.value.message


def test_a_limit_that_frees_itself_says_when_and_a_budget_says_not_to_retry() -> None:
    rate = refusal(LimitReached("rate", "m", 1001, {"x-ratelimit-limit-requests": "1"}))
    assert (rate.status, rate.type, rate.code, rate.outcome) == (
        429,
        "rate_limit_error",
        "rate_limit_exceeded",
        "rate_limited",
    )
    assert rate.headers == {"x-ratelimit-limit-requests": "1", "retry-after": "2", "retry-after-ms": "1001"}
    budget = refusal(LimitReached("budget", "m", None, {}))
    assert (budget.type, budget.code) == ("insufficient_quota", "insufficient_quota")
    assert budget.headers == {"x-should-retry": "false"}
    assert refusal(LimitReached("rate", "m", 1, {})).headers["retry-after"] == "1"
