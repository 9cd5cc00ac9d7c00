"""Response caching for ASGI applications."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from inspect import isawaitable
from typing import Final, NamedTuple, TypeAlias

from modkit_redis.contract.cache import AsyncCacheStore
from modkit_redis.contract.errors import ArgumentError, ModkitRedisError
from modkit_redis.contract.sentinels import MISS
from modkit_redis.contract.values import Duration
from modkit_redis.web.asgi.flights import Flight, Role
from modkit_redis.web.asgi.generations import Generations
from modkit_redis.web.asgi.making import Alone, Keeper, Making, send_answer, telling_send
from modkit_redis.web.asgi.types import Application, Receive, Scope, Send
from modkit_redis.web.caching.answering import Answer, answer, reason_not_to_use, with_status
from modkit_redis.web.caching.asked import Asked, key_of
from modkit_redis.web.caching.rules import Rules, checked_function
from modkit_redis.web.caching.stored import StoredResponse
from modkit_redis.web.checking import CACHE, check_store
from modkit_redis.web.given import AsyncGiven, async_store_of

Owner: TypeAlias = Callable[[Scope], str | Awaitable[str | None] | None]
"""Tells whose a response is."""

_LOG: Final = logging.getLogger("modkit_redis.web")

_IS_TAKEN: Final = "modkit_redis.responses"
"""Set in a scope that is the business of one of these middlewares already."""

_TEXT: Final = ((b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"11"))
_ONLY_IF_CACHED: Final = Answer(504, with_status(_TEXT, "detail=only-if-cached"), b"Not cached\n")


class ResponseCacheMiddleware:
    """Keeps responses to GET in a cache store and answers GET and HEAD from there; one round trip a hit.

    What is stored is a complete 200, and other cacheable statuses where they say for how long; for *ttl*, or
    less where ``Cache-Control`` or ``Expires`` says so. Never stored are responses that set a cookie, that
    say ``no-store``, ``no-cache`` or ``Vary: *``, that come in pieces without a ``Content-Length``, that are
    longer than *max_bytes*, or compressed without ``Vary: Accept-Encoding``. Without *private*, neither are
    those that say ``private``, that used ``scope["session"]``, or that answer a request with
    ``Authorization`` or a cookie without saying ``public`` or ``s-maxage``.

    A stored response is used only for the same scheme, host, path and query, and where the request has the
    same values of the fields that ``Vary`` names. It has an ``ETag``, and is answered by 304 where the client
    has it. ``Cache-Status`` says what the cache did.

    However many ask for one that is not there, one request makes it, unless it cannot be stored. When Redis
    does not answer, the application does: no error of the store reaches a client.
    """

    def __init__(
        self,
        app: Application,
        *,
        store: AsyncGiven[AsyncCacheStore],
        ttl: Duration,
        applies: Callable[[str, str], bool] | None = None,
        vary: Iterable[str] = (),
        group: str | Callable[[Scope], str] = "",
        max_bytes: int = 2**20,
        private: Owner | None = None,
    ) -> None:
        """Wrap *app*; nothing is sent.

        Args:
            app: The application.
            store: A cache store, or its provider, which is asked at each request.
            ttl: How long a response is fresh that does not say, and at most.
            applies: Tells from method and path whether the cache has to do with a request; all when omitted.
            vary: Names of request fields, each of whose values has an entry of its own. What ``Vary`` names
                besides is compared, but one entry replaces the other.
            group: What ``evict_responses`` names, or a function of the scope that returns it.
            max_bytes: The longest content that is stored; the store has a bound of its own.
            private: Returns whose the response is, for ``None`` everybody's. It is stored for that one alone,
                and may be private then. May be awaited.

        Raises:
            ArgumentError: If an argument cannot be used.
        """
        if not callable(app):
            raise ArgumentError("app", "must be an ASGI application")
        check_store(store, CACHE, is_async=True)
        if not isinstance(group, str) and not callable(group):
            raise ArgumentError("group", "must be text, or a function of the scope")
        self._app, self._store = app, store
        self._rules = Rules(ttl, applies, vary, max_bytes)
        self._group = group
        self._private: Owner | None = checked_function(private, "private", "of the scope")
        self._generations = Generations()
        self._is_failing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from the cache, or let the application answer."""
        is_ours = scope["type"] == "http" and _IS_TAKEN not in scope  # it would wait for itself
        if not is_ours or not self._rules.apply_to(scope["method"], scope["path"]):
            await self._app(scope, receive, send)
            return
        asked = Asked.by([(bytes(name), bytes(value)) for name, value in scope["headers"]])
        if asked.bypasses:
            await self._app(scope, receive, telling_send(send, "fwd=bypass"))
            return
        if self._private is not None:
            asked = replace(asked, owner=await _owner(self._private, scope))
        await self._answer(scope, receive, send, asked)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, asked: Asked) -> None:
        scope[_IS_TAKEN] = True
        try:
            settled = await self._settle(scope, asked)
            self._is_failing = False
        except ModkitRedisError as error:
            self._report(error)
            settled = Settled("fwd=miss; detail=unavailable")
        if settled.found is not None:
            is_get = scope["method"] == "GET"
            await send_answer(
                answer(settled.found, asked.fields, settled.status, time.time(), with_body=is_get), send
            )
        elif asked.only_if_cached:
            is_head = scope["method"] == "HEAD"
            await send_answer(_ONLY_IF_CACHED._replace(body=b"") if is_head else _ONLY_IF_CACHED, send)
        elif settled.keeper is None:
            await self._app(scope, receive, telling_send(send, settled.status))
        else:
            making = Making(self._rules, settled.keeper, asked, settled.status, self._report)
            await making.run(self._app, scope, receive, send, whole=settled.whole)

    async def _settle(self, scope: Scope, asked: Asked) -> Settled:
        store = await async_store_of(self._store)
        group = self._group if isinstance(self._group, str) else self._group(scope)
        looked = await self._generations.look(store, group, key_of(scope, asked, self._rules.vary))
        found = StoredResponse.loads(looked.value)
        why = reason_not_to_use(found, asked, time.time())
        if not why:
            return Settled("hit", found)
        if asked.only_if_cached or scope["method"] != "GET":
            return Settled(why)
        alone = Alone(store, looked.key)
        if looked.value is not MISS:
            return Settled(why, keeper=alone, whole=looked.value is not None)
        flight = Flight(store, looked.key, self._rules.ttl)
        shared = await flight.join()
        if shared is Role.LEADS:
            return Settled(why, keeper=flight)
        found = StoredResponse.loads(shared)
        if unusable := reason_not_to_use(found, asked, time.time()):
            return Settled(unusable, keeper=alone, whole=shared is not None)
        return Settled(f"{why}; collapsed", found)

    def _report(self, error: ModkitRedisError) -> None:
        if not self._is_failing:
            self._is_failing = True
            _LOG.warning("responses are not cached at present: %s", error)


class Settled(NamedTuple):
    """What is to be done for a request.

    Attributes:
        status: What ``Cache-Status`` says.
        found: What to answer with.
        keeper: What becomes of the response that is made instead; ``None`` for nothing.
        whole: Whether to ask for all of it, whatever the client has.
    """

    status: str
    found: StoredResponse | None = None
    keeper: Keeper | None = None
    whole: bool = True


async def _owner(tell: Owner, scope: Scope) -> str | None:
    found = tell(scope)
    owner = await found if isawaitable(found) else found
    if owner is not None and not isinstance(owner, str):
        raise ArgumentError("private", "must return text, or None for everybody")
    return owner
