"""The rate limiter as a part of the bundle: its token, settings, overriding and end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from dependency_injector import containers

from modkit_redis import BundleSettings, RateLimitSettings, RedisSettings, mount, wire_strict
from modkit_redis.contract import (
    TOKEN_RATELIMIT_STORE,
    ConfigError,
    Limit,
    LimitExceededError,
    NotExportedError,
    Slots,
    StoreUnavailableError,
    named_tokens,
)
from tests.capability import SYNC, World, application, exactly, in_both_worlds, settled
from tests.stand_ins import AsyncDictLimiter, DictLimiter
from tests.support import connections_named, feature

FEATURE = """
@inject
def f(store=Provide[token], other=Provide[other]): return store, other
"""
ONE = "@inject\ndef f(store=Provide[token]): return store"


@pytest.fixture
def limits(environment: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Settings of two instances that have a limit as well."""
    for name, limit in {"": "7/hour", "ANALYTICS_": "3/hour"}.items():
        environment.setenv(f"REDIS_{name}RATELIMIT_LIMIT", limit)
    return environment


async def left(store: Any, subject: str = "ada") -> int:
    """Return how much of the limit of *store* is left after a hit."""
    remaining = (await settled(store.hit(subject))).remaining
    assert isinstance(remaining, int)
    return remaining


@asynccontextmanager
async def entered(context: Any) -> AsyncIterator[Any]:
    """Enter a context as its world does."""
    if isinstance(context, AbstractAsyncContextManager):
        async with context as value:
            yield value
    else:
        with context as value:
            yield value


@in_both_worlds
async def test_its_token_gives_the_store_of_each_instance(
    world: World, limits: pytest.MonkeyPatch, admin: redis.Redis, prefix: str
) -> None:
    app = application(world.bundle.named("analytics"))
    module = feature(FEATURE, token=TOKEN_RATELIMIT_STORE, other=named_tokens("analytics").ratelimit_store)
    wire_strict(app, modules=[module])

    store, other = module.f()

    assert store is app.redis.ratelimit.store() is not other
    assert other is app.redis.analytics.ratelimit.store()
    assert (await left(store), await left(other)) == (6, 2)
    assert admin.exists(f"{prefix}:ratelimit:g:default:{{ada}}")
    assert admin.exists(f"{prefix}-analytics:ratelimit:g:default:{{ada}}")
    app.unwire()
    await settled(app.shutdown_resources())


CONFIGS: Mapping[str, Callable[[str, str], Any]] = {
    "mapping": lambda addr, prefix: {
        "addr": addr,
        "key_prefix": prefix,
        "ratelimit": {"limit": "9/hour"},
        "named": {
            "analytics": {"addr": addr, "key_prefix": f"{prefix}-analytics", "ratelimit": {"limit": "4/hour"}}
        },
    },
    "objects": lambda addr, prefix: BundleSettings(
        RedisSettings(addr=addr, key_prefix=prefix),
        ratelimit=RateLimitSettings(limit=(Limit(9, timedelta(hours=1)),)),
        named={
            "analytics": BundleSettings(
                RedisSettings(addr=addr, key_prefix=f"{prefix}-analytics"),
                ratelimit=RateLimitSettings.from_mapping({"limit": "4/hour"}),
            )
        },
    ),
    "mapping of objects": lambda addr, prefix: {
        "addr": addr,
        "key_prefix": prefix,
        "ratelimit": RateLimitSettings.from_mapping({"limit": Limit(9, timedelta(hours=1))}),
        "named": {
            "analytics": BundleSettings(
                RedisSettings(addr=addr, key_prefix=f"{prefix}-analytics"),
                ratelimit=RateLimitSettings.from_mapping({"limit": "4/hour"}),
            )
        },
    },
}


