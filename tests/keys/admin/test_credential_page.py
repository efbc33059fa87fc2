"""What the credential's page takes, and its test of the connection."""

import json

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from keys.models import Project, ProviderCredential
from keys.outward import credentials
from keys.outward.credentials import Declared
from keys.outward.options import Option
from tests.bodies import openai_error
from tests.keys.admin.asking import HOSTILE, SECRET, change, errors_of, store
from tests.loopback import Upstream, answer

pytestmark = pytest.mark.django_db
GATEWAY = json.dumps({"key": "sk-1", "gw": "cf-secret"})
BEFORE = {
    "provider": "bedrock",
    "base_url": "https://api.example.com/v1",
    "options": "project=p",
    "regions": "eu-west-1",
    "headers": "x-team=search",
}


@pytest.fixture(autouse=True)
def regional(declared):
    credentials.declare({"bedrock": Declared(options=(Option("region"), Option("project")))})


@pytest.fixture
def upstream(settings):
    settings.DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS = ("127.0.0.1",)
    with Upstream() as server:
        server.script(answer(b'{"data": []}'))
        yield server


def probe_page(row):
    return f"/admin/keys/providercredential/{row.pk}/test_connection/"


def stored(operator, **fields):
    assert store(operator, **fields).status_code == 302
    return ProviderCredential.objects.get()


def test_project_order_regions_and_headers_are_kept(operator):
    project = Project.objects.create(name="search")
    asked = {**BEFORE, "project": project.pk, "priority": "2", "weight": "30"}
    row = stored(operator, **{**asked, "regions": "eu-west-1, us-east-1", "headers": "X-Team = search"})
    assert (row.project, row.priority, row.weight) == (project, 2, 30)
    assert (row.regions, row.headers) == (["eu-west-1", "us-east-1"], {"x-team": "search"})
    assert row.secret().reveal() == SECRET
    text = operator.get(reverse("admin:keys_providercredential_changelist")).content.decode()
    assert "2, 30" in text
    assert "x-team=search" in operator.get(change(row)).content.decode()


@pytest.mark.parametrize(
    "changed",
    [
        {"provider": "vertex", "options": "", "regions": ""},
        {"base_url": "https://evil.example.com/v1"},
        {"options": "project=q"},
        {"regions": "eu-west-2"},
        {"headers": "x-team=sales"},
        {"headers": ""},
    ],
)
def test_what_a_secret_was_entered_for_changes_only_with_a_new_secret(operator, changed):
    row = stored(operator, **BEFORE)
    kept = {name: getattr(row, name) for name in ProviderCredential.BOUND}
    assert "secret" in errors_of(store(operator, row, **{**BEFORE, **changed, "secret": ""}))
    row.refresh_from_db()
    assert {name: getattr(row, name) for name in ProviderCredential.BOUND} == kept
    assert row.secret().reveal() == SECRET
    assert store(operator, row, **{**BEFORE, **changed, "secret": "sk-the-new-one-5678"}).status_code == 302
    row.refresh_from_db()
    assert row.secret().reveal() == "sk-the-new-one-5678"


def test_a_refused_change_of_address_sends_nothing_anywhere(operator, upstream):
    row = stored(operator)
    page = store(operator, row, secret="", base_url=f"{upstream.url}/v1")
    assert "secret" in errors_of(page)
    assert upstream.connections == 0


