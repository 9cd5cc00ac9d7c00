"""What ``limited`` refuses to decorate, what it leaves of a function, and when the function runs."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from dependency_injector.wiring import Provide

from modkit_redis import limited
from modkit_redis.contract import ArgumentError, DeclarationError, Limit, LimitExceededError
from tests.stand_ins import AsyncDictLimiter, DictLimiter


def plain(user_id: int, kind: str = "mail", limiter: Any = Provide["redis.ratelimit.store"]) -> str:
    """Send something."""
    return f"{kind} to {user_id}"


def yielding(user_id: int, limiter: Any) -> Iterator[int]:
    yield user_id


async def yielding_later(user_id: int, limiter: Any) -> AsyncIterator[int]:
    yield user_id


def without_a_store(user_id: int) -> int:
    return user_id


@pytest.mark.parametrize(
    ("function", "subject", "reason"),
    [
        (without_a_store, lambda user_id: "s", "has no parameter 'limiter' for the store"),
        (yielding, lambda user_id: "s", "yields, and would run after the decision"),
        (yielding_later, lambda user_id: "s", "yields, and would run after the decision"),
        (plain, lambda uid: "s", "has a subject= that wants 'uid', which the function does not take"),
        (plain, lambda limiter: "s", "wants 'limiter', which the function does not take"),
        (plain, lambda *args: "s", "takes any arguments"),
        (plain, "user:1", "is no function: write a lambda that returns the subject"),
    ],
)
def test_a_function_that_cannot_work_is_refused_when_it_is_decorated(
    function: Callable[..., Any], subject: Any, reason: str
) -> None:
    with pytest.raises(DeclarationError, match=reason) as caught:
        limited(subject=subject)(function)

    assert caught.value.member == function.__qualname__


def test_the_parameter_of_the_store_may_have_another_name() -> None:
    with pytest.raises(DeclarationError, match="no parameter 'gate'"):
        limited(subject=lambda user_id: "s", store="gate")(plain)


def test_a_decorated_function_keeps_its_name_documentation_and_signature() -> None:
    decorated = limited(subject=lambda user_id: f"user:{user_id}")(plain)

    assert (decorated.__name__, decorated.__doc__) == ("plain", "Send something.")
    assert inspect.signature(decorated) == inspect.signature(plain)


def test_a_decorated_coroutine_function_is_one() -> None:
    async def send(user_id: int, limiter: Any) -> int:
        return user_id

    assert inspect.iscoroutinefunction(limited(subject=lambda user_id: "s")(send))


def test_a_store_that_was_not_injected_is_an_error_that_says_what_to_do() -> None:
    decorated = limited(subject=lambda user_id: f"user:{user_id}")(plain)

    with pytest.raises(ArgumentError, match="limiter must be a rate limiter: put @inject above @limited"):
        decorated(1)


def test_a_call_that_the_function_would_refuse_is_refused_alike_and_charges_nothing() -> None:
    limiter = DictLimiter()
    decorated = limited(subject=lambda user_id: f"user:{user_id}")(plain)

    with pytest.raises(TypeError, match="missing a required argument: 'user_id'"):
        decorated(limiter=limiter)  # type: ignore[call-arg]  # that is the point

    assert not limiter.used


def test_the_subject_is_given_what_its_parameters_name_defaults_included() -> None:
    limiter = DictLimiter()
    decorated = limited(subject=lambda kind, user_id: (kind, str(user_id)), cost=2)(plain)

    assert decorated(7, limiter=limiter) == "mail to 7"

    assert limiter.used == {(("mail", "7"), "default"): 2}


def test_a_call_that_is_refused_does_not_run_the_function() -> None:
    limiter, ran = DictLimiter(), []

    @limited(subject=lambda user: user, limit="mail=2/hour")
    def send(user: str, limiter: DictLimiter) -> None:
        ran.append(user)

    for user in ("ada", "ada", "bob"):
        send(user, limiter)
    with pytest.raises(LimitExceededError) as caught:
        send("ada", limiter)

    assert ran == ["ada", "ada", "bob"]
    assert caught.value.decision.refused_by == ("mail",)


async def test_a_refused_call_does_not_run_a_coroutine_function() -> None:
    limiter, ran = AsyncDictLimiter(), []

    @limited(subject=lambda user: user, limit=Limit.parse("mail=1/hour"))
    async def send(user: str, limiter: AsyncDictLimiter) -> str:
        ran.append(user)
        return "sent"

    assert await send("ada", limiter) == "sent"
    with pytest.raises(LimitExceededError):
        await send("ada", limiter)

    assert ran == ["ada"]


def test_with_a_timeout_a_call_waits_to_be_allowed() -> None:
    asked = []

    class Waiting:
        def acquire(self, subject: str, **options: object) -> bool:
            asked.append((subject, options))
            return True

    decorated = limited(subject=lambda user_id: f"user:{user_id}", timeout=2, store="limiter")(plain)

    assert decorated(1, limiter=Waiting()) == "mail to 1"

    assert asked == [("user:1", {"cost": 1, "limit": None, "timeout": 2})]


def test_an_error_of_the_function_is_its_own_and_what_was_charged_stays() -> None:
    limiter = DictLimiter()

    @limited(subject=lambda user: user)
    def fail(user: str, limiter: DictLimiter) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail("ada", limiter)

    assert limiter.used["ada", "default"] == 1