@pytest.mark.parametrize("config", CONFIGS)
@in_both_worlds
async def test_its_settings_are_a_section(
    world: World, config: str, addr: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_RATELIMIT_LIMIT", "1/hour")  # not read: a configuration is given
    app = application(world.bundle.named("analytics"), config=CONFIGS[config](addr, prefix))

    store, other = app.redis.ratelimit.store(), app.redis.analytics.ratelimit.store()

    assert (await left(store), await left(other)) == (8, 3)
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_its_settings_may_be_in_an_env_file(
    world: World, addr: str, prefix: str, tmp_path: Path
) -> None:
    file = tmp_path / "settings.env"
    file.write_text(
        f"REDIS_ADDR={addr}\nREDIS_KEY_PREFIX={prefix}\n"
        "REDIS_RATELIMIT_LIMIT=second=50/second, hour=20/hour\n"
    )
    app = application(world.bundle, env_file=file)

    assert await left(app.redis.ratelimit.store()) == 19
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_it_needs_no_setting_of_its_own_where_each_call_names_a_limit(
    world: World, environment: pytest.MonkeyPatch
) -> None:
    app = application(world.bundle)
    store = app.redis.ratelimit.store()

    decision = await settled(store.hit("ada", limit="login=5/minute"))

    assert decision.remaining == 4
    await settled(app.shutdown_resources())


MISSING: Mapping[str, Callable[[str, str], Any]] = {
    "no section": lambda addr, prefix: {"addr": addr, "key_prefix": prefix},
    "None": lambda addr, prefix: {"addr": addr, "key_prefix": prefix, "ratelimit": None},
    "an empty section": lambda addr, prefix: {"addr": addr, "key_prefix": prefix, "ratelimit": {}},
    "objects": lambda addr, prefix: BundleSettings(RedisSettings(addr=addr, key_prefix=prefix)),
    "the client's settings": lambda addr, prefix: RedisSettings(addr=addr, key_prefix=prefix),
}


@pytest.mark.parametrize("config", MISSING)
@in_both_worlds
async def test_a_section_that_is_missing_leaves_each_setting_its_default(
    world: World, config: str, addr: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_RATELIMIT_LIMIT", "1/hour")  # not read: a configuration is given
    app = application(world.bundle, config=MISSING[config](addr, prefix))
    await settled(app.init_resources())
    store = app.redis.ratelimit.store()

    decision = await settled(store.hit("ada", limit="login=5/minute"))
    with pytest.raises(ConfigError, match="REDIS_RATELIMIT_LIMIT is not set, and the call names no limit"):
        await settled(store.hit("ada"))

    assert (decision.allowed, decision.remaining) == (True, 4)
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_a_hit_without_any_limit_is_an_error_that_names_the_setting(
    world: World, environment: pytest.MonkeyPatch
) -> None:
    app = application(world.bundle)

    with pytest.raises(ConfigError) as caught:
        await settled(app.redis.ratelimit.store().hit("ada"))

    assert caught.value.setting == "REDIS_RATELIMIT_LIMIT"
    await settled(app.shutdown_resources())


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (
            {"addr": "h:1", "ratelimit": "5/minute"},
            "redis.ratelimit must be a mapping or a RateLimitSettings",
        ),
        (
            {"addr": "h:1", "ratelimit": {"limits": "5/minute"}},
            "redis.ratelimit.limits is no setting: did you mean redis.ratelimit.limit?",
        ),
        (
            {"addr": "h:1", "ratelimit": {"limit": "5/fortnight"}},
            "redis.ratelimit.limit must be written like '100/minute'",
        ),
        (
            {"addr": "h:1", "ratelimit": {"on_outage": "local"}},
            "redis.ratelimit.replicas goes with redis.ratelimit.on_outage=local: set both or neither",
        ),
    ],
)
@in_both_worlds
def test_what_is_wrong_with_its_section_is_told_when_it_is_used_and_not_before(
    world: World, config: Any, problem: str, limits: pytest.MonkeyPatch
) -> None:
    app = application(world.bundle, config=config)
    app.redis.client()

    with pytest.raises(ConfigError) as caught:
        app.redis.ratelimit.store()

    assert str(caught.value).startswith(problem)


@in_both_worlds
def test_a_section_of_a_named_instance_is_called_by_its_name(world: World) -> None:
    section = {"limit": "often", "deny_cache": -1}
    config = {"addr": "h:1", "named": {"analytics": {"addr": "h:1", "ratelimit": section}}}
    redis = application(world.bundle.named("analytics"), config=config).redis

    with pytest.raises(ConfigError) as caught:
        redis.analytics.ratelimit.store()

    assert [each.setting for each in caught.value.problems] == [
        f"redis.analytics.ratelimit.{each}" for each in ("limit", "deny_cache")
    ]


