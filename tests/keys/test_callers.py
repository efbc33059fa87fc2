"""From the rows of a key and its project to the identity that the request path keeps."""

from datetime import timedelta

import pytest
from django.utils import timezone

from keys.administration import issuing
from keys.entrance import callers
from keys.limits.subjects import NANO
from keys.models import Budget, InstallationLimits, Project

pytestmark = pytest.mark.django_db


@pytest.fixture
def key():
    return issuing.issue("team")[0]


def found(key):
    return callers.by_digest(key.digest, timezone.now())


def test_a_key_that_is_off_is_nobody_until_it_is_on_again(key):
    key.enabled = False
    key.save()
    assert found(key) is None
    key.enabled = True
    key.save()
    assert found(key) is not None


def test_a_project_that_is_off_takes_its_keys_along(key):
    key.project = Project.objects.create(name="search", enabled=False)
    key.save()
    assert found(key) is None


def test_the_secret_before_works_until_its_grace_ends_and_then_no_longer(key):
    now = timezone.now()
    key.previous_digest, key.previous_until = "d" * 64, now + timedelta(minutes=5)
    key.save()
    identity = callers.by_digest("d" * 64, now)
    assert identity is not None
    assert identity.id == key.id
    assert identity.expires_at == key.previous_until.timestamp()
    assert callers.by_digest("d" * 64, now + timedelta(minutes=5)) is None


def test_the_key_says_more_than_its_project_and_the_project_more_than_nothing(key):
    project = {"log_bodies": "full", "cache_mode": "never", "organization": "acme", "cassette": "record"}
    key.project = Project.objects.create(name="search", **project)
    key.cache_mode, key.seal_to_caller = "always", True
    key.save()
    identity = found(key)
    assert identity is not None
    assert (identity.log_bodies, identity.cache_mode) == ("full", "always")
    assert (identity.project_name, identity.organization) == ("search", "acme")
    assert (identity.cassette, identity.seal_to_caller) == ("record", True)
    assert identity.rights.project == key.project.id


def test_where_the_key_says_nothing_its_project_does(key):
    key.project = Project.objects.create(name="search", log_bodies="none", cache_mode="never")
    key.save()
    identity = found(key)
    assert identity is not None
    assert (identity.log_bodies, identity.cache_mode) == ("none", "never")
    key.project = None
    key.save()
    identity = found(key)
    assert identity is not None
    assert (identity.log_bodies, identity.cache_mode) == (None, None)


@pytest.mark.parametrize(("scope", "expected"), [("key", "key:"), ("project", "project:"), ("everyone", "everyone")])
def test_the_scope_of_cached_answers_is_as_wide_as_the_key_says(key, scope, expected):
    key.project = Project.objects.create(name="search")
    key.cache_scope = scope
    key.save()
    identity = found(key)
    assert identity is not None
    assert identity.scope.startswith(expected)


def test_limits_of_key_project_and_installation_all_count(key):
    key.requests_per_minute = 10
    key.project = Project.objects.create(name="search", concurrent_requests=3)
    key.save()
    InstallationLimits(tokens_per_minute=1000).save()
    Budget.objects.create(project=key.project, amount="2.5", unit="usd", period="day")
    identity = found(key)
    assert identity is not None
    own, project, everybody = identity.subjects
    assert (own.kind, own.requests_per_minute) == ("key", 10)
    assert (project.concurrent_requests, project.budgets[0].amount) == (3, 2.5 * NANO)
    assert (everybody.id, everybody.tokens_per_minute) == ("all", 1000)


def test_a_key_without_limits_has_no_subject_to_count(key):
    identity = found(key)
    assert identity is not None
    assert identity.subjects == ()


def test_networks_are_where_calls_may_come_from(key):
    key.networks = ["10.0.0.0/8", "2001:db8::/32"]
    key.save()
    identity = found(key)
    assert identity is not None
    assert identity.may_come_from("10.1.2.3")
    assert identity.may_come_from("::ffff:10.1.2.3")
    assert identity.may_come_from("2001:db8::1")
    assert not identity.may_come_from("192.0.2.1")
    assert not identity.may_come_from("nowhere")
