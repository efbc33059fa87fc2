"""Entries made so: each is held against the REST API's serializer, and done by the acts of the admin's pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Model
from rest_framework.exceptions import ValidationError
from rest_framework.serializers import ModelSerializer

from keys.administration import acts
from keys.administration.audit import Actor, noun
from keys.models import Budget, InstallationLimits, VirtualKey
from proxy_api.config_file.kinds import KINDS, Kind, in_use
from proxy_api.config_file.reading import Entry, FileFault, Section
from proxy_api.config_file.telling import Change
from proxy_api.control import faults
from proxy_api.control.reading import checked
from proxy_api.control.serializers.budgets import BudgetSerializer

BUDGETS = "budgets"


@dataclass(frozen=True, slots=True)
class Run:
    """One application of a file. changes: what it did, in order; tokens: (name, token) of new keys."""

    actor: Actor
    now: datetime
    changes: list[Change] = field(default_factory=list)
    tokens: list[tuple[str, str]] = field(default_factory=list)

    def added(self, what: str, row: Model) -> None:
        self.changes.append(Change("+", what, acts.said(row)))

    def changed(self, what: str, difference: acts.Difference) -> None:
        if difference:
            self.changes.append(Change("~", what, difference))

    def gone(self, what: str, how: str) -> None:
        if how:
            self.changes.append(Change("-", f"{what} ({how})"))


def apply(sections: Mapping[str, Section], run: Run) -> None:
    """All of it, within the transaction under way: projects first, which others name. Raises FileFault."""
    for kind in KINDS:
        if kind.section in sections:
            apply_section(kind, sections[kind.section], run)


def apply_section(kind: Kind, section: Section, run: Run) -> None:
    named: dict[Any, str] = {}
    for entry in section.entries:
        row = apply_entry(kind, entry, section.prune, run)
        if row.pk in named:
            raise FileFault(entry.place, f"This {kind.noun} stands at {named[row.pk]} already.")
        named[row.pk] = entry.place
    if section.prune:
        for row in in_use(kind).exclude(pk__in=named):
            run.gone(label(row), kind.retire(row, run.now, run.actor))


def apply_entry(kind: Kind, entry: Entry, prune: bool, run: Run) -> Model:
    values = {name: value for name, value in entry.values.items() if name != BUDGETS or not kind.owns}
    if prune and "enabled" in kind.serializer().fields:
        values.setdefault("enabled", True)  # what was pruned once, and is named again, is in use again
    found = kind.found(values)
    if len(found) > 1:
        raise FileFault(f"{entry.place}.name", f"There is more than one {kind.noun} of this name.")
    row = made(kind.serializer(data=values), entry.place, run) if not found else found[0]
    if found:
        change(kind.serializer(row, data=values, partial=True), entry.place, label(row), run)
    if BUDGETS in entry.values and kind.owns:
        apply_budgets(kind, row, Entry(f"{entry.place}.{BUDGETS}", entry.values), prune, run)
    return row


def apply_budgets(kind: Kind, owner: Model, entry: Entry, prune: bool, run: Run) -> None:
    """The budgets of one key or project, or of the installation: one for each unit and period."""
    budgets = entry.values[BUDGETS]
    if not isinstance(budgets, list):
        raise FileFault(entry.place, "A list.")
    tie = {} if kind.owns == "installation" else {kind.owns: owner}
    whose = Budget.objects.filter(**({"key": None, "project": None} | tie))
    named = set()
    for number, values in enumerate(budgets):
        place = f"{entry.place}[{number}]"
        if not isinstance(values, dict) or {"key", "project"} & set(values):
            raise FileFault(place, f"A budget is a mapping of fields, and this {kind.noun}'s.")
        named.add(apply_budget({**values, **{name: row.pk for name, row in tie.items()}}, whose, place, run))
    for row in whose.exclude(pk__in=named) if prune else ():
        acts.remove(row, run.actor)
        run.gone(label(row), "deleted")


def apply_budget(values: dict[str, Any], whose: Any, place: str, run: Run) -> Any:
    """The primary key of its row."""
    blank = Budget()
    row = whose.filter(unit=values.get("unit", blank.unit), period=values.get("period", blank.period)).first()
    if row is None:
        return made(BudgetSerializer(data=values), place, run).pk
    change(BudgetSerializer(row, data=values, partial=True), place, label(row), run)
    return row.pk


def made(serializer: ModelSerializer[Any], place: str, run: Run) -> Model:
    values = held(serializer, place)
    model: type[Model] = serializer.Meta.model
    row = model()
    acts.put(row, values)
    if isinstance(row, VirtualKey):
        run.tokens.append((row.name, acts.issue(row, run.actor)))
    else:
        acts.add(row, run.actor)
    run.added(label(row), row)
    return row


def change(serializer: ModelSerializer[Any], place: str, what: str, run: Run) -> None:
    values = held(serializer, place)
    row = serializer.instance
    assert isinstance(row, Model)
    run.changed(what, acts.change(row, acts.put(row, values), run.actor))


def held(serializer: ModelSerializer[Any], place: str) -> dict[str, Any]:
    """What the serializer makes of an entry. Raises FileFault."""
    try:
        return checked(serializer)
    except ValidationError as error:
        fault = faults.first(error.detail).within(place)
        raise FileFault(fault.param, fault.message) from None


def label(row: Model) -> str:
    """What a row is called in the diff: `key search/ci`."""
    if isinstance(row, Budget):
        owner = row.key or row.project
        return f"budget in {row.unit} a {row.period} of {label(owner) if owner else 'the installation'}"
    if isinstance(row, InstallationLimits):
        return "limits of the installation"
    project = getattr(row, "project", None)
    return f"{noun(row)} {project}/{row}" if project else f"{noun(row)} {row}"
