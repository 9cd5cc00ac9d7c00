"""Two Redis servers in one application: the default instance, and one called ``analytics``.

export REDIS_ADDR=localhost:6379 REDIS_KEY_PREFIX=shop
export REDIS_ANALYTICS_ADDR=localhost:6379 REDIS_ANALYTICS_KEY_PREFIX=shop:analytics
python examples/named_instances.py
"""

from __future__ import annotations

import sys

import redis
from dependency_injector import containers
from dependency_injector.wiring import Provide, inject

from modkit_redis import RedisBundle, mount, wire_strict
from modkit_redis.contract import TOKEN_CLIENT, TOKEN_KEY_PREFIX, ConfigError, KeySpace, named_tokens

ANALYTICS = named_tokens("analytics")


@inject
def order(
    item: str,
    client: redis.Redis = Provide[TOKEN_CLIENT],
    prefix: str = Provide[TOKEN_KEY_PREFIX],
    analytics: redis.Redis = Provide[ANALYTICS.client],
    analytics_prefix: str = Provide[ANALYTICS.key_prefix],
) -> None:
    """Take an order at one server and count it at the other."""
    for name, server, above in (("order", client, prefix), ("event", analytics, analytics_prefix)):
        key = KeySpace(above, f"{name}s").key(item)
        print(f"{name} {server.incr(key)} of {item}: {key}")


class Redis(RedisBundle):
    """Everything that this application keeps in Redis."""

    analytics = RedisBundle.instance("analytics")  # reads REDIS_ANALYTICS_… and inherits nothing


class App(containers.DeclarativeContainer):
    """The application."""

    redis = mount(Redis)


def main() -> None:
    app = App()
    wire_strict(app, modules=[__name__])
    app.init_resources()
    try:
        order("tea")
        order("tea")
    finally:
        app.shutdown_resources()
        app.unwire()


if __name__ == "__main__":
    try:
        main()
    except ConfigError as error:
        sys.exit(
            f"{error}\nFor example: REDIS_ADDR=localhost:6379 REDIS_ANALYTICS_ADDR=localhost:6379 "
            f"python {sys.argv[0]}"
        )
