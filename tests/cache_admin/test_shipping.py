"""Shipping: every record lands once, whatever is killed, repeated, torn, refused or away."""

from __future__ import annotations

import shutil
import time
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as bounded
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from cache_admin import spool
from cache_admin.completions import Completion, store
from cache_admin.ledger import LedgerEntry, closed, opened
from cache_admin.locks import file_lock
from cache_admin.models import Price, StoredCompletion, UsageBody, UsageRecord
from cache_admin.sealed import Slot, unseal_body, unseal_completion
from cache_admin.shipping import LOCK, OFFSETS, ship
from cache_admin.spool import Spool, read_frames
from keys import freshness
from keys.ids import new_id
from tests.cache_admin.entries import entry

pytestmark = pytest.mark.django_db(transaction=True)
LABEL = {"key_id": "k1", "key_name": "mine", "request_id": "r1", "model_asked": "gpt"}


def table() -> list[dict[str, object]]:
    """All that the tables hold, in order."""
    models = (UsageRecord, StoredCompletion, UsageBody)
    rows = [row for model in models for row in model.objects.order_by("pk").values()]
    return [{name: bytes(v) if isinstance(v, memoryview) else v for name, v in row.items()} for row in rows]


def kept(digest: bytes, at: float, ttl: int = 3600) -> Completion:
    completion = Completion(b'{"id":"c"}', "openai", "gpt", "main", at, ttl)
    assert store(Slot(digest, "key:1"), completion, b'{"messages":[]}', LABEL)
    return completion


def test_a_record_lands_with_all_its_fields() -> None:
    call = entry(
        stream=True,
        cost_usd=Decimal("0.000123"),
        metadata={"run": "7"},
        dropped=["seed: unknown to the provider"],
        cached_tokens=3,
        error_message="none",
        client_retries=1,
    )
    opened(LedgerEntry(id=call.id, at=call.at))
    closed(call)
    assert ship(time.time())["usage"] == 1
    row = UsageRecord.objects.get()
    assert str(row.id) == call.id
    assert abs(row.at.timestamp() - call.at) < 0.001
    for name in ("status", "stream", "cost_usd", "metadata", "dropped", "cached_tokens", "client_retries", "total_ms"):
        assert getattr(row, name) == getattr(call, name), name


def test_a_call_under_way_shows_as_open_and_its_end_beats_that() -> None:
    call = entry()
    opened(call)
    ship(time.time())
    assert UsageRecord.objects.get().status == "open"
    closed(call)
    ship(time.time())
    assert UsageRecord.objects.get().status == "ok"


def test_a_final_record_is_never_changed() -> None:
    call = entry()
    closed(call)
    ship(time.time())
    opened(call)
    closed(entry(id=call.id, status="error"))
    ship(time.time())
    assert UsageRecord.objects.get().status == "ok"


def test_of_one_batch_the_first_final_record_counts_whatever_the_order() -> None:
    call = entry(status="incomplete")
    closed(call)
    closed(entry(id=call.id, status="ok"))
    opened(call)
    ship(time.time())
    assert UsageRecord.objects.get().status == "incomplete"


def test_calls_that_a_dead_process_left_open_become_aborted(spool_directory: Path) -> None:
    ended, cut = entry(), entry()
    for call in (ended, cut):
        opened(call)
    closed(ended)
    ship(time.time())
    assert set(UsageRecord.objects.values_list("status", flat=True)) == {"ok", "open"}
    spool.own().close()
    assert ship(time.time())["aborted"] == 1
    assert set(UsageRecord.objects.values_list("status", flat=True)) == {"ok", "aborted"}
    assert not list(spool_directory.glob("*.spool"))
    assert [path.name for path in spool_directory.glob("*.lock")] == [LOCK]


def test_an_aborted_call_costs_what_its_request_does() -> None:
    Price.objects.create(provider="openai", model="dear", input=2, output=8)
    freshness.check_now()
    for model in ("dear", "unpriced"):
        opened(entry(provider="openai", model_served=model, input_tokens=1000, output_tokens=None, estimated=True))
    opened(entry(provider="openai", model_served="dear", input_tokens=None, output_tokens=None))
    spool.own().close()
    assert ship(time.time())["aborted"] == 3
    found = UsageRecord.objects.order_by("pk").values_list("status", "input_tokens", "cost_usd", "estimated")
    assert list(found) == [
        ("aborted", 1000, Decimal("0.002"), True),
        ("aborted", 1000, None, True),
        ("aborted", None, None, False),
    ]


