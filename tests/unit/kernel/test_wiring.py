"""Wiring injects what the tokens stand for, wherever dependency-injector can."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from dependency_injector import containers, providers

from modkit_redis.contract import UnresolvedTokenError
from modkit_redis.kernel import check_wiring, mount, token_ids, wire_strict
from tests.support import feature
from tests.unit.kernel.toys import ASYNC, SYNC, Base, World

both = pytest.mark.parametrize("world", [SYNC, ASYNC], ids=lambda world: world.name)

FEATURE = """
@inject
def by_decorator(store=Provide["toys.store"], client=Provide["redis.client"]): return store, client

def undecorated(store=Provide["toys.store"], client=Provide["redis.client"]): return store, client

@inject
async def asynchronously(store=Provide["toys.store"], client=Provide["redis.client"]): return store, client

@inject
def generating(store=Provide["toys.store"], client=Provide["redis.client"]): yield store, client

class Service:
    store, client = Provide["toys.store"], Provide["redis.client"]

    @inject
    def method(self, store=Provide["toys.store"], client=Provide["redis.client"]): return store, client

    @staticmethod
    def static(store=Provide["toys.store"], client=Provide["redis.client"]): return store, client

    @classmethod
    def of_the_class(cls, store=Provide["toys.store"], client=Provide["redis.client"]): return store, client

store, client = Provide["toys.store"], Provide["redis.client"]
"""

PLACES: dict[str, Any] = {
    "decorated": lambda module: module.by_decorator(),
    "undecorated": lambda module: module.undecorated(),
    "asynchronous": lambda module: asyncio.run(module.asynchronously()),
    "generator": lambda module: next(module.generating()),
    "method": lambda module: module.Service().method(),
    "static method": lambda module: module.Service.static(),
    "class method": lambda module: module.Service.of_the_class(),
    "attribute of a class": lambda module: (module.Service.store, module.Service.client),
    "attribute of a module": lambda module: (module.store, module.client),
}


def plain_wire(app: Any, modules: list[Any]) -> None:
    app.wire(modules=modules)


@both
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize(
    "wire", [wire_strict, lambda app, modules: app.wire(modules=modules)], ids=["strict", "plain"]
)
def test_tokens_are_injected_everywhere(world: World, place: Any, wire: Any) -> None:
    app, module = world.application(), feature(FEATURE)

    wire(app, modules=[module])

    assert place(module) == (app.toys.store(), app.redis.client())
    app.unwire()


@both
def test_a_wiring_configuration_injects_as_well(world: World) -> None:
    module = feature(FEATURE)

    class App(containers.DeclarativeContainer):
        wiring_config = containers.WiringConfiguration(modules=[module])
        redis = mount(world.base)
        toys = mount(world.toys, redis=redis)

    app = App()
    check_wiring(app)

    assert module.by_decorator() == (app.toys.providers["store"](), app.redis.providers["client"]())
    app.unwire()


@both
def test_reference_ids_are_injected_too(world: World) -> None:
    cls = world.application_class()
    module = feature("@inject\ndef f(store=Provide[App.toys.store]): return store", App=cls)
    app = cls()

    wire_strict(app, modules=[module])

    assert module.f() is app.toys.store()
    app.unwire()


def test_other_things_than_tokens_resolve_as_ever() -> None:
    class App(containers.DeclarativeContainer):
        config = providers.Configuration()
        redis = mount(Base)

    module = feature(
        """
@inject
def f(app=Provide["<container>"], size=Provide["config.size", as_int()], option=Provide[App.config.size],
      log=Provide["redis.client.provided.what"], made=Provider["redis.client"]):
    return app, size, option, log, made
