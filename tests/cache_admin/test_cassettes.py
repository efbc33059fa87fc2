"""A file of completions: what goes out comes in again, as it was, and a file that is wrong changes nothing."""

from __future__ import annotations

import io
import json
import os
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from cache_admin import acts
from cache_admin.cassettes import CassetteFault, examined, exported, imported
from cache_admin.completions import ENDLESS, Completion, find, store
from cache_admin.models import StoredCompletion
from cache_admin.sealed import Slot
from cache_admin.shipping import ship
from keys.administration.audit import Actor
from keys.models import AuditEntry, Project
from tests.cache_admin.entries import keep

pytestmark = pytest.mark.django_db(transaction=True)
ADA = Actor("user", "ada")
LINE = {
    "endpoint": "chat/completions",
    "provider": "openai",
    "model": "gpt",
    "request": {"model": "openai/gpt", "messages": []},
    "answer": {"choices": []},
}


def lines() -> tuple[list[dict[str, Any]], Counter[str]]:
    counts: Counter[str] = Counter()
    found = list(exported(StoredCompletion.objects.all(), counts, ADA))
    assert all(line.count(b"\n") == 1 for line in found)
    return [json.loads(line) for line in found], counts


def file_of(*said: dict[str, Any]) -> io.BytesIO:
    return io.BytesIO(b"".join(json.dumps(line).encode() + b"\n" for line in said))


def take(project: Project, *said: dict[str, Any]) -> tuple[int, int]:
    """How many were imported, and how many were there."""
    return imported(file_of(*said), project, ADA, time.time())[:2]


def slot_of(row: StoredCompletion) -> Slot:
    return Slot(bytes.fromhex(row.digest), row.scope)


@pytest.fixture
def project() -> Project:
    return Project.objects.create(name="ci")


def test_a_line_tells_all_of_an_entry_but_whose_it_was() -> None:
    at = 1_700_000_000.0
    completion = Completion(
        b'{\r\n "id": 1.50}', "openai", "gpt", "main", at, ENDLESS, ["seed: unknown"], {"openai-beta": "x"}
    )
    label = {"endpoint": "chat/completions", "model_asked": "o/gpt", "input_tokens": 5, "cost_usd": Decimal("0.10")}
    assert store(
        Slot(bytes(32), "key:k1"), completion, b'{\n"model": "o/gpt",\n"top_p": 0.70}', {**label, "key_name": "Ada"}
    )
    ship(time.time())
    (line,), counts = lines()
    assert counts == {"exported": 1}
    assert line == {
        "endpoint": "chat/completions",
        "headers": {"openai-beta": "x"},
        "model_asked": "o/gpt",
        "provider": "openai",
        "model": "gpt",
        "credential": "main",
        "stored_at": at,
        "expires_at": at + ENDLESS,
        "input_tokens": 5,
        "output_tokens": None,
        "cost_usd": "0.1000000000",
        "dropped": ["seed: unknown"],
        "request": {"model": "o/gpt", "top_p": 0.7},
        "answer": {"id": 1.5},
    }
    assert AuditEntry.objects.get().action == "completion.exported"


def test_what_cannot_be_told_is_left_out_and_counted() -> None:
    keep(1, at=time.time(), caller_key=bytes(32))
    keep(2, at=time.time(), request=b"")
    keep(3, at=time.time(), request=b"no json")
    keep(4, at=time.time())
    ship(time.time())
    found, counts = lines()
    assert len(found) == 1
    assert counts == {"sealed_to_caller": 1, "without_request": 1, "broken": 1, "exported": 1}


