"""A Flask application: a cart in the session, signing in and out, limits for all and for one view.

export REDIS_ADDR=localhost:6379 REDIS_KEY_PREFIX=shop
export REDIS_SESSION_IDLE_TTL=30m REDIS_SESSION_ABSOLUTE_TTL=12h REDIS_SESSION_PER_USER_MAX=10
python examples/flask_app.py    # or serve it: flask --app examples/flask_app run
"""

import atexit
import sys

from dependency_injector import containers
from dependency_injector.wiring import Provide, inject
from flask import Flask, request

from modkit_redis import RedisBundle, mount, wire_strict
from modkit_redis.contract import TOKEN_SESSION_STORE, ConfigError, SessionStore
from modkit_redis.web import SessionCookie, client_address
from modkit_redis.web.flask import RateLimits, RedisSessionInterface, session


class App(containers.DeclarativeContainer):
    """The application: its settings are the REDIS_… variables."""

    redis = mount(RedisBundle)


def create_app() -> Flask:
    container, app = App(), Flask(__name__)
    wire_strict(container, modules=[__name__])
    container.init_resources()
    atexit.register(container.shutdown_resources)
    cookie = SessionCookie.for_development()  # behind HTTPS, leave it out
    app.session_interface = RedisSessionInterface(store=container.redis.session.store, cookie=cookie)
    limiter = container.redis.ratelimit.store
    limits = RateLimits(app, store=limiter, identify=client_address(), limit="all=100/minute")
    app.post("/cart/<product>")(add)
    app.post("/sign-in")(limits("3/hour", name="sign-in")(sign_in))
    app.get("/")(show)
    app.post("/sign-out-everywhere")(sign_out_everywhere)
    return app


def add(product: str) -> str:
    session.setdefault("cart", []).append(product)
    return ", ".join(session["cart"])


def sign_in() -> tuple[str, int]:
    if request.form["password"] != "correct horse":
        return "wrong", 401
    session.bind("ada", address=request.remote_addr)  # replaces the token as well
    return "signed in", 200


def show() -> str:
    return f"user {session.user}, cart {session.get('cart')}"


@inject
def sign_out_everywhere(store: SessionStore = Provide[TOKEN_SESSION_STORE]) -> str:
    return f"sessions ended: {store.revoke_all(session.user) if session.user else 0}"


def main() -> None:
    client = create_app().test_client()
    print(client.post("/cart/tea").text, "-", client.post("/cart/cake").text)
    for password in ("1234", "correct horse", "1234", "1234"):
        answer = client.post("/sign-in", data={"password": password})
        print(answer.status_code, answer.headers["RateLimit"].partition(";t=")[0])
    print(client.get("/").text)
    print(client.post("/sign-out-everywhere").text, "-", client.get("/").text)


if __name__ == "__main__":
    try:
        main()
    except ConfigError as error:
        example = "REDIS_ADDR=localhost:6379 REDIS_SESSION_IDLE_TTL=30m REDIS_SESSION_ABSOLUTE_TTL=12h"
        sys.exit(f"{error}\nFor example: {example} REDIS_SESSION_PER_USER_MAX=10 python {sys.argv[0]}")
