"""A credential's options: what an address and a signature need beside the key (region, project, api_version, ...).

Which names a provider has is told by `credentials.declare()`; an option is an address's part, so it is bound to the
secret as the address is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple

NO_OPTIONS: Mapping[str, str] = MappingProxyType({})
MOST_REGIONS = 20
VALUE = re.compile(r"[A-Za-z0-9._:/-]{1,200}")


class Option(NamedTuple):
    """One that a provider's credentials may have. variables: of the environment, beside <PROVIDER>_<NAME>; default:
    where none is given (empty: there is none); part: the field of a secret in parts that says it too."""

    name: str
    variables: tuple[str, ...] = ()
    default: str = ""
    part: str = ""


class Part(NamedTuple):
    """One field of a secret that has several, and the variable that gives it."""

    name: str
    variable: str
    needed: bool = True


def read_lines(text: str) -> dict[str, str]:
    """`name=value` lines as a mapping. ValueError, in words for the form, where a line is none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = dict(one_of(line) for line in lines)
    if len(found) != len(lines):
        raise ValueError("A name stands there twice.")
    return found


def one_of(line: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in line.partition("="))
    if not equals or not name:
        raise ValueError("One a line: name=value.")
    return name, value


def written(options: Mapping[str, str]) -> str:
    return "\n".join(f"{name}={value}" for name, value in sorted(options.items()))


def faults(options: Mapping[str, str], known: Collection[str]) -> list[str]:
    """What is wrong with them, in words."""
    found = []
    if unknown := sorted(set(options) - set(known)):
        has = f"it has {', '.join(sorted(known))}" if known else "it has none"
        found.append(f"This provider has no option {', '.join(unknown)}: {has}.")
    if any(not VALUE.fullmatch(value) for value in options.values()):
        found.append("A value is 1 to 200 letters, digits and . _ : / -")
    return found


def region_faults(regions: Collection[str], option: str, options: Mapping[str, str]) -> list[str]:
    """What is wrong with a list of regions, in words. option: the one that they are values of, "" for none."""
    if not regions:
        return []
    if not option:
        return ["This provider has no regions."]
    found = [f"{option} stands among the options too."] if option in options else []
    if len(set(regions)) != len(regions) or len(regions) > MOST_REGIONS:
        found.append(f"At most {MOST_REGIONS} regions, each once.")
    if any(not VALUE.fullmatch(region) for region in regions):
        found.append("A region is 1 to 200 letters, digits and . _ : / -")
    return found