def test_many_entries_go_out_once_each_the_oldest_first() -> None:
    now = time.time()
    for name in range(45):
        keep(name, at=now + name // 3)
    ship(now)
    found, _ = lines()
    times = [line["stored_at"] for line in found]
    assert len(found) == 45
    assert times == sorted(times)


def test_what_goes_in_is_a_recording_of_the_project(project: Project) -> None:
    told = {**LINE, "headers": {"OpenAI-Beta": "x"}, "input_tokens": 3, "cost_usd": "0.5", "stored_at": 1_700_000_000.0}
    assert take(project, told) == (1, 0)
    row = StoredCompletion.objects.get()
    assert (row.cassette, row.kept_until, row.project_id, row.project_name) == (True, None, project.id, "ci")
    assert (row.scope, row.endpoint, row.input_tokens, row.cost_usd) == (
        f"cassette:{project.id}",
        "chat/completions",
        3,
        Decimal("0.5"),
    )
    assert row.created_at.timestamp() == 1_700_000_000.0
    found = find(slot_of(row), time.time())
    assert found is not None
    assert json.loads(found.answer) == {"choices": []}
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target_id, entry.changes) == ("completion.imported", project.id, {"count": 1})


def test_what_went_out_goes_in_and_comes_out_the_same(project: Project) -> None:
    first = {**LINE, "stored_at": 1_700_000_000.25}  # a double that no sum rounds
    other_endpoint = {"request": {"model": "b", "input": "x"}, "endpoint": "embeddings"}
    take(project, first, {**first, **other_endpoint, "headers": {"openai-beta": "y"}})
    before, _ = lines()
    other = Project.objects.create(name="other")
    StoredCompletion.objects.all().delete()
    assert take(other, *before) == (2, 0)
    assert sorted(lines()[0], key=str) == sorted(before, key=str)  # of one moment, in the order of their digests


def test_importing_again_changes_nothing(project: Project) -> None:
    other = {**LINE, "request": {"model": "b"}}
    take(project, LINE, other)
    before = list(StoredCompletion.objects.order_by("digest").values())
    assert take(project, LINE, other) == (0, 2)
    assert list(StoredCompletion.objects.order_by("digest").values()) == before


def test_a_line_that_was_changed_replaces_the_answer_in_both_tiers(project: Project) -> None:
    told = {**LINE, "stored_at": 1_700_000_000.0}
    take(project, told)
    slot = slot_of(StoredCompletion.objects.get())
    assert find(slot, time.time()) is not None
    acts.note([slot.name], "by hand", ADA)
    assert take(project, {**told, "answer": {"choices": ["new"]}}) == (1, 0)
    found = find(slot, time.time())
    assert found is not None
    assert json.loads(found.answer) == {"choices": ["new"]}
    assert StoredCompletion.objects.get().note == "by hand"


def test_an_entry_that_was_ended_by_hand_is_there_again_once_imported(project: Project) -> None:
    take(project, LINE)
    slot = slot_of(StoredCompletion.objects.get())
    acts.expire([slot.name], ADA, timezone.now())
    assert find(slot, time.time()) is None
    assert take(project, LINE) == (1, 0)
    assert find(slot, time.time()) is not None


def test_of_lines_that_ask_the_same_the_last_one_counts(project: Project) -> None:
    spaced = json.dumps(
        {**LINE, "answer": {"n": 2}, "request": {"messages": [], "stream": True, "model": "openai/gpt"}}
    )
    text = json.dumps({**LINE, "answer": {"n": 1}}) + "\n\n" + spaced
    assert imported(io.BytesIO(text.encode()), project, ADA, time.time())[:2] == (1, 0)
    found = find(slot_of(StoredCompletion.objects.get()), time.time())
    assert found is not None
    assert json.loads(found.answer) == {"n": 2}


@pytest.mark.parametrize(
    "change", [{"endpoint": "embeddings"}, {"headers": {"openai-beta": "x"}}, {"headers": {"x-dragoman-strict": "1"}}]
)
def test_another_endpoint_or_header_makes_another_entry(project: Project, change: dict[str, Any]) -> None:
    assert take(project, LINE, LINE | change) == (2, 0)


