"""What applications hold of a session shows no secret, travels, and has a word for each event."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields
from datetime import UTC, datetime
from typing import Any, Final, get_args

import pytest

from modkit_redis.contract import (
    AsyncSession,
    AsyncSessionStore,
    CacheEventKind,
    SavedSession,
    Session,
    SessionEvent,
    SessionEventKind,
    SessionInfo,
    SessionPatch,
    SessionStore,
    SessionToken,
    StoredSession,
)
from modkit_redis.contract.events import CACHE_MEANINGS, SESSION_MEANINGS
from modkit_redis.contract.session import HANDLE_LENGTH

HANDLE: Final = "h" * HANDLE_LENGTH
SECRET: Final = "s" * 43
TOKEN: Final = SessionToken(f"{HANDLE}.{SECRET}")
NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
INFO: Final = SessionInfo(HANDLE, NOW, NOW, NOW, user="ada", address="::1", agent="Brauser/1")


def test_a_token_is_text_with_a_handle() -> None:
    written = f"{HANDLE}.{SECRET}"

    assert isinstance(TOKEN, str) and written == TOKEN and hash(TOKEN) == hash(written)
    assert TOKEN.handle == HANDLE
    assert {written: 1}[TOKEN] == 1
    assert (f"{TOKEN}", str(TOKEN), "%s" % TOKEN, TOKEN + "") == (written,) * 4  # noqa: UP031  # the point
    assert json.dumps({"token": TOKEN}) == json.dumps({"token": written})
    assert TOKEN.encode() == written.encode()


@pytest.mark.parametrize(
    "show",
    [
        repr,
        ascii,
        "{!r}".format,
        "%r".__mod__,
        lambda token: repr([token]),
        lambda token: repr({token: {"a": (token,)}}),
        lambda token: repr(SavedSession(token, 1)),
    ],
)
def test_a_token_does_not_show_its_secret(show: Callable[[object], str]) -> None:
    shown = show(TOKEN)

    assert f"SessionToken('{HANDLE}.***')" in shown
    assert SECRET not in shown and SECRET[:4] not in shown


def test_a_traceback_with_local_variables_does_not_show_the_secret_of_a_token() -> None:
    def fails(token: SessionToken) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError) as caught:
        fails(TOKEN)

    written = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert f"{HANDLE}.***" in written and SECRET not in written


@pytest.mark.parametrize(
    "take_along",
    [
        *(lambda token, protocol=each: pickle.loads(pickle.dumps(token, protocol)) for each in (0, 2, 5)),
        copy.copy,
        copy.deepcopy,
    ],
    ids=["pickle 0", "pickle 2", "pickle 5", "copy", "deepcopy"],
)
def test_a_token_stays_one_wherever_it_is_taken(take_along: Callable[[SessionToken], object]) -> None:
    arrived = take_along(TOKEN)

    assert type(arrived) is SessionToken
    assert (arrived, arrived.handle, repr(arrived)) == (TOKEN, HANDLE, repr(TOKEN))


def test_a_token_has_no_room_for_more() -> None:
    with pytest.raises(AttributeError):
        TOKEN.user = "ada"  # type: ignore[attr-defined]  # the point  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    "value",
    [
        INFO,
        StoredSession(INFO, 1, {"k": "hunter2"}),
        SessionPatch(sets={"k": "hunter2"}, deletes=["a"], takes=["b"]),
        SavedSession(TOKEN, 2, {"k": "hunter2"}),
        SessionEvent("degraded", HANDLE, "k", OSError("hunter2")),
    ],
)
def test_no_representation_shows_users_and_what_they_store(value: object) -> None:
    shown = repr(value)

    assert not [each for each in ("ada", "::1", "Brauser", "hunter2", SECRET) if each in shown]


@pytest.mark.parametrize(
    "value", [INFO, StoredSession(INFO, 1, {"k": [1]}), SessionPatch({"k": 1}), SavedSession(TOKEN, 2)]
)
def test_a_value_cannot_be_changed_and_survives_pickling(value: Any) -> None:
    arrived = pickle.loads(pickle.dumps(value))

    assert arrived == value and arrived is not value
    for each in fields(value):
        with pytest.raises(FrozenInstanceError):
            setattr(value, each.name, None)


def test_a_patch_of_nothing_changes_nothing() -> None:
    patch = SessionPatch()

    assert (dict(patch.sets), list(patch.deletes), list(patch.takes)) == ({}, [], [])


@pytest.mark.parametrize(
    ("kinds", "meanings"), [(CacheEventKind, CACHE_MEANINGS), (SessionEventKind, SESSION_MEANINGS)]
)
def test_each_kind_of_event_has_a_meaning(kinds: object, meanings: dict[str, str]) -> None:
    assert list(meanings) == list(get_args(kinds))
    assert all(each.endswith(".") and each.count("`") % 2 == 0 for each in meanings.values())
    with pytest.raises(TypeError):
        meanings["other"] = "x"


def test_an_event_needs_no_more_than_its_kind() -> None:
    shown = f"SessionEvent(kind='created', handle='{HANDLE}', field=None)"

    assert SessionEvent("rejected") == SessionEvent("rejected", None, None, None)
    assert repr(SessionEvent("created", HANDLE)) == shown


def members(of: type) -> set[str]:
    return {name for each in of.__mro__ for name in vars(each) if name[0] != "_" or name == "__getitem__"}


def test_both_worlds_have_the_same_members() -> None:
    assert members(Session) == members(AsyncSession)
    assert members(SessionStore) == members(AsyncSessionStore)


@pytest.mark.parametrize("kind", [Session, AsyncSession])
def test_a_session_is_made_by_its_store_alone(kind: Any) -> None:
    with pytest.raises(TypeError, match="abstract"):
        kind()
