"""Keep a session without a web framework: a cart, signing in and out. Whoever calls this has the cookie.

export REDIS_ADDR=localhost:6379 REDIS_KEY_PREFIX=shop
export REDIS_SESSION_IDLE_TTL=30m REDIS_SESSION_ABSOLUTE_TTL=12h REDIS_SESSION_PER_USER_MAX=10
python examples/session_sign_in.py
"""

from __future__ import annotations

import sys

from dependency_injector import containers
from dependency_injector.wiring import Provide, inject

from modkit_redis import RedisBundle, mount, wire_strict
from modkit_redis.contract import TOKEN_SESSION_STORE, ConfigError, SessionStore

Cookie = str | None  # what the client sent, and what it is to send next time


@inject
def add(cookie: Cookie, product: str, store: SessionStore = Provide[TOKEN_SESSION_STORE]) -> Cookie:
    with store.open(cookie) as session:
        session.setdefault("cart", []).append(product)
    return session.token


@inject
def sign_in(cookie: Cookie, user: str, store: SessionStore = Provide[TOKEN_SESSION_STORE]) -> Cookie:
    with store.open(cookie) as session:
        session.bind(user, agent="example")  # replaces the token as well: who knew the old one has nothing
        session["flash"] = f"Welcome, {user}!"
    return session.token


@inject
def show(title: str, cookie: Cookie, store: SessionStore = Provide[TOKEN_SESSION_STORE]) -> None:
    with store.open(cookie) as session:
        print(f"{title}: user {session.user}, cart {session.get('cart')}, says {session.take('flash')}")


@inject
def sign_out(cookie: Cookie, store: SessionStore = Provide[TOKEN_SESSION_STORE]) -> Cookie:
    with store.open(cookie) as session:
        session.destroy()
    return session.token


class App(containers.DeclarativeContainer):
    """The application: its settings are the REDIS_… variables."""

    redis = mount(RedisBundle)


def main() -> None:
    app = App()
    wire_strict(app, modules=[__name__])
    app.init_resources()
    try:
        anonymous = add(add(None, "tea"), "cake")
        show("a visitor", anonymous)
        cookie = sign_in(anonymous, "ada")
        show("signed in", cookie)
        show("once more", cookie)
        show("with the old token", anonymous)
        print(f"signed out: {sign_out(cookie)}")
        show("after that", cookie)
    finally:
        app.shutdown_resources()
        app.unwire()


if __name__ == "__main__":
    try:
        main()
    except ConfigError as error:
        example = "REDIS_ADDR=localhost:6379 REDIS_SESSION_IDLE_TTL=30m REDIS_SESSION_ABSOLUTE_TTL=12h"
        sys.exit(f"{error}\nFor example: {example} REDIS_SESSION_PER_USER_MAX=10 python {sys.argv[0]}")