def test_the_order_changes_without_the_secret(operator):
    row = stored(operator, **BEFORE)
    assert store(operator, row, **{**BEFORE, "secret": "", "priority": "1", "weight": "5"}).status_code == 302
    row.refresh_from_db()
    assert (row.priority, row.weight, row.secret().reveal()) == (1, 5, SECRET)


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("regions", {"provider": "openai", "regions": "eu"}),
        ("regions", {"regions": "eu west"}),
        ("regions", {"regions": "eu\neu"}),
        ("regions", {"regions": "e@u"}),
        ("regions", {"regions": "\n".join(f"r{n}" for n in range(21))}),
        ("regions", {"regions": "eu", "options": "region=us"}),
        ("headers", {"headers": "authorization=Bearer x"}),
        ("headers", {"headers": "Host=evil.example.com"}),
        ("headers", {"headers": "x-gw-token=abc"}),
        ("headers", {"headers": "x-team"}),
        ("headers", {"headers": "x-a={gw}"}),
        ("headers", {"provider": "ollama", "secret": "", "headers": "x-a={gw}"}),
        ("weight", {"weight": "0"}),
        ("weight", {"weight": "1001"}),
        ("priority", {"priority": "-1"}),
    ],
)
def test_what_makes_no_sense_is_refused(operator, field, fields):
    assert field in errors_of(store(operator, **{"provider": "bedrock", **fields}))
    assert not ProviderCredential.objects.exists()


def test_a_secret_header_is_a_part_of_the_secret_and_rendered_nowhere(operator):
    row = stored(operator, secret=GATEWAY, headers="cf-aig-authorization=Bearer {gw}")
    assert credentials.named("ours")[0].headers == {"cf-aig-authorization": "Bearer cf-secret"}
    text = operator.get(change(row)).content.decode()
    assert "Bearer {gw}" in text
    assert "cf-secret" not in text + store(operator, row, secret=GATEWAY, name="").content.decode()


def test_the_connection_is_tried_by_a_post_with_what_is_stored(operator, upstream):
    row = stored(operator, base_url=f"{upstream.url}/v1")
    assert upstream.connections == 0
    assert "Works" not in operator.get(probe_page(row)).content.decode()
    assert upstream.connections == 0
    with Upstream() as canary:
        wish = {"base_url": f"{canary.url}/v1", "secret": "sk-other", "provider": "custom", "headers": "x-a=b"}
        text = operator.post(probe_page(row), {**wish, "options": "region=evil"}).content.decode()
        assert canary.connections == 0
    assert "Works" in text
    assert "status 200" in text
    (call,) = upstream.calls
    assert (call.path, call.headers["authorization"]) == ("/v1/models", f"Bearer {SECRET}")
    assert "x-a" not in call.headers
    assert LogEntry.objects.filter(object_id=row.pk, change_message="Connection tested.").exists()


def test_what_the_provider_says_is_text_and_holds_no_key(operator, upstream):
    upstream.script(answer(openai_error(f"{HOSTILE} Incorrect key {SECRET}"), 401))
    row = stored(operator, base_url=f"{upstream.url}/v1")
    text = operator.post(probe_page(row)).content.decode()
    assert "Does not work" in text
    assert "status 401" in text
    assert "Incorrect key [key]" in text
    assert SECRET not in text
    assert "<script>alert" not in text


def test_each_region_is_tried_and_named(operator, upstream):
    row = stored(operator, provider="bedrock", base_url=upstream.url, regions="eu-west-1\nus-east-1")
    text = operator.post(probe_page(row)).content.decode()
    assert [call.path for call in upstream.calls] == ["/async-invoke?maxResults=1"] * 2
    assert "region eu-west-1" in text
    assert "region us-east-1" in text


def test_an_address_that_the_gate_refuses_is_not_tried(operator, upstream, settings):
    row = stored(operator, base_url=f"{upstream.url}/v1")
    settings.DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS = ()
    assert "Does not work" in operator.post(probe_page(row)).content.decode()
    assert upstream.connections == 0


def test_a_test_needs_the_permission_to_change_and_the_pages_own_token(operator, client, upstream):
    row = stored(operator, base_url=f"{upstream.url}/v1")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="operator"))
    assert strict.post(probe_page(row)).status_code == 403
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_providercredential"))
    client.force_login(reader)
    assert client.get(change(row)).status_code == 200
    assert (client.get(probe_page(row)).status_code, client.post(probe_page(row)).status_code) == (403, 403)
    client.logout()
    assert client.post(probe_page(row)).status_code == 302
    assert upstream.connections == 0


def test_a_credential_that_is_gone_cannot_be_tried(operator):
    assert operator.post("/admin/keys/providercredential/gone/test_connection/").status_code == 404
