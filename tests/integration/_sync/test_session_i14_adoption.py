# Generated from ../_async/test_session_i14_adoption.py by .ci/unasync.py; do not edit.
"""I14: a token that nobody was given is never adopted, well-formed as it may be."""

from __future__ import annotations

import pytest

from modkit_redis.contract import SessionLostError, SessionPatch, SessionToken
from modkit_redis.session.tokens import new_token, next_token
from tests.sessions import Looker, NewSessions, Told, not_of_a_naive_store


@not_of_a_naive_store
def test_i14_a_session_that_begins_with_an_unknown_token_gets_another(
    new_sessions: NewSessions, look: Looker
) -> None:
    store, chosen = new_sessions(), new_token()

    with store.open(chosen) as session:
        assert session.token != chosen
        session["n"] = 1

    assert session.token is not None
    assert session.token.handle != chosen.handle
    assert store.load(chosen) is None
    assert look.keys() != [look.key(chosen)]


def test_i14_an_unknown_token_opens_nothing_and_makes_nothing(
    new_sessions: NewSessions, look: Looker
) -> None:
    told = Told()
    store, chosen = new_sessions(events=told), new_token()

    assert store.load(chosen) is None
    with store.open(chosen) as session:
        assert (session.token, session.info, dict(session)) == (None, None, {})
    store.destroy(chosen)
    for rotate in (False, True):
        with pytest.raises(SessionLostError, match="it has ended"):
            store.save(chosen, SessionPatch(sets={"n": 1}), rotate=rotate)
    with pytest.raises(SessionLostError):
        store.bind(chosen, "anna")

    assert look.keys() == []
    assert look.index("anna") == []
    assert set(told.kinds()) == {"rejected", "lost"}


def test_i14_whoever_knows_the_handle_alone_gets_nowhere(new_sessions: NewSessions, look: Looker) -> None:
    told = Told()
    store = new_sessions(events=told)
    token = store.create({"n": 1})
    look.age(token, 70_000)  # a touch would be due
    before, pttl = look.fields(token), look.pttl(look.key(token))
    told.clear()

    for guess in (next_token(token.handle), SessionToken(token[:-1] + ("A" if token[-1] != "A" else "B"))):
        assert store.load(guess) is None
        with store.open(guess) as session:
            session["m"] = 1
        assert session.token is not None
        assert session.token.handle != token.handle
        store.destroy(session.token)
        store.destroy(guess)
        for rotate in (False, True):
            with pytest.raises(SessionLostError):
                store.save(guess, SessionPatch(sets={"n": 2}, takes=["n3"]), rotate=rotate)

    assert look.keys() == [look.key(token)]
    assert look.fields(token) == before
    assert look.pttl(look.key(token)) <= pttl
    assert "reuse" not in told.kinds()


def test_i14_the_verifier_that_redis_holds_is_no_token(new_sessions: NewSessions, look: Looker) -> None:
    store = new_sessions()
    token = store.create({"n": 1})
    verifier = look.fields(token)["h"]

    assert len(verifier) == 32
    assert token.partition(".")[2].encode() not in b"".join(look.fields(token).values())
    for secret in (verifier.hex()[:43], verifier.hex()[-43:]):
        assert store.load(f"{token.handle}.{secret}") is None
