"""``RateLimit``: a limit on a route, a router or an application, as a FastAPI dependency."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import Parameter, Signature, isawaitable
from typing import Any

from fastapi import params
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Scope

from modkit_redis.contract.errors import ArgumentError, ConfigError
from modkit_redis.contract.names import TOKEN_RATELIMIT_STORE
from modkit_redis.contract.ratelimit import AsyncRateLimitStore, Decision, LimitExceededError, Limits, Subject
from modkit_redis.web.checking import LIMITER, check_store
from modkit_redis.web.fastapi.inject import injected, module_of_caller
from modkit_redis.web.fastapi.refusing import RefusedError, accept_of
from modkit_redis.web.fastapi.telling import told_in
from modkit_redis.web.given import AsyncGiven, async_store_of
from modkit_redis.web.headers import Draft
from modkit_redis.web.limiting import (
    KEY,
    Limiting,
    Unidentified,
    is_no_subject,
    is_subject,
    no_subject,
    with_decision,
)
from modkit_redis.web.refusals import Form


class RateLimit:
    """Refuses requests that are over a limit, and tells others what is left; one round trip.

    ``dependencies=[Depends(RateLimit("search=10/minute", by=client_address()))]``, at a route, a router or
    the application; as a parameter, it is the ``Decision``. Several limits in one are asked for together,
    and all of them are charged or none. Where several of these stand, they are asked in the order in which
    they stand, and what is charged stays charged; the same one counts once for a request, however often it
    stands.

    Usage is kept by the name of the limit and by whoever asks: routes that are to be limited apart have
    limits with names of their own.

    A refusal is raised, as an ``HTTPException`` with status 429, or 503 if Redis does not answer and the
    settings refuse. The headers of what is allowed are on what FastAPI makes of the route's value; with
    ``install``, they are on every response.
    """

    def __init__(
        self,
        limit: Limits | None,
        *,
        by: Callable[[Any], Subject | Awaitable[Subject | None] | None] | params.Depends,
        store: str | AsyncGiven[AsyncRateLimitStore] = TOKEN_RATELIMIT_STORE,
        cost: int | Callable[[Scope], int] = 1,
        unidentified: Unidentified = "refuse",
        headers: Draft | None = "draft-11",
        legacy_headers: bool = False,
        body: Form = "problem",
    ) -> None:
        """Check the arguments; nothing is sent.

        Args:
            limit: The limit, or several, each with a name; ``None`` for those of the settings.
            by: Who is limited: a function of the scope, such as ``client_address()``, or ``Depends(…)`` of a
                dependency that returns the subject. Either may return ``None`` if it cannot tell.
            store: The token of the limiter, which is resolved by the container that the calling module is
                wired to; or the limiter, or a provider of it.
            cost: What a request costs, or a function of the scope that says so.
            unidentified: Whether a request without a subject is refused with 400 or allowed without a limit.
                There is never a subject for all of them.
            headers: Which draft the headers follow; ``None`` sends none of them.
            legacy_headers: Whether to send ``X-RateLimit-*`` as well.
            body: What bodies of refusals are, with ``install``.

        Raises:
            ArgumentError: If an argument cannot be used.
        """
        depends = by if isinstance(by, params.Depends) else None
        if not callable(depends.dependency if depends else by):
            raise ArgumentError(
                "by", "must be a function of the scope, or Depends(…) of what returns a subject"
            )
        if isinstance(store, str):
            store = injected(store, module_of_caller(1))
        else:
            check_store(store, LIMITER, is_async=True)
        self._store: Any = store
        self._by: Any = None if depends else by
        self._limiting = Limiting(
            limit=limit,
            cost=cost,
            applies=None,
            unidentified=unidentified,
            headers=headers,
            legacy_headers=legacy_headers,
            body=body,
        )
        self.__signature__ = _signature(depends)

    async def __call__(
        self, connection: HTTPConnection, response: Response, subject: Any = None
    ) -> Decision | None:
        """Decide; FastAPI gives the arguments.

        Raises:
            RefusedError: If the request is refused.
            ConfigError: If the module is not wired.
        """
        scope = connection.scope
        if self._by is not None:
            found = self._by(scope)
            subject = await found if isawaitable(found) else found
            del found
        decision = None if subject is None else await self._decide(scope, subject)
        del subject  # a traceback with local variables would show it
        if decision is None:
            if (unknown := self._limiting.unknown(accept_of(connection))) is not None:
                raise RefusedError("It cannot be told who sent this request.", unknown)
            return None
        scope[KEY] = with_decision(scope, decision)
        told = told_in(scope)
        told.add(self._limiting.headers_of(decision))
        if not decision.allowed:
            answer = self._limiting.refusal(decision, accept_of(connection))
            raise RefusedError(str(LimitExceededError(decision)), told.put_into(answer))
        told.put_on(response)
        return decision

    async def _decide(self, scope: Scope, subject: object) -> Decision | None:
        if not is_subject(subject):
            del subject  # a traceback with local variables would show it
            raise no_subject("by")
        store: AsyncRateLimitStore = await async_store_of(self._store)
        who: Any = subject
        asked = store.hit(who, cost=self._limiting.cost_of(scope), limit=self._limiting.limit)
        del subject, who  # a traceback with local variables would show it
        if not isawaitable(asked):
            raise ConfigError("store", "is a rate limiter for threads: mount AsyncRedisBundle for FastAPI")
        try:
            return await asked
        except ArgumentError as error:
            if not is_no_subject(error):
                raise
            return None

    def __repr__(self) -> str:
        return f"RateLimit({self._limiting.limit!r})"


def _signature(by: params.Depends | None) -> Signature:
    """Return what FastAPI is to give when it calls a limit."""
    found = [
        Parameter("connection", Parameter.KEYWORD_ONLY, annotation=HTTPConnection),
        Parameter("response", Parameter.KEYWORD_ONLY, annotation=Response),
    ]
    if by is not None:
        found.append(Parameter("subject", Parameter.KEYWORD_ONLY, annotation=Any, default=by))
    return Signature(found)
