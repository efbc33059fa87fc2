import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.secrecy import sealing
from keys.secrecy.secret import Secret

OLD, NEW = "old-" + "x" * 40, "new-" + "y" * 40
RING = sealing.KeyRing((NEW, OLD))


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_what_was_sealed_unseals_to_the_same(plain, aad):
    assert RING.unseal(RING.seal(plain, aad), aad) == plain


def test_a_value_moved_to_another_place_does_not_unseal():
    sealed = RING.seal(b"secret", sealing.place("table", "1", "secret"))
    with pytest.raises(sealing.SealBroken):
        RING.unseal(sealed, sealing.place("table", "2", "secret"))


def test_places_that_join_to_the_same_letters_differ():
    assert sealing.place("ab", "c") != sealing.place("a", "bc")


def test_no_changed_byte_goes_unnoticed():
    sealed = RING.seal(b"secret", b"")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(sealing.SealBroken):
            RING.unseal(bytes(changed), b"")


@pytest.mark.parametrize("length", range(40))
def test_a_cut_value_is_broken_and_nothing_else(length):
    with pytest.raises(sealing.SealBroken):
        RING.unseal(RING.seal(b"some secret of ours", b"")[:length], b"")


def test_the_newest_key_seals_and_the_older_still_unseals():
    old = sealing.KeyRing((OLD,)).seal(b"secret", b"")
    assert RING.unseal(old, b"") == b"secret"
    again = RING.resealed(old, b"")
    assert sealing.KeyRing((NEW,)).unseal(again, b"") == b"secret"
    assert RING.resealed(again, b"") is again


def test_a_key_taken_off_the_ring_unseals_no_more():
    with pytest.raises(sealing.SealBroken, match="not on the ring"):
        sealing.KeyRing((NEW,)).unseal(sealing.KeyRing((OLD,)).seal(b"secret", b""), b"")


def test_what_is_sealed_under_a_key_of_its_own_opens_with_that_key_at_that_place_alone():
    key, other = bytes(32), bytes([1] * 32)
    sealed = sealing.seal_under(key, b"secret", b"place")
    assert sealing.unseal_under(key, sealed, b"place") == b"secret"
    for wrong in (
        (other, sealed, b"place"),
        (key, sealed, b"elsewhere"),
        (key, sealed[:-1], b"place"),
        (key, b"", b""),
    ):
        with pytest.raises(sealing.SealBroken):
            sealing.unseal_under(*wrong)
    with pytest.raises(sealing.SealBroken):
        RING.unseal(sealed, b"place")
    with pytest.raises(sealing.SealBroken):
        sealing.unseal_under(key, RING.seal(b"secret", b"place"), b"place")


def test_the_same_value_sealed_twice_differs():
    assert RING.seal(b"secret", b"") != RING.seal(b"secret", b"")


@pytest.mark.parametrize("text", ["", " , ", "short", f"{OLD},short", f"{OLD},{OLD}"])
def test_a_malformed_ring_is_refused_without_showing_it(text):
    with pytest.raises(ValueError, match=r"ring|shorter") as raised:
        sealing.KeyRing.from_text(text)
    assert OLD not in str(raised.value)


def test_a_ring_is_read_from_a_comma_separated_list():
    ring = sealing.KeyRing.from_text(f" {NEW} , {OLD} ,")
    assert ring.unseal(RING.seal(b"secret", b""), b"") == b"secret"


def test_a_secret_shows_itself_only_when_asked():
    text = secrets.token_hex()
    secret = Secret(text)
    assert secret.reveal() == text
    assert text not in f"{secret} {secret!r} {[secret]} {secret.__reduce_ex__}"
