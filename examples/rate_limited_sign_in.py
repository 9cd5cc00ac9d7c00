"""Limit how often a password may be tried, per user and per address, and what a function may be called.

export REDIS_ADDR=localhost:6379 REDIS_KEY_PREFIX=shop
python examples/rate_limited_sign_in.py
"""

from __future__ import annotations

import sys

from dependency_injector import containers
from dependency_injector.wiring import Provide, inject

from modkit_redis import RedisBundle, limited, mount, wire_strict
from modkit_redis.contract import TOKEN_RATELIMIT_STORE, ConfigError, LimitExceededError, RateLimitStore

PER_USER, PER_ADDRESS = "user=3/hour", "address=100/hour"


@inject
def sign_in(
    user: str, password: str, address: str, limiter: RateLimitStore = Provide[TOKEN_RATELIMIT_STORE]
) -> str:
    for subject, limit in ((("ip", address), PER_ADDRESS), (("user", user), PER_USER)):
        if not (decision := limiter.hit(subject, limit=limit)):
            minutes = decision.retry_after.total_seconds() / 60 if decision.retry_after else 0
            return f"429: too many for this {decision.refused_by[0]}, try again in {minutes:.0f} minutes"
    if password != "correct horse":
        return f"401: wrong, {decision.remaining} more"
    limiter.reset(("user", user), limit=PER_USER)  # the right one: nothing to hold against them
    return f"200: hello {user}"


@inject
@limited(subject=lambda user: ("user", user), limit="mail=2/day")
def send_link(user: str, limiter: RateLimitStore = Provide[TOKEN_RATELIMIT_STORE]) -> str:
    return f"a link is on its way to {user}"


class App(containers.DeclarativeContainer):
    """The application: its settings are the REDIS_… variables."""

    redis = mount(RedisBundle)


def main() -> None:
    app = App()
    wire_strict(app, modules=[__name__])
    app.init_resources()
    try:
        for password in ("1234", "password", "correct horse", "1234", "1234", "1234", "correct horse"):
            print(sign_in("ada", password, "192.0.2.7"))
        try:
            for _ in range(3):
                print(send_link("ada"))
        except LimitExceededError as error:
            print(error.decision.refused_by)
        store = app.redis.ratelimit.store()
        store.reset(("user", "ada"), limit=f"{PER_USER}, mail=2/day")  # this run leaves nothing behind
        store.reset(("ip", "192.0.2.7"), limit=PER_ADDRESS)
    finally:
        app.shutdown_resources()
        app.unwire()


if __name__ == "__main__":
    try:
        main()
    except ConfigError as error:
        sys.exit(f"{error}\nFor example: REDIS_ADDR=localhost:6379 python {sys.argv[0]}")
