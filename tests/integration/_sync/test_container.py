# Generated from ../_async/test_container.py by .ci/unasync.py; do not edit.
"""One round trip to Redis in a container: what an application's own integration tests would do."""

from __future__ import annotations

import pytest

from modkit_redis import RedisModule
from modkit_redis.contract import StoreUnavailableError
from tests.support import connections_named, stock_client

pytestmark = pytest.mark.containers


def test_ping_set_get_prefix_and_close(container_addr: str) -> None:
    module = RedisModule(
        config={"addr": container_addr, "key_prefix": ":shop:", "client_name": "shop", "ping_timeout": "5s"}
    )
    module.init_resources()
    client, prefix = module.client(), module.key_prefix()

    assert client.ping()
    assert client.set(f"{prefix}:greeting", "hello")
    assert client.get("shop:greeting") == b"hello"
    with stock_client(container_addr) as admin:
        assert connections_named(admin, "shop") == 1

        module.shutdown_resources()

        assert connections_named(admin, "shop") == 0
    with pytest.raises(StoreUnavailableError, match="closed"):
        client.ping()
