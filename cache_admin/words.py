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
from django.db.models import Exists, OuterRef, QuerySet

from cache_admin.models import CompletionWord, StoredCompletion
from cache_admin.sealed import unseal_completion
from keys.pepper import pepper
from keys.sealing import SealBroken

MOST_AN_ENTRY = 60
MOST_SOUGHT = 8
LONGEST_TEXT = 20_000  # characters of one text that are looked at
LEAST_LETTERS = 3
STATEMENT_ROWS = 5000
_WORD = re.compile(r"[^\W_]+")
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
    word. Ordered by (created_at, digest), each page is read from an index."""
    sought = list(islice(distinct([text]), MOST_SOUGHT))
    if not sought:
        return rows.none()
    for word in sought:
        same = CompletionWord.objects.filter(
            word=mark_of(word), created_at=OuterRef("created_at"), digest=OuterRef("digest")
        )
        rows = rows.filter(Exists(same))
    return rows


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
    """The words of some texts, each once: three letters or more, or a number; without case and accents."""
    seen: set[str] = set()
    for text in said:
        for found in _WORD.finditer(plainly(text[:LONGEST_TEXT])):
            word = found[0]
            if word not in seen and (len(word) >= LEAST_LETTERS or word.isdecimal()):
                seen.add(word)
                yield word


def plainly(text: str) -> str:
    """Without case, and without the marks that Unicode puts on letters, which `\\w` does not match either."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(letter for letter in apart if not unicodedata.category(letter).startswith("M"))
