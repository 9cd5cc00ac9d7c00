# Generated from ../_async/test_session_i05_ttls.py by .ci/unasync.py; do not edit.
"""I5 and I6: after each operation the TTL is right, and the deadline never moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from modkit_redis.contract import SessionLostError, SessionPatch, SessionToken
from tests.caching import until
from tests.sessions import Looker, NewSessions

IDLE: Final = 600_000


class Session:
    """A session whose token may be replaced by what is done with it."""

    def __init__(self, store: Any, token: SessionToken) -> None:
        self.store, self.token = store, token


def _load(session: Session) -> None:
    session.store.load(session.token)


def _open(session: Session) -> None:
    with session.store.open(session.token) as opened:
        opened["n"] = 1


def _save(session: Session) -> None:
    session.store.save(session.token, SessionPatch(sets={"n": 2}, deletes=["x"]))


def _save_nothing(session: Session) -> None:
    session.store.save(session.token, SessionPatch())


def _rotate(session: Session) -> None:
    session.token = (session.store.save(session.token, SessionPatch(), rotate=True)).token


def _rotate_with_grace(session: Session) -> None:
    # for longer than the session lasts
    saved = session.store.save(session.token, SessionPatch(), rotate=True, grace=10**6)
    session.token = saved.token


def _take(session: Session) -> None:
    session.store.save(session.token, SessionPatch(takes=["n"]))


def _bind(session: Session) -> None:
    session.token = session.store.bind(session.token, "anna")


def _transact(session: Session) -> None:
    with session.store.open(session.token) as opened:
        opened.transact(lambda values: values.update(n=3))


def _look(session: Session) -> None:
    session.store.peek(session.token.handle)
    session.store.sessions_of("anna")


WRITES = [_open, _save, _save_nothing, _rotate, _rotate_with_grace, _take, _bind, _transact]
READS = [_load, _look]


def named(acts: list[Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("act", acts, ids=lambda act: act.__name__.strip("_"))


def check(look: Looker, token: str, deadline: int) -> None:
    """Check I5 and I6."""
    before = look.now_ms()
    pttl = look.pttl(look.key(token))
    assert 0 < pttl <= min(IDLE, deadline - before)
    assert look.number(token, "x") == deadline


@named(WRITES + READS)
def test_i05_i06_after_each_operation_the_ttl_is_right_and_the_deadline_has_not_moved(
    new_sessions: NewSessions, look: Looker, act: Callable[[Session], Any]
) -> None:
    store = new_sessions(idle_ttl="10m", absolute_ttl="1h")
    session = Session(store, store.create({"n": 0}))
    deadline = look.number(session.token, "x")
    created = look.number(session.token, "c")
    assert deadline == created + 3_600_000
    check(look, session.token, deadline)
    look.age(session.token, 300_000)
    aged = look.number(session.token, "l")

    act(session)

    check(look, session.token, deadline)
    idle_again = IDLE - look.pttl(look.key(session.token)) < 60_000
    is_seen = look.number(session.token, "l") >= aged + 300_000
    assert idle_again == is_seen == (act is not _look)


@named([*WRITES, _load])
def test_i05_i06_no_operation_lets_it_live_longer_than_its_deadline(
    new_sessions: NewSessions, look: Looker, act: Callable[[Session], Any]
) -> None:
    store = new_sessions(idle_ttl="10m", absolute_ttl="1h")
    session = Session(store, store.create({"n": 0}))
    deadline = look.now_ms() + 100_000
    look.admin.hset(look.key(session.token), "x", deadline)  # as if it had begun nearly an hour ago
    look.admin.pexpire(look.key(session.token), 100_000)
    look.age(session.token, 70_000)

    act(session)

    check(look, session.token, deadline)
    assert look.pttl(look.key(session.token)) > 50_000


@named([*WRITES, _load])
def test_i05_a_ttl_that_was_lost_is_given_back(
    new_sessions: NewSessions, look: Looker, act: Callable[[Session], Any]
) -> None:
    store = new_sessions(idle_ttl="10m", absolute_ttl="1h")
    session = Session(store, store.create({"n": 0}))
    deadline = look.number(session.token, "x")
    look.age(session.token, 70_000)  # a read gives it back with a touch, so once that is due
    look.admin.persist(look.key(session.token))

    act(session)

    check(look, session.token, deadline)


def test_i05_older_sessions_keep_the_idle_time_they_were_given(
    new_sessions: NewSessions, look: Looker
) -> None:
    token = new_sessions(idle_ttl="10m", absolute_ttl="1h").create({})
    deadline = look.number(token, "x")
    look.age(token, 300_000)

    new_sessions(idle_ttl="20m", absolute_ttl="2h").save(token, SessionPatch(sets={"n": 1}))

    check(look, token, deadline)
    assert look.number(token, "i") == IDLE


def test_i05_a_session_that_is_not_used_ends(new_sessions: NewSessions, look: Looker) -> None:
    store = new_sessions(idle_ttl="60ms", absolute_ttl="1h")
    token = store.create({"n": 1})

    until(lambda: look.keys() == [], "it has ended")

    assert store.load(token) is None
    with pytest.raises(SessionLostError):
        store.save(token, SessionPatch(sets={"n": 2}))
    assert look.keys() == []


def test_i06_a_session_that_is_used_all_the_time_ends_with_its_deadline(
    new_sessions: NewSessions, look: Looker
) -> None:
    store = new_sessions(idle_ttl="150ms", absolute_ttl="150ms", touch_interval="5ms")
    token = store.create({"n": 0})
    deadline = look.number(token, "x")
    seen = []

    for number in range(100_000):
        if store.load(token) is None:
            break
        seen.append(look.now_ms())
        try:
            store.save(token, SessionPatch(sets={"n": number}))
        except SessionLostError:
            break

    assert seen
    assert deadline <= look.now_ms() < deadline + 5_000
    assert store.load(token) is None
    assert look.keys() == []


@pytest.mark.slow
def test_i05_a_session_that_is_used_lives_on(new_sessions: NewSessions, look: Looker) -> None:
    store = new_sessions(idle_ttl="2s", absolute_ttl="1h", touch_interval="10ms")
    token = store.create({"n": 0})
    over = look.now_ms() + 2_500

    while look.now_ms() < over:
        assert store.load(token) is not None


def test_i05_a_session_that_was_seen_in_the_future_is_seen_now(
    new_sessions: NewSessions, look: Looker
) -> None:
    store = new_sessions(idle_ttl="10m", touch_interval="1m")
    token = store.create({"n": 0})
    look.admin.hincrby(look.key(token), "l", 100_000)  # as if the server's clock had been set back
    look.admin.persist(look.key(token))

    assert store.load(token) is not None

    assert look.number(token, "l") <= look.now_ms()
    assert 0 < look.pttl(look.key(token)) <= IDLE


@pytest.mark.parametrize("idle", [59_000, 61_000], ids=str)
def test_i05_a_read_prolongs_it_about_once_a_minute(
    new_sessions: NewSessions, look: Looker, idle: int
) -> None:
    store = new_sessions(idle_ttl="10m", touch_interval="1m")
    token = store.create({"n": 0})
    look.age(token, idle)
    seen = look.number(token, "l")

    for _ in range(2):
        store.load(token)

    is_due = idle > 60_000
    assert (look.number(token, "l") > seen) == is_due
    assert (look.pttl(look.key(token)) > IDLE - 30_000) == is_due
