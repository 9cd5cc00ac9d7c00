"""An application that does with its session what a request asks for; both worlds side by side.

A request's body is a plan: ``{"before": steps, "after": steps, "status": 200, "headers": [[name, value]…]}``.
What is ``after`` happens when the answer has begun, as in a stream. A step is a list, its name first.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from modkit_redis.contract import ModkitRedisError

Step: TypeAlias = list[Any]
Out: TypeAlias = dict[str, Any]


class FailedOnPurposeError(Exception):
    """What an application raises."""


class Gates:
    """Where requests wait until a test lets them pass."""

    def __init__(self) -> None:
        self._gates: dict[str, tuple[threading.Event, threading.Event]] = {}

    def wait_for(self, name: str) -> None:
        """Wait until a request has come to the gate *name*."""
        assert self._of(name)[0].wait(10), f"nobody came to the gate {name}"

    def open(self, name: str) -> None:
        """Let whoever waits pass."""
        self._of(name)[1].set()

    async def async_pass(self, name: str) -> None:
        came, opened = self._of(name)
        came.set()
        deadline = time.monotonic() + 10
        while not opened.is_set():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.002)

    def pass_(self, name: str) -> None:
        came, opened = self._of(name)
        came.set()
        assert opened.wait(10)

    def _of(self, name: str) -> tuple[threading.Event, threading.Event]:
        return self._gates.setdefault(name, (threading.Event(), threading.Event()))


def act(session: Any, step: Step, out: Out) -> None:
    """Do a step that does not wait."""
    match step:
        case ["set", key, value]:
            session[key] = value
        case ["append", key, value]:
            session[key].append(value)
        case ["del", key]:
            del session[key]
        case ["read", key]:
            out[key] = session.get(key)
        case ["all"]:
            out["all"] = dict(session)
        case ["about"]:
            out["about"] = [session.user, session.presented, session.degraded]
        case ["rotate"]:
            session.rotate()
        case ["bind", user]:
            session.bind(user, address="127.0.0.1")
        case ["destroy"]:
            session.destroy()
        case ["raise"]:
            raise FailedOnPurposeError
        case _:
            raise AssertionError(step)


class AsgiApp:
    """The application for ASGI."""

    def __init__(self, gates: Gates) -> None:
        self._gates = gates

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        plan, out = await _plan(receive), Out()
        await self._do(scope["session"], plan["before"], out)
        headers = [(name.encode(), value.encode()) for name, value in plan["headers"]]
        await send({"type": "http.response.start", "status": plan["status"], "headers": headers})
        if plan["after"]:
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
        await self._do(scope["session"], plan["after"], out)
        await send({"type": "http.response.body", "body": json.dumps(out).encode()})

    async def _do(self, session: Any, steps: list[Step], out: Out) -> None:
        for step in steps:
            try:
                match step:
                    case ["save"] | ["try", ["save"]]:
                        await session.save()
                    case ["take", key]:
                        out[key] = await session.take(key)
                    case ["wait", name]:
                        await self._gates.async_pass(name)
                    case ["try", inner]:
                        act(session, inner, out)
                    case _:
                        act(session, step, out)
            except ModkitRedisError as error:
                if step[0] != "try":
                    raise
                out["error"] = [type(error).__name__, str(error)]


class WsgiApp:
    """The application for WSGI."""

    def __init__(self, gates: Gates) -> None:
        self._gates = gates

    def __call__(self, environ: Any, start_response: Any) -> Any:
        plan, out = _complete(environ["wsgi.input"].read()), Out()
        session = environ["modkit_redis.session"]
        self._do(session, plan["before"], out)
        headers = [(name, value) for name, value in plan["headers"]]
        start_response(f"{plan['status']} As Asked", headers)
        if not plan["after"]:
            return [json.dumps(out).encode()]
        return self._rest(session, plan["after"], out)

    def _rest(self, session: Any, steps: list[Step], out: Out) -> Iterator[bytes]:
        yield b" "
        self._do(session, steps, out)
        yield json.dumps(out).encode()

    def _do(self, session: Any, steps: list[Step], out: Out) -> None:
        for step in steps:
            try:
                match step:
                    case ["save"] | ["try", ["save"]]:
                        session.save()
                    case ["take", key]:
                        out[key] = session.take(key)
                    case ["wait", name]:
                        self._gates.pass_(name)
                    case ["try", inner]:
                        act(session, inner, out)
                    case _:
                        act(session, step, out)
            except ModkitRedisError as error:
                if step[0] != "try":
                    raise
                out["error"] = [type(error).__name__, str(error)]


async def _plan(receive: Callable[[], Any]) -> dict[str, Any]:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return _complete(body)


def _complete(body: bytes) -> dict[str, Any]:
    return {"before": [], "after": [], "status": 200, "headers": [], **json.loads(body or b"{}")}
