"""Copies and subclasses of a module share nothing with it, and hide as much."""

import copy
import pickle
from typing import Any

import pytest
from dependency_injector import providers

from tests.capability import exactly
from tests.unit.kernel.toys import SYNC, Base


@pytest.mark.parametrize("act", [copy.copy, pickle.dumps])
def test_a_module_is_neither_pickled_nor_copied_shallowly(act: Any) -> None:
    with pytest.raises(
        TypeError, match=exactly("a module holds connections: it cannot be pickled, nor copied shallowly")
    ):
        act(Base())


def test_a_deep_copy_keeps_its_inputs_and_shares_nothing() -> None:
    module: Any = Base(prefix="given")
    built = module.client()

    copied = providers.deepcopy(module)

    assert copied.key_prefix() == "given"
    assert copied.client() is not built
    assert copied.client() is copied.client()


def test_a_deep_copy_of_an_application_keeps_what_its_parts_share() -> None:
    app: Any = SYNC.application()
    app.toys.store()

    copied = providers.deepcopy(app)

    assert copied.toys.store().client is copied.redis.client() is not app.redis.client()


def test_each_application_has_modules_of_its_own() -> None:
    cls = SYNC.application_class()

    one, two = cls(), cls()

    assert one.redis.client() is not two.redis.client()
    assert (one.toys.store().client, two.toys.store().client) == (one.redis.client(), two.redis.client())


def test_a_subclass_may_add_what_it_keeps_to_itself() -> None:
    class Mine(Base):
        _extra = providers.Object("extra")

    assert set(Mine().providers) == {"client", "key_prefix"}
    assert not hasattr(Mine(), "_extra")


def test_a_subclass_of_a_wired_module_is_its_own_self() -> None:
    Base().wire(modules=[__name__])

    class Mine(Base): ...

    module: Any = Mine()
    assert module.__self__() is module
    assert Mine.providers.keys() == Base.providers.keys() - {"__self__"}
