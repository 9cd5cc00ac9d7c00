"""A name that will be an export one day is reserved, and says so wherever it is asked for."""

from __future__ import annotations

from typing import Any

import pytest
from dependency_injector import containers, providers

from modkit_redis.contract import NotExportedError, UnresolvedTokenError
from modkit_redis.kernel import mount, wire_strict
from modkit_redis.kernel.facade import Awaited, Blocking, Module
from tests.capability import exactly
from tests.support import feature

WHY = "shelf.books is reserved: there are none yet"


class Shelf(Blocking):
    exports = ("client",)
    reserved = {"books": WHY}  # noqa: RUF012  # as a module may write it
    client = providers.Object("client")


class AsyncShelf(Awaited):
    exports = ("client",)
    reserved = {"books": WHY}  # noqa: RUF012  # as a module may write it
    client = providers.Object("client")


each_shelf = pytest.mark.parametrize("shelf", [Shelf, AsyncShelf])


def application(module: type[Module]) -> Any:
    class App(containers.DeclarativeContainer):
        shelf = mount(module)

    return App()


@each_shelf
def test_an_attribute_says_that_it_is_not_there_yet(shelf: type[Module]) -> None:
    mounted = application(shelf).shelf

    for door in (mounted, mounted(), mounted.container, shelf()):
        assert not hasattr(door, "books")
        with pytest.raises(NotExportedError, match=exactly(f"{shelf.__name__} has no 'books'; {WHY}")):
            getattr(door, "books")  # noqa: B009  # asking is the point


@each_shelf
def test_a_token_says_that_it_is_not_there_yet_and_suggests_no_other(shelf: type[Module]) -> None:
    module = feature('@inject\ndef f(books=Provide["shelf.books"]): ...')

    with pytest.raises(UnresolvedTokenError) as caught:
        wire_strict(application(shelf), modules=[module])

    assert str(caught.value) == (
        "App cannot resolve\n"
        f"  {module.__name__}.f(books) wants 'shelf.books': {shelf.__name__} has no 'books'; {WHY}"
    )


@each_shelf
def test_it_cannot_be_given_or_overridden(shelf: Any) -> None:
    for declare in (shelf, shelf().override_providers):
        with pytest.raises(NotExportedError, match=r"shelf\.books is reserved: "):
            declare(books=1)


@each_shelf
def test_a_subclass_that_has_it_shows_it(shelf: Any) -> None:
    body = {"exports": ("client", "books"), "books": providers.Object(3)}
    later: Any = type("Later", (shelf,), body)

    assert set(later().providers) == {"client", "books"}
    assert later().books() == 3