@in_both_worlds
async def test_a_subject_of_one_instance_is_another_one_elsewhere(
    world: World, limits: pytest.MonkeyPatch
) -> None:
    app = application(world.bundle.named("analytics"))
    for _ in range(7):
        await left(app.redis.ratelimit.store())

    refused = await settled(app.redis.ratelimit.store().hit("ada"))

    assert not refused
    assert await left(app.redis.analytics.ratelimit.store()) == 2
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_the_module_may_be_mounted_by_hand(world: World, environment: pytest.MonkeyPatch) -> None:
    class Redis(containers.DeclarativeContainer):
        base: Any = mount(world.module)
        client, key_prefix = base.client, base.key_prefix
        ratelimit: Any = mount(world.ratelimit, redis=base, config={"limit": "9/hour"})

    app = application(Redis)
    module = feature(ONE, token=TOKEN_RATELIMIT_STORE)
    wire_strict(app, modules=[module])

    store = module.f()

    assert store is app.redis.ratelimit.store()
    assert await left(store) == 8
    app.unwire()
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_a_module_that_is_mounted_by_hand_reads_the_environment(
    world: World, limits: pytest.MonkeyPatch
) -> None:
    class Redis(containers.DeclarativeContainer):
        base: Any = mount(world.module, name="analytics")
        ratelimit: Any = mount(world.ratelimit, redis=base, name="analytics")

    app = application(Redis)

    assert await left(app.redis.ratelimit.store()) == 2
    await settled(app.shutdown_resources())


@in_both_worlds
def test_it_shows_its_store_and_nothing_else(world: World, limits: pytest.MonkeyPatch) -> None:
    ratelimit = application(world.bundle).redis.ratelimit

    for door in (ratelimit, ratelimit(), ratelimit.container):
        assert set(door.providers) == {"store"}
        for hidden in ("redis", "_redis", "_settings", "settings", "client"):
            with pytest.raises(NotExportedError, match=" exports: store; inputs: redis, config, name, "):
                getattr(door, hidden)


@in_both_worlds
def test_a_bundle_may_keep_it_to_itself(world: World) -> None:
    bundle: Any = type("Mine", (world.bundle,), {"exports": ("client", "key_prefix", "cache")})

    redis = application(bundle).redis

    assert set(redis.providers) == {"client", "key_prefix", "cache"}
    assert not hasattr(redis, "ratelimit")


@in_both_worlds
async def test_there_is_one_store_for_each_client_and_prefix(
    world: World, limits: pytest.MonkeyPatch, addr: str
) -> None:
    app = application(world.bundle)
    store, mine = app.redis.ratelimit.store(), world.stock_client(addr)

    with app.redis.client.override(mine):
        of_mine = {app.redis.ratelimit.store() for _ in range(3)}
        with app.redis.key_prefix.override("other"):
            of_both = app.redis.ratelimit.store()

    assert len({store, of_both, *of_mine}) == 3
    assert app.redis.ratelimit.store() is store
    await settled(app.shutdown_resources())
    assert app.redis.ratelimit.store() is not store
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_a_client_of_ones_own_and_another_prefix_are_used(
    world: World, limits: pytest.MonkeyPatch, addr: str, prefix: str, admin: redis.Redis
) -> None:
    limits.setenv("REDIS_ADDR", "nowhere.invalid:1")
    app, mine = application(world.bundle), world.stock_client(addr)

    with app.redis.client.override(mine), app.redis.key_prefix.override(f"{prefix}-other"):
        decision = await settled(app.redis.ratelimit.store().hit("ada"))

    assert decision and not decision.degraded
    assert admin.exists(f"{prefix}-other:ratelimit:g:default:{{ada}}")
    await settled(app.shutdown_resources())
    await settled(mine.aclose() if world is not SYNC else mine.close())


@in_both_worlds
async def test_a_counter_may_stand_in_for_it(world: World, limits: pytest.MonkeyPatch) -> None:
    app, stand_in = (
        application(world.bundle),
        DictLimiter("1/day") if world is SYNC else AsyncDictLimiter("1/day"),
    )
    module = feature(ONE, token=TOKEN_RATELIMIT_STORE)
    wire_strict(app, modules=[module])

    with app.redis.ratelimit.store.override(stand_in):
        overridden = [bool(await settled(module.f().hit("ada"))) for _ in range(2)]

    assert overridden == [True, False]
    assert await left(module.f()) == 6
    app.unwire()
    await settled(app.shutdown_resources())


