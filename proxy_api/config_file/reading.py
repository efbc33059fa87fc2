"""The text of a file as sections of entries. Pure: the environment comes as an argument.

A secret never stands in the file: `secret: ${NAME}` names a variable. Every fault names its place.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
IN_ENVIRONMENT = "secret"  # the field whose value is a variable's
# The installation's own variables: whoever may edit the file need not be who may read those.
OURS = re.compile(r"DRAGOMAN_.*|DATABASE_URL|REDIS_URL")
SINGLE = ("limits",)  # sections that are one entry


class FileFault(Exception):
    """What is wrong, and where: `keys[2].budgets[0].amount`, empty for the whole file."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(f"{place}: {message}" if place else message)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that there shall be. place: where it stands in the file."""

    place: str
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """prune: nothing else of its kind shall be in use."""

    entries: list[Entry]
    prune: bool = False


def read(text: str, environment: Mapping[str, str], names: Collection[str]) -> dict[str, Section]:
    """The file's sections by name. names: those that there are. Raises FileFault."""
    whole = parsed(text)
    if not isinstance(whole, dict):
        raise FileFault("", "The file is a mapping of sections.")
    for name in whole:
        if name not in names:
            raise FileFault(str(name), f"There is no such section: there are {', '.join(names)}.")
    return {name: section(name, value, environment) for name, value in whole.items()}


def parsed(text: str) -> Any:
    """YAML 1.1 without tags that make objects (https://pyyaml.org/wiki/PyYAMLDocumentation). Raises FileFault."""
    try:
        return plain(yaml.safe_load(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise FileFault("", f"This is no YAML: {where}{getattr(error, 'problem', None) or 'unreadable'}.") from None
    except (ValueError, RecursionError) as error:  # of a date such as 2027-02-30
        raise FileFault("", f"This is no YAML: {error}.") from None


def plain(value: Any) -> Any:
    """As JSON would have it: dates as text, in the form in which they are entered elsewhere."""
    match value:
        case dict():
            return {str(name): plain(one) for name, one in value.items()}
        case list():
            return [plain(one) for one in value]
        case date():
            return value.isoformat()
        case _:
            return value


def section(name: str, value: Any, environment: Mapping[str, str]) -> Section:
    """A list of entries; one mapping (limits); or, to prune, `{prune: true, entries: [...]}`."""
    if isinstance(value, list) and name not in SINGLE:
        return Section(entries(name, value, environment))
    if not isinstance(value, dict):
        raise FileFault(
            name, "One mapping." if name in SINGLE else "A section is a list of entries, or prune with entries."
        )
    prune = value.get("prune", False)
    if not isinstance(prune, bool):
        raise FileFault(f"{name}.prune", "true or false.")
    if name in SINGLE:
        values = {one: inner for one, inner in value.items() if one != "prune"}
        return Section([entry(name, values, environment)], prune)
    if unknown := set(value) - {"prune", "entries"}:
        raise FileFault(f"{name}.{min(unknown)}", "A section has prune and entries, and nothing else.")
    if not isinstance(value.get("entries"), list):
        raise FileFault(f"{name}.entries", "A list.")
    return Section(entries(f"{name}.entries", value["entries"], environment), prune)


def entries(place: str, values: list[Any], environment: Mapping[str, str]) -> list[Entry]:
    return [entry(f"{place}[{number}]", value, environment) for number, value in enumerate(values)]


def entry(place: str, value: Any, environment: Mapping[str, str]) -> Entry:
    if not isinstance(value, dict):
        raise FileFault(place, "An entry is a mapping of fields.")
    if IN_ENVIRONMENT in value:
        secret = found(f"{place}.{IN_ENVIRONMENT}", value[IN_ENVIRONMENT], environment)
        value = {**value, IN_ENVIRONMENT: secret}
    return Entry(place, value)


def found(place: str, value: Any, environment: Mapping[str, str]) -> str:
    """The secret that a variable holds."""
    named = VARIABLE.fullmatch(value.strip()) if isinstance(value, str) else None
    if named is None:
        raise FileFault(place, "A secret does not stand in the file: write ${NAME}, a variable of the environment.")
    if OURS.fullmatch(named[1]):
        raise FileFault(place, f"{named[1]} is a secret of the installation, and no provider's.")
    secret = environment.get(named[1], "").strip()
    if not secret:
        raise FileFault(place, f"The environment has no {named[1]}.")
    return secret
