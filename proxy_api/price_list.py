"""What models cost and who serves them, out of the package genai-prices, brought into our tables.

Its list comes with the package: no network. It takes a third of a second to import, so only the command and the daily
task read this module. Its patterns become globs; of several the most exact counts, as in cache_admin.prices.
Invariant: a row that the operator entered or changed is never touched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from genai_prices import types
from genai_prices.data import providers

from cache_admin.locks import hold_until_commit
from cache_admin.models import Price, Source
from keys import freshness
from proxy_api.catalog import facts
from proxy_api.models import CatalogModel
from proxy_api.providers.rows import ROWS

CENT = Decimal("0.000001")  # as exact as the table is, USD per million tokens
LONGEST = 256  # characters of a model's name
AT_ONCE = 500  # rows of one statement
Rows = dict[tuple[str, str], dict[str, Any]]
Sync = tuple[type[Price] | type[CatalogModel], Rows]


def sync(now: datetime) -> Counter[str]:
    """Bring both tables to the list as it is at `now`. Returns counts: `prices new`, `models changed`, ..."""
    wanted: dict[str, Sync] = {"prices": (Price, prices(now)), "models": (CatalogModel, models(now))}
    counts: Counter[str] = Counter()
    with transaction.atomic():
        hold_until_commit("price list")
        for name, (table, rows) in wanted.items():
            for what, number in merged(table, rows).items():
                counts[f"{name} {what}"] = number
        if counts.total():
            freshness.bump()
    return counts


def merged(table: type[Price] | type[CatalogModel], wanted: Rows) -> dict[str, int]:
    """Add, change and remove the list's rows of one table; how many each."""
    manager: Any = table._default_manager
    there = {(row.provider, row.model): row for row in manager.all()}
    new = [
        table(provider=key[0], model=key[1], source=Source.SYNCED, **wanted[key])
        for key in wanted.keys() - there.keys()
    ]
    listed = {key: row for key, row in there.items() if row.source == Source.SYNCED}
    changed = [row for key, row in listed.items() if key in wanted and put(row, wanted[key])]
    gone = [row.pk for key, row in listed.items() if key not in wanted]
    manager.bulk_create(new, batch_size=AT_ONCE)
    if changed:
        manager.bulk_update(changed, list(next(iter(wanted.values()))), batch_size=AT_ONCE)
    for start in range(0, len(gone), AT_ONCE):
        manager.filter(pk__in=gone[start : start + AT_ONCE]).delete()
    return {"new": len(new), "changed": len(changed), "gone": len(gone)}


def put(row: Any, fields: Mapping[str, Any]) -> bool:
    """Set them; whether one was another."""
    other = any(getattr(row, name) != value for name, value in fields.items())
    for name, value in fields.items():
        setattr(row, name, value)
    return other


# -- the list ----------------------------------------------------------------------------------------------------
def prices(now: datetime) -> Rows:
    """{(our provider, glob): the columns of Price}; of two models with one glob the first counts, as in the list."""
    found: Rows = {}
    for provider, model in listed():
        columns = price_columns(model.get_prices(now))
        for glob in globs(model) if columns else ():
            found.setdefault((provider, glob), columns)
    return found


def models(now: datetime) -> Rows:
    """{(our provider, id): the columns of CatalogModel}."""
    return {
        (provider, model.id): {
            "context": model.context_window,
            "max_output": facts(model.id).max_output_tokens,
            "modalities": modalities(model.get_prices(now)),
        }
        for provider, model in listed()
        if len(model.id) <= LONGEST
    }


def listed() -> Iterator[tuple[str, types.ModelInfo]]:
    """Each model of a provider that has a row here, under our name for it."""
    theirs = {provider.id: provider for provider in providers}
    for row in ROWS:
        for model in theirs[name].models if (name := row.price_list or row.name) in theirs else ():
            yield row.name, model


def price_columns(price: types.ModelPrice) -> dict[str, Any]:
    """USD per million tokens; {} where the model is not priced by tokens."""
    names = {
        "input": "input_mtok",
        "cached": "cache_read_mtok",
        "cache_write": "cache_write_mtok",
        "output": "output_mtok",
    }
    found = {ours: amount(getattr(price, theirs, None)) for ours, theirs in names.items()}
    if found["input"] is None and found["output"] is None:
        return {}
    return {**found, "input": found["input"] or Decimal(0), "output": found["output"] or Decimal(0)}


def amount(price: Decimal | types.TieredPrices | None) -> Decimal | None:
    """Where a price rises with the length of the prompt, what a short one costs."""
    exact = price.base if isinstance(price, types.TieredPrices) else price
    return None if exact is None else exact.quantize(CENT)


def modalities(price: types.ModelPrice) -> list[str]:
    """What it reads, as far as it has a price of its own."""
    more = {"audio": "input_audio_mtok", "image": "input_image_mtok", "video": "input_video_mtok"}
    return ["text", *(name for name, field in more.items() if getattr(price, field, None) is not None)]


def globs(model: types.ModelInfo) -> Sequence[str]:
    """The id, and what the list's patterns say that a glob can."""
    found = dict.fromkeys((model.id, *clause_globs(model.match)))
    return [glob for glob in found if len(glob) <= LONGEST]


def clause_globs(clause: types.MatchLogic) -> Iterator[str]:
    match clause:
        case types.ClauseEquals(equals=text):
            yield text
        case types.ClauseStartsWith(starts_with=text):
            yield f"{text}*"
        case types.ClauseEndsWith(ends_with=text):
            yield f"*{text}"
        case types.ClauseContains(contains=text):
            yield f"*{text}*"
        case types.ClauseOr(or_=clauses):
            for one in clauses:
                yield from clause_globs(one)
        case _:  # a conjunction or an expression: nothing that a glob could say
            return
