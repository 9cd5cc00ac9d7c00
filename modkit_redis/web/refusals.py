"""Answers that refuse a request: plain text, or problem details (RFC 9457) where the client takes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Literal, TypeAlias

from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.ratelimit import Decision
from modkit_redis.web.headers import Decisions, Draft, as_sequence, rate_limit_headers, retry_after

Form: TypeAlias = Literal["auto", "plain", "problem"]
"""What a body is: problem details where the client asks for JSON, or always one of the two."""

FORMS: Final[tuple[Form, ...]] = ("auto", "plain", "problem")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that refuses a request.

    Attributes:
        status: The status code.
        headers: Its headers, with type and length of the body.
        body: The body; an answer to ``HEAD`` leaves it out and keeps the headers.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def status_line(self) -> str:
        """The status with its phrase, as WSGI wants it."""
        return f"{self.status} {HTTPStatus(self.status).phrase}"


def refusal(
    decisions: Decisions,
    *,
    accept: str = "",
    form: Form = "auto",
    draft: Draft | None = "draft-11",
    legacy: bool = False,
) -> Refusal:
    """Return the answer to a request that *decisions* do not allow.

    It is 429 with ``Retry-After``, or without if waiting does not help, as the cost is more than is ever
    allowed at once. It is 503 if Redis does not answer and the settings refuse: the client did nothing wrong.
    The body names limits, never subjects.

    Args:
        decisions: All that was decided about the request, with what allows it.
        accept: The request's ``Accept`` header.
        form: What the body is.
        draft: As for ``rate_limit_headers``.
        legacy: Likewise.

    Raises:
        ArgumentError: If *decisions* allow the request, or *draft* or *form* is none.
    """
    refused = [each for each in as_sequence(decisions) if not each.allowed]
    if not refused:
        raise ArgumentError("decisions", "must hold one that refuses")
    wait = retry_after(refused)
    headers = rate_limit_headers(decisions, draft=draft, legacy=legacy)
    if wait is not None:
        headers.append(("Retry-After", str(wait)))
    if wait is not None and all(each.degraded for each in refused):
        return _answer(
            503, _REDUCED, f"Limits cannot be checked just now. {_again(wait)}", accept, form, headers
        )
    names = _names(refused)
    detail = f"Refused by the limit {' and '.join(names)}. {_again(wait)}"
    return _answer(429, {**_EXCEEDED, "violated-policies": names}, detail, accept, form, headers)


def refused(
    status: int,
    detail: str,
    *,
    accept: str = "",
    form: Form = "auto",
    headers: Sequence[tuple[str, str]] = (),
) -> Refusal:
    """Return an answer that says *detail*, for 400, 401, 403, 503 and their like.

    Args:
        status: The status code.
        detail: A sentence for whoever reads it; no user's data.
        accept: The request's ``Accept`` header.
        form: What the body is.
        headers: Further headers, as ``Retry-After`` or ``WWW-Authenticate``.

    Raises:
        ArgumentError: If *form* is none.
    """
    return _answer(status, {"title": HTTPStatus(status).phrase}, detail, accept, form, headers)


def wants_problem(accept: str) -> bool:
    """Tell whether an ``Accept`` header asks for JSON, and not rather for plain text; ``*/*`` does not."""
    asked: dict[str, float] = {}
    for each in accept.lower().split(","):
        kind, _, parameters = each.partition(";")
        asked[kind.strip()] = _quality(parameters)
    if asked.get(_PROBLEM) == 0:
        return False
    problem = max(asked.get(kind, 0.0) for kind in (_PROBLEM, "application/json", "application/*"))
    return problem > 0 and problem >= asked.get("text/plain", asked.get("text/*", 0.0))


_PROBLEM: Final = "application/problem+json"
_TYPES: Final = "https://iana.org/assignments/http-problem-types"
_EXCEEDED: Final = {
    "type": f"{_TYPES}#quota-exceeded",
    "title": "Request cannot be satisfied as assigned quota has been exceeded",
}
_REDUCED: Final = {
    "type": f"{_TYPES}#temporary-reduced-capacity",
    "title": "Request cannot be satisfied due to temporary server capacity constraints",
}


def _names(refused: Sequence[Decision]) -> list[str]:
    return list(dict.fromkeys(name for each in refused for name in each.refused_by))


def _again(wait: int | None) -> str:
    if wait is None:
        return "It is more than is ever allowed at once."
    return f"Try again in {wait} second{'s' if wait > 1 else ''}."


def _quality(parameters: str) -> float:
    for each in parameters.split(";"):
        name, _, value = each.partition("=")
        if name.strip() == "q":
            value = value.strip()
            return float(value) if _is_quality(value) else 0.0
    return 1.0


def _is_quality(text: str) -> bool:
    whole, _, fraction = text.partition(".")
    return text.isascii() and whole in ("0", "1") and (not fraction or fraction.isdigit()) and len(text) <= 5


def _answer(
    status: int,
    problem: Mapping[str, object],
    detail: str,
    accept: str,
    form: Form,
    headers: Sequence[tuple[str, str]],
) -> Refusal:
    if form not in FORMS:
        raise ArgumentError("form", f"must be one of {', '.join(map(repr, FORMS))}")
    if form == "problem" or (form == "auto" and wants_problem(accept)):
        kind, text = _PROBLEM, json.dumps({**problem, "status": status, "detail": detail})
    else:
        kind, text = "text/plain; charset=utf-8", f"{HTTPStatus(status).phrase}. {detail}"
    body = f"{text}\n".encode()
    described = (("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store"))
    return Refusal(status, (*described, *headers), body)
