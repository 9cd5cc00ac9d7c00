"""A cart, signing in and out: this knows a token and its protocol, no container and no web framework."""

from __future__ import annotations

from dependency_injector.wiring import Provide, inject

from modkit_redis.contract import TOKEN_SESSION_STORE, AsyncSessionStore, SessionToken


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
