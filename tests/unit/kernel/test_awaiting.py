"""Shutting down what is asynchronous is always awaitable, and a forgotten await is visible."""

from typing import Any

import pytest
from dependency_injector import containers

from modkit_redis.kernel import mount
from tests.capability import exactly
from tests.unit.kernel.toys import ASYNC, AsyncBase, Base


async def test_shutting_down_awaits_although_nothing_was_used() -> None:
    await ASYNC.application().shutdown_resources()
    await AsyncBase().shutdown_resources()
    await AsyncBase().client.shutdown()


@pytest.mark.parametrize("used", [True, False])
async def test_a_shutdown_that_nobody_awaits_is_visible(used: bool) -> None:
    app = ASYNC.application()
    if used:
        app.toys.store()
    text = exactly("shutdown_resources() was never awaited, so nothing was closed")

    with pytest.warns(RuntimeWarning, match=text):
        app.shutdown_resources()

    assert app.toys.store.initialized == used
    await app.shutdown_resources()


async def test_a_shutdown_of_both_worlds_that_nobody_awaits_is_visible() -> None:
    class App(containers.DeclarativeContainer):
        redis = mount(Base)
        aredis = mount(AsyncBase)

    app: Any = App()
    app.redis.client()

    with pytest.warns(RuntimeWarning, match="was never awaited") as seen:
        app.shutdown_resources()

    assert [each.filename for each in seen] == [__file__]  # where it was forgotten
    assert app.redis.client.initialized


async def test_a_shutdown_of_one_resource_that_nobody_awaits_is_visible() -> None:
    module = AsyncBase()
    module.client()

    with pytest.warns(RuntimeWarning, match="was never awaited"):
        module.client.shutdown()
