"""The pages of projects, of the installation's limits and of outside issuers."""

from decimal import Decimal

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from keys.administration import issuing
from keys.entrance import callers
from keys.models import AuditEntry, Budget, InstallationLimits, Project, ProviderCredential, TokenIssuer, VirtualKey
from tests.keys.admin.asking import HOSTILE, NO_BUDGETS, budget_rows, change, errors_of

pytestmark = pytest.mark.django_db
WHOLE = "/admin/keys/installationlimits/1/change/"
ISSUER = {
    "name": "sso",
    "issuer": "https://sso.example.com",
    "audience": "dragoman",
    "jwks_url": "https://sso.example.com/.well-known/jwks.json?v=1",
    "enabled": "on",
}


def add(operator, kind, **fields):
    return operator.post(reverse(f"admin:keys_{kind}_add"), fields)


def reader(*permissions):
    user = User.objects.create_user("reader", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def test_a_project_is_added_with_limits_and_budgets(operator):
    rows = budget_rows({"amount": "100", "period": "day"})
    assert add(operator, "project", name="search", enabled="on", requests_per_minute="60", **rows).status_code == 302
    project = Project.objects.get(name="search")
    assert (project.requests_per_minute, str(project.budgets.get())) == (60, "100 USD per day")
    assert AuditEntry.objects.filter(action="project.added", target_id=project.pk).exists()


def test_a_project_is_put_on_a_cassette(operator):
    project = Project.objects.create(name="ci")
    text = operator.get(change(project)).content.decode()
    assert "no provider is called" in text
    assert operator.post(change(project), {"name": "ci", "cassette": "record", **NO_BUDGETS}).status_code == 302
    assert Project.objects.get().cassette == "record"
    assert "<dt>Cassette</dt><dd>record: every answer is kept" in operator.get(change(project)).content.decode()


@pytest.mark.parametrize(
    ("fields", "state"),
    [({}, "on"), ({"cassette": "replay"}, "replay"), ({"cassette": "record", "enabled": False}, "off")],
)
def test_the_list_says_which_projects_are_on_a_cassette(fields, state):
    assert site.get_model_admin(Project).state(Project(name="ci", **fields)) == state


def test_a_projects_page_lists_its_keys_and_credentials(operator):
    project = Project.objects.create(name="search")
    key, _ = issuing.issue("its key", terms=issuing.Terms(project))
    issuing.issue("another's key")
    row = ProviderCredential.objects.create(name="its credential", provider="openai", project=project)
    text = operator.get(change(project)).content.decode()
    assert (change(key) in text, change(row) in text, "another&#x27;s key" in text) == (True, True, False)
    listed = operator.get(reverse("admin:keys_project_changelist"))
    assert listed.context["cl"].result_list[0].usable_keys == 1


def test_a_project_that_is_switched_off_refuses_its_keys_and_is_never_deleted(operator):
    project = Project.objects.create(name="search")
    key, _ = issuing.issue("its key", terms=issuing.Terms(project))
    operator.post(change(project), {"name": "search", **NO_BUDGETS})
    assert not callers.usable().filter(pk=key.pk).exists()
    assert operator.post(f"/admin/keys/project/{project.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_installations_limits_are_one_page_that_is_there_from_the_beginning(operator):
    assert operator.get(reverse("admin:keys_installationlimits_changelist")).url == WHOLE
    assert operator.get(WHOLE).status_code == 200
    assert not InstallationLimits.objects.exists()
    rows = budget_rows({"amount": "500"}, {"amount": "9", "unit": "requests", "period": "hour"})
    assert operator.post(WHOLE, {"requests_per_minute": "1000", **rows}).status_code == 302
    assert InstallationLimits.objects.get().requests_per_minute == 1000
    whole = Budget.objects.filter(key=None, project=None)
    assert {str(budget) for budget in whole} == {"500 USD per month", "9 requests per hour"}
    assert "$0.00 of $500.00 a month" in operator.get(WHOLE).content.decode()
    assert operator.get("/admin/keys/installationlimits/2/change/").status_code == 302


def test_a_budget_of_the_installation_changes_resets_and_goes(operator):
    budget = Budget.objects.create(amount=5)
    other = Budget.objects.create(amount=5, key=issuing.issue("team")[0])
    operator.post(WHOLE, budget_rows({"amount": "6"}, kept=[budget]))
    assert Budget.objects.get(pk=budget.pk).amount == 6
    operator.post("/admin/keys/installationlimits/1/reset_budgets/", {"budget": [budget.pk, other.pk]})
    assert {one.pk for one in Budget.objects.exclude(reset_at=None)} == {budget.pk}
    operator.post(WHOLE, {**budget_rows({"amount": "6"}, kept=[budget]), "budgets-0-DELETE": "on"})
    assert {one.pk for one in Budget.objects.all()} == {other.pk}


def test_one_budget_of_a_unit_and_a_period_is_enough_for_the_installation(operator):
    Budget.objects.create(amount=5)
    answer = operator.post(WHOLE, budget_rows({"amount": "6"}, {"amount": "7"}, kept=[Budget.objects.get()]))
    assert answer.status_code == 200
    assert [budget.amount for budget in Budget.objects.all()] == [Decimal(5)]


def test_an_issuer_is_added_with_the_projects_of_its_claim(operator):
    project = Project.objects.create(name="search team")
    given = {**ISSUER, "project_claim": "groups", "projects": "g-1=search team", "default_project": project.pk}
    assert add(operator, "tokenissuer", **given).status_code == 302
    row = TokenIssuer.objects.get()
    assert (row.projects, row.default_project, row.jwks_url) == ({"g-1": "search team"}, project, ISSUER["jwks_url"])
    text = operator.get(reverse("admin:keys_tokenissuer_changelist")).content.decode()
    assert "search team, else search team" in text


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("jwks_url", {"jwks_url": "http://sso.example.com/jwks"}),
        ("jwks_url", {"jwks_url": "https://169.254.169.254/jwks"}),
        ("jwks_url", {"jwks_url": "https://localhost/jwks"}),
        ("jwks_url", {"jwks_url": "ftp://sso.example.com/jwks"}),
        ("jwks_url", {"jwks_url": ""}),
        ("projects", {"projects": "g-1=nobody's", "project_claim": "groups"}),
        ("projects", {"projects": "g-1", "project_claim": "groups"}),
        ("projects", {"projects": "g\0=search", "project_claim": "groups"}),
        ("project_claim", {"projects": "g-1=search"}),
        ("audience", {"audience": ""}),
        ("models", {"models": "two words"}),
    ],
)
def test_an_issuer_that_makes_no_sense_is_refused_at_its_field(operator, field, fields):
    Project.objects.create(name="search")
    assert field in errors_of(add(operator, "tokenissuer", **{**ISSUER, **fields}))
    assert not TokenIssuer.objects.exists()


