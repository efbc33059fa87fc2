"""What the form of a key takes, with its budgets; and what the list of keys shows and finds."""

import re
import time
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from keys import redis
from keys.administration import issuing
from keys.entrance import access
from keys.limits import ledger
from keys.models import Budget, Project, VirtualKey
from tests.keys.admin.asking import HOSTILE, budget_rows, change, errors_of, issue, key_form

pytestmark = pytest.mark.django_db
LIST = "/admin/keys/virtualkey/"


@pytest.fixture
def spent():
    """{(key, unit): what the ledger says that it used}."""
    found, usual = {}, list(ledger._registered)
    ledger.register(lambda account, process: {"p": found.get((account.id, account.unit), 0)})
    yield found
    ledger._registered[:] = usual


def names(page):
    return {row.name for row in page.context["cl"].result_list}


def test_everything_that_is_entered_of_a_key_is_kept(operator):
    project = Project.objects.create(name="search")
    given = {
        "project": project.pk,
        "owner": "ops",
        "tags": "prod\nteam-a",
        "note": "n",
        "fail_open": "on",
        "requests_per_minute": "60",
        "tokens_per_minute": "1000",
        "concurrent_requests": "5",
        "strict": "on",
        "models": "openai/*",
        "providers": "openai",
        "endpoints": "chat/completions, audio/*",
        "networks": "10.0.0.0/8",
        "log_bodies": "full",
        "cache_mode": "never",
        "cache_scope": "project",
        "seal_to_caller": "on",
    }
    issue(operator, **given, **budget_rows({"amount": "2.5", "thresholds": "100, 50 %"}))
    key = VirtualKey.objects.get(name="team")
    assert (key.project, key.owner, key.tags) == (project, "ops", ["prod", "team-a"])
    assert (key.requests_per_minute, key.tokens_per_minute, key.concurrent_requests) == (60, 1000, 5)
    assert (key.endpoints, key.networks, key.providers) == (["chat/completions", "audio/*"], ["10.0.0.0/8"], ["openai"])
    assert (key.strict, key.fail_open, key.cache_scope, key.log_bodies) == (True, True, "project", "full")
    assert key.seal_to_caller
    (budget,) = key.budgets.all()
    assert (budget.amount, budget.unit, budget.period, budget.thresholds) == (Decimal("2.5"), "usd", "month", [50, 100])