@pytest.mark.parametrize("literal", [b"0.70", b"0.7", b"7e-1"])
def test_numbers_are_kept_as_they_are_written(project: Project, literal: bytes) -> None:
    line = json.dumps({**LINE, "request": {"top_p": 0}}).encode().replace(b'"top_p": 0', b'"top_p": ' + literal)
    imported(io.BytesIO(line), project, ADA, time.time())
    counts: Counter[str] = Counter()
    (out,) = exported(StoredCompletion.objects.all(), counts, ADA)
    assert b'"top_p": ' + literal in out


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("{", "line 2: it is no JSON"),
        ("[]", "line 2: it is no JSON object"),
        (json.dumps({**LINE, "request": "x"}), "line 2: its request is of the wrong type"),
        (json.dumps({"endpoint": "embeddings", "answer": {}}), "line 2: its request is missing"),
        (json.dumps({**LINE, "endpoint": ""}), "line 2: its endpoint is missing"),
        (json.dumps({**LINE, "headers": {"a": 1}}), "line 2: its headers and what was dropped must be texts"),
        (json.dumps({**LINE, "input_tokens": "many"}), "line 2: its input_tokens is of the wrong type"),
        (json.dumps({**LINE, "answer": {"text": "x" * 5_000_000}}), "line 2: its answer is larger than"),
        (json.dumps(LINE).replace('"messages": []', '"messages": [], "messages": 1'), "line 2: .*same member"),
    ],
)
def test_a_file_with_one_wrong_line_changes_nothing(project: Project, bad: str, why: str) -> None:
    text = f"{json.dumps(LINE)}\n{bad}\n"
    with pytest.raises(CassetteFault, match=why):
        imported(io.BytesIO(text.encode()), project, ADA, time.time())
    assert not StoredCompletion.objects.exists()
    assert not AuditEntry.objects.exists()


def test_an_examination_counts_what_a_file_would_do_and_does_nothing(project: Project) -> None:
    take(project, LINE)
    before = list(StoredCompletion.objects.values())
    new, other = {**LINE, "request": {"model": "b"}}, {**LINE, "request": {"model": "c"}, "answer": {"n": 1}}
    assert examined(file_of(LINE, new, other), project, time.time()) == (2, 1, (), 0)
    assert list(StoredCompletion.objects.values()) == before
    assert AuditEntry.objects.count() == 1


def test_all_lines_that_are_wrong_are_told_as_far_as_somebody_reads_them(project: Project) -> None:
    text = "\n".join(["{", json.dumps(LINE), "", "[]", *["x"] * 30])
    verdict = examined(io.BytesIO(text.encode()), project, time.time())
    assert (verdict.wrong, len(verdict.faults)) == (32, 20)
    assert verdict.faults[:2] == ("line 1: it is no JSON", "line 4: it is no JSON object")
    with pytest.raises(CassetteFault, match=r"line 22: it is no JSON; and 12 more lines$"):
        imported(io.BytesIO(text.encode()), project, ADA, time.time())


@pytest.mark.parametrize("text", [b"", b"\n \n"])
def test_a_file_without_a_line_is_told_from_one_that_changes_nothing(project: Project, text: bytes) -> None:
    assert examined(io.BytesIO(text), project, time.time()).faults == ("it holds no line",)


def test_the_commands_write_and_read_a_file(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    take(project, LINE)
    keep(1, at=time.time())
    keep(2, at=time.time(), caller_key=bytes(32))
    ship(time.time())
    file = tmp_path / "out.jsonl"
    call_command("export_cache", str(file))
    assert capsys.readouterr().err == "exported 2 completions; left out 1 sealed to their callers\n"
    assert os.stat(file).st_mode & 0o777 == 0o600
    call_command("export_cache", str(file), "--recorded", "--project", "ci")
    assert len(file.read_bytes().splitlines()) == 1
    StoredCompletion.objects.all().delete()
    call_command("import_cache", str(file), "--project", project.id)
    call_command("import_cache", str(file), "--project", "ci")
    assert capsys.readouterr().out.splitlines() == [
        "imported 1 completions; 0 were there",
        "imported 0 completions; 1 were there",
    ]


def test_the_commands_name_what_is_wrong(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text("nonsense")
    for arguments, why in (
        (["import_cache", str(file), "--project", "ci"], "bad.jsonl, line 1: it is no JSON"),
        (["import_cache", str(tmp_path / "none"), "--project", "ci"], "cannot be read"),
        (["import_cache", str(file), "--project", "nobody"], "no project is called nobody"),
        (["export_cache", str(tmp_path / "no" / "where")], "cannot be written"),
    ):
        with pytest.raises(CommandError, match=why):
            call_command(*arguments)
