import re
import secrets
import zlib

import pytest

from keys.entrance import tokens


def test_a_token_is_the_prefix_43_characters_and_six_of_checksum():
    assert re.fullmatch(r"dgm_[0-9A-Za-z]{49}", tokens.new_token(secrets.token_bytes(32)))


@pytest.mark.parametrize("randomness", [b"\x00" * 32, b"\xff" * 32, bytes(range(32))])
def test_the_extremes_of_randomness_keep_the_form(randomness):
    assert tokens.checksum_holds(tokens.new_token(randomness))


def test_the_checksum_is_the_crc_32_of_all_before_it():
    token = tokens.new_token(bytes(range(32)))
    number = 0
    for character in token[-6:]:
        number = number * 62 + tokens.ALPHABET.index(character)
    assert number == zlib.crc32(token[:-6].encode())


def test_a_token_needs_exactly_32_bytes():
    with pytest.raises(ValueError, match="32 random bytes"):
        tokens.new_token(b"short")


def test_each_single_mistyped_character_breaks_the_checksum():
    token = tokens.new_token(bytes(range(32)))
    for place in range(4, len(token)):
        wrong = "a" if token[place] != "a" else "b"
        assert not tokens.checksum_holds(token[:place] + wrong + token[place + 1 :])


@pytest.mark.parametrize(
    "change", [str.upper, str.lower, lambda token: token + "\n", lambda token: token[:-1], lambda token: " " + token]
)
def test_a_changed_token_is_refused_but_still_ours(change):
    token = change(tokens.new_token(bytes(range(32))))
    assert not tokens.checksum_holds(token)
    assert tokens.looks_like_ours(token)


def test_a_token_whose_head_was_lost_in_copying_is_still_ours():
    assert tokens.looks_like_ours(tokens.new_token(bytes(range(32)))[2:])


@pytest.mark.parametrize("text", ["sk-proj-" + "a" * 60, "gsk_dgm_", "xai-dgmdgm", "", "AIza" + "0" * 49])
def test_a_provider_key_is_not_ours(text):
    assert not tokens.looks_like_ours(text)
