"""An override reaches everything at once, built or not, and so does its end."""

from collections.abc import Callable
from typing import Any

import pytest
from dependency_injector import containers, providers

from modkit_redis.kernel import mount
from modkit_redis.kernel.facade import Module
from modkit_redis.kernel.resources import Lazy, PerClient
from tests.capability import settled
from tests.unit.kernel.toys import ASYNC, SYNC, Base, World, in_both_worlds

both = pytest.mark.parametrize("world", [SYNC, ASYNC], ids=lambda world: world.name)


class Fake:
    """Stands for whatever a test puts in."""


@both
@pytest.mark.parametrize("built_first", [True, False])
@pytest.mark.parametrize(
    "make",
    [Fake, lambda: providers.Object(Fake()), lambda: providers.Singleton(Fake)],
    ids=["value", "Object", "Singleton"],
)
def test_an_overridden_client_reaches_the_store_and_so_does_its_end(
    world: World, built_first: bool, make: Callable[[], object]
) -> None:
    app = world.application()
    before = app.toys.store() if built_first else None

    with app.redis.client.override(make()):
        client, store = app.redis.client(), app.toys.store()
    after = app.toys.store()

    assert type(client) is Fake and store.client is client
    assert after.client is app.redis.client() and (after is before or not built_first)


@both
def test_the_same_override_gives_the_same_store_again(world: World) -> None:
    app, fake = world.application(), Fake()

    with app.redis.client.override(fake):
        first = app.toys.store()
    with app.redis.client.override(fake):
        second = app.toys.store()

    assert first is second


@both
def test_an_overridden_key_prefix_reaches_a_built_store_and_so_does_its_end(world: World) -> None:
    app = world.application()
    before = app.toys.store()

    with app.redis.key_prefix.override("other"):
        during = app.toys.store()

    assert (during.key_prefix, during.client) == ("other", before.client)
    assert app.toys.store() is before


@both
def test_overrides_may_be_nested(world: World) -> None:
    app, outer, inner = world.application(), Fake(), Fake()

    with app.redis.client.override(outer):
        with app.redis.client.override(inner):
            innermost = app.toys.store().client
        then = app.toys.store().client

    assert (innermost, then) == (inner, outer)


@both
def test_an_overridden_store_is_injected_as_it_is(world: World) -> None:
    app, fake = world.application(), Fake()

    with app.toys.store.override(fake):
        during = app.toys.store()

    assert during is fake
    assert app.toys.store() is not fake


@both
def test_a_whole_module_is_overridden_and_restored(world: World) -> None:
    class Other(containers.DeclarativeContainer):
        store = providers.Factory(Fake)

    app = world.application()
    before = app.toys.store()

    with app.toys.override(Other):
        during = app.toys.store()

    assert type(during) is Fake
    assert app.toys.store() is before


@both
def test_an_override_at_class_level_reaches_new_applications(world: World) -> None:
    cls, fake = world.application_class(), Fake()

    with cls.redis.client.override(providers.Object(fake)):
        during = cls().toys.store().client

    assert during is fake
    assert cls().toys.store().client is not fake


def test_stores_are_told_apart_although_a_client_is_gone() -> None:
    class Forgetful:
        """Keeps no client, as a store that has only its pool."""

        def __init__(self, client: object, key_prefix: str) -> None: ...

    class Stores(Module):
        exports = ("store",)
        inputs = ("redis",)
        _redis = providers.DependenciesContainer()
        store = PerClient(Forgetful, _redis)

    class App(containers.DeclarativeContainer):
        redis = mount(Base)
        stores = mount(Stores, redis=redis)

    app: Any = App()
    with app.redis.client.override(
        providers.Factory(Fake)
    ):  # a new one at every use; old ones leave their ids
        stores = [app.stores.store() for _ in range(50)]

    assert len(set(map(id, stores))) == 50


def test_an_overridden_resource_is_not_built() -> None:
    built = list[None]()
    lazy: Lazy[None] = Lazy(built.append, None)

    with lazy.override("other"):
        assert lazy() == "other"

    assert built == []


@in_both_worlds
async def test_what_was_built_under_an_override_is_closed_with_the_rest(world: World) -> None:
    log: list[str] = []
    app = world.application(log)
    app.toys.store()
    with app.redis.client.override(Fake()):
        app.toys.store()

    await settled(app.shutdown_resources())

    assert log == ["open client", "open store", "open store", "close store", "close store", "close client"]


@in_both_worlds
async def test_an_override_is_not_closed(world: World) -> None:
    log: list[str] = []
    app = world.application(log)
    mine = world.application(log).redis.client()

    with app.redis.client.override(mine):
        app.redis.client()
        await settled(app.shutdown_resources())

    assert log == ["open client"]


@both
def test_an_override_in_one_application_leaves_another_alone(world: World) -> None:
    cls = world.application_class()
    one, two = cls(), cls()

    with one.redis.client.override(Fake()):
        client = two.toys.store().client

    assert client is two.redis.client()
