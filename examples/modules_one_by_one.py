"""Choose the modules one by one: a container of the bundle's shape, so that the tokens stay the same.

REDIS_ADDR=localhost:6379 REDIS_KEY_PREFIX=shop python examples/modules_one_by_one.py
"""

from __future__ import annotations

import sys

import redis
from dependency_injector import containers
from dependency_injector.wiring import Provide, inject

from modkit_redis import RedisModule, mount, wire_strict
from modkit_redis.contract import TOKEN_CLIENT, TOKEN_KEY_PREFIX, ConfigError, KeySpace


@inject
def remember(
    name: str,
    value: str,
    client: redis.Redis = Provide[TOKEN_CLIENT],
    prefix: str = Provide[TOKEN_KEY_PREFIX],
) -> bytes | str | None:
    """Store *value* for a minute and return what Redis has now: bytes, from our clients."""
    key = KeySpace(prefix, "notes").key(name)
    client.set(key, value, ex=60)
    return client.get(key)


class Redis(containers.DeclarativeContainer):
    """What this application uses of Redis: a client and its key prefix, nothing else."""

    base = mount(RedisModule)
    client, key_prefix = base.client, base.key_prefix


class App(containers.DeclarativeContainer):
    """The application; mounted as ``redis``, because the tokens begin with it."""

    redis = mount(Redis)


def main() -> None:
    app = App()
    wire_strict(app, modules=[__name__])
    app.init_resources()
    try:
        print(f"remembered {remember('colour', 'green')!r}")
        print(f"the module shows {', '.join(sorted(app.redis.base.providers))}")
    finally:
        app.shutdown_resources()
        app.unwire()


if __name__ == "__main__":
    try:
        main()
    except ConfigError as error:
        sys.exit(f"{error}\nFor example: REDIS_ADDR=localhost:6379 python {sys.argv[0]}")
