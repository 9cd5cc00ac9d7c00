"""A worker stops before the store it uses, and the store before its client, whatever lies between."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from dependency_injector import containers, providers

from modkit_redis.kernel import OrderedResource, mount
from tests.capability import settled
from tests.unit.kernel.toys import Opened, World, in_both_worlds


class Service:
    """Something of the application that holds a store."""

    def __init__(self, store: Opened) -> None:
        self.store = store


def worker(store: object, log: list[str]) -> Iterator[None]:
    log.append("start worker")
    yield
    log.append("stop worker")


async def async_worker(store: object, log: list[str]) -> AsyncIterator[None]:
    log.append("start worker")
    yield
    log.append("stop worker")


Given = Callable[[Any, Any], Any]


def directly(resource: Any, work: Any) -> Given:
    return lambda store, log: resource(work, store, log)


def behind_a_singleton(resource: Any, work: Any) -> Given:
    return lambda store, log: resource(work, providers.Singleton(Service, store), log)


def behind_a_context_local_singleton_of_a_list(resource: Any, work: Any) -> Given:
    return lambda store, log: resource(
        work, providers.ContextLocalSingleton(list, providers.List(store)), log
    )


@pytest.mark.parametrize(
    "declare",
    [
        pytest.param(directly(OrderedResource, worker), id="ordered"),
        pytest.param(directly(OrderedResource, async_worker), id="ordered, asynchronous"),
        pytest.param(directly(providers.Resource, worker), id="native"),
        pytest.param(behind_a_singleton(OrderedResource, worker), id="ordered, behind a singleton"),
        pytest.param(
            behind_a_context_local_singleton_of_a_list(OrderedResource, worker), id="ordered, behind two"
        ),
    ],
)
@in_both_worlds
async def test_a_worker_stops_first_and_the_client_is_closed_last(world: World, declare: Given) -> None:
    seen = set[tuple[str, ...]]()
    for _ in range(50):  # the order of providers that do not depend on each other is random
        log: list[str] = []

        class App(containers.DeclarativeContainer):
            redis: Any = mount(world.base, log=log)
            toys: Any = mount(world.toys, redis=redis, log=log)
            worker = declare(toys.store, providers.Object(log))

        app = App()
        await settled(app.init_resources())
        await settled(app.shutdown_resources())
        seen.add(tuple(log))

    assert seen == {
        ("open client", "open store", "start worker", "stop worker", "close store", "close client")
    }


def same(client: object) -> object:
    return client


@in_both_worlds
async def test_a_store_is_closed_first_although_its_client_comes_through_a_singleton(world: World) -> None:
    seen = set[tuple[str, ...]]()
    for _ in range(50):
        log: list[str] = []

        class Mine(containers.DeclarativeContainer):
            base: Any = mount(world.base, log=log)
            client = providers.Singleton(same, base.client)
            key_prefix = base.key_prefix

        class App(containers.DeclarativeContainer):
            redis = providers.Container(Mine)
            toys: Any = mount(world.toys, redis=redis, log=log)

        app = App()
        app.toys.store()
        await settled(app.shutdown_resources())
        seen.add(tuple(log))

    assert seen == {("open client", "open store", "close store", "close client")}


def test_an_ordered_resource_is_a_resource_in_every_other_way() -> None:
    log: list[str] = []

    class App(containers.DeclarativeContainer):
        worker = OrderedResource(worker, "store", providers.Object(log))

    app = App()
    app.init_resources()
    assert app.worker.initialized
    copied = providers.deepcopy(App())

    app.shutdown_resources()

    assert log == ["start worker", "stop worker"]
    assert not copied.worker.initialized and type(copied.worker) is OrderedResource
