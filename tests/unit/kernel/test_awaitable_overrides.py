"""An override that must be awaited is refused: it would turn all that depends on it asynchronous."""

import asyncio
import gc
from typing import Any

import pytest
from dependency_injector import containers, providers

from modkit_redis.contract import BuildError
from modkit_redis.kernel import mount
from tests.capability import exactly, settled
from tests.unit.kernel.toys import SYNC, World, in_both_worlds

WHY = "using an override failed: it gave a coroutine or a Future: give the value itself"


async def coroutine_function() -> str:
    return "awaited"


def awaitables() -> list[providers.Provider[Any]]:
    loop = asyncio.get_running_loop()
    return [providers.Coroutine(coroutine_function), providers.Factory(loop.create_future)]


@in_both_worlds
async def test_an_override_that_must_be_awaited_is_refused(world: World) -> None:
    app = world.application()

    for override in awaitables():
        with app.redis.client.override(override):
            for use in (app.redis.client, app.toys.store):
                with pytest.raises(BuildError) as caught:
                    use()
                assert str(caught.value) == f"redis.client: {WHY}"
                assert isinstance(caught.value.__cause__, TypeError)


@in_both_worlds
async def test_an_override_of_the_store_that_must_be_awaited_is_refused(world: World) -> None:
    app = world.application()

    for override in awaitables():
        with (
            app.toys.store.override(override),
            pytest.raises(BuildError, match=exactly(f"redis.toys.store: {WHY}")),
        ):
            app.toys.store()


@in_both_worlds
async def test_a_refused_override_leaves_no_trace(world: World) -> None:
    app = world.application()
    for override in awaitables():
        with app.redis.client.override(override), pytest.raises(BuildError):
            app.toys.store()
    gc.collect()  # a coroutine that is not closed would warn here

    with app.redis.client.override("fake"):
        overridden = app.toys.store()
    restored = app.toys.store()

    assert overridden.client == "fake"
    assert restored.client is app.redis.client()
    assert not asyncio.isfuture(overridden) and not asyncio.isfuture(restored)
    await settled(app.shutdown_resources())


async def test_a_coroutine_from_outside_cannot_become_a_client() -> None:
    """It came past the override: through a base that is no module of ours."""

    class Foreign(containers.DeclarativeContainer):
        client = providers.Coroutine(coroutine_function)
        key_prefix = providers.Object("")

    class App(containers.DeclarativeContainer):
        redis = providers.Container(Foreign)
        toys = mount(SYNC.toys, redis=redis)

    app: Any = App()

    with pytest.raises(BuildError, match=exactly(f"redis.toys.store: {WHY}")):
        app.toys.store()
