"""Count page visits: one client, its key prefix, and a function that has both injected.

REDIS_ADDR=localhost:6379 REDIS_KEY_PREFIX=shop python examples/quickstart.py
"""

from __future__ import annotations

import sys

import redis
from dependency_injector import containers
from dependency_injector.wiring import Provide, inject

from modkit_redis import RedisBundle, mount, wire_strict
from modkit_redis.contract import TOKEN_CLIENT, TOKEN_KEY_PREFIX, ConfigError, KeySpace


@inject
def visit(
    page: str,
    client: redis.Redis = Provide[TOKEN_CLIENT],
    prefix: str = Provide[TOKEN_KEY_PREFIX],
) -> int:
    """Count one visit of *page* and return how many there were."""
    return client.incr(KeySpace(prefix, "visits").key(page))


class App(containers.DeclarativeContainer):
    """The application: its settings are the REDIS_… variables."""

    redis = mount(RedisBundle)


def main() -> None:
    app = App()
    wire_strict(app, modules=[__name__])
    app.init_resources()  # a missing REDIS_ADDR fails here, not at the first visit
    try:
        for page in ("home", "cart", "home"):
            print(f"{page}: visit {visit(page)}")
    finally:
        app.shutdown_resources()
        app.unwire()


if __name__ == "__main__":
    try:
        main()
    except ConfigError as error:
        sys.exit(f"{error}\nFor example: REDIS_ADDR=localhost:6379 python {sys.argv[0]}")
