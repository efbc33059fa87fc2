"""The pages of cached completions: found by words and marks, read, acted on one by one and many at a time."""

from __future__ import annotations

import time
from datetime import timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cache_admin import acts, prices
from cache_admin.admin.completions import comparing
from cache_admin.completions import VALUE_VERSION, Completion, find, store
from cache_admin.models import Price, StoredCompletion
from cache_admin.rerunning import Fresh
from cache_admin.savings import savings, total
from cache_admin.sealed import Slot
from cache_admin.shipping import ship
from cache_admin.unsealing import completion_of
from keys.administration.audit import Actor
from keys.models import AuditEntry
from tests.cache_admin.entries import cached, calls, listed, page, staff

pytestmark = pytest.mark.django_db(transaction=True)
LIST = reverse("admin:cache_admin_storedcompletion_changelist")
PURGE = reverse("admin:cache_admin_storedcompletion_purge")
SAVINGS = reverse("admin:cache_admin_storedcompletion_savings")
ROOT = Actor("user", "root")
OWNED = ("view_storedcompletion", "change_storedcompletion", "delete_storedcompletion")


@pytest.fixture
def client() -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root"))
    return browser


def of(digest: str, kind: str = "change") -> str:
    return reverse(f"admin:cache_admin_storedcompletion_{kind}", args=[digest])


def found(client: Client, query: str) -> list[str]:
    return listed(page(client, f"{LIST}?{query}"), "storedcompletion")


def slot_of(digest: str) -> Slot:
    return Slot(bytes.fromhex(digest), "key:1")


def purge(client: Client, number: int, query: str = "", **sent: str) -> str:
    form = {"number": str(number), "until": timezone.now().isoformat(), **sent}
    return client.post(f"{PURGE}?{query}", form, follow=True).content.decode()


def test_the_list_shows_first_words_to_who_may_read_and_notes_it_once_a_page(client: Client) -> None:
    for number in range(3):
        cached(f"What is {number} + {number}?", number=number)
    text = page(client, LIST)
    for number in range(3):
        assert f"What is {number} + {number}?" in text
    (entry,) = AuditEntry.objects.filter(action="body.viewed")
    assert (entry.actor, len(entry.changes["completions"])) == ("root", 3)
    assert "What is" not in page(staff("view_storedcompletion"), LIST)
    assert AuditEntry.objects.filter(action="body.viewed").count() == 1


def test_an_entry_sealed_to_its_caller_shows_its_metadata_alone(client: Client) -> None:
    digest = cached("my secret")
    StoredCompletion.objects.update(sealed_to_caller=True)
    for text in (page(client, LIST), page(client, of(digest))):
        assert "ealed to its caller" in text
        assert "my secret" not in text
    assert client.get(of(digest, "compare")).status_code == 403
    assert not AuditEntry.objects.filter(action="body.viewed").exists()


def test_entries_are_found_by_words_that_all_stand_in_the_request(client: Client) -> None:
    both = cached("the Gothic cathedral of Cologne", number=1)
    one = cached("the cathedral of Reims", number=2)
    assert found(client, "q=cathedral") == [one, both]
    assert found(client, "q=COLOGNE+cathedral") == [both]
    assert found(client, "q=cathedral+castle") == []


def test_who_may_not_read_prompts_does_not_find_by_their_words() -> None:
    digest = cached("the Gothic cathedral of Cologne")
    clerk = staff("view_storedcompletion")
    assert found(clerk, "q=cathedral") == []
    assert found(clerk, f"q={digest[:16]}") == [digest]


def test_entries_are_filtered_by_what_sets_them_apart(client: Client) -> None:
    pinned, ended, plain = (cached(number=number) for number in range(3))
    acts.pin([pinned], ROOT, timezone.now())
    acts.expire([ended], ROOT, timezone.now())
    StoredCompletion.objects.filter(pk=plain).update(cassette=True, project_id="p1", project_name="search")
    for query, wanted in (
        ("state=pinned", [pinned]),
        ("state=expired", [ended]),
        ("state=cassette", [plain]),
        ("state=fresh", [plain, pinned]),
        ("project=p1&since=1h&model=gpt&provider=openai&key=k1", [plain]),
    ):
        assert found(client, query) == wanted, query


