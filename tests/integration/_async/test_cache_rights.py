"""What a user must be allowed for the cache is what the check asks for: no more, no less."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import pytest
import redis

from modkit_redis import AsyncRedisBundle
from modkit_redis.check.rights import BASE, named, needed
from modkit_redis.contract import NO_EXPIRY, AsyncCacheStore, CommandRefusedError, Lifetime
from modkit_redis.testing import EmbeddedServer
from tests.checking import SECRET, Check
from tests.support import stock_client, wait_until

RIGHTS = {part: [named(each) for each in commands] for part, commands in needed("shop", 0).items()}
ASKING = ["acl|whoami", "acl|dryrun"]  # for the check alone


class Load:
    """A loader that gives a number, or fails."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails

    async def __call__(self) -> int:
        if self.fails:
            raise OSError("the source is gone")
        return 1


async def refused(store: AsyncCacheStore, admin: redis.Redis, lasting: Lifetime = NO_EXPIRY) -> set[str]:
    """Use all that *store* can do, and return why it was refused, if it was."""
    reasons: set[str] = set()
    with noted(reasons):
        await store.get("none")
    with noted(reasons):
        await store.get_or_set("none", Load())
    with noted(reasons):
        await store.set("a", 1)
    with noted(reasons):
        await store.set("a", 2, only_if="present")
    with noted(reasons):
        await store.set("old", 1, ttl=0.001)
    with noted(reasons):
        await store.set_many({"b": 1, "c": 2})
    with noted(reasons):
        await store.get("a")
    with noted(reasons):
        await store.get_many(["a", "b"])
    with noted(reasons):
        await store.ttl("a")
    with noted(reasons):
        await store.touch("a", ttl=1)
    with noted(reasons):
        await store.touch("a", ttl=lasting)
    expired(admin, "shop:cache:old")
    with noted(reasons):
        await store.get_or_set("old", Load(fails=True))
    with noted(reasons):
        await store.delete("a")
    with noted(reasons):
        await store.clear()
    return reasons


@contextmanager
def noted(reasons: set[str]) -> Iterator[None]:
    try:
        yield
    except CommandRefusedError as error:
        reasons.add(error.reason)


def expired(admin: redis.Redis, name: str) -> None:
    wait_until(lambda: admin.pttl(name) <= 60_000, "what is left is the time for which it is kept as old")


@pytest.fixture
def admin(private_server: EmbeddedServer) -> Iterator[redis.Redis]:
    with stock_client(private_server.addr) as admin:
        yield admin


Sign = Callable[..., AsyncRedisBundle]


@pytest.fixture
async def signed_in(private_server: EmbeddedServer, admin: redis.Redis) -> AsyncIterator[Sign]:
    """Return a bundle whose user may run some commands on the keys of the cache, and nothing else."""
    bundles: list[AsyncRedisBundle] = []

    def sign_in(commands: list[str], **cache: object) -> AsyncRedisBundle:
        admin.acl_setuser(
            "app",
            enabled=True,
            reset=True,
            passwords=[f"+{SECRET}"],
            commands=[f"+{each}" for each in commands],
            keys=["shop:cache:*"],
        )
        bundles.append(
            AsyncRedisBundle(
                config={
                    "addr": private_server.addr,
                    "username": "app",
                    "password": SECRET,
                    "key_prefix": "shop",
                    "cache": {"default_ttl": "1m", **cache},
                }
            )
        )
        return bundles[-1]

    yield sign_in
    for bundle in bundles:
        await bundle.shutdown_resources()


async def test_the_rights_that_the_check_asks_for_are_enough(signed_in: Sign, admin: redis.Redis) -> None:
    bundle = signed_in(RIGHTS[BASE] + RIGHTS["cache"], stale_if_error="1m")

    assert await refused(bundle.cache.store(), admin) == set()


async def test_they_are_enough_with_generations_too(signed_in: Sign, admin: redis.Redis) -> None:
    bundle = signed_in(RIGHTS[BASE] + RIGHTS["cache"], stale_if_error="1m", generations="true")

    assert await refused(bundle.cache.store(), admin, lasting=60) == set()


@pytest.mark.parametrize("right", RIGHTS["cache"])
async def test_each_of_them_is_needed_and_missed_by_the_check(
    signed_in: Sign, admin: redis.Redis, check: Check, private_server: EmbeddedServer, right: str
) -> None:
    others = [each for each in RIGHTS["cache"] if each != right]
    admin.script_flush()  # or nobody needs EVAL

    bundle = signed_in(RIGHTS[BASE] + others + ASKING, stale_if_error="1m")

    assert await refused(bundle.cache.store(), admin) == {"noperm"}
    settings = {"addr": private_server.addr, "username": "app", "password": SECRET, "key_prefix": "shop"}
    assert check("--json", **settings).json["acl"]["missing"]["cache"] == [right]
