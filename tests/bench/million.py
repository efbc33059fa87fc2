"""A table of many completions, made inside PostgreSQL, and how long the admin's pages take over it.

    python -m tests.bench.million [--entries 1000000]

Entries of 40 keys, 5 projects, 12 models; words as frequent as those of a language are (Zipf), twelve an entry. Asks
each page five times through Django's test client, the first time after the others' rows have filled the buffers.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

VOCABULARY = 20_000
LIST = "/admin/cache_admin/storedcompletion/"
PAGES = {
    "the list": "",
    "page after half a million": "after={middle}",
    "one model": "model=model-7",
    "a rare model": "model=rare",
    "one provider": "provider=openai",
    "one key": "key=k7",
    "one project": "project=p3",
    "pinned": "state=pinned",
    "cassettes": "state=cassette",
    "fresh": "state=fresh",
    "expired": "state=expired",
    "a frequent word": "q=word1",
    "a rare word": "q=word19000",
    "a word that nobody said": "q=unheard",
    "two frequent words": "q=word1+word2",
    "a frequent and a rare word": "q=word1+word19000",
    "four middling words": "q=word40+word41+word42+word43",
    "a word within a model": "q=word300&model=model-7",
    "a word within a rare model": "q=word300&model=rare",
    "the name of a key": "q=key+7",
    "a digest's beginning": "q={digest}",
}
ROWS = """
INSERT INTO cache_admin_storedcompletion (
    digest, answer_sealed, scope, key_id, key_name, project_id, project_name, endpoint, provider, model, model_asked,
    endpoint_name, request_id, created_at, expires_at, kept_until, used_at, pinned, cassette, sealed_to_caller, note,
    hits, last_hit_at, size, request_sealed, input_tokens, output_tokens, cost_usd)
SELECT md5('a' || n) || md5('b' || n), convert_to(repeat('answer', 150), 'UTF8'), 'key:k' || n %% 40, 'k' || n %% 40,
    'key ' || n %% 40, 'p' || n %% 5, 'project ' || n %% 5, 'chat/completions',
    CASE n %% 2 WHEN 0 THEN 'openai' ELSE 'anthropic' END,
    CASE WHEN n %% 100003 = 7 THEN 'rare' ELSE 'model-' || n %% 12 END, '', 'main', '', at, at + interval '7 days',
    CASE WHEN n %% 5000 = 0 OR n %% 777 = 0 THEN NULL ELSE at + interval '8 days' END,
    at + random() * interval '7 days',
    n %% 5000 = 0, n %% 777 = 0, false, '', n %% 9, NULL, 1400, convert_to(repeat('asked', 100), 'UTF8'), 20, 30, 0.001
FROM generate_series(1, %(entries)s) n, LATERAL (SELECT now() - n * interval '8 days' / %(entries)s AS at) times
"""
WORDS = """
INSERT INTO cache_admin_completionword (word, created_at, digest)
SELECT DISTINCT marks.mark, rows.created_at, rows.digest
FROM cache_admin_storedcompletion rows, generate_series(1, %(words)s) nth,
    LATERAL (SELECT (exp(random() * ln(%(most)s)))::int AS rank WHERE nth > 0 AND rows.digest > '') drawn
    JOIN vocabulary marks ON marks.rank = drawn.rank
"""
INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'cache_admin_completionword'"


def fill(entries: int, words: int = 12) -> None:
    """`entries` rows and their words, into tables that are empty."""
    from django.db import connection

    from cache_admin.words import mark_of

    with connection.cursor() as cursor:
        cursor.execute(ROWS, {"entries": entries})
        cursor.execute("CREATE TEMPORARY TABLE vocabulary (rank int PRIMARY KEY, mark bigint)")
        marks = [(rank, mark_of(f"word{rank}")) for rank in range(VOCABULARY + 1)]
        with cursor.copy("COPY vocabulary FROM STDIN") as copy:
            for mark in marks:
                copy.write_row(mark)
        cursor.execute(WORDS, {"words": words, "most": VOCABULARY})
        cursor.execute("DROP TABLE vocabulary")


def quickly_filled(entries: int) -> None:
    """As fill(), with the words' indexes made afterwards, which is several times as fast."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SET maintenance_work_mem = '512MB'")
        cursor.execute("SET work_mem = '256MB'")
        cursor.execute("ALTER TABLE cache_admin_completionword DROP CONSTRAINT cache_admin_completionword_pkey")
        cursor.execute(INDEXES)
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        fill(entries)
        cursor.execute("ALTER TABLE cache_admin_completionword ADD PRIMARY KEY (word, created_at, digest)")
        for _, definition in indexes:
            cursor.execute(definition)
        cursor.execute("RESET work_mem")
    for table in ("cache_admin_storedcompletion", "cache_admin_completionword"):
        with connection.cursor() as cursor:
            cursor.execute(f"VACUUM ANALYZE {table}")


def timed(work: Callable[[], object], times: int = 5) -> list[float]:
    """Seconds, each time."""
    found = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return found


def asked(client: Any, url: str) -> None:
    status = client.get(url).status_code
    assert status == 200, (url, status)


def line(name: str, found: list[float]) -> None:
    print(f"| {name} | {statistics.median(found) * 1000:.0f} | {max(found) * 1000:.0f} |", flush=True)


def measure(entries: int) -> None:
    from django.contrib.auth.models import User
    from django.test import Client

    from cache_admin.models import StoredCompletion
    from cache_admin.removing import too_much
    from keys.models import VirtualKey

    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.create_superuser("ada"))
    VirtualKey.objects.create(id="k7", name="key 7", digest="7", prefix="k", last_four="7")
    middle = StoredCompletion.objects.order_by("-created_at")[entries // 2]
    names = {
        "middle": f"{middle.created_at.isoformat().replace('+', '%2B')}_{middle.digest}",
        "digest": middle.digest[:12],
    }
    print(f"\n| page over {entries:,} entries | median, ms | slowest of 5, ms |\n|---|---|---|")
    for name, query in PAGES.items():
        line(name, timed(partial(asked, client, f"{LIST}?{query.format(**names)}")))
    line("(what a purge asks: how many, how large)", timed(too_much))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=1_000_000)
    entries = parser.parse_args().entries
    from tests import services

    services.clear_environment()
    os.environ.update(services.addresses(os.environ), DJANGO_SETTINGS_MODULE="proxy_site.settings")
    try:
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        begun = time.monotonic()
        quickly_filled(entries)
        print(f"filled in {time.monotonic() - begun:.0f} s", file=sys.stderr)
        measure(entries)
    finally:
        services.stop_all()


if __name__ == "__main__":
    main()
