"""Refusals as exceptions that Flask answers, and that its error handlers take."""

from __future__ import annotations

from typing import Any, Final

from werkzeug.exceptions import BadRequest, HTTPException, ServiceUnavailable, TooManyRequests

from modkit_redis.contract.ratelimit import Decision
from modkit_redis.web.headers import LEGACY_NAMES, LIST_NAMES
from modkit_redis.web.refusals import Refusal


class _Refused(HTTPException):
    def __init__(self, refusal: Refusal, decision: Decision | None = None) -> None:
        super().__init__()
        self.args = (refusal, decision)
        self.refusal, self.decision = refusal, decision

    def get_body(self, environ: Any = None, scope: Any = None) -> str:
        return self.refusal.body.decode()

    def get_headers(self, environ: Any = None, scope: Any = None) -> list[tuple[str, str]]:
        return [(name, value) for name, value in self.refusal.headers if name not in _ADDED_LATER]


class RateLimitedError(_Refused, TooManyRequests):
    """A limit refuses the request: 429, unless a handler for it or for 429 answers something else.

    What a handler answers is given ``Retry-After`` and the headers of rate limits as well.

    Attributes:
        refusal: The answer.
        decision: The decision, with all that a client may want to know.
    """

    decision: Decision


class LimitsUnavailableError(_Refused, ServiceUnavailable):
    """Redis does not answer, and the limiter's settings refuse then: 503, or what a handler answers.

    Attributes:
        refusal: The answer.
        decision: The decision; it is ``degraded``.
    """

    decision: Decision


class UnidentifiedError(_Refused, BadRequest):
    """It cannot be told who sent the request: 400, or what a handler answers.

    Attributes:
        refusal: The answer.
        decision: ``None``: nothing was asked.
    """


def error_of(refusal: Refusal, decision: Decision | None) -> HTTPException:
    """Return what is to be raised."""
    if decision is None:
        return UnidentifiedError(refusal)
    kind = RateLimitedError if refusal.status == 429 else LimitsUnavailableError
    return kind(refusal, decision)


_ADDED_LATER: Final = frozenset({"Content-Length", *LIST_NAMES, *LEGACY_NAMES})
