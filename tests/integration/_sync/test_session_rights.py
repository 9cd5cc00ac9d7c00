# Generated from ../_async/test_session_rights.py by .ci/unasync.py; do not edit.
"""What a user must be allowed for sessions is what the check asks for: no more, no less."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import redis

from modkit_redis import RedisBundle
from modkit_redis.check.rights import BASE, named, needed
from modkit_redis.contract import CommandRefusedError, SessionPatch, SessionStore
from modkit_redis.testing import EmbeddedServer
from tests.checking import SECRET, Check
from tests.session_stores import Traces
from tests.support import stock_client, wait_until

RIGHTS = {part: [named(each) for each in commands] for part, commands in needed("shop", 0).items()}
ASKING = ["acl|whoami", "acl|dryrun"]  # for the check alone


@contextmanager
def noted(reasons: set[str]) -> Iterator[None]:
    try:
        yield
    except CommandRefusedError as error:
        reasons.add(error.reason)


def change(store: SessionStore, token: str) -> None:
    with store.open(token) as session:
        session["d"] = 4
        del session["b"]


def refused(store: SessionStore, ready: SessionStore, admin: redis.Redis) -> set[str]:
    """Use all that *store* can do, and return why it was refused, if it was; *ready* is refused nothing."""
    reasons: set[str] = set()
    traces = Traces(admin, "shop")
    token = ready.create({"a": 1, "b": 2, "c": 3})
    with noted(reasons):
        store.create({"a": 1})
    wait_until(lambda: admin.pttl(traces.name(token.handle)) < 59_995, "a touch is due")
    with noted(reasons):
        store.load(token)
    with noted(reasons):
        change(store, token)
    with noted(reasons):
        patch = SessionPatch(sets={"a": 2}, deletes=["c"], takes=["d"])
        token = (store.save(token, patch, rotate=True, grace=60)).token
    with noted(reasons):
        store.peek(token.handle)
    for _ in range(2):  # one more than is allowed
        with noted(reasons):
            store.bind(ready.create({}), "ann")
    with noted(reasons):
        store.sessions_of("ann")
    with noted(reasons):
        store.drain("ann", keep=next(iter(traces.listed("ann")), None))
    with noted(reasons):
        store.revoke_all("ann")
    with noted(reasons):
        store.revoke(token.handle)
    with noted(reasons):
        store.destroy(ready.create({}))
    return reasons


@pytest.fixture
def admin(private_server: EmbeddedServer) -> Iterator[redis.Redis]:
    with stock_client(private_server.addr) as admin:
        yield admin


Sign = Callable[..., SessionStore]


@pytest.fixture
def signed_in(private_server: EmbeddedServer, admin: redis.Redis) -> Iterator[Sign]:
    """Return the store of a user who may run some commands on the keys of sessions, and nothing else."""
    bundles: list[RedisBundle] = []

    def sign_in(name: str, commands: list[str]) -> SessionStore:
        admin.acl_setuser(
            name,
            enabled=True,
            reset=True,
            passwords=[f"+{SECRET}"],
            commands=[f"+{each}" for each in commands],
            keys=["shop:session:*"],
        )
        session = {"idle_ttl": "1m", "absolute_ttl": "1h", "touch_interval": "5ms", "per_user_max": 1}
        bundles.append(
            RedisBundle(
                config={
                    "addr": private_server.addr,
                    "username": name,
                    "password": SECRET,
                    "key_prefix": "shop",
                    "session": session,
                }
            )
        )
        store: SessionStore = bundles[-1].session.store()
        return store

    yield sign_in
    for bundle in bundles:
        bundle.shutdown_resources()


def test_the_rights_that_the_check_asks_for_are_enough(signed_in: Sign, admin: redis.Redis) -> None:
    store = signed_in("app", RIGHTS[BASE] + RIGHTS["session"])

    assert refused(store, store, admin) == set()


@pytest.mark.parametrize("right", RIGHTS["session"])
def test_each_of_them_is_needed_and_missed_by_the_check(
    signed_in: Sign, admin: redis.Redis, check: Check, private_server: EmbeddedServer, right: str
) -> None:
    others = [each for each in RIGHTS["session"] if each != right]
    ready = signed_in("ready", RIGHTS[BASE] + RIGHTS["session"])
    store = signed_in("app", RIGHTS[BASE] + others + ASKING)
    if right == "eval":
        ready = signed_in("all", ["@all"])
        admin.script_flush()  # or nobody needs it

    assert refused(store, ready, admin) == {"noperm"}
    settings = {"addr": private_server.addr, "username": "app", "password": SECRET, "key_prefix": "shop"}
    assert check("--json", **settings).json["acl"]["missing"]["session"] == [right]
