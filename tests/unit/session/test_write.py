"""What of a write is sent, and in what order."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from modkit_redis.session._core import Status
from modkit_redis.session.records.write import Saved, Write
from modkit_redis.session.tokens import Credential, new_token, proof

MINE: Final = Credential("A" * 22, sha256(b"mine").digest())
NEXT: Final = Credential("A" * 22, sha256(b"next").digest())


def test_a_write_of_nothing_says_so_in_each_place() -> None:
    write = Write()

    assert write.arguments(MINE, None) == [MINE.verifier, write.nonce, "", b"", 0, 0, 0, 0]


def test_a_write_of_everything_counts_what_follows() -> None:
    write = Write(
        sets={"a": b"1", "": b"2"},
        deletes=["b", "c"],
        takes=["d"],
        about={"u": b"ada"},
        grace_ms=500,
        is_renewal=True,
        expect=3,
        nonce=b"n",
    )

    assert write.arguments(MINE, NEXT) == [
        *(MINE.verifier, b"n", 3, NEXT.verifier, 500, 1),
        *(3, "u", b"ada", ".a", b"1", ".", b"2"),
        *(2, ".b", ".c"),
        ".d",
    ]


def test_version_0_is_expected_and_not_left_out() -> None:
    assert Write(expect=0).arguments(MINE, None)[2] == 0


def test_no_key_of_a_value_is_a_field_of_the_library() -> None:
    fields = Write(sets={"h": b"1", "u": b"2", ".u": b"3"}).fields()

    assert fields[::2] == [".h", ".u", "..u"]


def test_a_write_keeps_its_nonce_and_no_two_have_the_same() -> None:
    writes = [Write() for _ in range(100)]

    assert all(each.arguments(MINE, None)[1] == each.nonce and len(each.nonce) == 6 for each in writes)
    assert len({each.nonce for each in writes}) == 100


def test_a_write_shows_neither_values_nor_secrets() -> None:
    token = new_token()
    write = Write(sets={"k": b"hunter2"}, about={"u": b"hunter2"}, token=token)

    shown = repr((write, MINE, proof(token)))

    assert "hunter2" not in shown and token[23:] not in shown
    assert repr(write.nonce) not in shown and repr(MINE.verifier) not in shown


def test_an_answer_does_not_show_what_was_taken() -> None:
    assert repr(Saved(Status.DONE, 3, [b"hunter2"])) == "Saved(<Status.DONE: 1>, 3)"
