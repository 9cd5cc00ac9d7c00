"""The run's own look for secrets finds them where they are."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import redis

from modkit_redis.contract import SessionToken
from modkit_redis.session.tokens import new_token
from tests.issued import Listener, secrets_below, secrets_in


def secret_of(token: SessionToken) -> str:
    return token.partition(".")[2]


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener, log = Listener(), logging.getLogger("issued-by-a-test")
    log.addHandler(listener)
    log.propagate = False
    yield listener
    log.removeHandler(listener)


def test_a_secret_is_found_inside_other_text() -> None:
    token = new_token()

    assert secrets_in(f"x{secret_of(token)}y", str(token).encode()) == [secret_of(token)] * 2


def test_a_secret_that_was_never_issued_is_none() -> None:
    assert secrets_in("A" * 43, new_token().handle, repr(new_token())) == []


@pytest.mark.parametrize("where", ["value", "field", "string", "key", "member"])
def test_a_secret_is_found_wherever_redis_holds_it(admin: redis.Redis, prefix: str, where: str) -> None:
    secret = secret_of(new_token())
    match where:
        case "value":
            admin.hset(f"{prefix}:a", "field", secret)
        case "field":
            admin.hset(f"{prefix}:a", secret, "value")
        case "string":
            admin.set(f"{prefix}:a", secret)
        case "key":
            admin.set(f"{prefix}:{secret}", "value")
        case _:
            admin.zadd(f"{prefix}:a", {secret: 1})

    found = secrets_below(admin, prefix)
    admin.unlink(*admin.keys(f"{prefix}*"))

    assert found == [secret]


@pytest.mark.parametrize("as_argument", [True, False])
def test_a_secret_is_heard_in_a_log(listener: Listener, as_argument: bool) -> None:
    secret, log = secret_of(new_token()), logging.getLogger("issued-by-a-test")

    log.warning(*(("told %s", secret) if as_argument else (f"told {secret}",)))
    log.warning("told nothing")

    assert len(listener.heard) == 1
