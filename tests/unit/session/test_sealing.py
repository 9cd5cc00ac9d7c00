"""Encryption of values: what keys look like, what opens what, and what happens without the extra."""

from __future__ import annotations

import secrets
import sys
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modkit_redis.kernel.parsing import RefusedError
from modkit_redis.session import sealing
from modkit_redis.session.codec import UndecodableError
from modkit_redis.session.sealing import Keys, Sealer, keys

HANDLE: Final = "A" * 22
OTHER: Final = "B" * 22
ONE, TWO = b64encode(bytes(32)).decode(), b64encode(b"\xfb\xff" * 16).decode()
PAYLOAD: Final = b'{"user":"ada"}'
EXAMPLE: Final = "for example '2026a:<key>' or '2026b:<key>,2026a:<key>'"


def sealer(written: str) -> Sealer:
    return Sealer(keys(written))


def opens(reader: Sealer, stored: bytes, handle: str = HANDLE, key: str = "k") -> bool:
    try:
        reader.opened(stored, handle, key)
    except UndecodableError as error:
        refused = error
    else:
        return True
    assert (refused.__context__, refused.__cause__, str(refused)) == (None, None, "")
    return False


@pytest.mark.parametrize(
    ("written", "names"),
    [
        (f"a:{ONE}", ["a"]),
        (f"a:{ONE},b:{TWO}", ["a", "b"]),
        (f" b:{TWO} , a:{ONE} ", ["b", "a"]),
        (f"plain,a:{ONE}", ["plain", "a"]),
        (f"a:{ONE},plain", ["a", "plain"]),
        (f"{'x' * 32}:{ONE}", ["x" * 32]),
        (f"2026-01_A:{ONE}", ["2026-01_A"]),
        (f"a:{urlsafe_b64encode(bytes([255] * 32)).decode()}", ["a"]),
    ],
)
def test_keys_are_names_with_32_bytes_each_in_the_order_in_which_they_are_written(
    written: str, names: list[str]
) -> None:
    found = keys(written)

    assert [name for name, _ in found.pairs] == names
    assert {len(key) for name, key in found.pairs if name != "plain"} == {32}


def test_both_alphabets_of_base64_write_the_same_key() -> None:
    key = b"\xfb\xff" * 16

    assert keys(f"a:{TWO}") == keys(f"a:{urlsafe_b64encode(key).decode()}") == Keys((("a", key),))


def test_keys_may_be_read_already() -> None:
    found = keys(f"a:{ONE}")

    assert keys(found) is found


NAMES: Final = f"must be names with keys, {EXAMPLE}"
BYTES: Final = f"must hold keys of 32 bytes in base64, {EXAMPLE}; make one with `openssl rand -base64 32`"
NO_KEY: Final = f"holds no key: leave it out, or write one, {EXAMPLE}"


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "is empty: write a value, or leave it out"),
        (5, "must be text, not int"),
        (None, "must be text, not NoneType"),
        (b"a:b", "must be text, not bytes"),
        ({"a": bytes(32)}, "must be text, not dict"),
        ("a\udc80", "must be text that UTF-8 can encode"),
        (" ", NAMES),
        ("a", NAMES),
        (ONE, NAMES),
        (f":{ONE}", NAMES),
        (f"a b:{ONE}", NAMES),
        (f"é:{ONE}", NAMES),
        (f"{'x' * 33}:{ONE}", NAMES),
        (f"plain:{ONE}", NAMES),
        (f"Plain,a:{ONE}", NAMES),
        (f"a:{ONE},", NAMES),
        (f"a:{ONE};b:{ONE}", BYTES),
        ("a:", BYTES),
        (f"a:{ONE[:-4]}", BYTES),
        (f"a:{ONE[:-1]}", BYTES),
        (f"a:{ONE} {ONE}", BYTES),
        (f"a: {ONE}", BYTES),
        (f"a:b:{ONE}", BYTES),
        (f"a:{b64encode(bytes(16)).decode()}", BYTES),
        (f"a:{bytes(32).hex()}", BYTES),
        (f"a:{ONE},a:{TWO}", "names a key twice"),
        (f"plain,a:{ONE},plain", "names a key twice"),
        ("plain", NO_KEY),
    ],
)
def test_what_is_no_key_is_refused(written: object, reason: str) -> None:
    with pytest.raises(RefusedError) as refused:
        keys(written)

    assert refused.value.reason == reason


def test_keys_show_themselves_to_nobody() -> None:
    assert repr(keys(f"a:{ONE},plain")) == "Keys()"


def test_without_keys_nothing_is_encrypted() -> None:
    plain = Sealer(None)

    assert plain.seal(PAYLOAD, HANDLE, "k") == PAYLOAD
    assert plain.opened(PAYLOAD, HANDLE, "k") == PAYLOAD


def test_what_is_sealed_can_be_opened_and_shows_nothing() -> None:
    mine = sealer(f"a:{ONE}")

    stored = mine.seal(PAYLOAD, HANDLE, "k")

    assert stored.startswith(b"\x01\x01a") and len(stored) == 3 + 12 + len(PAYLOAD) + 16
    assert b"ada" not in stored
    assert mine.opened(stored, HANDLE, "k") == PAYLOAD


