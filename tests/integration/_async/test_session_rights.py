"""What a user must be allowed for sessions is what the check asks for: no more, no less."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import pytest
import redis

from modkit_redis import AsyncRedisBundle
from modkit_redis.check.rights import BASE, named, needed
from modkit_redis.contract import AsyncSessionStore, CommandRefusedError, SessionPatch
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


async def change(store: AsyncSessionStore, token: str) -> None:
    async with store.open(token) as session:
        session["d"] = 4
        del session["b"]


async def refused(store: AsyncSessionStore, ready: AsyncSessionStore, admin: redis.Redis) -> set[str]:
    """Use all that *store* can do, and return why it was refused, if it was; *ready* is refused nothing."""
    reasons: set[str] = set()
    traces = Traces(admin, "shop")
    token = await ready.create({"a": 1, "b": 2, "c": 3})
    with noted(reasons):
        await store.create({"a": 1})
    wait_until(lambda: admin.pttl(traces.name(token.handle)) < 59_995, "a touch is due")
    with noted(reasons):
        await store.load(token)
    with noted(reasons):
        await change(store, token)
    with noted(reasons):
        patch = SessionPatch(sets={"a": 2}, deletes=["c"], takes=["d"])
        token = (await store.save(token, patch, rotate=True, grace=60)).token
    with noted(reasons):
        await store.peek(token.handle)
    for _ in range(2):  # one more than is allowed
        with noted(reasons):
            await store.bind(await ready.create({}), "ann")
    with noted(reasons):
        await store.sessions_of("ann")
    with noted(reasons):
        await store.drain("ann", keep=next(iter(traces.listed("ann")), None))
    with noted(reasons):
        await store.revoke_all("ann")
    with noted(reasons):
        await store.revoke(token.handle)
    with noted(reasons):
        await store.destroy(await ready.create({}))
    return reasons


@pytest.fixture
def admin(private_server: EmbeddedServer) -> Iterator[redis.Redis]:
    with stock_client(private_server.addr) as admin:
        yield admin


Sign = Callable[..., AsyncSessionStore]


@pytest.fixture
async def signed_in(private_server: EmbeddedServer, admin: redis.Redis) -> AsyncIterator[Sign]:
    """Return the store of a user who may run some commands on the keys of sessions, and nothing else."""
    bundles: list[AsyncRedisBundle] = []

    def sign_in(name: str, commands: list[str]) -> AsyncSessionStore:
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
            AsyncRedisBundle(
                config={
                    "addr": private_server.addr,
                    "username": name,
                    "password": SECRET,
                    "key_prefix": "shop",
                    "session": session,
                }
            )
        )
        store: AsyncSessionStore = bundles[-1].session.store()
        return store

    yield sign_in
    for bundle in bundles:
        await bundle.shutdown_resources()


async def test_the_rights_that_the_check_asks_for_are_enough(signed_in: Sign, admin: redis.Redis) -> None:
    store = signed_in("app", RIGHTS[BASE] + RIGHTS["session"])

    assert await refused(store, store, admin) == set()


@pytest.mark.parametrize("right", RIGHTS["session"])
async def test_each_of_them_is_needed_and_missed_by_the_check(
    signed_in: Sign, admin: redis.Redis, check: Check, private_server: EmbeddedServer, right: str
) -> None:
    others = [each for each in RIGHTS["session"] if each != right]
    ready = signed_in("ready", RIGHTS[BASE] + RIGHTS["session"])
    store = signed_in("app", RIGHTS[BASE] + others + ASKING)
    if right == "eval":
        ready = signed_in("all", ["@all"])
        admin.script_flush()  # or nobody needs it

    assert await refused(store, ready, admin) == {"noperm"}
    settings = {"addr": private_server.addr, "username": "app", "password": SECRET, "key_prefix": "shop"}
    assert check("--json", **settings).json["acl"]["missing"]["session"] == [right]