def test_who_may_only_look_changes_nothing(client):
    project, budget = Project.objects.create(name="search"), Budget.objects.create(amount=5)
    client.force_login(reader("view_project", "view_installationlimits", "view_budget"))
    for where in (change(project), WHOLE):
        assert client.get(where).status_code == 200
        assert client.post(where, {"name": "mine", **NO_BUDGETS}).status_code == 403
    answer = client.post("/admin/keys/installationlimits/1/reset_budgets/", {"budget": budget.pk})
    assert (answer.status_code, Budget.objects.get(pk=budget.pk).reset_at) == (403, None)
    assert client.get(reverse("admin:keys_tokenissuer_changelist")).status_code == 403


def test_who_may_change_keys_but_no_budgets_resets_none(client):
    key, _ = issuing.issue("team")
    budget = Budget.objects.create(key=key, amount=5)
    client.force_login(reader("view_virtualkey", "change_virtualkey"))
    where = f"/admin/keys/virtualkey/{key.pk}/reset_budgets/"
    assert where not in client.get(change(key)).content.decode()
    assert client.post(where, {"budget": budget.pk}).status_code == 403
    assert VirtualKey.objects.get(pk=key.pk).budgets.get().reset_at is None


def test_names_are_shown_as_text(operator):
    project = Project.objects.create(name=HOSTILE, organization=HOSTILE)
    issuing.issue(HOSTILE, terms=issuing.Terms(project))
    for where in (change(project), reverse("admin:keys_project_changelist"), reverse("admin:keys_virtualkey_add")):
        assert "<script>alert" not in operator.get(where).content.decode()
