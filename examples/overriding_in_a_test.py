"""Test a feature: against a real server below a prefix of its own, and without any server.

REDIS_ADDR=localhost:6379 python -m pytest examples/overriding_in_a_test.py
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

import pytest
import redis
from dependency_injector import containers
from dependency_injector.wiring import Provide, inject

from modkit_redis import RedisBundle, mount, wire_strict
from modkit_redis.contract import TOKEN_CLIENT, TOKEN_KEY_PREFIX, KeySpace, StoreUnavailableError


@inject
def visit(
    page: str,
    client: redis.Redis = Provide[TOKEN_CLIENT],
    prefix: str = Provide[TOKEN_KEY_PREFIX],
) -> int:
    """Count one visit of *page*; 0 when Redis does not answer."""
    try:
        return client.incr(KeySpace(prefix, "visits").key(page))
    except StoreUnavailableError:
        return 0


class App(containers.DeclarativeContainer):
    """The application."""

    redis = mount(RedisBundle)


@pytest.fixture
def app() -> Iterator[App]:
    if "REDIS_ADDR" not in os.environ:
        pytest.fail("REDIS_ADDR is missing. For example: REDIS_ADDR=localhost:6379 python -m pytest …")
    app = App()
    wire_strict(app, modules=[__name__])
    with app.redis.key_prefix.override(f"test-{secrets.token_hex(6)}"):
        yield app
        keys = list(app.redis.client().scan_iter(match=f"{app.redis.key_prefix()}:*"))
        if keys:
            app.redis.client().delete(*keys)
    app.shutdown_resources()
    app.unwire()


def test_visits_of_a_page_are_counted(app: App) -> None:
    assert [visit("home"), visit("home"), visit("cart")] == [1, 2, 1]


def test_a_test_sees_no_visits_of_another(app: App) -> None:
    assert visit("home") == 1


def test_an_outage_counts_nothing(app: App) -> None:
    class Down:
        def incr(self, key: str) -> int:
            raise StoreUnavailableError("INCR", "refused")

    with app.redis.client.override(Down()):
        assert visit("home") == 0

    assert visit("home") == 1
