"""What a token is, who may be a user, and what a session in Redis says."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modkit_redis.contract import ArgumentError, SessionPatch, SessionToken
from modkit_redis.session._core import Record, Status, UnreadableError, check_save, moment, record_in
from modkit_redis.session.binding import LONGEST_USER, binding, check_same_user, checked_user
from modkit_redis.session.tokens import Credential, handle_in, new_token, next_token, presented, proof

HANDLE: Final = "Ab0_-" + "c" * 17
SECRET: Final = "Zz9_-" + "s" * 38
TOKEN: Final = f"{HANDLE}.{SECRET}"
HOSTILE: Final = [
    "",
    "{}",
    " ",
    "x" * 66,
    "x" * 10_240,
    HANDLE,
    SECRET,
    f"{HANDLE}.",
    f".{SECRET}",
    f"{HANDLE}{SECRET}",
    f"{HANDLE}:{SECRET}",
    f"{TOKEN}=",
    f"{TOKEN} ",
    f" {TOKEN}",
    f"{TOKEN}\n",
    f"{TOKEN}\r\nSet-Cookie: a=b",
    f"{TOKEN}\x00",
    f"{HANDLE}.{SECRET[:-1]}",
    f"{HANDLE}.{SECRET}x",
    f"{HANDLE[:-1]}.{SECRET}",
    f"{HANDLE[:-1]}+.{SECRET}",
    f"{HANDLE}.{SECRET[:-1]}/",
    f"{HANDLE[:-1]}\u0663.{SECRET}",
    f"{HANDLE}.{SECRET[:-1]}é",
    f"{HANDLE}.{SECRET[:-1]}\ud800",
    f"{HANDLE}.{SECRET}.{SECRET}",
    f"../{TOKEN}",
]


class Text(str):
    __slots__ = ()


def shape_of(token: str) -> re.Match[str] | None:
    return re.fullmatch(r"[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}", token)


def test_a_token_is_16_and_32_random_bytes() -> None:
    token = new_token()

    handle, secret = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split("."))

    assert shape_of(token)
    assert (len(handle), len(secret), len(token)) == (16, 32, 66)
    assert isinstance(token, SessionToken)


def test_no_two_tokens_have_a_part_in_common() -> None:
    tokens = [new_token() for _ in range(200)]

    assert len({part for token in tokens for part in token.split(".")}) == 400


def test_the_next_token_of_a_session_has_its_handle_and_another_secret() -> None:
    token = new_token()

    following = next_token(token.handle)

    assert shape_of(following)
    assert following.handle == token.handle
    assert following[23:] != token[23:]


def test_a_token_proves_what_its_secret_hashes_to() -> None:
    credential, token = presented(TOKEN).required()

    assert credential == Credential(HANDLE, sha256(SECRET.encode()).digest())
    assert token == TOKEN
    assert type(token) is SessionToken
    assert proof(token) == credential


def test_nothing_that_is_made_of_a_token_shows_its_secret() -> None:
    given = presented(TOKEN)

    shown = repr([given, given.credential, given.token, given.required()])

    assert HANDLE in shown
    assert SECRET not in shown
    assert repr(sha256(SECRET.encode()).digest()) not in shown


@pytest.mark.parametrize("token", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("kind", [str, Text, SessionToken])
def test_text_that_is_no_token_proves_nothing_and_is_no_error(kind: type[str], token: str) -> None:
    found = presented(kind(token))

    assert found.checked() is found
    assert (found.credential, found.token, found.kind) == (None, None, "str")


def test_none_is_no_token() -> None:
    found = presented(None)

    assert found.checked() is found
    assert (found.credential, found.token, found.kind) == (None, None, "NoneType")


def test_a_token_of_a_subclass_of_text_is_a_token() -> None:
    assert presented(Text(TOKEN)) == presented(SessionToken(TOKEN)) == presented(TOKEN)


@pytest.mark.parametrize(
    ("token", "kind"), [(5, "int"), (TOKEN.encode(), "bytes"), ([TOKEN], "list"), (False, "bool")]
)
def test_what_is_no_text_is_refused_by_its_class(token: object, kind: str) -> None:
    found = presented(token)

    for check in (found.checked, found.required):
        with pytest.raises(ArgumentError) as refused:
            check()
        assert str(refused.value) == f"token must be text, or None for no token, not {kind}"


@pytest.mark.parametrize("token", [None, *HOSTILE[:3]])
def test_where_a_token_is_required_none_is_an_error_without_what_was_given(token: str | None) -> None:
    with pytest.raises(ArgumentError) as refused:
        presented(token).required()

    assert str(refused.value) == "token is none: it must be what create() or session.token gave"


@given(st.text() | st.binary() | st.integers() | st.none() | st.from_regex(r"[\w.-]{60,70}"))
def test_whatever_is_presented_raises_nothing(token: object) -> None:
    found = presented(token)

    assert (found.credential is None) == (found.token is None)
    assert found.token is None or shape_of(found.token)


@pytest.mark.parametrize("given", [HANDLE, Text(HANDLE), "_" * 22])
def test_a_handle_is_a_handle(given: str) -> None:
    found = handle_in(given)

    assert found.required("handle") == found.optional("keep") == given
    assert type(found.handle) is str


@pytest.mark.parametrize(
    "given",
    ["", HANDLE[:-1], f"{HANDLE}x", f"{HANDLE}\n", TOKEN, SessionToken(TOKEN), "*" * 22, 5, b"x" * 22],
)
def test_what_is_no_handle_is_refused_and_not_shown(given: object) -> None:
    found = handle_in(given)

    for read in (found.required, found.optional):
        with pytest.raises(ArgumentError) as refused:
            read("keep")
        assert str(refused.value) == "keep must be the handle of a session, such as session.info.handle"
    assert SECRET not in repr(found)


def test_no_handle_is_one_where_it_may_be_left_out() -> None:
    found = handle_in(None)

    assert found.optional("keep") is None
    with pytest.raises(ArgumentError, match=r"^handle must be the handle of a session"):
        found.required("handle")


TOO_LONG: Final = f"must be text of 1 to {LONGEST_USER} bytes"


@pytest.mark.parametrize("user", ["1", "ada", "ä" * 128, "x" * 256, "a b:c*\0", Text("ada")])
def test_a_user_is_any_text_of_up_to_256_bytes(user: str) -> None:
    assert checked_user(user) == user


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        ("", TOO_LONG),
        ("x" * 257, TOO_LONG),
        ("ä" * 129, TOO_LONG),
        ("a\ud800", "must be text that UTF-8 can encode"),
        (5, "must be text, not int: write str(user.id)"),
        (None, "must be text, not NoneType: write str(user.id)"),
        (b"ada", "must be text, not bytes: write str(user.id)"),
    ],
)
def test_what_can_be_no_user_is_refused(user: object, reason: str) -> None:
    for check in (checked_user, lambda given: binding(given, None, None)):
        with pytest.raises(ArgumentError) as refused:
            check(cast(Any, user))
        assert str(refused.value) == f"user {reason}"
        assert (refused.value.__context__, refused.value.__cause__) == (None, None)


def test_a_binding_writes_who_from_where_and_with_what() -> None:
    fields = binding("ada", "::1", "Brauser/1").fields()

    assert fields == {"u": b"ada", "ip": b"::1", "ua": b"Brauser/1", "ub": b"", "uc": b"", "ud": b""}


def test_a_binding_replaces_what_is_not_known_any_more() -> None:
    assert binding("ada", None, None).fields() == {"u": b"ada"} | dict.fromkeys(
        ("ip", "ua", "ub", "uc", "ud"), b""
    )


def test_what_clients_choose_is_cut_and_never_in_the_way() -> None:
    fields = binding("ada", "1" * 65, "\ud800" + "é" * 300).fields()

    assert fields["ip"] == b"1" * 64
    parts = [fields[name] for name in ("ua", "ub", "uc", "ud")]
    assert b"".join(parts) == b"?" + "é".encode() * 127
    assert [len(part) for part in parts] == [64, 64, 64, 63]


@pytest.mark.parametrize(("name", "place"), [("address", 1), ("agent", 2)])
def test_an_address_and_an_agent_are_text(name: str, place: int) -> None:
    arguments: list[Any] = ["ada", None, None]
    arguments[place] = b"x"

    with pytest.raises(ArgumentError) as refused:
        binding(*arguments)

    assert str(refused.value) == f"{name} must be text, not bytes"


def test_a_binding_shows_nobody() -> None:
    assert repr(binding("ada", "::1", "Brauser/1")) == "Binding()"


def test_another_user_cannot_be_signed_in_over_one() -> None:
    check_same_user(None, "ada")
    check_same_user("ada", "ada")

    with pytest.raises(ArgumentError) as refused:
        check_same_user("ada", "bob")

    text = "user is not the one who is signed in: destroy() the session first, then bind"
    assert str(refused.value) == text


@pytest.mark.parametrize(
    ("patch", "expect", "rotate", "grace", "text"),
    [
        ({"a": 1}, None, False, None, "patch must be a SessionPatch, not dict"),
        (None, None, False, None, "patch must be a SessionPatch, not NoneType"),
        (SessionPatch(), "1", False, None, "expect must be the version of a StoredSession, or None for any"),
        (SessionPatch(), True, False, None, "expect must be the version of a StoredSession, or None for any"),
        (SessionPatch(), 1.0, False, None, "expect must be the version of a StoredSession, or None for any"),
        (
            SessionPatch(),
            None,
            False,
            5,
            "grace is for a token that is replaced: give rotate=True as well",
        ),
    ],
)
def test_a_save_that_cannot_be_meant_is_refused(
    patch: Any, expect: Any, rotate: bool, grace: Any, text: str
) -> None:
    with pytest.raises(ArgumentError) as refused:
        check_save(patch, expect, rotate=rotate, grace=grace)

    assert str(refused.value) == text


def test_a_save_with_everything_is_not() -> None:
    check_save(SessionPatch(), 3, rotate=True, grace=5)


VERIFIER: Final = sha256(SECRET.encode()).digest()
FIELDS: Final = {
    b"f": b"1",
    b"h": VERIFIER,
    b"v": b"7",
    b"w": b"\x00" * 8,
    b"c": b"1000",
    b"l": b"5000",
    b"x": b"90000",
    b"i": b"30000",
}


NOTHING: Final[Mapping[bytes, bytes | None]] = {}


def record(changes: Mapping[bytes, bytes | None] = NOTHING) -> Record | None:
    held = {**FIELDS, **changes}
    pairs = [part for name, value in held.items() if value is not None for part in (name, value)]
    return record_in(HANDLE, pairs)


def some_record(changes: Mapping[bytes, bytes | None] = NOTHING) -> Record:
    found = record(changes)
    assert found is not None
    return found


def test_no_hash_is_no_session() -> None:
    assert record_in(HANDLE, []) is None


def test_a_hash_is_a_session_with_its_values() -> None:
    found = some_record({b".cart": b"[1]", b".": b"2", b"..": b"3", b"u": b"ada", b"r": b"4000"})

    assert (found.handle, found.version, found.verifier) == (HANDLE, 7, VERIFIER)
    assert (found.created_ms, found.seen_ms, found.deadline_ms, found.idle_ms) == (1000, 5000, 90_000, 30_000)
    assert found.payloads() == {"cart": b"[1]", "": b"2", ".": b"3"}
    assert found.replaced_ms == 4000
    assert (found.user, found.address, found.agent) == ("ada", None, None)


def test_a_token_that_was_never_replaced_is_as_old_as_the_session() -> None:
    assert some_record().replaced_ms == 1000


def test_what_is_known_of_a_session_has_times_in_utc_and_no_empty_texts() -> None:
    info = some_record({b"u": "äda".encode(), b"ip": b"", b"ua": b"x\xff"}).info()

    assert (info.created, info.last_seen, info.expires) == (
        datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
        datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC),
        datetime(1970, 1, 1, 0, 1, 30, tzinfo=UTC),
    )
    assert (info.user, info.address, info.agent) == ("äda", None, "x\ufffd")


def test_a_session_shows_neither_its_verifier_nor_its_values_nor_its_user() -> None:
    shown = repr(some_record({b".k": b"hunter2", b"u": b"ada", b"ip": b"::1", b"ua": b"Brauser"}))

    assert not [each for each in ("hunter2", "ada", "::1", "Brauser", repr(VERIFIER)) if each in shown]


@pytest.mark.parametrize("layout", [None, b"2", b"", b"1.0", b"x"])
def test_another_layout_is_unreadable(layout: bytes | None) -> None:
    with pytest.raises(UnreadableError, match="another layout"):
        record({b"f": layout})


@pytest.mark.parametrize("name", [b"h", b"v", b"c", b"l", b"x", b"i"])
def test_a_session_without_one_of_its_fields_is_unreadable(name: bytes) -> None:
    with pytest.raises(UnreadableError, match="a field is missing, or none of ours"):
        record({name: None})


@pytest.mark.parametrize("name", [b"v", b"c", b"l", b"x", b"i", b"r"])
@pytest.mark.parametrize("value", [b"", b"x", b"1.5", b"\xff", b"9" * 5000])
def test_a_session_with_a_number_that_is_none_is_unreadable(name: bytes, value: bytes) -> None:
    with pytest.raises(UnreadableError) as refused:
        record({name: value})

    cause = refused.value.__cause__
    assert cause is not None and cause.__traceback__ is None


@pytest.mark.parametrize("name", [b"c", b"l", b"x"])
@pytest.mark.parametrize("value", [b"9" * 30, b"-" + b"9" * 30])
def test_a_session_with_a_time_that_no_calendar_has_is_unreadable(name: bytes, value: bytes) -> None:
    with pytest.raises(UnreadableError):
        some_record({name: value}).info()


@pytest.mark.parametrize(
    ("now", "is_due", "is_alive"),
    [
        (5000, False, True),
        (6999, False, True),
        (7000, True, True),
        (34_999, True, True),
        (35_000, True, False),  # it should have ended, and may have lost its TTL
        (3001, False, True),  # the clock was set back, by less than a touch is due after
        (3000, True, True),  # and by more
    ],
)
def test_a_session_is_touched_that_was_not_seen_for_so_long_or_is_from_the_future(
    now: int, is_due: bool, is_alive: bool
) -> None:
    found = some_record()

    assert (found.is_due(2000, now), found.is_alive(now)) == (is_due, is_alive)


def test_a_session_at_its_deadline_is_touched_however_lately_it_was_seen() -> None:
    found = some_record({b"l": b"89999"})

    assert not found.is_due(2000, 89_999) and found.is_alive(89_999)
    assert found.is_due(2000, 90_000) and not found.is_alive(90_000)


def test_only_the_present_token_opens_a_session() -> None:
    mine = presented(TOKEN).required()[0]
    found = some_record({b"p": sha256(b"old").digest()})

    assert found.is_opened_by(mine)
    for verifier in (sha256(b"old").digest(), b"", VERIFIER[:-1], VERIFIER + b"\0"):
        assert not found.is_opened_by(Credential(HANDLE, verifier))


def test_a_time_is_exact_to_the_millisecond() -> None:
    assert moment(1_777_000_000_123) == datetime(2026, 4, 24, 3, 6, 40, 123_000, UTC)


def test_each_answer_of_a_script_has_a_name() -> None:
    assert {each.value for each in Status} == {-3, -2, -1, 0, 1, 2}
