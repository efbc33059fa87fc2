"""A dump of all that an installation keeps, after a run with everything: none of the planted secrets is in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.bodies import openai_error
from tests.live import Live, started_live
from tests.loopback import Behaviour, Call, answer
from tests.planted import found, in_files, in_redis, tables
from tests.proxy_api.asking import hello

PLANTED = {
    "environment's provider key": "sk-env/planted+key-4711",
    "stored provider key": "sk-row/planted+key-4712",
    "secret header": "gw-header/planted+4713",
    "master key": "planted/master+key-4714-" + "m" * 24,
    "older master key": "planted/master+key-4715-" + "o" * 24,
    "Django's secret key": "planted/django+key-4716-" + "d" * 40,
    "admin password": "planted admin/password+4717",
    "mistyped password": "planted typo/password+4718",
    "caller's provider key": "sk-caller/planted+key-4719",
}
SETTINGS = {
    "OPENAI_API_KEY": PLANTED["environment's provider key"],
    "DRAGOMAN_MASTER_KEYS": f"{PLANTED['master key']},{PLANTED['older master key']}",
    "DRAGOMAN_SECRET_KEY": PLANTED["Django's secret key"],
    "DRAGOMAN_ALLOW_PROVIDER_KEYS": "1",
    "DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS": "127.0.0.1",
    "DRAGOMAN_LOG_BODIES": "full",
}
# What an operator does in the admin, through its own pages: logs in, mistypes, stores a credential, tests it.
OPERATOR = """
from django.contrib.auth.models import User
from django.test import Client
from keys.models import ProviderCredential
User.objects.create_superuser("operator", "", password)
browser = Client(HTTP_HOST="localhost")
for tried in (typo, password):
    browser.post("/admin/login/?next=/admin/", {"username": "operator", "password": tried, "next": "/admin/"})
browser.force_login(User.objects.get())
form = {"name": "stored", "provider": "openai", "secret": secret, "base_url": base_url, "headers": headers}
form |= {"priority": "0", "weight": "1", "enabled": "on"}
for wrong in ({"base_url": "http://10.0.0.1"}, {}):
    browser.post("/admin/keys/providercredential/add/", form | wrong)
row = ProviderCredential.objects.get()
page = browser.post(f"/admin/keys/providercredential/{row.pk}/test_connection/")
result = page.content.decode()
"""
ROTATE = """
from datetime import timedelta
from django.utils import timezone
from keys.administration import issuing
from keys.models import VirtualKey
result = issuing.rotate(VirtualKey.objects.get(name="live"), timedelta(hours=1), timezone.now())
"""
CELERY = """
from proxy_site.celery import app
for name in ("cache_admin.tasks.ship_usage", "cache_admin.tasks.purge_completions", "proxy_site.tasks.sync_prices"):
    app.send_task(name)
"""


@dataclass
class Used:
    """An installation after a run, the secrets that it was given and those that it gave."""

    live: Live
    planted: dict[str, str]


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Used]:
    with started_live(**SETTINGS, DRAGOMAN_DATA_DIR=str(tmp_path_factory.mktemp("data"))) as live:
        operate(live)
        given = {"virtual key": live.token, "rotated key": str(live.python(ROTATE))}
        asked = live.request("POST", "/v1/proxy/credentials", {"model": None, "ttl_seconds": 600})
        given["temporary credential"] = asked.json()["key"]
        given["its signature"] = given["temporary credential"].rpartition(".")[2]
        for token in (*list(given.values())[:3], PLANTED["caller's provider key"]):
            call(live, token)
        live.python(CELERY)
        live.manage("ship_usage")
        live.manage("rotate_secrets")
        yield Used(live, {**PLANTED, **given})


def operate(live: Live) -> None:
    secret = json.dumps({"key": PLANTED["stored provider key"], "gw": PLANTED["secret header"]})
    names = {"secret": secret, "base_url": f"{live.upstream.url}/v1", "headers": "cf-aig-authorization=Bearer {gw}"}
    passwords = {"password": PLANTED["admin password"], "typo": PLANTED["mistyped password"]}
    assert "Works" in live.python(OPERATOR, **names, **passwords)


def call(live: Live, token: str) -> None:
    """Cached, streamed, failed by a provider that quotes what it was sent, and no call at all."""
    live.upstream.forget()
    for body in (hello(temperature=0), hello(stream=True), hello()):
        for _ in range(4):  # every credential has its turn
            assert live.chat(body, authorization=f"Bearer {token}").status == 200
    for status in (400, 401, 500):
        live.upstream.then(*[quoting(status)] * 2)
        live.chat(hello(), authorization=f"Bearer {token}")
        live.upstream._next.clear()
    assert live.chat({"model": [], "messages": []}, authorization=f"Bearer {token}").status == 400


def quoting(status: int) -> Behaviour:
    """A provider that says in its error what it was sent."""

    def behave(call: Call) -> None:
        sent = call.received.headers
        said = f"No: {sent['authorization']}, {sent.get('cf-aig-authorization')}"
        answer(openai_error(said), status)(call)

    return behave


def logged(live: Live) -> bytes:
    return live.log().encode()


def test_the_run_used_all_of_them(used: Used) -> None:
    """Else there would be nothing to find."""
    live = used.live
    assert live.rows("SELECT count(*) AS n FROM cache_admin_storedcompletion")[0]["n"] > 0
    assert live.rows("SELECT count(*) AS n FROM cache_admin_usagebody")[0]["n"] > 0
    assert live.rows("SELECT count(*) AS n FROM django_session")[0]["n"] > 0
    kinds = {row["credential"] for row in live.rows("SELECT DISTINCT credential FROM cache_admin_usagerecord")}
    assert {"stored", "OPENAI_API_KEY"} <= kinds
    assert re.search(rb"cache_admin\.tasks\.purge_completions", in_redis(live))


@pytest.mark.parametrize("place", [tables, in_redis, in_files, logged])
def test_nothing_that_is_kept_holds_a_secret(used: Used, place: Callable[[Live], bytes]) -> None:
    kept = place(used.live)
    assert len(used.planted) >= 10
    assert found(used.planted, kept) == []
