"""Prices: exact money, the most exact row, None where nobody said a price, and fresh after a change."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

import pytest

from cache_admin import prices
from cache_admin.models import Price
from cache_admin.prices import cost
from keys import freshness

pytestmark = pytest.mark.django_db(transaction=True)


class Usage(NamedTuple):
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0


@pytest.fixture(autouse=True)
def no_snapshot() -> Iterator[None]:
    prices.forget()
    yield
    prices.forget()
    freshness.stop()


def price(model: str, amount: str = "2.5", **more: str) -> Price:
    extra = {name: Decimal(value) for name, value in more.items()}
    return Price.objects.create(provider="openai", model=model, input=Decimal(amount), output=Decimal(10), **extra)


def test_input_includes_cached_and_written_tokens_and_each_costs_its_own() -> None:
    price("gpt-4o", cached="1.25", cache_write="3")
    tokens = Usage(input_tokens=1000, cached_tokens=600, cache_write_tokens=100, output_tokens=50)
    assert cost("openai", "gpt-4o", tokens) == Decimal("0.0023")


def test_cached_tokens_cost_as_input_where_no_price_of_their_own_is_known() -> None:
    price("gpt-4o")
    assert cost("openai", "gpt-4o", Usage(input_tokens=1000, cached_tokens=600)) == Decimal("0.0025")


def test_an_unknown_price_is_none_and_never_zero() -> None:
    price("gpt-4o")
    assert cost("openai", "gpt-5", Usage(1, 1)) is None
    assert cost("groq", "gpt-4o", Usage(1, 1)) is None
    assert cost("openai", "gpt-4o", Usage()) == 0


def test_the_most_exact_row_counts() -> None:
    for model, amount in (("*", "1"), ("gpt-4o-*", "2"), ("gpt-4o-mini", "3"), ("gpt-4o-mini-*", "4")):
        price(model, amount)
    asked = {"gpt-4o-mini": 3, "gpt-4o-mini-2024-07-18": 4, "gpt-4o-audio": 2, "o3": 1}
    for model, amount in asked.items():
        assert cost("openai", model, Usage(input_tokens=1_000_000)) == amount


def test_contradicting_counts_make_no_part_negative() -> None:
    price("gpt-4o", cached="1")
    assert cost("openai", "gpt-4o", Usage(input_tokens=10, cached_tokens=1_000_000)) == 1


def test_a_changed_price_counts_from_the_next_look_on() -> None:
    row = price("gpt-4o", "1")
    assert cost("openai", "gpt-4o", Usage(input_tokens=1_000_000)) == 1
    row.input = Decimal(2)
    row.save()
    freshness.check_now()
    assert cost("openai", "gpt-4o", Usage(input_tokens=1_000_000)) == 2
    row.delete()
    freshness.check_now()
    assert cost("openai", "gpt-4o", Usage(input_tokens=1_000_000)) is None
