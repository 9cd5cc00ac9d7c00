"""What a bundle keeps to itself cannot be reached, by whatever way it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from dependency_injector import containers, providers

from modkit_redis import mount, wire_strict
from modkit_redis.contract import NotExportedError, UnresolvedTokenError
from tests.capability import ASYNC, SYNC, World, application
from tests.support import feature

EXPORTS = {"client", "key_prefix", "notes"}
HIDDEN = (
    "config",
    "_config",
    "name",
    "_name",
    "env_file",
    "_env_file",
    "_client",
    "_base",
    "_settings",
    "nonsense",
)
HIDDEN_OF_NOTES = ("redis", "_redis", "config", "_config", "settings", "_settings", "client", "nonsense")


@dataclass(frozen=True)
class Shown:
    """A bundle as somebody sees it."""

    bundle: Any
    root: Any  # what is wired
    above: str = "redis."  # what its ids begin with there
    declared: Any = None  # the container whose providers are its reference ids

    def doors(self) -> list[Any]:
        """Return all that stands for the bundle: its mount, what that gives, and what that holds."""
        standalone = self.bundle is self.root
        return [self.bundle] if standalone else [self.bundle, self.bundle(), self.bundle.container]


def app_class(world: World) -> Any:
    class App(containers.DeclarativeContainer):
        redis = mount(world.notes_bundle)

    return App


def shown(cls: Any, app: Any) -> Shown:
    return Shown(app.redis, app, declared=cls.redis.container)


def fresh(world: World) -> Shown:
    cls = app_class(world)
    return shown(cls, cls())


def wired(world: World) -> Shown:
    seen = fresh(world)
    seen.root.wire(modules=[feature('def f(x=Provide["redis.client"]): ...')])
    return seen


def deepcopy(world: World) -> Shown:
    cls = app_class(world)
    return shown(cls, providers.deepcopy(cls()))


def subclass(world: World) -> Shown:
    cls: Any = type("Sub", (app_class(world),), {})
    return shown(cls, cls())


def second(world: World) -> Shown:
    cls = app_class(world)
    cls()
    return shown(cls, cls())


def named(world: World) -> Shown:
    app = application(world.notes_bundle.named("analytics"))
    declared = app.declarative_parent.redis.container.analytics.container
    return Shown(app.redis.analytics, app, "redis.analytics.", declared)


def standalone(world: World) -> Shown:
    bundle = world.notes_bundle()
    return Shown(bundle, bundle, "", world.notes_bundle)


def subclass_of_wired(world: World) -> Shown:
    wired_one = world.notes_bundle()
    wired_one.wire(modules=[feature('def f(x=Provide["client"]): ...')])
    wired_one.unwire()
    cls: Any = type("Sub", (world.notes_bundle,), {})
    bundle = cls()
    return Shown(bundle, bundle, "", cls)


MOUNTED: list[Callable[[World], Shown]] = [fresh, wired, deepcopy, subclass, second, named]
KINDS = [*MOUNTED, standalone, subclass_of_wired]


@pytest.fixture(params=[SYNC, ASYNC], ids=lambda world: world.name)
def world(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=KINDS)
def seen(request: pytest.FixtureRequest, world: World) -> Any:
    return request.param(world)


def refused_ids(root: Any, *wanted: object) -> list[str]:
    """Return what is said of each id that *root* does not resolve."""
    parameters = ", ".join(f"x{n}=Provide[ids[{n}]]" for n in range(len(wanted)))
    module = feature(f"def f({parameters}): ...", ids=wanted)
    with pytest.raises(UnresolvedTokenError) as caught:
        wire_strict(root, modules=[module])
    return [each.reason for each in caught.value.unresolved]


def test_exports_are_there(seen: Shown, environment: pytest.MonkeyPatch) -> None:
    ids = [f"{seen.above}{each}" for each in ("client", "key_prefix", "notes.store")]
    module = feature(
        "def f(a=Provide[ids[0]], b=Provide[ids[1]], c=Provide[ids[2]]): return a, b, c", ids=ids
    )

    wire_strict(seen.root, modules=[module])

    client, key_prefix, store = module.f()
    assert client is seen.bundle.client() is store.client
    assert key_prefix == seen.bundle.key_prefix() == store.key_prefix


def test_providers_are_the_exports(seen: Shown) -> None:
    for door in seen.doors():
        assert set(door.providers) == EXPORTS


def test_attributes_are_refused(seen: Shown) -> None:
    for door in seen.doors():
        for name in HIDDEN:
            with pytest.raises(NotExportedError, match=f" has no '{name}'; "):
                getattr(door, name)


def test_there_are_no_dependencies_to_see(seen: Shown) -> None:
    assert seen.doors()[-1].dependencies == {}
    assert seen.bundle.notes.container.dependencies == {}


def test_string_ids_are_unresolved(seen: Shown) -> None:
    reasons = refused_ids(seen.root, *(seen.above + each for each in HIDDEN))

    refused = [reason.split("'")[1] for reason in reasons if " has no " in reason]
    assert sorted(refused) == sorted(HIDDEN)


def test_reference_ids_are_unresolved(seen: Shown) -> None:
    standalone = isinstance(seen.declared, type)
    hidden = vars(seen.declared)["providers" if standalone else "_hidden"]
    names = "_config _name _env_file _client _base".split()

    reasons = refused_ids(seen.root, *(hidden[each] for each in names))

    assert reasons == ["not an exported provider of this container"] * len(names)


def test_overrides_are_refused(seen: Shown) -> None:
    facade = seen.doors()[-1]

    for name in HIDDEN:
        with pytest.raises(NotExportedError, match=f" has no '{name}'; "):
            facade.override_providers(**{name: 1})


@pytest.mark.parametrize("make", MOUNTED)
def test_a_mount_is_not_overridden_beyond_its_exports(make: Callable[[World], Shown], world: World) -> None:
    class Other(containers.DeclarativeContainer):
        client = providers.Object("other")
        _config = providers.Object("other")

    bundle = make(world).bundle

    with pytest.raises(NotExportedError, match=" has no '_config'; "):
        bundle.override(Other)

    assert not bundle.client.overridden


def test_a_capability_shows_its_store_and_nothing_else(seen: Shown) -> None:
    notes = seen.bundle.notes

    for door in (notes, notes(), notes.container):
        assert set(door.providers) == {"store"}
        assert not any(hasattr(door, name) for name in HIDDEN_OF_NOTES)


def test_nothing_is_reached_through_a_capability(seen: Shown) -> None:
    paths = ["notes.redis.client", "notes._redis.client", "notes.client", "notes._settings"]

    reasons = refused_ids(seen.root, *(seen.above + each for each in paths))

    assert all("NotesModule has no " in each for each in reasons) and len(reasons) == len(paths)


@pytest.mark.parametrize("name", ["settings", "_settings", "_config", "base", "_base", "nonsense"])
def test_keywords_are_refused(world: World, name: str) -> None:
    bundle: Any = world.notes_bundle
    given: Any = {name: 1}
    inputs = "config, name, env_file, client, cache_events, session_events"
    refusal = f" has no '{name}'; exports: client, key_prefix, notes; inputs: {inputs}$"

    with pytest.raises(NotExportedError, match=refusal):
        bundle(**given)
    with pytest.raises(NotExportedError, match=refusal):
        providers.Container(bundle, **given)
    with pytest.raises(NotExportedError, match=refusal):
        mount(bundle, **given)
    with pytest.raises(NotExportedError, match=refusal):
        bundle.instance("analytics", **given)
