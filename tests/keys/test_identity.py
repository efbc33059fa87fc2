import uuid

import pytest

from keys.entrance.identity import Identity, Rights
from keys.ids import new_id, precise, uuid7


def caller(*models):
    return Identity(kind="virtual", id="1", name="team", scope="key:1", rights=Rights(models))


def test_a_key_without_a_list_may_use_every_model():
    assert caller().rights.may_use("openai", "openai/gpt-5", "gpt-5")


@pytest.mark.parametrize("glob", ["openai/*", "gpt-*", "openai/gpt-5", "gpt-5", "*"])
def test_a_glob_is_matched_against_the_full_and_the_bare_name(glob):
    assert caller("claude-*", glob).rights.may_use("openai", "openai/gpt-5", "gpt-5")


@pytest.mark.parametrize("glob", ["anthropic/*", "gpt", "GPT-5", "openai"])
def test_a_model_outside_the_globs_is_not_allowed(glob):
    assert not caller(glob).rights.may_use("openai", "openai/gpt-5", "gpt-5")


def test_a_key_expires_at_its_second():
    identity = Identity(kind="virtual", id="1", name="n", scope="s", expires_at=100.0)
    assert not identity.expired(99.9)
    assert identity.expired(100.0)


def test_ids_of_one_millisecond_sort_by_the_time_they_were_made():
    moments = [5_000_000, 5_000_250, 5_500_000, 5_999_999, 6_000_000]
    ids = [precise(moment, noise) for moment, noise in zip(moments, [b"\xff" * 8, bytes(8)] * 3, strict=False)]
    assert ids == sorted(ids)
    assert {uuid.UUID(one).version for one in ids} == {7}
    assert ids[0][:13] == ids[3][:13] == uuid7(5, bytes(10))[:13]


def test_ids_are_uuids_of_version_7_that_sort_by_time():
    earlier, later = uuid7(1, b"\xff" * 10), uuid7(2, b"\x00" * 10)
    assert earlier < later
    assert uuid.UUID(earlier).version == 7
    assert uuid.UUID(new_id()).variant == uuid.RFC_4122
