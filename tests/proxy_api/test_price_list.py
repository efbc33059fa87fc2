"""The list of prices in our tables: as the list says, repeated without harm, and never over the operator's own rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

import pytest
from django.core.management import call_command
from genai_prices import Usage, calc_price, types

from cache_admin import prices
from cache_admin.models import Price, Source
from keys import freshness
from proxy_api.models import CatalogModel
from proxy_api.price_list import clause_globs, price_columns, sync
from proxy_site.celery import SCHEDULE
from proxy_site.tasks import sync_prices

NOW = datetime(2026, 11, 1, tzinfo=UTC)
LISTED = (  # our provider, the list's, a model
    ("openai", "openai", "gpt-4o"),
    ("openai", "openai", "gpt-4o-mini"),
    ("openai", "openai", "gpt-4o-mini-2024-07-18"),
    ("openai", "openai", "gpt-5"),
    ("openai", "openai", "gpt-5-mini"),
    ("openai", "openai", "o3-mini"),
    ("anthropic", "anthropic", "claude-sonnet-4-5"),
    ("anthropic", "anthropic", "claude-sonnet-4-5-20250929"),
    ("anthropic", "anthropic", "claude-3-5-haiku-latest"),
    ("google", "google", "gemini-2.5-flash"),
    ("vertex", "google", "claude-haiku-4-5"),
    ("bedrock", "aws", "us.anthropic.claude-haiku-4-5-20251001-v1:0"),
    ("groq", "groq", "llama-3.3-70b-versatile"),
    ("xai", "x-ai", "grok-3-mini"),
    ("deepseek", "deepseek", "deepseek-chat"),
    ("mistral", "mistral", "mistral-small-latest"),
)
pytestmark = pytest.mark.django_db(transaction=True)


class Tokens(NamedTuple):
    input_tokens: int = 3000
    output_tokens: int = 500
    cached_tokens: int = 1000
    cache_write_tokens: int = 0


@pytest.fixture(autouse=True)
def no_snapshot() -> Iterator[None]:
    prices.forget()
    yield
    prices.forget()
    freshness.stop()


def test_a_call_costs_what_the_list_says() -> None:
    sync(NOW)
    usage = Usage(input_tokens=3000, output_tokens=500, cache_read_tokens=1000)
    for provider, theirs, model in LISTED:
        said = calc_price(usage, model, provider_id=theirs, genai_request_timestamp=NOW).total_price
        assert prices.cost(provider, model, Tokens()) == said, model


def test_a_second_reading_changes_nothing() -> None:
    first = sync(NOW)
    assert first["prices new"] == Price.objects.count() > 500
    assert first["models new"] == CatalogModel.objects.count() > 500
    assert not sync(NOW).total()


def test_what_the_list_does_not_say_any_more_is_corrected_or_removed() -> None:
    sync(NOW)
    Price.objects.filter(provider="openai", model="gpt-4o").update(input=99)
    Price.objects.create(provider="openai", model="gone", input=1, output=1, source=Source.SYNCED)
    counts = sync(NOW)
    assert (counts["prices changed"], counts["prices gone"]) == (1, 1)
    assert Price.objects.get(provider="openai", model="gpt-4o").input != 99


def test_an_own_row_is_left_and_counts_before_the_list() -> None:
    Price.objects.create(provider="openai", model="gpt-4o", input=7, output=8)
    Price.objects.create(provider="openai", model="gpt-5*", input=1000, output=0)
    CatalogModel.objects.create(provider="openai", model="gpt-4o", context=5)
    sync(NOW)
    own = Price.objects.get(provider="openai", model="gpt-4o")
    assert (own.input, own.source) == (7, Source.OWN)
    assert CatalogModel.objects.get(provider="openai", model="gpt-4o").context == 5
    assert prices.cost("openai", "gpt-5-mini", Tokens(1000, 0, 0)) == 1


def test_a_model_has_its_context_and_what_it_reads() -> None:
    sync(NOW)
    claude = CatalogModel.objects.get(provider="anthropic", model="claude-sonnet-4-5")
    assert (claude.max_output, claude.modalities) == (64000, ["text"])
    assert CatalogModel.objects.filter(provider="openai", context__gt=100_000).exists()


def test_the_patterns_of_the_list_become_globs() -> None:
    parts: list[types.MatchLogic] = [
        types.ClauseEquals(equals="a"),
        types.ClauseStartsWith(starts_with="b"),
        types.ClauseEndsWith(ends_with="c"),
        types.ClauseContains(contains="d"),
        types.ClauseRegex(regex="e"),
    ]
    assert list(clause_globs(types.ClauseOr(or_=parts))) == ["a", "b*", "*c", "*d*"]


def test_a_price_that_rises_with_the_prompt_is_that_of_a_short_one() -> None:
    rising = types.TieredPrices(base=Decimal("1.25"), tiers=[types.Tier(start=200_000, price=Decimal("2.5"))])
    columns = price_columns(types.ModelPrice(input_mtok=rising, output_mtok=Decimal(10)))
    assert columns == {"input": Decimal("1.25"), "cached": None, "cache_write": None, "output": Decimal(10)}
    assert price_columns(types.ModelPrice(requests_kcount=Decimal(5))) == {}


def test_the_command_and_the_task_do_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("sync_prices")
    assert "prices new" in capsys.readouterr().out
    assert not any(json.loads(json.dumps(sync_prices())).values())
    call_command("sync_prices")
    assert capsys.readouterr().out == "nothing changed\n"
    assert SCHEDULE["sync prices"]["task"] == sync_prices.name
