# Generated from _async.py by .ci/unasync.py; do not edit.
"""A cart, signing in and out: this knows tokens and protocols, no container and no web framework."""

from __future__ import annotations

from dependency_injector.wiring import Provide, inject

from modkit_redis.contract import (
    TOKEN_RATELIMIT_STORE,
    TOKEN_SESSION_STORE,
    RateLimitStore,
    SessionStore,
    SessionToken,
)


@inject
def add(
    token: str | None, product: str, store: SessionStore = Provide[TOKEN_SESSION_STORE]
) -> SessionToken | None:
    """Put *product* into the cart, and return what opens the session from now on."""
    with store.open(token) as session:
        session.setdefault("cart", []).append(product)
    return session.token


@inject
def sign_in(
    token: str | None, user: str, store: SessionStore = Provide[TOKEN_SESSION_STORE]
) -> SessionToken | None:
    """Sign *user* in, and return the new token."""
    with store.open(token) as session:
        session.bind(user)
    return session.token


@inject
def show(
    token: str | None, store: SessionStore = Provide[TOKEN_SESSION_STORE]
) -> tuple[str | None, list[str]]:
    """Return who is signed in, and what is in the cart."""
    with store.open(token) as session:
        return session.user, session.get("cart", [])


@inject
def sign_out(token: str | None, store: SessionStore = Provide[TOKEN_SESSION_STORE]) -> None:
    """End the session."""
    with store.open(token) as session:
        session.destroy()


@inject
def sign_out_everywhere(user: str, store: SessionStore = Provide[TOKEN_SESSION_STORE]) -> int:
    """End all sessions of *user*, and return how many there were."""
    return store.revoke_all(user)


@inject
def try_password(user: str, limiter: RateLimitStore = Provide[TOKEN_RATELIMIT_STORE]) -> tuple[bool, int]:
    """Return whether a password of *user* may be tried, and how many more after it."""
    decision = limiter.hit(("user", user))
    return decision.allowed, decision.remaining


@inject
def forgive(user: str, limiter: RateLimitStore = Provide[TOKEN_RATELIMIT_STORE]) -> None:
    """Forget the passwords that were tried: the right one was among them."""
    limiter.reset(("user", user))
