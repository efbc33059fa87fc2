"""Spool records read as rows of the tables. Pure: no database is asked.

A record may be older or newer than this code and may hold whatever a client or provider sent, so every value is made
fit for its column: cut, held in range, made plain (see plain.py). A value must not cost the row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any
from uuid import UUID

from django.db import models

from cache_admin.models import StoredCompletion, UsageBody, UsageRecord
from cache_admin.plain import plain, plain_text
from cache_admin.spool import Record

RECORD_VERSION = 1
OPEN = "open"
# What a completion's header says under the names of its row.
_COMPLETION_FACTS = (
    *("provider", "model", "model_asked", "endpoint", "endpoint_name", "key_id", "key_name", "project_id"),
    *("project_name", "request_id", "input_tokens", "output_tokens", "cost_usd", "cassette", "sealed_to_caller"),
)


@dataclass(slots=True)
class Rows:
    """What a batch of records says, collapsed: of one id the first final record, of one digest the newest."""

    usage: dict[UUID, UsageRecord] = field(default_factory=dict)
    completions: dict[str, StoredCompletion] = field(default_factory=dict)
    bodies: dict[UUID, UsageBody] = field(default_factory=dict)

    def add(self, record: Record, instance: str) -> None:
        """Raises ValueError, TypeError or KeyError for a record that makes no row."""
        match record.header["kind"]:
            case "usage":
                self._add_usage(usage_row(record.header, instance))
            case "completion":
                self._add_completion(completion_row(record))
            case "bodies":
                body = body_row(record)
                self.bodies.setdefault(body.id, body)

    def _add_usage(self, row: UsageRecord) -> None:
        known = self.usage.get(row.id)
        if known is None or known.status == OPEN:
            self.usage[row.id] = row

    def _add_completion(self, row: StoredCompletion) -> None:
        known = self.completions.get(row.digest)
        if known is None or row.created_at > known.created_at:
            self.completions[row.digest] = row


def is_known(record: Record) -> bool:
    """Whether this version can read the record; another one is left in its file for the version that can (b36)."""
    return record.header.get("v") == RECORD_VERSION and record.header.get("kind") in ("usage", "completion", "bodies")


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def usage_row(header: dict[str, Any], instance: str) -> UsageRecord:
    entry = header["entry"]
    fitted = {name: fit(entry.get(name)) for name, fit in _FITS.items()}
    row = UsageRecord(id=UUID(entry["id"]), at=moment(entry["at"]), instance=instance, **fitted)
    if not header["final"]:
        row.status = OPEN
    elif row.status in ("", OPEN):
        row.status = "error"  # ended, and nobody said how
    return row


def completion_row(record: Record) -> StoredCompletion:
    header, cut = record.header, record.header["answer"]
    facts = {name: fit(header.get(name)) for name, fit in _COMPLETION_FITS.items()}
    return StoredCompletion(
        digest=header["digest"],
        scope=header["scope"],
        answer_sealed=record.blob[:cut],
        request_sealed=record.blob[cut:],
        created_at=moment(header["stored_at"]),
        used_at=moment(header["stored_at"]),
        expires_at=moment(header["stored_at"] + header["ttl"]),
        size=len(record.blob),
        **facts,
    )


def body_row(record: Record) -> UsageBody:
    cut = record.header["request"]
    return UsageBody(id=UUID(record.header["id"]), request_sealed=record.blob[:cut], answer_sealed=record.blob[cut:])


def fitting(model: type[models.Model], name: str) -> Callable[[Any], Any]:
    """What makes a value fit for the column `name`."""
    column = model._meta.get_field(name)
    assert isinstance(column, models.Field)
    match column:
        case models.CharField():
            return lambda value: plain_text("" if value is None else str(value), column.max_length)
        case models.DecimalField():
            return amount
        case models.FloatField():
            return lambda value: float(value) if isinstance(value, int | float) and isfinite(value) else None
        case models.BooleanField():
            return bool
        case models.JSONField():
            return lambda value: plain(value) if isinstance(value, column.default) else column.default()
        case models.IntegerField():
            return whole(column)
    raise TypeError(f"no rule for {column}")


def whole(column: models.IntegerField[Any, Any]) -> Callable[[Any], int | None]:
    """Integers held in the column's range; what is none becomes its default, or None where it may be unknown."""
    most = 2**63 - 1 if isinstance(column, models.BigIntegerField) else 2**31 - 1
    missing = None if column.null else column.default
    return lambda value: max(-most, min(most, int(value))) if isinstance(value, int | float) else missing


def amount(value: Any) -> Decimal | None:
    """USD within numeric(20, 10)."""
    try:
        number = None if value is None else Decimal(value)
    except (InvalidOperation, TypeError):
        return None
    return number if number is not None and number.is_finite() and abs(number) < 10**10 else None


_OWN = ("id", "at", "instance")
_FITS = {
    column.name: fitting(UsageRecord, column.name)
    for column in UsageRecord._meta.concrete_fields
    if column.name not in _OWN
}
_COMPLETION_FITS = {name: fitting(StoredCompletion, name) for name in _COMPLETION_FACTS}
