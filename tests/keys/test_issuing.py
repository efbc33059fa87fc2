"""Rotation: a new secret, and for a while the one before it too."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from keys.administration import issuing
from keys.models import ANONYMOUS, VirtualKey
from tests.keys.asking import works

pytestmark = pytest.mark.django_db


def test_both_secrets_work_during_the_grace_and_the_new_one_alone_after_it():
    key, old = issuing.issue("team")
    new = issuing.rotate(key, timedelta(seconds=0.3), timezone.now())
    assert works(old)
    assert works(new)
    time.sleep(0.35)
    assert not works(old)
    assert works(new)


def test_without_grace_the_old_secret_ends_at_once():
    key, old = issuing.issue("team")
    new = issuing.rotate(key, timedelta(0), timezone.now())
    assert (works(old), works(new)) == (False, True)


def test_a_second_rotation_ends_the_oldest_secret_also_where_the_key_was_read_before_the_first():
    key, first = issuing.issue("team")
    stale = VirtualKey.objects.get(id=key.id)
    second = issuing.rotate(key, timedelta(hours=1), timezone.now())
    third = issuing.rotate(stale, timedelta(hours=1), timezone.now())
    assert [works(token) for token in (first, second, third)] == [False, True, True]


def test_what_the_row_shows_is_of_the_new_secret_and_the_old_ones_last_four():
    key, old = issuing.issue("team")
    now = timezone.now()
    new = issuing.rotate(key, timedelta(hours=1), now)
    row = VirtualKey.objects.get(id=key.id)
    assert (row.prefix, row.last_four) == (new[:9], new[-4:])
    assert (row.previous_last_four, row.previous_until) == (old[-4:], now + timedelta(hours=1))
    assert row.rotated_at == now


def test_neither_a_revoked_key_nor_the_built_in_one_is_rotated():
    key, token = issuing.issue("team")
    issuing.revoke(key, timezone.now())
    for one in (VirtualKey.objects.get(id=key.id), VirtualKey.objects.get(id=ANONYMOUS)):
        with pytest.raises(issuing.NotRotated):
            issuing.rotate(one, timedelta(hours=1), timezone.now())
    assert not works(token)