def test_a_process_that_begins_is_never_taken_for_a_dead_one(spool_directory: Path) -> None:
    beginning = Spool(spool_directory)
    beginning._lease = spool.born_locked(spool_directory, beginning.instance)
    ship(time.time())
    beginning.append({"v": 1, "kind": "usage", "final": True, "entry": entry()})
    assert ship(time.time())["usage"] == 1
    assert list(spool_directory.glob("*.spool"))
    beginning.close()


def test_replaying_a_spool_three_times_changes_nothing(spool_directory: Path, tmp_path: Path) -> None:
    now = time.time()
    digest = bytes(range(32))
    kept(digest, now)
    for status in ("ok", "incomplete", "error"):
        closed(entry(status=status))
    closed(entry(cache="hit", cache_digest=digest.hex()))
    closed(entry(request_body=b"asked", answer_body=b"answered"))
    cut = entry()
    opened(cut)
    spool.own().close()
    shutil.copytree(spool_directory, tmp_path / "copy")
    ship(now)
    before = table()
    assert len(before) == 6 + 1 + 1
    assert StoredCompletion.objects.get().hits == 1
    for _ in range(3):
        shutil.copytree(tmp_path / "copy", spool_directory, dirs_exist_ok=True)
        ship(now)
        assert table() == before


def test_losing_the_offsets_changes_nothing(spool_directory: Path) -> None:
    closed(entry(cache="hit", cache_digest=bytes(32).hex()))
    kept(bytes(32), time.time() - 1)
    ship(time.time())
    before = table()
    (spool_directory / OFFSETS).unlink()
    ship(time.time())
    (spool_directory / OFFSETS).write_bytes(b"{rubbish")
    ship(time.time())
    assert table() == before


def test_a_tail_torn_at_every_byte_of_the_last_frame_costs_that_frame_alone(spool_directory: Path) -> None:
    first, last = entry(), entry()
    closed(first)
    path = next(spool_directory.glob("*.spool"))
    whole = path.stat().st_size
    closed(last)
    content = path.read_bytes()
    spool.own().close()
    path.unlink()
    for length in range(whole + 1, len(content), 7):
        UsageRecord.objects.all().delete()
        path.write_bytes(content[:length])
        counts = ship(time.time())
        assert counts["dropped"] == 1
        assert [str(row.id) for row in UsageRecord.objects.all()] == [first.id]
        assert not path.exists()


def test_a_torn_tail_of_a_living_process_is_waited_for(spool_directory: Path) -> None:
    call = entry()
    closed(entry())
    path = next(spool_directory.glob("*.spool"))
    whole = path.stat().st_size
    closed(call)
    content = path.read_bytes()
    path.write_bytes(content[: whole + 20])
    assert ship(time.time())["usage"] == 1
    path.write_bytes(content)
    assert ship(time.time())["usage"] == 1
    assert UsageRecord.objects.filter(pk=call.id).exists()


def test_records_of_another_version_are_kept_and_their_neighbours_land(spool_directory: Path) -> None:
    closed(entry())
    spool.own().append({"v": 2, "kind": "usage", "final": True, "entry": {"id": new_id()}})
    spool.own().append({"v": 1, "kind": "not yet invented"})
    closed(entry())
    cut = entry()
    opened(cut)
    spool.own().close()
    for _ in range(2):
        ship(time.time())
    assert sorted(UsageRecord.objects.values_list("status", flat=True)) == ["ok", "ok", "open"]
    assert len(list(spool_directory.glob("*.spool"))) == 1


def test_a_record_that_no_table_takes_is_set_aside_and_holds_nothing_up(spool_directory: Path) -> None:
    closed(entry())
    spool.own().append({"v": 1, "kind": "usage", "final": True, "entry": {"id": "no uuid", "at": 1}})
    spool.own().append({"v": 1, "kind": "completion"})
    closed(entry())
    counts = ship(time.time())
    assert (counts["usage"], counts["refused"]) == (2, 2)
    aside = [record for path in (spool_directory / "refused").glob("*.spool") for record in read_frames(path, 0)[0]]
    assert len(aside) == 2


def test_a_second_shipper_is_kept_out(spool_directory: Path) -> None:
    closed(entry())
    with file_lock(spool_directory / LOCK):
        assert ship(time.time()) == {"busy": 1}
    assert ship(time.time())["usage"] == 1


def test_while_the_table_is_away_everything_waits() -> None:
    closed(entry())
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE cache_admin_usagerecord RENAME TO elsewhere")
    try:
        assert ship(time.time())["away"] == 1
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO cache_admin_usagerecord")
    assert ship(time.time())["usage"] == 1


