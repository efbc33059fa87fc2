"""What a call cost, from an in-memory snapshot of the price rows. A model without a price costs None, never 0."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Protocol

from cache_admin.models import Price, Source
from keys import freshness
from keys.reading import DATABASE, DatabaseAway

MILLION = Decimal(1_000_000)
COLUMNS = ("provider", "model", "source", "input", "output", "cached", "cache_write")
REMEMBERED = 4096  # names for which the fitting row is remembered: clients choose them


class Tokens(Protocol):
    """Invariant: input_tokens includes cached and cache-written ones, output_tokens includes reasoning."""

    @property
    def input_tokens(self) -> int: ...
    @property
    def output_tokens(self) -> int: ...
    @property
    def cached_tokens(self) -> int: ...
    @property
    def cache_write_tokens(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Rate:
    """USD per million tokens, for the models of `provider` that fit `glob`."""

    provider: str
    glob: str
    input: Decimal
    cached: Decimal
    cache_write: Decimal
    output: Decimal
    own: bool = True  # the operator's word, before the list's

    def cost(self, tokens: Tokens) -> Decimal:
        """USD. Counts that contradict each other (more cached than read) never make a part negative."""
        cached, written = tokens.cached_tokens, tokens.cache_write_tokens
        plain = max(0, tokens.input_tokens - cached - written)
        spent = plain * self.input + cached * self.cached + written * self.cache_write
        return (spent + tokens.output_tokens * self.output) / MILLION

    def rank(self) -> tuple[bool, int]:
        """Own rows first, then by how many characters of the glob stand for themselves: an exact name beats all."""
        wild = sum(self.glob.count(sign) for sign in "*?[")
        return self.own, len(self.glob) - wild if wild else 1000 + len(self.glob)


@dataclass(slots=True)
class Snapshot:
    """All rates, the most exact first, and the rows found so far."""

    rates: tuple[Rate, ...]
    found: dict[tuple[str, str], Rate | None] = field(default_factory=dict)

    def rate(self, provider: str, model: str) -> Rate | None:
        name = (provider, model)
        if name not in self.found:
            if len(self.found) >= REMEMBERED:
                self.found.clear()
            self.found[name] = self._search(provider, model)
        return self.found[name]

    def _search(self, provider: str, model: str) -> Rate | None:
        fitting = (rate for rate in self.rates if rate.provider == provider and fnmatchcase(model, rate.glob))
        return next(fitting, None)


_kept: list[Snapshot] = []  # none or one


def cost(provider: str, model: str, tokens: Tokens) -> Decimal | None:
    """USD for `tokens` of the provider's `model`; None where no price fits."""
    rate = _snapshot().rate(provider, model)
    return None if rate is None else rate.cost(tokens)


def forget() -> None:
    """Drop the snapshot; the next call reads it anew."""
    _kept.clear()


def reload() -> None:
    """Read the snapshot anew, if this process has one. DatabaseAway: the old one stays."""
    if _kept:
        _kept[:] = [read()]


def read() -> Snapshot:
    """Raises DatabaseAway."""
    rates = DATABASE.read(lambda: [rate_of(*row) for row in Price.objects.values_list(*COLUMNS)])
    return Snapshot(tuple(sorted(rates, key=Rate.rank, reverse=True)))


def rate_of(provider: str, model: str, source: str, *amounts: Decimal | None) -> Rate:
    """Out of COLUMNS. Rows by the thousand: a model instance for each would double the time."""
    paid, output, cached, written = amounts
    assert paid is not None
    assert output is not None
    return Rate(
        provider,
        model,
        input=paid,
        cached=paid if cached is None else cached,
        cache_write=paid if written is None else written,
        output=output,
        own=source == Source.OWN,
    )


def _snapshot() -> Snapshot:
    return _kept[0] if _kept else _first()


def _first() -> Snapshot:
    """The first snapshot; without a database none is priced until it is back."""
    freshness.generation()
    try:
        snapshot = read()
    except DatabaseAway:
        freshness.again(reload)
        snapshot = Snapshot(())
    _kept[:] = [snapshot]
    return snapshot


freshness.subscribe(reload)