def test_a_page_tells_facts_and_history_with_links(client: Client) -> None:
    digest = cached()
    StoredCompletion.objects.update(cost_usd=Decimal("0.25"), input_tokens=10, output_tokens=5, hits=2)
    (call,) = calls(1, cache="hit", cache_digest=digest)
    text = page(client, of(digest))
    for word in ("What is the capital", "Paris", "45 tokens, $0.75", "10 in, 5 out, $0.25", f"/usagerecord/{call}/"):
        assert word in text
    assert f"/usagerecord/{call}/" not in page(staff("view_storedcompletion"), of(digest))


def test_a_page_tells_the_headers_of_the_request_and_what_was_left_out(client: Client) -> None:
    headers, dropped = {"openai-beta": "<b>x</b>"}, ["top_k: not known to openai"]
    completion = Completion(b"{}", "openai", "gpt", "main", time.time(), 600, dropped, headers)
    assert store(slot_of("00" * 32), completion, b"{}", {})
    ship(time.time())
    text = page(client, of("00" * 32))
    for word in ("Headers of the request", "openai-beta", "&lt;b&gt;x&lt;/b&gt;", "Left out", "top_k: not known"):
        assert word in text
    assert "Headers of the request" not in page(client, of(cached(number=1)))


def test_an_entry_that_a_later_version_wrote_is_shown_without_its_answer(client: Client) -> None:
    digest = cached()
    later = orjson.dumps({"provider": "openai", "of_tomorrow": 1}) + b"\n{}"
    StoredCompletion.objects.update(answer_sealed=VALUE_VERSION + slot_of(digest).seal("answer", later))
    assert "Cannot be opened" in page(client, of(digest))
    assert "Cannot be opened" in client.post(of(digest, "compare")).content.decode()


def test_an_entry_is_pinned_noted_and_expired_from_its_page(client: Client) -> None:
    digest = cached()
    for sent in ({"do": "pin"}, {"do": "note", "note": "the <b>good</b> one"}, {"do": "expire"}):
        assert client.post(of(digest, "act"), sent).status_code == 302
    row = StoredCompletion.objects.get()
    assert (row.pinned, row.kept_until, row.note) == (True, None, "the <b>good</b> one")
    assert find(slot_of(digest), time.time()) is None
    client.post(of(digest, "act"), {"do": "unpin"})
    until = StoredCompletion.objects.get().kept_until
    assert until is not None
    assert until - timezone.now() < acts.grace() + timedelta(seconds=1)
    done = AuditEntry.objects.filter(action__startswith="completion.").order_by("pk")
    assert [one.action.split(".")[1] for one in done] == ["pinned", "noted", "expired", "unpinned"]
    assert "&lt;b&gt;good" in page(client, of(digest))


@pytest.mark.parametrize(("sent", "status"), [({"do": "explode"}, 404), ({}, 404)])
def test_what_is_no_act_does_nothing(client: Client, sent: dict[str, str], status: int) -> None:
    digest = cached()
    assert client.post(of(digest, "act"), sent).status_code == status
    assert client.get(of(digest, "act")).status_code == 405
    assert client.post(of("ff" * 32, "act"), {"do": "pin"}).status_code == 404


def test_many_are_pinned_and_expired_from_the_list(client: Client) -> None:
    digests = [cached(number=number) for number in range(3)]
    chosen = {"action": "pin_selected", "_selected_action": digests[:2]}
    assert "2 completions pinned." in client.post(LIST, chosen, follow=True).content.decode()
    assert StoredCompletion.objects.filter(pinned=True, kept_until=None).count() == 2
    assert (
        "1 completion expired."
        in client.post(
            LIST, {"action": "expire_selected", "_selected_action": digests[2:]}, follow=True
        ).content.decode()
    )
    assert found(client, "state=expired") == digests[2:]


def test_what_is_found_is_purged_once_its_number_is_typed(client: Client) -> None:
    pinned, *others = (cached(number=number) for number in range(4))
    StoredCompletion.objects.filter(pk=others[0]).update(model="another")
    acts.pin([pinned], ROOT, timezone.now())
    assert '<strong class="text-important">2 entries</strong>' in page(client, f"{PURGE}?model=gpt")
    for number in (1, 3, 0):
        assert "There are 2." in purge(client, number, "model=gpt")
    assert StoredCompletion.objects.count() == 4
    assert "2 completions purged." in purge(client, 2, "model=gpt")
    assert set(StoredCompletion.objects.values_list("pk", flat=True)) == {pinned, others[0]}
    assert find(slot_of(others[1]), time.time()) is None
    assert AuditEntry.objects.get(action="completion.purged").changes["count"] == 2


