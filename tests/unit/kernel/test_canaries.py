"""What the kernel relies on inside dependency-injector, and why it does what it does; no promise of ours.

When one of these fails after an upgrade, the kernel needs a look before its other tests are believed.
"""

import asyncio
import gc
import threading
import warnings
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from dependency_injector import containers, providers, wiring

from tests.support import feature


def test_a_mount_that_is_being_declared_has_no_overridden_yet() -> None:
    seen = list[tuple[list[str], object]]()

    class Spy(containers.DynamicContainer):
        def override_providers(self, **given: Any) -> Any:
            seen.append((sorted(given), getattr(self.parent, "overridden", "no parent")))
            return super().override_providers(**given)

    class Inner(containers.DeclarativeContainer):
        instance_type = Spy
        x = providers.Object(1)

    class App(containers.DeclarativeContainer):
        inner = providers.Container(Inner, x=2)

    App().inner.override(Inner)

    assert seen == [
        ([], "no parent"),  # the class is called without keywords
        (["x"], None),  # the mount passes its keywords on
        (["x"], ()),  # its copy repeats them
        (["x"], ()),  # the override
    ]


def test_a_mount_answers_for_itself_before_the_module_is_asked() -> None:
    members = {"other": providers.Object(1), "parent": providers.Object(2)}
    inner: Any = type("Inner", (containers.DeclarativeContainer,), members)

    mount: Any = providers.Container(inner)

    assert mount.other is mount.container.other
    assert mount.parent is None


def test_wire_plants_self_among_the_providers_of_instance_and_class() -> None:
    class App(containers.DeclarativeContainer):
        x = providers.Object(1)

    app = App()
    app.wire(modules=[__name__])

    assert "__self__" in app.providers and "__self__" in App.providers


def test_wire_leaves_an_unknown_id_in_place_silently() -> None:
    module = feature('@inject\ndef f(x=Provide["unknown"]): return x')

    containers.DynamicContainer().wire(modules=[module])

    assert repr(module.f()) == "Provide['unknown']"


def test_the_registry_of_wired_functions() -> None:
    module = feature('@inject\ndef f(x=Provide["x"]): return x')
    registry: Any = wiring._patched_registry

    patched = registry.get_callable(module.f)

    assert patched is registry._callables[module.f]
    assert list(registry.get_callables_from_module(module)) == [module.f]
    assert patched.reference_injections["x"].provider == "x"
    assert (patched.injections, patched.closing) == ({}, {})
    assert patched.reference_injections["x"].__IS_MARKER__ is True


def test_the_registry_of_wired_attributes() -> None:
    app = containers.DynamicContainer()
    app.set_provider("x", providers.Object(1))
    module = feature('x = Provide["x"]')
    marker, registry = module.x, wiring._patched_registry

    app.wire(modules=[module])

    [found] = [each for each in registry._attributes if each.member is module]
    assert (found.name, found.marker, module.x) == ("x", marker, 1)


def test_a_package_is_fetched_as_a_list_of_modules() -> None:
    module = feature("")

    assert wiring._fetch_modules(module) == [module]  # type: ignore[no-untyped-call]  # one reason for a cast


def test_a_native_resource_is_not_locked() -> None:
    both = threading.Barrier(2)
    native = providers.Resource(both.wait, 5)
    threads = [threading.Thread(target=native) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert both.n_waiting == 0 and not both.broken


def test_a_native_resource_is_related_to_what_it_is_given_and_no_further() -> None:
    far = providers.Resource(object)
    between: providers.Singleton[list[object]] = providers.Singleton(list, far)
    near = providers.Resource(object, between)

    assert list(near.related) == [between]


async def async_resource() -> AsyncIterator[str]:
    yield "value"


async def test_a_native_asynchronous_resource_turns_its_dependants_into_futures() -> None:
    class App(containers.DeclarativeContainer):
        resource = providers.Resource(async_resource)
        user: providers.Factory[list[str]] = providers.Factory(list, resource)

    app = App()

    found: Any = app.user()

    assert asyncio.isfuture(found) and await found == list("value")
    await app.shutdown_resources()  # type: ignore[misc]  # the stub: or None


async def test_one_awaitable_turns_a_native_provider_asynchronous_for_good() -> None:
    async def value() -> str:
        return "awaited"

    native: Any = providers.Resource(str, "plain")
    with native.override(providers.Coroutine(value)):
        await native()

    assert asyncio.isfuture(native())


def stuck(_: object) -> Iterator[None]:
    yield
    raise OSError("stuck")


def test_the_shutdown_loop_stops_at_the_first_error() -> None:
    app: Any = containers.DynamicContainer()
    app.last = providers.Resource(list)
    app.first = providers.Resource(stuck, app.last)
    app.init_resources()

    with pytest.raises(OSError, match="stuck"):
        app.shutdown_resources()

    assert app.last.initialized


def test_the_shutdown_loop_asks_for_initialized_and_related_again_and_again() -> None:
    asked = list[str]()

    class Spy(providers.Resource[object]):
        @property
        def initialized(self) -> bool:
            asked.append("initialized")
            return super().initialized

        @property
        def related(self) -> Iterator[providers.Provider[Any]]:
            asked.append("related")
            yield from super().related

    app: Any = containers.DynamicContainer()
    app.spy = Spy(object)
    app.init_resources()
    asked.clear()

    app.shutdown_resources()

    assert set(asked) == {"initialized", "related"} and not app.spy.initialized


async def test_a_shutdown_that_nobody_awaits_is_silent_by_itself() -> None:
    app: Any = containers.DynamicContainer()
    app.resource = providers.Resource(async_resource)
    await app.init_resources()

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        app.shutdown_resources()
        gc.collect()

    assert seen == []
    await app.shutdown_resources()


def test_a_dependency_knows_what_it_was_linked_to() -> None:
    class Inner(containers.DeclarativeContainer):
        base = providers.DependenciesContainer()
        user = providers.Object(base.client)

    class Outer(containers.DeclarativeContainer):
        client = providers.Object("client")

    outer = Outer()

    inner: Any = Inner(base=outer)

    assert inner.base.client.last_overriding is outer.client