""",
        App=App,
        **{name: getattr(sys.modules["dependency_injector.wiring"], name) for name in ("as_int", "Provider")},
    )
    app = App(config={"size": "7"})

    wire_strict(app, modules=[module])

    assert module.f() == (app, 7, "7", "client", app.redis.client)
    app.unwire()


def test_wiring_builds_nothing_unless_an_attribute_asks_for_it() -> None:
    log: list[str] = []
    app = SYNC.application(log)
    module = feature('def f(client=Provide["redis.client"]): return client')

    wire_strict(app, modules=[module])

    assert log == []
    app.unwire()


def test_the_ids_of_an_application_are_its_exports() -> None:
    ids = token_ids(SYNC.application())

    assert sorted(ids) == ["redis", "redis.client", "redis.key_prefix", "toys", "toys.store"]


def test_the_ids_of_a_wired_application_are_the_same() -> None:
    app = SYNC.application()
    before = token_ids(app)

    wire_strict(app, modules=[feature("")])

    assert token_ids(app) == before


def test_a_module_mounted_deeper_can_keep_its_tokens() -> None:
    class Infrastructure(containers.DeclarativeContainer):
        redis = mount(Base)

    class App(containers.DeclarativeContainer):
        infrastructure = providers.Container(Infrastructure)
        redis = infrastructure.redis

    app: Any = App()
    module = feature('@inject\ndef f(client=Provide["redis.client"]): return client')

    wire_strict(app, modules=[module])

    assert module.f() is app.infrastructure.redis.client()
    app.unwire()


def test_closing_does_not_break_others() -> None:
    log: list[str] = []
    app = SYNC.application(log)
    module = feature("""
@inject
def once(store=Closing[Provide["toys.store"]]): return store

@inject
def again(client=Provide["redis.client"]): return client
""")
    wire_strict(app, modules=[module])

    first, client, second = module.once(), module.again(), module.once()

    assert first.client is not client is second.client
    assert log.count("open client") == log.count("close client") == 2
    app.unwire()


def test_what_another_container_resolved_is_resolved() -> None:
    class Other(containers.DeclarativeContainer):
        mine = providers.Object("mine")

    app, module = (
        SYNC.application(),
        feature('def f(a=Provide["mine"], b=Provide["redis.client"]): return a, b'),
    )
    Other().wire(modules=[module])

    wire_strict(app, modules=[module])

    assert module.f() == ("mine", app.redis.client())


SOURCE = "from dependency_injector.wiring import Provide, inject\n@inject\ndef f(x=Provide[{!r}]): return x\n"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package of two modules, of which only ``good`` can be wired; its name."""
    name = f"shop_{tmp_path.name.replace('-', '_')}"
    package = tmp_path / name
    (package / "below").mkdir(parents=True)
    for file, source in {
        "__init__.py": "",
        "good.py": SOURCE.format("redis.client"),
        "below/__init__.py": "",
        "below/bad.py": SOURCE.format("redis.key_prefx"),
    }.items():
        (package / file).write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def test_a_package_is_wired_with_all_that_is_below_it(shop: str) -> None:
    with pytest.raises(UnresolvedTokenError) as caught:
        wire_strict(SYNC.application(), packages=[shop])

    [found] = caught.value.unresolved
    assert found.function == f"{shop}.below.bad.f"


def test_relative_names_begin_at_the_package_given(shop: str) -> None:
    app = SYNC.application()

    wire_strict(app, modules=[".good"], from_package=shop)

    assert sys.modules[f"{shop}.good"].f() is app.redis.client()
    app.unwire()


def test_fastapi_dependencies_are_injected_and_checked() -> None:
    fastapi = pytest.importorskip("fastapi")
    source = "@inject\ndef f(client=Depends(Provide[{!r}])): return client"
    good, bad = (
        feature(source.format(each), Depends=fastapi.Depends) for each in ("redis.client", "redis.clint")
    )
    app = SYNC.application()

    wire_strict(app, modules=[good])

    assert good.f() is app.redis.client()
    with pytest.raises(UnresolvedTokenError, match=r"wants 'redis\.clint'"):
        wire_strict(app, modules=[bad])
    app.unwire()