def test_of_a_completion_the_newest_counts_and_keeps_its_hits() -> None:
    now = time.time()
    kept(bytes(32), now)
    closed(entry(cache="hit", cache_digest=bytes(32).hex()))
    ship(now)
    kept(bytes(32), now - 100)
    ship(now)
    assert abs(StoredCompletion.objects.get().created_at.timestamp() - now) < 0.001
    kept(bytes(32), now + 100)
    ship(now)
    row = StoredCompletion.objects.get()
    assert abs(row.created_at.timestamp() - now - 100) < 0.001
    assert row.hits == 1
    assert unseal_completion(row.digest, row.scope, "request", bytes(row.request_sealed)) == b'{"messages":[]}'
    assert (row.key_id, row.model_asked, row.endpoint_name) == ("k1", "gpt", "main")


def test_a_completion_does_not_land_once_its_life_and_its_grace_are_over(settings: Settings) -> None:
    settings.DRAGOMAN_CACHE_GRACE = 49
    kept(bytes(32), time.time() - 100, ttl=50)
    ship(time.time())
    assert not StoredCompletion.objects.exists()


def test_a_hit_that_lands_before_its_completion_is_counted_once() -> None:
    now = time.time()
    closed(entry(cache="hit", cache_digest=bytes(32).hex(), at=now + 1))
    closed(entry(cache="hit", cache_digest=bytes(32).hex(), at=now + 2))
    ship(now)
    kept(bytes(32), now)
    ship(now)
    row = StoredCompletion.objects.get()
    assert row.hits == 2
    assert row.last_hit_at is not None
    assert abs(row.last_hit_at.timestamp() - now - 2) < 0.001


def test_bodies_land_sealed_and_bound_to_their_record() -> None:
    call = entry(request_body=b"a secret question", answer_body=b"a secret answer")
    closed(call)
    ship(time.time())
    row = UsageBody.objects.get(pk=call.id)
    assert b"secret" not in bytes(row.request_sealed) + bytes(row.answer_sealed)
    assert unseal_body(call.id, "request", bytes(row.request_sealed)) == b"a secret question"
    assert unseal_body(call.id, "answer", bytes(row.answer_sealed)) == b"a secret answer"


TEXTS = sorted(
    name for name, kind in LedgerEntry.__annotations__.items() if kind == "str" and name not in ("id", "status")
)
NASTY = st.text(st.sampled_from("a\x00\ud800\udfff\u2028\U0001f600<>'\n"), max_size=8) | st.text(max_size=70000)


@given(
    texts=st.dictionaries(st.sampled_from(TEXTS), NASTY),
    metadata=st.dictionaries(NASTY, NASTY, max_size=20),
    tokens=st.integers() | st.none(),
    cost=st.decimals(allow_nan=True) | st.none(),
    milliseconds=st.floats() | st.none(),
)
@bounded(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_value_costs_the_row(texts, metadata, tokens, cost, milliseconds) -> None:  # type: ignore[no-untyped-def]
    call = entry(
        **texts, metadata=metadata, input_tokens=tokens, attempts=tokens or 0, cost_usd=cost, ttft_ms=milliseconds
    )
    closed(call)
    assert ship(time.time())["usage"] == 1
    row = UsageRecord.objects.get(pk=call.id)
    for name in TEXTS:
        assert "\x00" not in getattr(row, name)


def test_u0000_in_every_text_field_survives_as_a_visible_mark() -> None:
    call = entry(**dict.fromkeys(TEXTS, "a\x00b"), metadata={"k\x00": "v\x00"}, dropped=["p\x00"])
    closed(call)
    ship(time.time())
    row = UsageRecord.objects.get()
    assert {getattr(row, name) for name in TEXTS} == {"a\ufffdb"}
    assert row.metadata == {"k\ufffd": "v\ufffd"}
    assert row.dropped == ["p\ufffd"]


def test_a_record_stays_small_whatever_the_client_sent(spool_directory: Path) -> None:
    closed(entry(user="u" * 65536, metadata={f"k{n}": "v" * 5000 for n in range(100)}, error_message="e" * 100000))
    assert next(spool_directory.glob("*.spool")).stat().st_size < 65536
    ship(time.time())
    row = UsageRecord.objects.get()
    assert len(row.user) == 1024
    assert len(row.metadata) == 16


def test_a_dump_of_the_tables_shows_no_prompt_and_no_answer() -> None:
    answer = Completion(b'{"content":"the plum is purple"}', "openai", "gpt", "main", time.time(), 3600)
    assert store(Slot(bytes(32), "key:1"), answer, b'{"content":"which colour has a plum"}', LABEL)
    closed(entry(request_body=b"which colour has a plum", answer_body=b"the plum is purple"))
    ship(time.time())
    dump = repr(table()).encode()
    assert len(table()) == 3
    assert b"plum" not in dump