@pytest.mark.parametrize(
    ("field", "entered"),
    [
        ("networks", "10.0.0.0/33"),
        ("networks", "example.com"),
        ("providers", "nobody"),
        ("endpoints", "/v1/chat/completions"),
        ("tags", "two words"),
        ("requests_per_minute", "0"),
        ("tokens_per_minute", "-1"),
        ("cache_scope", "project"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(operator, field, entered):
    assert field in errors_of(issue(operator, **{field: entered}))
    assert not VirtualKey.objects.filter(name="team").exists()


@pytest.mark.parametrize(
    ("field", "row"),
    [
        ("amount", {"amount": ""}),
        ("amount", {"amount": "-1"}),
        ("amount", {"amount": "1.5", "unit": "tokens"}),
        ("amount", {"amount": "99999999"}),
        ("thresholds", {"amount": "5", "thresholds": "0"}),
        ("thresholds", {"amount": "5", "thresholds": "all"}),
        ("alert_email", {"amount": "5", "alert_email": "ops"}),
        ("alert_webhook", {"amount": "5", "alert_webhook": "https://127.0.0.1/hook"}),
        ("alert_webhook", {"amount": "5", "alert_webhook": "http://hooks.example.com/"}),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused_at_its_field(operator, field, row):
    page = issue(operator, **budget_rows({"thresholds": "80", **row, "period": "day"}))
    assert field in page.context["inline_admin_formsets"][0].formset.errors[0]
    assert not VirtualKey.objects.filter(name="team").exists()


def test_one_budget_of_a_unit_and_a_period_is_enough(operator):
    page = issue(operator, **budget_rows({"amount": "5"}, {"amount": "6"}))
    assert page.context["inline_admin_formsets"][0].formset.non_form_errors()
    assert not Budget.objects.exists()


def test_a_changed_key_keeps_its_secret_and_its_budget_changes_with_it(operator):
    key, token = issuing.issue("team", terms=issuing.Terms(budget=Decimal(5)))
    budget = key.budgets.get()
    rows = budget_rows({"amount": "7", "key": key.pk}, kept=[budget])
    assert operator.post(change(key), key_form(name="renamed", **rows)).status_code == 302
    assert access.identify(f"Bearer {token}", None).name == "renamed"
    assert key.budgets.get().amount == 7


def test_the_list_shows_the_fullest_budget_of_each_key(operator, spent):
    key, _ = issuing.issue("team", terms=issuing.Terms(budget=Decimal(10)))
    Budget.objects.create(key=key, amount=1000, unit="tokens", period="day")
    spent[key.pk, "usd"], spent[key.pk, "tokens"] = 2_500_000_000, 900
    page = operator.get(LIST).content.decode()
    assert "900 tokens of 1,000 tokens a day" in page
    assert "90 %" in page
    assert "$2.50 of $10.00 a month" in operator.get(change(key)).content.decode()


def test_the_budgets_of_a_whole_page_are_one_question_to_redis(operator, spent, django_assert_max_num_queries):
    for number in range(30):
        issuing.issue(f"key {number}", terms=issuing.Terms(budget=Decimal(10)))
    operator.get(LIST)
    before = asked()
    with django_assert_max_num_queries(25):
        assert "$0.00 of $10.00 a month" in operator.get(LIST).content.decode()
    assert asked() - before == 1


def asked():
    lines = redis.command("INFO", "commandstats").decode().splitlines()
    return sum(int(one.split("calls=")[1].split(",")[0]) for one in lines if one.startswith("cmdstat_eval"))


def test_the_list_filters_by_state_tag_owner_project_and_budget(operator, spent):
    project = Project.objects.create(name="search")
    rows = {name: issuing.issue(name)[0] for name in ("plain", "off", "soon", "spent", "tagged")}
    VirtualKey.objects.filter(name="off").update(enabled=False)
    VirtualKey.objects.filter(name="soon").update(expires_at=timezone.now() + timedelta(days=2), owner="ops")
    VirtualKey.objects.filter(name="tagged").update(tags=["prod", 'o"dd é'], project=project)
    Budget.objects.create(key=rows["spent"], amount=1, unit="requests")
    spent[rows["spent"].pk, "requests"] = 1
    for asked_for, found in (
        ({"state": "off"}, {"off"}),
        ({"state": "expires soon"}, {"soon"}),
        ({"tag": 'o"dd é'}, {"tagged"}),
        ({"owner": "ops"}, {"soon"}),
        ({"owner": "", "tag": 'o"dd é'}, {"tagged"}),
        ({"project__id__exact": project.pk}, {"tagged"}),
        ({"budget": "over"}, {"spent"}),
        ({"budget": "near"}, set()),
        ({"budget": "any"}, {"spent"}),
        ({"q": "ops"}, {"soon"}),
        ({"q": rows["plain"].pk}, {"plain"}),
    ):
        assert names(operator.get(LIST, asked_for)) == found, asked_for


def test_keys_of_nobody_are_a_choice_that_can_be_read(operator):
    issuing.issue("mine")
    assert re.search(r'href="\?owner="[^>]*>\s*-\s*<', operator.get(LIST).content.decode())


def test_without_redis_and_ledger_the_list_is_there_without_bars(operator, spent):
    issuing.issue("team", terms=issuing.Terms(budget=Decimal(10)))
    ledger._registered.clear()
    began = time.monotonic()
    page = operator.get(LIST)
    assert (page.status_code, names(page) >= {"team"}) == (200, True)
    assert time.monotonic() - began < 5


def test_tags_and_owners_are_shown_as_text(operator):
    key, _ = issuing.issue("team")
    VirtualKey.objects.filter(pk=key.pk).update(tags=[HOSTILE], owner=HOSTILE)
    for where in (LIST, change(key), reverse("admin:keys_virtualkey_add") + f"?like={key.pk}"):
        assert "<script>alert" not in operator.get(where).content.decode()
