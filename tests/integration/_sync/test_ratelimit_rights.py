# Generated from ../_async/test_ratelimit_rights.py by .ci/unasync.py; do not edit.
"""What a user must be allowed for rate limits is what the check asks for: no more, no less."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import redis

from modkit_redis import RedisBundle
from modkit_redis.check.rights import BASE, named, needed
from modkit_redis.contract import CommandRefusedError, LimitExceededError, RateLimitStore, Slots
from modkit_redis.testing import EmbeddedServer
from tests.checking import SECRET, Check
from tests.support import stock_client

RIGHTS = {part: [named(each) for each in commands] for part, commands in needed("shop", 0).items()}
ASKING = ["acl|whoami", "acl|dryrun"]  # for the check alone
ONE = Slots(1, "jobs")


@contextmanager
def noted(reasons: set[str]) -> Iterator[None]:
    try:
        yield
    except CommandRefusedError as error:
        reasons.add(error.reason)
    except LimitExceededError:
        pass


def refused(store: RateLimitStore, admin: redis.Redis, logs: pytest.LogCaptureFixture) -> set[str]:
    """Use all that *store* can do, and return why it was refused, if it was."""
    reasons: set[str] = set()
    for limit in ("a=5/hour", "a=5/hour, b=6/hour"):
        with noted(reasons):
            store.hit("ann", limit=limit)
        with noted(reasons):
            store.peek("ann", limit=limit)
        with noted(reasons):
            decision = store.hit("bob", limit=limit)
            store.refund(decision)
            store.settle(decision, 3)
        with noted(reasons):
            store.reset("ann", limit=limit)
    logs.clear()
    with noted(reasons):
        with store.hold("ann", ONE):
            with noted(reasons):
                store.hold("ann", ONE).__enter__()
    if "(noperm)" in logs.text or logs.text.rstrip().endswith("noperm"):
        reasons.add("noperm")
    return reasons


@pytest.fixture
def admin(private_server: EmbeddedServer) -> Iterator[redis.Redis]:
    with stock_client(private_server.addr) as admin:
        yield admin


Sign = Callable[..., RateLimitStore]


@pytest.fixture
def signed_in(private_server: EmbeddedServer, admin: redis.Redis) -> Iterator[Sign]:
    """Return the store of a user who may run some commands on the keys of rate limits, and nothing else."""
    bundles: list[RedisBundle] = []

    def sign_in(commands: list[str]) -> RateLimitStore:
        admin.acl_setuser(
            "app",
            enabled=True,
            reset=True,
            passwords=[f"+{SECRET}"],
            commands=[f"+{each}" for each in commands],
            keys=["shop:ratelimit:*"],
        )
        bundles.append(
            RedisBundle(
                config={
                    "addr": private_server.addr,
                    "username": "app",
                    "password": SECRET,
                    "key_prefix": "shop",
                    "ratelimit": {"algorithm": "gcra"},
                }
            )
        )
        store: RateLimitStore = bundles[-1].ratelimit.store()
        return store

    yield sign_in
    for bundle in bundles:
        bundle.shutdown_resources()


def test_the_rights_that_the_check_asks_for_are_enough(
    signed_in: Sign, admin: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    store = signed_in(RIGHTS[BASE] + RIGHTS["ratelimit"])

    assert refused(store, admin, caplog) == set()
    assert admin.dbsize() > 0
    assert all(admin.pttl(key) > 0 for key in admin.scan_iter())


@pytest.mark.parametrize("right", RIGHTS["ratelimit"])
def test_each_of_them_is_needed_and_missed_by_the_check(
    signed_in: Sign,
    admin: redis.Redis,
    check: Check,
    private_server: EmbeddedServer,
    caplog: pytest.LogCaptureFixture,
    right: str,
) -> None:
    others = [each for each in RIGHTS["ratelimit"] if each != right]
    store = signed_in(RIGHTS[BASE] + others + ASKING)

    assert refused(store, admin, caplog) == {"noperm"}
    settings = {"addr": private_server.addr, "username": "app", "password": SECRET, "key_prefix": "shop"}
    assert check("--json", **settings).json["acl"]["missing"]["ratelimit"] == [right]
