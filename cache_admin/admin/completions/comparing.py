"""A fresh answer beside a cached one: a paid call, asked for by POST, with what differs; and then, if wanted, in its
place.

Between the two pages the fresh answer waits in Redis for some minutes, sealed for its entry.
"""

from __future__ import annotations

import re
import secrets
import time
from decimal import Decimal
from difflib import SequenceMatcher
from typing import Any, Literal, NamedTuple

import orjson
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from cache_admin import acts
from cache_admin.admin import bodies, reading
from cache_admin.admin.completions import one
from cache_admin.models import StoredCompletion
from cache_admin.rerunning import Fresh, Question, rerun
from cache_admin.shown import counted, dollars
from cache_admin.unsealing import completion_of, request_of
from keys.admin.shown import page
from keys.administration import audit
from keys.redis import RedisAway, ResponseError, command
from keys.secrecy.sealing import SealBroken, place, ring

PERMISSION = "cache_admin.rerun_completion"
MOST_WORDS, MOST_LINES = 2000, 2000  # comparing takes their product, in the worst case
KEPT_SECONDS = 600
PLAIN = ("request_id", "provider", "model", "endpoint_name", "input_tokens", "output_tokens", "dropped")
GONE = "The fresh answer is no longer kept. Ask again."
Kind = Literal["same", "gone", "new"]


class Piece(NamedTuple):
    """kind: in both answers, in the cached one alone, in the fresh one alone."""

    kind: Kind
    text: str


def compare_page(admin: Any, request: HttpRequest, digest: str) -> HttpResponse:
    """GET asks; POST asks the provider; POST with `replace` puts the answer of then into the entry's place."""
    row = one.row_of(request, digest, PERMISSION)
    user: Any = request.user
    if not user.has_perm(bodies.PERMISSION) or row.sealed_to_caller:
        raise PermissionDenied
    if "replace" in request.POST:
        return replaced(admin, request, row)
    context: dict[str, Any] = {"title": "Ask again and compare", "completion": row}
    if request.method == "POST":
        context |= compared(request, row)
    return page(admin, request, "cache_admin/compare.html", context)


def compared(request: HttpRequest, row: StoredCompletion) -> dict[str, Any]:
    """What the page tells of a re-run. The audit log is told first."""
    audit.note(audit.of_request(request), "body.viewed", row)
    audit.note(audit.of_request(request), "completion.rerun", row)
    try:
        asked, cached = request_of(row), completion_of(row).answer
    except (SealBroken, ValueError):
        return {"fault": bodies.BROKEN}
    if not asked:
        return {"fault": "Its request was too large to be kept: it cannot be asked again."}
    fresh = rerun(Question(row.endpoint or "chat/completions", asked, row.project_id, request.user.get_username()))
    if fresh.fault:
        return {"fault": fresh.fault, "fresh": fresh}
    return {"fresh": fresh, "ticket": put_aside(row, fresh), **beside(row, cached, fresh)}


def beside(row: StoredCompletion, cached: bytes, fresh: Fresh) -> dict[str, Any]:
    old, new = text_of(cached), text_of(fresh.answer)
    return {
        "same": old == new,
        "pieces": difference(old, new),
        "answers": [
            (
                bodies.opened("Cached", lambda: cached, reading.answered),
                figures(row.input_tokens, row.output_tokens, dollars(row.cost_usd)),
            ),
            (
                bodies.opened("Fresh", lambda: fresh.answer, reading.answered),
                f"{figures(fresh.input_tokens, fresh.output_tokens, dollars(fresh.cost_usd))}, {fresh.seconds:.1f} s",
            ),
        ],
    }


def figures(received: int | None, sent: int | None, cost: str) -> str:
    return f"{counted(received)} in, {counted(sent)} out, {cost}"


def text_of(answer: bytes) -> str:
    """What an answer says; of one that says nothing (numbers, verdicts) its JSON."""
    said = reading.answered(answer)
    return "\n\n".join(
        turn.text if turn.who == "assistant" else f"{turn.who}\n{turn.text}" for turn in said
    ) or reading.pretty(answer)


def difference(old: str, new: str) -> list[Piece]:
    """By words; of long texts by lines; none of longer ones."""
    for pattern, most in ((r"\S+\s*|\s+", MOST_WORDS), (r".*\n|.+", MOST_LINES)):
        before, after = re.findall(pattern, old), re.findall(pattern, new)
        if max(len(before), len(after)) <= most:
            return pieces(before, after)
    return []


def pieces(before: list[str], after: list[str]) -> list[Piece]:
    found: list[Piece] = []
    for tag, begin, end, from_new, to_new in SequenceMatcher(None, before, after, autojunk=True).get_opcodes():
        if tag == "equal":
            found.append(Piece("same", "".join(before[begin:end])))
            continue
        found.append(Piece("gone", "".join(before[begin:end])))
        found.append(Piece("new", "".join(after[from_new:to_new])))
    return [piece for piece in found if piece.text]


def put_aside(row: StoredCompletion, fresh: Fresh) -> str:
    """Keep the answer for the next page; what finds it there, "" where it cannot be kept."""
    ticket = secrets.token_hex(16)
    cost = None if fresh.cost_usd is None else str(fresh.cost_usd)
    facts = {name: getattr(fresh, name) for name in PLAIN} | {"cost_usd": cost, "answer": fresh.answer.decode()}
    sealed = ring().seal(orjson.dumps(facts), place("fresh answer", row.digest, row.scope))
    try:
        command("SET", f"fresh:{ticket}", sealed, "EX", KEPT_SECONDS)
    except (RedisAway, ResponseError):
        return ""
    return ticket


def put_back(row: StoredCompletion, ticket: str) -> Fresh | None:
    try:
        sealed = command("GETDEL", f"fresh:{ticket[:32]}")
        facts = orjson.loads(ring().unseal(sealed, place("fresh answer", row.digest, row.scope))) if sealed else None
    except (RedisAway, ResponseError, SealBroken):
        return None
    if facts is None:
        return None
    cost = facts.pop("cost_usd")
    answer, dropped = facts.pop("answer").encode(), tuple(facts.pop("dropped"))
    return Fresh(**facts, answer=answer, dropped=dropped, cost_usd=None if cost is None else Decimal(cost))


def replaced(admin: Any, request: HttpRequest, row: StoredCompletion) -> HttpResponse:
    fresh = put_back(row, request.POST["replace"])
    if fresh is None:
        admin.message_user(request, GONE, messages.ERROR)
    else:
        acts.replace(StoredCompletion.objects.get(pk=row.pk), fresh, audit.of_request(request), time.time())
        admin.message_user(request, "The fresh answer stands in the place of the one before.", messages.SUCCESS)
    return redirect("admin:cache_admin_storedcompletion_change", row.pk)
