import time

import pytest
from django.db import transaction
from django.utils import timezone

from keys import freshness, redis
from keys.administration import issuing
from keys.models import ProviderCredential, Revision
from keys.outward import credentials
from keys.secrecy.pepper import peppered
from proxy_site import installation
from tests import services
from tests.keys.process import Process

pytestmark = pytest.mark.django_db(transaction=True)


def until(seconds, condition):
    """Seconds until `condition` holds; fails after `seconds`."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "it never came"
        time.sleep(0.02)
    return time.monotonic() - started


@pytest.mark.parametrize("worker", ["", "gevent"])
def test_a_revoked_key_is_refused_in_every_process_within_a_second(worker):
    key, token = issuing.issue("team")
    with Process(worker) as one, Process() as other:
        assert [process.ask("identify", token)[0] for process in (one, other)] == ["team", "team"]
        issuing.revoke(key, timezone.now())
        for process in (one, other):
            until(1.0, lambda process=process: process.ask("identify", token)[0] == 401)


def test_without_redis_a_revocation_is_still_seen_within_a_second(settings):
    valkey = services.start_valkey()
    settings.CACHES = {"default": installation.cache(valkey.url)}
    redis.forget()
    key, token = issuing.issue("team")
    try:
        with Process(REDIS_URL=valkey.url) as process:
            process.ask("identify", token)
            valkey.process.kill()
            issuing.revoke(key, timezone.now())
            until(1.2, lambda: process.ask("identify", token)[0] == 401)
    finally:
        valkey.stop()


def test_a_new_credential_is_used_by_every_process_within_a_second():
    with Process() as process:
        process.ask("declare", "openai")
        assert process.ask("credentials")[0] == []
        row = ProviderCredential(name="ours", provider="openai")
        row.put_secret("sk-planted", peppered("fingerprint", "sk-planted")[:12])
        row.save()
        until(1.0, lambda: process.ask("credentials")[0] == [["ours", "sk-planted"]])


def test_a_change_that_is_rolled_back_raises_nothing():
    before = Revision.objects.get(pk=1).number
    with transaction.atomic():
        issuing.issue("team")
        transaction.set_rollback(True)
    assert Revision.objects.get(pk=1).number == before


def test_each_change_raises_the_revision_in_the_database_and_in_redis():
    before, told = Revision.objects.get(pk=1).number, int(redis.command("GET", freshness.REDIS_KEY) or 0)
    issuing.issue("team")
    assert Revision.objects.get(pk=1).number == before + 1
    assert int(redis.command("GET", freshness.REDIS_KEY)) == told + 1


def test_a_save_does_not_fail_because_redis_is_away(settings):
    settings.CACHES = {"default": installation.cache("unix:///nowhere/valkey.sock")}
    redis.forget()
    key, _ = issuing.issue("team")
    assert key.pk


def test_a_redis_that_was_emptied_is_given_the_revision_again():
    redis.command("DEL", freshness.REDIS_KEY)
    freshness.check_now()
    assert int(redis.command("GET", freshness.REDIS_KEY)) == Revision.objects.get(pk=1).number


def test_a_subscriber_that_found_the_database_away_is_called_again():
    calls = []

    def subscriber():
        calls.append(len(calls))
        if len(calls) == 1:
            raise freshness.DatabaseAway

    freshness.subscribe(subscriber)
    try:
        freshness.bump()
        until(1.0, lambda: len(calls) >= 1)
        freshness.generation()
        until(2.0, lambda: len(calls) >= 2)
    finally:
        freshness._callbacks.remove(subscriber)


def test_the_first_snapshot_is_read_at_its_first_use():
    credentials.declare({"openai": credentials.Declared()})
    assert credentials.credentials("openai") == ()
