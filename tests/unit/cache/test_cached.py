"""What ``cached`` refuses to decorate, and what it leaves of a function."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from dependency_injector.wiring import Provide

from modkit_redis import cached
from modkit_redis.contract import ArgumentError, DeclarationError


def plain(user_id: int, lang: str = "en", cache: Any = Provide["redis.cache.store"]) -> str:
    """Tell who it is."""
    return f"{user_id} {lang} {type(cache)}"


class Opaque:
    """A callable with a signature that is none."""

    __signature__ = "none"

    def __call__(self, user_id: int) -> str:
        return "k"


def yielding(user_id: int, cache: Any) -> Iterator[int]:
    yield user_id


async def yielding_later(user_id: int, cache: Any) -> AsyncIterator[int]:
    yield user_id


def without_a_store(user_id: int) -> int:
    return user_id


@pytest.mark.parametrize(
    ("function", "key", "reason"),
    [
        (without_a_store, lambda user_id: "k", "has no parameter 'cache' for the store"),
        (yielding, lambda user_id: "k", "yields"),
        (yielding_later, lambda user_id: "k", "yields"),
        (plain, lambda uid: "k", "wants 'uid', which the function does not take"),
        (plain, lambda cache: "k", "wants 'cache', which the function does not take"),
        (plain, lambda *args: "k", "takes any arguments"),
        (plain, lambda **kwargs: "k", "takes any arguments"),
        (plain, "user:1", "is no function: write a lambda that returns the key"),
        (plain, Opaque(), "whose parameters Python cannot tell"),
    ],
)
def test_a_function_that_cannot_work_is_refused_when_it_is_decorated(
    function: Callable[..., Any], key: Any, reason: str
) -> None:
    with pytest.raises(DeclarationError, match=reason) as caught:
        cached(key=key)(function)

    assert caught.value.member == function.__qualname__


def test_the_parameter_of_the_store_may_have_another_name() -> None:
    with pytest.raises(DeclarationError, match="no parameter 'shelf'"):
        cached(key=lambda user_id: "k", store="shelf")(plain)


def test_a_decorated_function_keeps_its_name_documentation_and_signature() -> None:
    decorated = cached(key=lambda user_id: f"user:{user_id}")(plain)

    assert (decorated.__name__, decorated.__doc__) == ("plain", "Tell who it is.")
    assert inspect.signature(decorated) == inspect.signature(plain)


def test_a_decorated_coroutine_function_is_one() -> None:
    async def find(user_id: int, cache: Any) -> int:
        return user_id

    assert inspect.iscoroutinefunction(cached(key=lambda user_id: "k")(find))


def test_a_store_that_was_not_injected_is_an_error_that_says_what_to_do() -> None:
    decorated = cached(key=lambda user_id: f"user:{user_id}")(plain)

    with pytest.raises(ArgumentError, match="cache must be a cache store: put @inject above @cached"):
        decorated(1)


def test_a_call_that_the_function_would_refuse_is_refused_alike() -> None:
    decorated = cached(key=lambda user_id: f"user:{user_id}")(plain)

    with pytest.raises(TypeError, match="missing a required argument: 'user_id'"):
        decorated()  # type: ignore[call-arg]  # that is the point
