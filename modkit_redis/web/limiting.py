"""What the rate-limit middlewares of both worlds decide, without I/O."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.ratelimit import (
    DEFAULT_NAME,
    Decision,
    Limit,
    Limits,
    check_together,
    parse_limits,
)
from modkit_redis.web.headers import DRAFTS, Decisions, Draft, Headers, rate_limit_headers
from modkit_redis.web.refusals import FORMS, Form, Refusal, refusal, refused

KEY: Final = "modkit_redis.ratelimit"
"""Where in a scope or environ the decision is, or the tuple of them where several middlewares stand."""

Request: TypeAlias = Mapping[str, Any]
"""An ASGI scope or a WSGI environ."""

Applies: TypeAlias = Callable[[str, str], bool]
"""Tells from method and path whether a request is limited."""

Unidentified: TypeAlias = Literal["refuse", "allow"]
"""What becomes of a request whose sender is not known."""


@dataclass(slots=True, kw_only=True)
class Limiting:
    """How requests are limited; see ``RateLimitMiddleware``.

    Raises:
        ArgumentError: If an argument cannot be used.
    """

    limit: Limits | None
    cost: int | Callable[[Any], int]
    applies: Applies | None
    unidentified: Unidentified
    headers: Draft | None
    legacy_headers: bool
    body: Form
    _is_told: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        _check_limit(self.limit)
        if not callable(self.cost) and (type(self.cost) is not int or self.cost < 0):
            raise ArgumentError("cost", "must be a whole number, at least 0, or a function")
        if self.applies is not None and not callable(self.applies):
            raise ArgumentError("applies", "must be a function of method and path, or None")
        for argument, value, values in (
            ("unidentified", self.unidentified, ("refuse", "allow")),
            ("headers", self.headers, (*DRAFTS, None)),
            ("legacy_headers", self.legacy_headers, (True, False)),
            ("body", self.body, FORMS),
        ):
            if not any(value is each or (value == each and isinstance(value, str)) for each in values):
                raise ArgumentError(argument, f"must be one of {', '.join(map(repr, values))}")

    def applies_to(self, method: str, path: str) -> bool:
        """Tell whether a request is limited."""
        return self.applies is None or self.applies(method, path)

    def cost_of(self, request: Request) -> int:
        """Return what a request costs."""
        return self.cost(request) if callable(self.cost) else self.cost

    def headers_of(self, decision: Decision) -> Headers:
        """Return what an answer is to tell about *decision*."""
        return rate_limit_headers(decision, draft=self.headers, legacy=self.legacy_headers)

    def refusal(self, decision: Decision, accept: str) -> Refusal:
        """Return the answer to a request that *decision* refuses."""
        return refusal(
            decision, accept=accept, form=self.body, draft=self.headers, legacy=self.legacy_headers
        )

    def unknown(self, accept: str) -> Refusal | None:
        """Return the answer to a request whose sender is not known, or ``None`` if it is allowed."""
        if self.unidentified == "allow":
            return None
        if not self._is_told:  # or a flood of requests would be one of messages
            self._is_told = True
            _LOG.warning("A request is refused with 400, as identify cannot tell who sent it; told once.")
        return refused(400, "It cannot be told who sent this request.", accept=accept, form=self.body)


def is_subject(found: object) -> bool:
    """Tell whether *found* can be a subject, whoever sent the request: it is text, or several."""
    return all(isinstance(each, str) for each in (found if isinstance(found, tuple) else (found,)))


def no_subject(argument: str) -> ArgumentError:
    """Return the error for the function called *argument*, which returned something else."""
    return ArgumentError(argument, "must return text, a tuple of texts, or None")


def is_no_subject(error: ArgumentError) -> bool:
    """Tell whether a store refuses the subject, which is the sender's doing: it is empty or far too long."""
    return error.argument == "subject"


def with_decision(request: Request, decision: Decision) -> Decisions:
    """Return what is to be kept at a request: *decision*, behind those that others have made."""
    before = request.get(KEY)
    if before is None:
        return decision
    return (*before, decision) if isinstance(before, tuple) else (before, decision)


def check_callable(argument: str, given: object) -> None:
    """Refuse what cannot be called.

    Raises:
        ArgumentError: If so.
    """
    if not callable(given):
        raise ArgumentError(argument, "must be a function")


_LOG: Final = logging.getLogger("modkit_redis.web")


def _check_limit(limit: Limits | None) -> None:
    if limit is None:
        return
    limits = (
        parse_limits(limit) if isinstance(limit, str) else (limit,) if isinstance(limit, Limit) else limit
    )
    if not isinstance(limits, Sequence) or not all(isinstance(each, Limit) for each in limits):
        raise ArgumentError("limit", "must be a Limit, several, or text like 'login=5/minute'")
    check_together(limits)
    if any(each.name == DEFAULT_NAME for each in limits):
        raise ArgumentError("limit", "needs a name of its own here, as in 'api=100/minute'")
