"""A button that may be pressed only so often: each press says what is left, and when there will be more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from dependency_injector.wiring import Provide, inject
from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse

from examples.webapp.clicks import click_of
from modkit_redis.contract import TOKEN_RATELIMIT_STORE, AsyncRateLimitStore, Decision, Limit
from modkit_redis.web import client_address
from modkit_redis.web.fastapi import RateLimit

router = APIRouter()

_presser = client_address()
_PRESSES = RateLimit(None, by=_presser)  # the limits of the settings


@dataclass(frozen=True, slots=True)
class Button:
    """What the card shows.

    Attributes:
        is_degraded: Whether Redis does not answer, and nothing of the rest is known.
        capacity: How many presses are allowed at once.
        period: In how much time they are.
        remaining: How many are allowed now.
        reset_ms: In how many milliseconds all are allowed again.
    """

    is_degraded: bool
    capacity: int = 0
    period: timedelta = timedelta(0)
    remaining: int = 0
    reset_ms: int = 0

    @property
    def each_ms(self) -> int:
        """How many milliseconds one press takes to come back."""
        return round(self.period / _MS / max(1, self.capacity))

    @property
    def next_ms(self) -> int:
        """In how many milliseconds there is one more; 0 if all are there."""
        missing = self.capacity - self.remaining
        return max(0, self.reset_ms - (missing - 1) * self.each_ms) if missing else 0


@inject
async def show(request: Request, store: AsyncRateLimitStore = Provide[TOKEN_RATELIMIT_STORE]) -> Button:
    """Return what the card shows; nothing is charged."""
    subject = _presser(request.scope)
    if subject is None:
        return Button(is_degraded=True)
    decision = await store.peek(subject)
    return Button(is_degraded=True) if decision.degraded else _shown(decision)


@router.post("/press")
async def press(
    request: Request, decision: Annotated[Decision | None, Depends(_PRESSES)]
) -> RedirectResponse:
    """Press the button; FastAPI refuses for us what is too much."""
    if decision is None or decision.degraded:
        said = "Pressed, uncounted: Redis is away, and the policy for that is 'open'."
    else:
        more = decision.remaining
        said = f"Pressed. {more} more now." if more else "Pressed. That was the last one for now."
    click_of(request.scope).tell("button", said)
    return RedirectResponse("/", 303)


def _shown(decision: Decision) -> Button:
    state, limit = decision.states[0], decision.states[0].limit
    assert isinstance(limit, Limit)
    return Button(
        is_degraded=False,
        capacity=limit.capacity,
        period=limit.period,
        remaining=state.remaining,
        reset_ms=round(state.reset_after / _MS),
    )


_MS = timedelta(milliseconds=1)
