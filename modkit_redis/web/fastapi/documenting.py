"""What dependencies of this package add to an application's OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from fastapi import FastAPI, routing

from modkit_redis.web.fastapi.limits import RateLimit
from modkit_redis.web.fastapi.sessions import RequiredSession


def document(app: FastAPI) -> None:
    """Have the document of *app* say which operations answer 401, 403 and 429, and with which headers."""
    make: Callable[[], dict[str, Any]] = app.openapi

    def openapi() -> dict[str, Any]:
        schema = make()
        for path, methods, calls in _operations(app.routes):
            for method in methods:
                operation = schema.get("paths", {}).get(path, {}).get(method.lower())
                if operation is not None:
                    _describe(operation, calls)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI documents it


def _operations(routes: Iterable[Any]) -> Iterator[tuple[str, Iterable[str], list[Any]]]:
    """Yield path, methods and dependencies of all operations."""
    # Included routers were routes of their own until FastAPI kept them as they are.
    contexts: Any = getattr(routing, "iter_route_contexts", iter)
    for route in contexts(routes):
        if getattr(route, "dependant", None) is not None and getattr(route, "methods", None):
            yield route.path_format, route.methods, [*_calls(route.dependant)]


def _calls(dependant: Any) -> Iterator[Any]:
    for each in dependant.dependencies:
        yield each.call
        yield from _calls(each)


def _describe(operation: dict[str, Any], calls: list[Any]) -> None:
    responses = operation.setdefault("responses", {})
    limits = [each for each in calls if isinstance(each, RateLimit)]
    if limits:
        responses.setdefault("429", _problem("Too many requests", "Retry-After", *_LIMITS))
        for status, answer in responses.items():
            if status[0] == "2":
                answer.setdefault("headers", {}).update(_headers(*_LIMITS))
    if required := [each for each in calls if isinstance(each, RequiredSession)]:
        responses.setdefault("401", _problem("Nobody is signed in", "WWW-Authenticate"))
        if any(each.recent is not None for each in required):
            responses.setdefault("403", _problem("The sign-in is not recent enough"))


_LIMITS: Final = ("RateLimit-Policy", "RateLimit")
_DESCRIPTIONS: Final = {
    "RateLimit-Policy": "What each limit allows: its name, a quota (q) and a window in seconds (w)",
    "RateLimit": "What each limit has left (r), and in how many seconds all of it is allowed again (t)",
    "Retry-After": "In how many seconds the request will be allowed",
    "WWW-Authenticate": "The session's cookie is asked for",
}
_PROBLEM: Final = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}


def _headers(*names: str) -> dict[str, Any]:
    return {
        name: {
            "description": _DESCRIPTIONS[name],
            "schema": {"type": "integer" if name == "Retry-After" else "string"},
        }
        for name in names
    }


def _problem(description: str, *headers: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": _PROBLEM}}
    described = {"headers": _headers(*headers)} if headers else {}
    return {"description": description, **described, "content": content}
