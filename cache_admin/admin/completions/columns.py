"""What the list of completions shows of each, two lines a column, and its page shows in full."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince

from cache_admin import shown
from cache_admin.models import StoredCompletion
from cache_admin.shown import NONE, counted, dollars, roughly
from keys.admin.shown import display, moment

SHARED = {
    "key": "its key alone",
    "project": "all keys of its project that share",
    "everyone": "every key that shares with everyone",
    "cassette": "all keys of its project, as a recording",
}
SEALED_TO_CALLER = "Sealed to its caller"


class Fact(NamedTuple):
    """One line of an entry's page. mono: in letters of one width; copied: what a button beside it copies."""

    label: str
    text: str
    mono: bool = False
    copied: str = ""


@display(description="Stored, expires (UTC)")
def stored(row: StoredCompletion) -> str:
    return two_lines(moment(row.created_at) or NONE, expiry(row))


@display(description="Prompt")
def prompt(row: StoredCompletion) -> str:
    """Its first words, where they were opened for this page (see opening.py); and its marks."""
    words = SEALED_TO_CALLER if row.sealed_to_caller else getattr(row, "first_words", "")
    return two_lines(words or NONE, ", ".join(marks(row)))


@display(description="Model")
def model_shown(row: StoredCompletion) -> str:
    return two_lines(row.model, row.provider)


@display(description="Key, project")
def key_shown(row: StoredCompletion) -> str:
    return two_lines(row.key_name or NONE, row.project_name)


@display(description="Hits, last")
def hits(row: StoredCompletion) -> str:
    return two_lines(f"{row.hits:,}", moment(row.last_hit_at) or "")


@display(description="Saved")
def saved(row: StoredCompletion) -> str:
    """By its hits: the money, and below it the tokens."""
    usd, tokens = saved_usd(row), saved_tokens(row)
    return two_lines(roughly(usd), "" if tokens is None else f"{tokens:,} tokens")


@display(description="Size")
def size_shown(row: StoredCompletion) -> str:
    return filesizeformat(row.size)


def two_lines(first: str, second: str) -> str:
    below = format_html('<div class="second">{}</div>', second) if second else ""
    return format_html("<div>{}{}</div>", first, below)


def saved_usd(row: StoredCompletion) -> Decimal | None:
    """None where there is nothing to tell of, or nobody knows."""
    return None if row.cost_usd is None or not row.hits else row.cost_usd * row.hits


def saved_tokens(row: StoredCompletion) -> int | None:
    if not row.hits or (row.input_tokens is None and row.output_tokens is None):
        return None
    return row.hits * ((row.input_tokens or 0) + (row.output_tokens or 0))


def expiry(row: StoredCompletion) -> str:
    if row.cassette:
        return "never expires"
    gone = row.expires_at <= timezone.now()
    return f"expired {moment(row.expires_at)}" if gone else f"until {moment(row.expires_at)}"


def marks(row: StoredCompletion) -> list[str]:
    """In a word each, what sets an entry apart, and the operator's note."""
    found = [name for name, on in (("pinned", row.pinned), ("cassette", row.cassette)) if on]
    return [*found, row.note[:60]] if row.note else found


def facts(row: StoredCompletion) -> list[Fact]:
    tokens = f"{counted(row.input_tokens)} in, {counted(row.output_tokens)} out"
    return [
        Fact("Model", f"{row.provider}/{row.model}"),
        Fact("Asked as", row.model_asked or NONE),
        Fact("Endpoint", row.endpoint or NONE),
        Fact("Key", row.key_name or NONE),
        Fact("Project", row.project_name or NONE),
        Fact("Given to", shared(row.scope)),
        Fact("Credential", row.endpoint_name or NONE),
        Fact("Stored", f"{shown.moment(row.created_at)}, {timesince(row.created_at)} ago"),
        Fact("Expires", expiry(row)),
        Fact("Kept", "until it is unpinned" if row.pinned else kept(row)),
        Fact("Hits", f"{row.hits:,}, the last {shown.moment(row.last_hit_at)}" if row.hits else "none yet"),
        Fact("It took", f"{tokens}, {dollars(row.cost_usd)}"),
        Fact(
            "It saved", f"{counted(saved_tokens(row))} tokens, {roughly(saved_usd(row))}" if row.hits else "nothing yet"
        ),
        Fact("Size", size_shown(row)),
        Fact("Digest", shown.digest(row.digest), mono=True, copied=row.digest),
    ]


def saving(row: StoredCompletion) -> str:
    return f"{counted(saved_tokens(row))} tokens, {roughly(saved_usd(row))}" if row.hits else "nothing yet"


def shared(scope: str) -> str:
    """A scope in words; one that this version does not know as it is."""
    return SHARED.get(scope.partition(":")[0], scope)


def kept(row: StoredCompletion) -> str:
    return "for good" if row.kept_until is None else f"until {moment(row.kept_until)} at least"