def test_the_same_value_is_never_sealed_twice_in_the_same_way() -> None:
    mine = sealer(f"a:{ONE}")

    assert len({mine.seal(PAYLOAD, HANDLE, "k") for _ in range(100)}) == 100


@given(st.binary(max_size=100), st.text(max_size=10))
def test_whatever_is_sealed_can_be_opened(payload: bytes, key: str) -> None:
    mine = sealer(f"a:{ONE}")

    assert mine.opened(mine.seal(payload, HANDLE, key), HANDLE, key) == payload


@pytest.mark.parametrize("written", [f"a:{ONE}", f"a:{ONE},b:{TWO}"])
def test_each_bit_that_is_changed_is_noticed(written: str) -> None:
    mine = sealer(written)
    stored = mine.seal(PAYLOAD, HANDLE, "k")

    for bit in range(8 * len(stored)):
        changed = bytearray(stored)
        changed[bit // 8] ^= 1 << bit % 8
        assert not opens(mine, bytes(changed)), f"bit {bit}"


def test_a_value_that_is_cut_short_or_longer_is_noticed() -> None:
    mine = sealer(f"a:{ONE}")
    stored = mine.seal(PAYLOAD, HANDLE, "k")

    assert not any(opens(mine, stored[:length]) for length in range(len(stored)))
    assert not opens(mine, stored + b"\x00")


@pytest.mark.parametrize(
    ("handle", "key"), [(OTHER, "k"), (HANDLE, "l"), (HANDLE, ""), (HANDLE, "k\0"), (HANDLE[:-1], "k")]
)
def test_a_value_is_bound_to_its_session_and_its_key(handle: str, key: str) -> None:
    mine = sealer(f"a:{ONE}")

    assert not opens(mine, mine.seal(PAYLOAD, HANDLE, "k"), handle, key)


def test_another_key_of_the_same_name_opens_nothing() -> None:
    assert not opens(sealer(f"a:{TWO}"), sealer(f"a:{ONE}").seal(PAYLOAD, HANDLE, "k"))


def test_the_first_key_writes_and_all_read() -> None:
    old, both, new = sealer(f"a:{ONE}"), sealer(f"b:{TWO},a:{ONE}"), sealer(f"b:{TWO}")
    of_old, of_both = old.seal(PAYLOAD, HANDLE, "k"), both.seal(PAYLOAD, HANDLE, "k")

    read = [[opens(reader, stored) for reader in (old, both, new)] for stored in (of_old, of_both)]

    assert read == [[True, True, False], [False, True, True]]


def test_a_key_that_comes_later_is_made_known_before_it_writes() -> None:
    """The order in which keys are changed while two releases run."""
    before, known, after = sealer(f"a:{ONE}"), sealer(f"a:{ONE},b:{TWO}"), sealer(f"b:{TWO},a:{ONE}")

    assert opens(before, known.seal(PAYLOAD, HANDLE, "k"))
    assert opens(known, after.seal(PAYLOAD, HANDLE, "k"))


def test_values_that_are_not_encrypted_are_read_only_where_plain_is_named() -> None:
    assert not opens(sealer(f"a:{ONE}"), PAYLOAD)
    assert not opens(sealer(f"a:{ONE},b:{TWO}"), PAYLOAD)
    assert sealer(f"a:{ONE},plain").opened(PAYLOAD, HANDLE, "k") == PAYLOAD


def test_plain_in_the_first_place_writes_without_encryption_and_reads_what_was_encrypted() -> None:
    sealed = sealer(f"a:{ONE}").seal(PAYLOAD, HANDLE, "k")
    leaving = sealer(f"plain,a:{ONE}")

    assert leaving.seal(PAYLOAD, HANDLE, "k") == PAYLOAD
    assert leaving.opened(sealed, HANDLE, "k") == leaving.opened(PAYLOAD, HANDLE, "k") == PAYLOAD


def test_plain_in_a_later_place_still_encrypts() -> None:
    assert b"ada" not in sealer(f"a:{ONE},plain").seal(PAYLOAD, HANDLE, "k")


def test_what_was_encrypted_is_unreadable_once_the_keys_are_gone() -> None:
    assert not opens(Sealer(None), sealer(f"a:{ONE}").seal(PAYLOAD, HANDLE, "k"))


@given(st.binary(max_size=80), st.booleans())
def test_bytes_of_somebody_else_are_never_opened(stored: bytes, is_marked: bool) -> None:
    mine = sealer(f"a:{ONE}")

    assert not opens(mine, b"\x01\x01a" + stored if is_marked else stored)


@pytest.fixture
def no_cryptography(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    sealing.aesgcm.cache_clear()
    yield
    sealing.aesgcm.cache_clear()


def test_without_the_extra_what_is_not_encrypted_works(no_cryptography: None) -> None:
    plain = Sealer(None)

    assert sealing.aesgcm() is None
    assert plain.opened(plain.seal(PAYLOAD, HANDLE, "k"), HANDLE, "k") == PAYLOAD


def test_without_the_extra_what_was_encrypted_is_unreadable(no_cryptography: None) -> None:
    assert not opens(Sealer(None), b"\x01\x01a" + secrets.token_bytes(40))
