"""``limited``: a decision before each call of a function that is given its store."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.ratelimit import LimitExceededError, Limits, Subject
from modkit_redis.contract.values import Duration
from modkit_redis.kernel.choosing import Chooser

F = TypeVar("F", bound=Callable[..., Any])


def limited(
    *,
    subject: Callable[..., Subject],
    limit: Limits | None = None,
    cost: int = 1,
    timeout: Duration | None = None,
    store: str = "limiter",
) -> Callable[[F], F]:
    """Let a function run only if a rate limiter allows it.

    The function is a plain one or an ``async def``, and its store the one for its world. ``@inject`` stands
    above, so that the store is injected like anything else::

        @inject
        @limited(subject=lambda user_id: f"user:{user_id}", limit="mail=5/hour")
        def send(user_id: int, limiter: RateLimitStore = Provide["redis.ratelimit.store"]) -> None: ...

    A call that is refused raises ``LimitExceededError``, and the function does not run.

    Args:
        subject: Returns who is limited. It is given the arguments that its parameters name,
            defaults included.
        limit: As of ``hit``, and likewise *cost*.
        cost: How much a call uses.
        timeout: How long a call waits to be allowed; not at all when omitted.
        store: Name of the parameter that takes the store.

    Raises:
        DeclarationError: When it decorates a function without the parameters that *store* and *subject* name,
            or one that yields.
    """

    def decorate(function: F) -> F:
        on_yield = "yields, and would run after the decision: limit what calls it"
        choose = Chooser(function, subject, called="subject", store=store, on_yield=on_yield)
        is_async = inspect.iscoroutinefunction(function)
        options: dict[str, Any] = {"cost": cost, "limit": limit}
        method = "hit" if timeout is None else "acquire"
        if timeout is not None:
            options["timeout"] = timeout

        def prepared(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Callable[[], Any]:
            found, who = choose(args, kwargs)
            if not hasattr(found, method):
                raise ArgumentError(
                    store, "must be a rate limiter: put @inject above @limited, and wire the module"
                )
            if inspect.iscoroutinefunction(getattr(found, method)) != is_async:
                raise ArgumentError(store, "must be the rate limiter for the world of the function it limits")
            return functools.partial(getattr(found, method), who, **options)

        if is_async:

            @functools.wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                if not (decision := await prepared(args, kwargs)()):
                    raise LimitExceededError(decision)
                return await function(*args, **kwargs)

            return cast(F, awaited)

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            if not (decision := prepared(args, kwargs)()):
                raise LimitExceededError(decision)
            return function(*args, **kwargs)

        return cast(F, called)

    return decorate
