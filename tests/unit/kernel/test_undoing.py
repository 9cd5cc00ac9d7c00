"""Wiring that fails is undone, and what was wired before stays wired."""

import pytest
from dependency_injector import containers, providers, wiring

from modkit_redis.contract import UnresolvedTokenError
from modkit_redis.kernel import check_wiring, mount, wire_strict
from tests.support import feature
from tests.unit.kernel.toys import SYNC, Base

ONE_GOOD_ONE_BAD = """
store = Provide["toys.store"]
def good(x=Provide["redis.client"]): return x
def bad(x=Provide["redis.clint"]): return x
"""


def test_a_refused_wiring_is_undone() -> None:
    app, module = SYNC.application(), feature(ONE_GOOD_ONE_BAD)

    with pytest.raises(UnresolvedTokenError):
        wire_strict(app, modules=[module])

    assert repr(module.good()) == "Provide['redis.client']"
    assert repr(module.store) == "Provide['toys.store']"
    assert app.wired_to_modules == []
    check_wiring(app)


def test_a_refused_wiring_leaves_the_earlier_one() -> None:
    app = SYNC.application()
    first, second = feature('def f(x=Provide["redis.client"]): return x'), feature(ONE_GOOD_ONE_BAD)
    wire_strict(app, modules=[first])

    with pytest.raises(UnresolvedTokenError):
        wire_strict(app, modules=[second])

    assert first.f() is app.redis.client()
    assert app.wired_to_modules == [first]


def test_a_refused_wiring_leaves_an_earlier_one_of_the_same_module() -> None:
    app, module = SYNC.application(), feature(ONE_GOOD_ONE_BAD)
    app.wire(modules=[module])

    with pytest.raises(UnresolvedTokenError):
        wire_strict(app, modules=[module])

    assert module.good() is app.redis.client()
    assert app.wired_to_modules == [module]


def test_a_refused_wiring_leaves_that_of_another_container() -> None:
    class Other(containers.DeclarativeContainer):
        mine = providers.Object("mine")

    module = feature("""
attribute = Provide["mine"]
def f(a=Provide["mine"], b=Provide["redis.client"], c=Provide["redis.clint"]): return a, b, c
""")
    Other().wire(modules=[module])

    with pytest.raises(UnresolvedTokenError):
        wire_strict(SYNC.application(), modules=[module])

    mine, client, _ = module.f()
    assert (module.attribute, mine) == ("mine", "mine")
    assert repr(client) == "Provide['redis.client']"


def test_a_refused_wiring_leaves_nothing_in_the_registry() -> None:
    registry, module = wiring._patched_registry, feature(ONE_GOOD_ONE_BAD)

    with pytest.raises(UnresolvedTokenError):
        wire_strict(SYNC.application(), modules=[module])

    assert list(registry.get_attributes_from_module(module)) == []
    assert registry.get_callable(module.good).injections == {}


def test_a_wiring_that_fails_otherwise_is_undone_as_well() -> None:
    class App(containers.DeclarativeContainer):
        redis = mount(Base)
        broken = providers.Factory(int, "no number")

    app = App()
    module = feature(
        'a = Provide["redis.client"]\nx = Provide["broken"]\ndef f(x=Provide["redis.client"]): return x'
    )

    with pytest.raises(ValueError, match="no number"):
        wire_strict(app, modules=[module])

    assert [repr(each) for each in (module.a, module.f())] == ["Provide['redis.client']"] * 2