def test_what_came_after_the_page_was_shown_is_not_purged(client: Client) -> None:
    cached(number=1)
    until = timezone.now().isoformat()
    later = cached(number=200)  # stored 0.2 s from now
    assert "1 completion purged." in purge(client, 1, until=until)
    assert StoredCompletion.objects.get().pk == later


def test_each_act_takes_a_right_of_its_own() -> None:
    digest = cached()
    clerk = staff("view_storedcompletion", "view_bodies")
    for url in (of(digest, "act"), of(digest, "compare"), PURGE):
        assert clerk.post(url, {"do": "pin", "number": "1"}).status_code == 403, url
    assert clerk.get(SAVINGS).status_code == 403
    page_of_it = page(clerk, of(digest))
    for word in ("Pin", "Expire now", "Ask again"):
        assert word not in page_of_it
    assert not StoredCompletion.objects.get().pinned


def test_a_fresh_answer_takes_the_place_of_the_one_before(client: Client) -> None:
    digest = cached()
    row = StoredCompletion.objects.get()
    answer = b'{"choices":[{"message":{"role":"assistant","content":"Lyon"}}]}'
    fresh = Fresh("r2", answer=answer, provider="groq", model="llama", output_tokens=7, cost_usd=Decimal(1))
    ticket = comparing.put_aside(row, fresh)
    assert (
        "stands in the place" in client.post(of(digest, "compare"), {"replace": ticket}, follow=True).content.decode()
    )
    changed = StoredCompletion.objects.get()
    assert (completion_of(changed).answer, changed.provider, changed.output_tokens, changed.request_id) == (
        answer,
        "groq",
        7,
        "r2",
    )
    found = find(slot_of(digest), time.time())
    assert found is not None
    assert (found.answer, found.ttl) == (answer, 600)
    assert "no longer kept" in client.post(of(digest, "compare"), {"replace": ticket}, follow=True).content.decode()
    assert AuditEntry.objects.filter(action="completion.replaced").count() == 1


def test_a_fresh_answer_fits_its_own_entry_alone(client: Client) -> None:
    first, second = (StoredCompletion.objects.get(pk=cached(number=number)) for number in range(2))
    ticket = comparing.put_aside(first, Fresh("r", answer=b"{}"))
    assert comparing.put_back(second, ticket) is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("a b c", "a b c", [("same", "a b c")]),
        (
            "it is Paris now",
            "it is Lyon now",
            [("same", "it is "), ("gone", "Paris "), ("new", "Lyon "), ("same", "now")],
        ),
        ("", "new", [("new", "new")]),
        ("x\n" * 3000, "x\n" * 3001, []),
    ],
)
def test_a_difference_is_told_by_words(old: str, new: str, told: list[Any]) -> None:
    assert [tuple(piece) for piece in comparing.difference(old, new)] == told


def test_savings_are_counted_from_the_log_at_todays_prices(client: Client) -> None:
    Price.objects.create(provider="openai", model="gpt-4o-mini", input=1000, output=0)
    prices.forget()
    calls(2, cache="hit", input_tokens=1000, output_tokens=10)
    calls(1, cache="stored")
    calls(1, cache="hit", model_served="unknown")
    calls(5, cache="bypass")
    now = time.time()
    parts, bounded = savings(now - 86400, now + 1, 3600)
    whole = total(parts)
    assert (whole.looked_up, whole.hits, whole.tokens, whole.usd, whole.unpriced) == (4, 3, 2035, Decimal(2), 1)
    assert (len(parts), bounded) == (25, False)
    text = page(client, f"{SAVINGS}?since=24h")
    for word in ("75%", "3 of 4 looked up", "$2.00", "<svg", "2,035"):
        assert word in text


def test_an_empty_cache_has_a_page_of_savings(client: Client) -> None:
    assert "0 of 0 looked up" in page(client, SAVINGS)