@pytest.mark.parametrize("kind", ["real", "stand-in"])
@in_both_worlds
async def test_an_application_cannot_tell_a_stand_in_from_the_store(
    world: World, kind: str, limits: pytest.MonkeyPatch
) -> None:
    app = application(world.bundle)
    stand_in = DictLimiter("7/hour") if world is SYNC else AsyncDictLimiter("7/hour")
    store: Any = app.redis.ratelimit.store() if kind == "real" else stand_in
    told: list[object] = []

    for cost in (0, 1, 3, 4, 8):
        decision = await settled(store.hit("ada", cost=cost))
        told += [(decision.allowed, decision.remaining, decision.refused_by, decision.degraded)]
    told += [bool(await settled(store.peek("ada", cost=each))) for each in (3, 4)]
    told += [bool(await settled(store.hit("bob", limit="a=1/hour, b=2/hour"))) for _ in range(2)]
    charged = await settled(store.acquire("ada", timeout=0.01, cost=2))
    await settled(store.refund(charged))
    told += [(await settled(store.peek("ada"))).remaining]
    async with entered(store.reserve("ada", cost=1)) as reservation:
        told += [reservation.decision.allowed]
        await settled(reservation.settle(3))
    told += [(await settled(store.peek("ada"))).remaining]
    with pytest.raises(LimitExceededError):
        async with entered(store.reserve("ada")):
            pytest.fail("it is used up")
    await settled(store.reset("ada"))
    told += [(await settled(store.peek("ada"))).remaining]
    async with entered(store.hold("ada", Slots(1, "jobs"))) as held:
        told += [(held.allowed, held.remaining)]
        with pytest.raises(LimitExceededError, match="refused by the limit jobs"):
            async with entered(store.hold("ada", Slots(1, "jobs"))):
                pytest.fail("it is taken")
    async with entered(store.hold("ada", Slots(1, "jobs"))) as held:
        told += [held.allowed]

    assert told == [
        (True, 7, (), False),
        (True, 6, (), False),
        (True, 3, (), False),
        (False, 3, ("default",), False),
        (False, 3, ("default",), False),
        *(True, False),
        *(True, False),
        3,
        True,
        0,
        7,
        (True, 0),
        True,
    ]
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_after_a_shutdown_a_store_that_was_kept_says_that_its_client_is_closed(
    world: World, limits: pytest.MonkeyPatch
) -> None:
    app = application(world.bundle)
    store = app.redis.ratelimit.store()
    await left(store)
    await settled(app.shutdown_resources())

    with pytest.raises(StoreUnavailableError) as caught:
        await settled(store.hit("ada"))

    assert caught.value.reason == "closed"
    assert await left(app.redis.ratelimit.store()) == 5
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_a_shutdown_leaves_no_connection(
    world: World, limits: pytest.MonkeyPatch, admin: redis.Redis, prefix: str
) -> None:
    limits.setenv("REDIS_CLIENT_NAME", prefix)
    app = application(world.bundle)
    async with entered(app.redis.ratelimit.store().hold("ada", Slots(1, "jobs"))):
        open_before = connections_named(admin, prefix)

    await settled(app.shutdown_resources())

    assert open_before == 1
    assert connections_named(admin, prefix) == 0


@in_both_worlds
def test_mounting_it_sends_nothing(
    world: World, limits: pytest.MonkeyPatch, admin: redis.Redis, prefix: str
) -> None:
    limits.setenv("REDIS_CLIENT_NAME", prefix)

    application(world.bundle).redis.ratelimit.store()

    assert connections_named(admin, prefix) == 0


@in_both_worlds
async def test_a_wrong_limit_of_a_call_is_refused_before_anything_is_sent(
    world: World, limits: pytest.MonkeyPatch, admin: redis.Redis, prefix: str
) -> None:
    limits.setenv("REDIS_CLIENT_NAME", prefix)
    store = application(world.bundle).redis.ratelimit.store()

    with pytest.raises(ValueError, match=exactly("cost must be a whole number from 0 to 2147483648")):
        await settled(store.hit("ada", cost=-1))
    with pytest.raises(ValueError, match=r"^limit must be written like "):
        await settled(store.hit("ada", limit="often"))

    assert connections_named(admin, prefix) == 0


def test_the_settings_of_a_bundle_have_none_of_rate_limits_unless_they_are_given() -> None:
    redis_settings = RedisSettings(addr="h:1")

    assert BundleSettings(redis_settings).ratelimit is None
    assert BundleSettings(redis_settings, None, None, RateLimitSettings()).ratelimit is not None
