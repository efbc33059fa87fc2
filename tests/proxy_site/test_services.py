"""The servers that the tests stand on."""

from __future__ import annotations

import os

import pytest
from django.core.cache import cache
from django.db import connection

from tests import services


@pytest.mark.django_db
def test_the_database_is_a_real_postgresql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT version()")
        assert cursor.fetchone()[0].startswith("PostgreSQL")


def test_the_cache_is_a_real_redis() -> None:
    cache.set("here", "yes", 5)
    assert cache.get("here") == "yes"


def test_a_valkey_of_its_own_can_be_started_and_stopped() -> None:
    service = services.start_valkey()
    assert services.redis_answers(service)
    service.stop()
    assert not services.redis_answers(service)
    assert not service.folder.exists()


def test_no_provider_key_of_the_developer_is_left_in_the_environment() -> None:
    assert not [name for name in os.environ if name.endswith("_API_KEY")]
