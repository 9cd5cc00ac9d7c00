"""Use a client that you made yourself: here one that decodes replies, which ours does not.

REDIS_ADDR=localhost:6379 REDIS_KEY_PREFIX=shop python examples/bring_your_own_client.py
"""

from __future__ import annotations

import os
import sys

import redis
from dependency_injector import containers
from dependency_injector.wiring import Provide, inject
from redis.backoff import NoBackoff
from redis.retry import Retry

from modkit_redis import RedisBundle, mount, wire_strict
from modkit_redis.contract import TOKEN_CLIENT, TOKEN_KEY_PREFIX, KeySpace


@inject
def greet(
    name: str,
    client: redis.Redis = Provide[TOKEN_CLIENT],
    prefix: str = Provide[TOKEN_KEY_PREFIX],
) -> bytes | str | None:
    """Store a greeting and return what Redis has now: text, from this client."""
    key = KeySpace(prefix, "greetings").key(name)
    client.set(key, f"Hello, {name}!", ex=60)
    return client.get(key)


class App(containers.DeclarativeContainer):
    """The application; its client is given when it is made."""

    redis = mount(RedisBundle)


def main(addr: str) -> None:
    host, _, port = addr.rpartition(":")
    mine = redis.Redis(
        host=host,
        port=int(port),
        decode_responses=True,
        retry=Retry(NoBackoff(), 0),  # redis-py's default repeats a command up to 10 times
    )
    app = App(redis=RedisBundle(client=mine))  # only the key prefix is read from the environment
    wire_strict(app, modules=[__name__])
    try:
        print(greet("Ada"))
        app.shutdown_resources()
        print(f"after the shutdown it still answers: {mine.ping()}")
    finally:
        app.unwire()
        mine.close()  # whoever made it closes it


if __name__ == "__main__":
    if "REDIS_ADDR" not in os.environ:
        sys.exit(f"REDIS_ADDR is missing. For example: REDIS_ADDR=localhost:6379 python {sys.argv[0]}")
    main(os.environ["REDIS_ADDR"])
