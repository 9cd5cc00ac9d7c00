"""A cart, signing in and out: this knows tokens and protocols, no container and no web framework."""

from __future__ import annotations

from dependency_injector.wiring import Provide, inject

from modkit_redis.contract import (
    TOKEN_RATELIMIT_STORE,
    TOKEN_SESSION_STORE,
    AsyncRateLimitStore,
    AsyncSessionStore,
    SessionToken,
)


@inject
async def add(
    token: str | None, product: str, store: AsyncSessionStore = Provide[TOKEN_SESSION_STORE]
) -> SessionToken | None:
    """Put *product* into the cart, and return what opens the session from now on."""
    async with store.open(token) as session:
        session.setdefault("cart", []).append(product)
    return session.token


@inject
async def sign_in(
    token: str | None, user: str, store: AsyncSessionStore = Provide[TOKEN_SESSION_STORE]
) -> SessionToken | None:
    """Sign *user* in, and return the new token."""
    async with store.open(token) as session:
        session.bind(user)
    return session.token


@inject
async def show(
    token: str | None, store: AsyncSessionStore = Provide[TOKEN_SESSION_STORE]
) -> tuple[str | None, list[str]]:
    """Return who is signed in, and what is in the cart."""
    async with store.open(token) as session:
        return session.user, session.get("cart", [])


@inject
async def sign_out(token: str | None, store: AsyncSessionStore = Provide[TOKEN_SESSION_STORE]) -> None:
    """End the session."""
    async with store.open(token) as session:
        session.destroy()


@inject
async def sign_out_everywhere(user: str, store: AsyncSessionStore = Provide[TOKEN_SESSION_STORE]) -> int:
    """End all sessions of *user*, and return how many there were."""
    return await store.revoke_all(user)


@inject
async def try_password(
    user: str, limiter: AsyncRateLimitStore = Provide[TOKEN_RATELIMIT_STORE]
) -> tuple[bool, int]:
    """Return whether a password of *user* may be tried, and how many more after it."""
    decision = await limiter.hit(("user", user))
    return decision.allowed, decision.remaining


@inject
async def forgive(user: str, limiter: AsyncRateLimitStore = Provide[TOKEN_RATELIMIT_STORE]) -> None:
    """Forget the passwords that were tried: the right one was among them."""
    await limiter.reset(("user", user))
