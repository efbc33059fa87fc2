"""The word index: which stored requests hold a word, without any word of theirs in the clear.

A word is kept as 63 bits of its HMAC-SHA256 under the installation's pepper: a dump of the tables tells no word, only
which requests have one in common. Filled by shipping, never on the request path.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import orjson
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.lookups import Exact

from cache_admin.models import CompletionWord, StoredCompletion
from cache_admin.sealed import unseal_completion
from keys.secrecy.pepper import pepper
from keys.secrecy.sealing import SealBroken

MOST_AN_ENTRY = 60
MOST_SOUGHT = 8
LONGEST_TEXT = 20_000  # characters of one text that are looked at
LEAST_LETTERS = 3
FEW = 3000  # entries that are sorted for a page; of a million, more of them fill one within some 17,000 rows
SAME = {"created_at": OuterRef("created_at"), "digest": OuterRef("digest")}
STATEMENT_ROWS = 5000
_WORD = re.compile(r"[^\W_]+")
# Scripts that set no space between words: Han, Kana and Bopomofo, and the letters among their marks
# (https://www.unicode.org/Public/UCD/latest/ucd/Blocks.txt). NFKD has brought compatibility forms back to these.
_SPACELESS = re.compile("([\u3005-\u3007\u3041-\u30ff\u3105-\u312f\u31f0-\u31ff\u3400-\u9fff\U00020000-\U0003ffff]+)")
# Where requests of all endpoints have what somebody said; never roles, ids, addresses or data.
_SAID = ("messages", "input", "prompt", "content", "text", "output", "tool_calls", "function", "arguments")
_BEFORE = ("system", "instructions")


def index(rows: Iterable[StoredCompletion]) -> None:
    """Make the words of these rows' requests those that are found; what is sealed to its caller has none. In the
    transaction that lands them."""
    rows = list(rows)
    CompletionWord.objects.filter(digest__in=[row.digest for row in rows]).delete()
    words = [
        CompletionWord(word=mark, created_at=row.created_at, digest=row.digest) for row in rows for mark in marks(row)
    ]
    CompletionWord.objects.bulk_create(words, STATEMENT_ROWS)


def containing(rows: QuerySet[StoredCompletion], text: str) -> QuerySet[StoredCompletion]:
    """Those of `rows` whose request has all words of `text`, of which the first eight count; none where it has no
    word. Meant for pages in the order of (created_at, digest).

    PostgreSQL cannot guess how many those are, so it is told the way: where few entries have all the words, these are
    taken and sorted; else each row is looked at in the pages' order, until there is a page full.
    """
    sought = [mark_of(word) for word in islice(distinct([text]), MOST_SOUGHT)]
    if not sought:
        return rows.none()
    entries = having_all(sought).values("digest")
    if entries[:FEW].count() < FEW:
        return rows.filter(digest__in=entries)
    return rows.filter(Exact(here(sought), len(sought)))


def having_all(sought: list[int]) -> QuerySet[CompletionWord]:
    """One word's entries that have all the others too."""
    entries = CompletionWord.objects.filter(word=sought[0])
    for mark in sought[1:]:
        entries = entries.filter(Exists(CompletionWord.objects.filter(word=mark, **SAME)))
    return entries


def here(sought: list[int]) -> Subquery:
    """How many of the words the row has that is looked at. A number, since PostgreSQL would turn "is there one" into a
    table of all that have the word."""
    found = CompletionWord.objects.filter(word__in=sought, **SAME).order_by().values("digest")
    return Subquery(found.annotate(number=Count("*")).values("number"))


def marks(row: StoredCompletion) -> list[int]:
    """What the index keeps of a row's request; nothing of one that does not open."""
    if row.sealed_to_caller or not row.request_sealed:
        return []
    try:
        request = orjson.loads(unseal_completion(row.digest, row.scope, "request", bytes(row.request_sealed)))
        return [mark_of(word) for word in islice(distinct(texts(request)), MOST_AN_ENTRY)]
    except (SealBroken, ValueError):
        return []


def mark_of(word: str) -> int:
    mac = hmac.digest(pepper("cache words"), word.encode(), hashlib.sha256)
    return int.from_bytes(mac[:8], "big") >> 1


def texts(request: Any) -> Iterator[str]:
    """What a request says, the latest first: that is what tells it from others, which begin alike."""
    match request:
        case str():
            yield request
        case list():
            for one in reversed(request):
                yield from texts(one)
        case dict():
            for name in (*_SAID, *_BEFORE):
                if name in request:
                    yield from texts(request[name])


def distinct(said: Iterable[str]) -> Iterator[str]:
    """The words of some texts, each once, without case and accents: three letters or more, or a number; of Chinese and
    Japanese, where nothing tells where a word ends, every two characters that stand beside each other."""
    seen: set[str] = set()
    for text in said:
        for found in _WORD.finditer(plainly(text[:LONGEST_TEXT])):
            for word in words_in(found[0]):
                if word not in seen:
                    seen.add(word)
                    yield word


def words_in(run: str) -> Iterator[str]:
    """run: letters and digits with nothing between them."""
    for at, piece in enumerate(_SPACELESS.split(run)):
        if at % 2:  # what the pattern found
            yield from (piece[start : start + 2] for start in range(max(1, len(piece) - 1)))
        elif len(piece) >= LEAST_LETTERS or piece.isdecimal():
            yield piece


def plainly(text: str) -> str:
    """Without case, and without the marks that Unicode puts on letters, which `\\w` does not match either."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(letter for letter in apart if not unicodedata.category(letter).startswith("M"))
