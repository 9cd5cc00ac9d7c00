"""An injection that nobody provides is an error that says where it is and what was meant."""

import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
from dependency_injector import containers

from modkit_redis.contract import ModkitRedisError, UnresolvedTokenError
from modkit_redis.kernel import check_wiring, mount, wire_strict
from tests.support import feature
from tests.unit.kernel.toys import SYNC, Base

SHOWN = "exports: client, key_prefix; inputs: prefix, log, failing, name"


def refused(source: str, app: Any = None, **names: object) -> tuple[str, UnresolvedTokenError]:
    """Return the name of a module made of *source* and the error of wiring it."""
    module = feature(source, **names)
    with pytest.raises(UnresolvedTokenError) as caught:
        wire_strict(app or SYNC.application(), modules=[module])
    return module.__name__, caught.value


def test_the_error_names_the_function_the_id_and_the_nearest_token() -> None:
    name, error = refused('@inject\ndef f(a=Provide["redis.client"], b=Provide["redis.key_prefx"]): ...')

    assert str(error) == (
        "App cannot resolve\n"
        f"  {name}.f(b) wants 'redis.key_prefx': Base has no 'key_prefx'; {SHOWN};"
        " did you mean 'redis.key_prefix'?"
    )
    [found] = error.unresolved
    assert (found.function, found.parameter, found.id) == (f"{name}.f", "b", "redis.key_prefx")
    assert found.matches == ("redis.key_prefix",)
    assert isinstance(error, ModkitRedisError)


@pytest.mark.parametrize(
    ("source", "where"),
    [
        ('@inject\nasync def f(x=Provide["redis.clint"]): ...', ".f(x)"),
        ('@inject\nasync def f(x=Provide["redis.clint"]): yield', ".f(x)"),
        ('@inject\ndef f(x=Provide["redis.clint"]): yield', ".f(x)"),
        ('def f(x=Provide["redis.clint"]): ...', ".f(x)"),
        ('x = Provide["redis.clint"]', "(x)"),
        ('class C:\n  x = Provide["redis.clint"]', ".C(x)"),
        ('class C:\n  @inject\n  def f(self, x=Provide["redis.clint"]): ...', ".C.f(x)"),
        ('class C:\n  def f(self, x=Provide["redis.clint"]): ...', ".C.f(x)"),
        ('class C:\n  @staticmethod\n  def f(x=Provide["redis.clint"]): ...', ".C.f(x)"),
        ('class C:\n  @classmethod\n  def f(cls, x=Provide["redis.clint"]): ...', ".C.f(x)"),
        ('@inject\ndef f(x=Provider["redis.clint"]): ...', ".f(x)"),
        ('@inject\ndef f(x=Closing[Provide["redis.clint"]]): ...', ".f(x)"),
    ],
)
def test_the_error_says_where_whatever_the_place(source: str, where: str) -> None:
    from_wiring = sys.modules["dependency_injector.wiring"]

    name, error = refused(source, Provider=vars(from_wiring)["Provider"])

    assert str(error) == (
        "App cannot resolve\n"
        f"  {name}{where} wants 'redis.clint': Base has no 'clint'; {SHOWN};"
        " did you mean 'redis.client' or 'redis'?"
    )


ANNOTATED = """
from typing import Annotated
from dependency_injector.wiring import Provide, inject
good: Annotated[object, "doc", Provide["redis.client"], "more"]
bad: Annotated[object, "doc", Provide["redis.clint"], "more"]
class Service:
    good: Annotated[object, Provide["redis.client"]]
    bad: Annotated[object, Provide["redis.clint"]]
@inject
def f(good: Annotated[object, Provide["redis.client"]], bad: Annotated[object, Provide["redis.clint"]]): ...
"""


def test_annotated_places_are_checked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "annotated_feature.py").write_text(ANNOTATED)  # in a file: no `annotations` from the future
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(UnresolvedTokenError) as caught:
        wire_strict(SYNC.application(), modules=["annotated_feature"])

    found = [(each.function, each.parameter) for each in caught.value.unresolved]
    assert found == [
        ("annotated_feature", "bad"),
        ("annotated_feature.Service", "bad"),
        ("annotated_feature.f", "bad"),
    ]


def test_all_are_told_of_at_once_in_order() -> None:
    name, error = refused("""
def z(x=Provide["redis.z"]): ...
def a(x=Provide["redis.client"], y=Provide["redis.a"], z=Provide["redis.b"]): ...
""")

    found = [f"{each.function}({each.parameter})" for each in error.unresolved]
    assert found == [f"{name}.a(y)", f"{name}.a(z)", f"{name}.z(x)"]


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ("redis.providers", "not a provider"),
        ("redis.container", "not a provider"),
        ("redis.client.nonsense", "nothing called 'nonsense'"),
        ("elsewhere", "nothing called 'elsewhere'"),
        ("redis._settings", f"Base has no '_settings'; {SHOWN}"),
        ("toys.redis.client", "Toys has no 'redis'; exports: store; inputs: redis, log, failing, name"),
    ],
)
def test_the_reason_says_where_the_path_ends(wanted: str, reason: str) -> None:
    _, error = refused(f"def f(x=Provide[{wanted!r}]): ...")

    assert error.unresolved[0].reason == reason


def test_a_reference_to_what_is_hidden_is_unresolved() -> None:
    _, error = refused("def f(x=Provide[B._settings]): ...", B=Base)

    assert error.unresolved[0].id == repr(Base._settings)
    assert error.unresolved[0].reason == "not an exported provider of this container"


def test_a_module_mounted_under_another_name_is_found_however_it_is_called() -> None:
    class App(containers.DeclarativeContainer):
        key_value_database = mount(Base)

    _, error = refused('def f(x=Provide["redis.client"]): ...', App())

    assert str(error).endswith("nothing called 'redis'; did you mean 'key_value_database.client'?")


def test_what_was_imported_counts_where_it_was_wired() -> None:
    library = feature('@inject\ndef f(x=Provide["redis.clint"]): ...')

    _, error = refused("", f=library.f)

    assert error.unresolved[0].function == f"{library.__name__}.f"


def test_a_container_without_a_class_is_called_container() -> None:
    bare = containers.DynamicContainer()

    with pytest.raises(UnresolvedTokenError, match=r"\Acontainer cannot resolve\n"):
        wire_strict(bare, modules=[feature('x = Provide["redis.client"]')])


def test_the_error_survives_pickling() -> None:
    _, error = refused('def f(x=Provide["redis.clint"]): ...')

    copied = pickle.loads(pickle.dumps(error))

    assert (type(copied), str(copied), copied.unresolved) == (type(error), str(error), error.unresolved)


@pytest.mark.parametrize("check", [check_wiring, wire_strict])
def test_auto_wiring_is_silent_until_it_is_checked(check: Any) -> None:
    module = feature('def f(x=Provide["redis.clint"]): return x')

    class App(containers.DeclarativeContainer):
        wiring_config = containers.WiringConfiguration(modules=[module])
        redis = mount(Base)

    app = App()

    assert repr(module.f()) == "Provide['redis.clint']"
    with pytest.raises(UnresolvedTokenError, match=r"\AApp cannot resolve\n"):
        check(app)


def test_a_container_that_is_wired_to_nothing_passes() -> None:
    check_wiring(SYNC.application())
    wire_strict(SYNC.application())
