"""A client that the application brings is used as it is: not pinged, not configured, not closed."""

import warnings
from typing import Any

import pytest
import redis
import redis.asyncio
import redis.asyncio.retry
import redis.backoff
import redis.retry
from dependency_injector import containers, providers

from modkit_redis import AsyncRedisBundle, AsyncRedisModule, RedisBundle, RedisModule, mount
from modkit_redis.contract import ConfigError
from tests.capability import ASYNC, SYNC, World, application, exactly, in_both_worlds, settled

each_module = pytest.mark.parametrize(
    ("module", "world"),
    [(RedisModule, SYNC), (RedisBundle, SYNC), (AsyncRedisModule, ASYNC), (AsyncRedisBundle, ASYNC)],
    ids=lambda given: getattr(given, "__name__", ""),
)


@each_module
async def test_it_needs_no_address(module: Any, world: World, closed_port: str) -> None:
    mine = world.stock_client(closed_port)
    app = application(module, client=mine)

    await settled(app.init_resources())

    assert app.redis.client() is mine


@each_module
async def test_it_is_not_pinged(
    module: Any, world: World, closed_port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_PING_TIMEOUT", "5s")
    app = application(module, client=world.stock_client(closed_port))

    await settled(app.init_resources())  # nobody listens there

    assert not app.redis.client.initialized


@each_module
async def test_it_is_not_closed(module: Any, world: World, addr: str) -> None:
    mine = world.stock_client(addr)
    app = application(module, client=mine)
    assert await settled(app.redis.client().ping())

    await settled(app.shutdown_resources())

    assert mine.connection_pool._available_connections[0].is_connected
    await settled(mine.aclose() if hasattr(mine, "aclose") else mine.close())


@each_module
async def test_a_bad_prefix_still_fails_at_start_up(
    module: Any, world: World, addr: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_KEY_PREFIX", "a b")
    app = application(module, client=world.stock_client(addr))

    with pytest.raises(ConfigError, match=r"\AREDIS_KEY_PREFIX "):
        await settled(app.init_resources())


@in_both_worlds
def test_stores_use_it(world: World, addr: str, environment: pytest.MonkeyPatch, prefix: str) -> None:
    mine = world.stock_client(addr)

    store = application(world.notes_bundle, client=mine).redis.notes.store()

    assert (store.client, store.key_prefix, store.limit) == (mine, prefix, 100)


@in_both_worlds
async def test_stores_of_it_are_closed(world: World, addr: str, environment: pytest.MonkeyPatch) -> None:
    app = application(world.notes_bundle, client=world.stock_client(addr))
    store = app.redis.notes.store()

    await settled(app.shutdown_resources())

    assert store.closed


@each_module
def test_it_may_come_from_a_provider(module: Any, world: World, addr: str) -> None:
    class App(containers.DeclarativeContainer):
        mine = providers.Singleton(world.stock_client, addr)
        redis: Any = mount(module, client=mine)

    app = App()

    assert app.redis.client() is app.mine()


@each_module
def test_it_may_be_overridden(module: Any, world: World, addr: str) -> None:
    mine, other = world.stock_client(addr), world.stock_client(addr)
    app = application(module, client=mine)

    with app.redis.client.override(other):
        during = app.redis.client()
    app.reset_override()  # natively this would cut the link

    assert (during, app.redis.client()) == (other, mine)


OF_SYNC = (
    "redis.client was given a redis.asyncio.client.Redis: use AsyncRedisModule or AsyncRedisBundle for it"
)
OF_ASYNC = "redis.client was given a redis.client.Redis: use RedisModule or RedisBundle for it"


@each_module
def test_one_of_the_other_world_is_refused(module: Any, world: World, addr: str) -> None:
    other, text = (ASYNC, OF_SYNC) if world is SYNC else (SYNC, OF_ASYNC)
    app = application(module, client=other.stock_client(addr))

    with pytest.raises(ConfigError, match=exactly(text)):
        app.redis.client()


@in_both_worlds
def test_the_refusal_names_the_instance(world: World, addr: str) -> None:
    other = ASYNC if world is SYNC else SYNC
    nested = world.bundle.instance("jobs", client=other.stock_client(addr))
    bundle: Any = type("Mine", (world.bundle,), {"jobs": nested})

    with pytest.raises(ConfigError, match=r"\Aredis\.jobs\.client was given a redis\."):
        application(bundle).redis.jobs.client()


def retrying(times: int) -> list[Any]:
    """Return clients of both worlds that repeat a command *times* times."""
    sync = redis.retry.Retry(redis.backoff.NoBackoff(), times)
    asynchronous = redis.asyncio.retry.Retry(redis.backoff.NoBackoff(), times)
    return [redis.Redis(retry=sync), redis.asyncio.Redis(retry=asynchronous)]


@each_module
def test_one_that_repeats_commands_gets_a_warning(module: Any, world: World) -> None:
    mine = retrying(3)[world is ASYNC]
    app = application(module, client=mine)

    text = exactly(
        "the client brought for redis.client repeats a command up to 3 times when a connection fails, "
        "so an INCR may count more than once; stores are not affected, your own commands are. "
        "Make it with retry=Retry(NoBackoff(), 0)."
    )

    with pytest.warns(UserWarning, match=text):
        client = app.redis.client()

    assert client is mine


@each_module
def test_one_that_repeats_nothing_gets_none(module: Any, world: World) -> None:
    app = application(module, client=retrying(0)[world is ASYNC])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        app.redis.client()


def test_whatever_else_is_brought_is_passed_on_as_it_is() -> None:
    mine = object()

    assert application(RedisBundle, client=mine).redis.client() is mine
