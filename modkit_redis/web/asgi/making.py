"""Lets the application make a response, and sees that it is stored if it may be."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from modkit_redis.contract.cache import AsyncCacheStore
from modkit_redis.contract.errors import ModkitRedisError
from modkit_redis.web.asgi.recording import Recording
from modkit_redis.web.asgi.types import Application, Message, Receive, Scope, Send
from modkit_redis.web.caching.answering import CONDITIONS, Answer, answer, with_status
from modkit_redis.web.caching.asked import Asked
from modkit_redis.web.caching.fields import Fields
from modkit_redis.web.caching.rules import Rules
from modkit_redis.web.caching.storing import lifetime, made, of_one_client


class Keeper(Protocol):
    """What becomes of a response."""

    async def land(self, made: bytes, ttl: float) -> None:
        """Store it for *ttl* seconds; raises what the store raises."""

    def pass_by(self) -> None:
        """It cannot be stored."""

    def abandon(self) -> None:
        """Nothing will come any more, if nothing has come."""


class Alone:
    """Stores a response for which nobody waits."""

    def __init__(self, store: AsyncCacheStore, key: str) -> None:
        """Know where."""
        self._store, self._key = store, key

    async def land(self, made: bytes, ttl: float) -> None:
        """Store it for *ttl* seconds."""
        await self._store.set(self._key, made, ttl=ttl)

    def pass_by(self) -> None:
        """Do nothing."""

    def abandon(self) -> None:
        """Do nothing."""


class Making:
    """One response that the application makes."""

    def __init__(
        self, rules: Rules, keeper: Keeper, asked: Asked, why: str, report: Callable[[ModkitRedisError], None]
    ) -> None:
        """Begin nothing yet.

        Args:
            rules: What the application says of its cache.
            keeper: What becomes of the response.
            asked: What it answers.
            why: Why it is made: the first part of ``Cache-Status``.
            report: Told what the store raises.
        """
        self._rules, self._keeper, self._asked = rules, keeper, asked
        self._why, self._report = why, report

    async def run(self, app: Application, scope: Scope, receive: Receive, send: Send, *, whole: bool) -> None:
        """Call the application and send what it makes.

        Args:
            app: The application.
            scope: The request.
            receive: What it receives from.
            send: What it is sent to.
            whole: Whether to ask for all of it, whatever the client has.
        """
        inner = without_conditions(scope) if whole else scope
        telling = telling_send(send, self._why)

        async def complete(status: int, fields: Fields, body: bytes) -> None:
            await self._complete(Answer(status, fields, body), inner, send)

        async def give_up() -> Send:
            self._keeper.pass_by()
            return telling

        def may_store(status: int, fields: Fields) -> bool:
            return self._span(status, fields) is not None

        recording = Recording(may_store, self._rules.max_bytes, complete, give_up)
        try:
            await app(inner, receive, recording)
            if recording.has_begun:
                await recording.let_go()
        finally:
            self._keeper.abandon()
            scope.update({key: value for key, value in inner.items() if key != "headers"})

    def _span(self, status: int, fields: Fields) -> float | None:
        return lifetime(status, fields, self._asked, self._rules.vary, self._rules.ttl)

    async def _complete(self, got: Answer, scope: Scope, send: Send) -> None:
        if is_signed_in(scope):
            self._asked = replace(self._asked, has_credentials=True)
        span = self._span(got.status, got.fields)
        if span is None or (self._asked.owner is None and uses_session(scope)):
            self._keeper.pass_by()
            await send_answer(Answer(got.status, with_status(got.fields, self._why), got.body), send)
            return
        stored = made(got.status, got.fields, got.body, self._asked, self._rules.vary, span)
        status = f"{self._why}; stored"
        try:
            await self._keeper.land(stored.dumps(), span)
        except ModkitRedisError as error:
            self._report(error)
            status = self._why
        sent = answer(stored, self._asked.fields, status, time.time(), with_body=True)
        await send_answer(sent._replace(fields=[*sent.fields, *of_one_client(got.fields)]), send)


def uses_session(scope: Scope) -> bool:
    """Tell whether a session was looked at; one that does not say may have been."""
    session = scope.get("session")
    return session is not None and getattr(session, "accessed", True) is not False


def is_signed_in(scope: Scope) -> bool:
    """Tell whether the application found out who asks, by whatever credentials: as Starlette says it."""
    return bool(getattr(scope.get("user"), "is_authenticated", False))


def without_conditions(scope: Scope) -> Scope:
    """Return *scope* as that of a request that does not say what the client has."""
    if not any(bytes(name).lower() in CONDITIONS for name, _ in scope["headers"]):
        return scope
    kept = [(name, value) for name, value in scope["headers"] if bytes(name).lower() not in CONDITIONS]
    return {**scope, "headers": kept}


def telling_send(send: Send, status: str) -> Send:
    """Return what sends a response with what the cache did."""

    async def tell(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": with_status(list(message.get("headers", ())), status)}
        await send(message)

    return tell


async def send_answer(answer: Answer, send: Send) -> None:
    """Send a response."""
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.fields})
    await send({"type": "http.response.body", "body": answer.body})
