"""A session store for asyncio belongs to one event loop; in another it raises, whatever an outage does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from modkit_redis.contract import SessionPatch, StoreUnavailableError
from tests.session_stores import AsyncSessionStores


@pytest.mark.parametrize("outage", ["fail", "anonymous"])
def test_each_call_in_another_event_loop_raises(addr: str, prefix: str, outage: str) -> None:
    stores = AsyncSessionStores()
    with asyncio.Runner() as runner, asyncio.Runner() as other:
        sessions = stores.open(addr, prefix, on_outage=outage, per_user_max=5)
        store = sessions.store
        token = runner.run(store.create({"a": 1}))
        sessions.heard.clear()
        calls: list[Callable[[], Awaitable[Any]]] = [
            lambda: store.open(token).__aenter__(),
            lambda: store.create({}),
            lambda: store.load(token),
            lambda: store.save(token, SessionPatch(sets={"a": 2})),
            lambda: store.destroy(token),
            lambda: store.peek(token.handle),
            lambda: store.revoke(token.handle),
            lambda: store.bind(token, "ann"),
            lambda: store.sessions_of("ann"),
            lambda: store.drain("ann"),
            lambda: store.revoke_all("ann"),
        ]

        async def call_all() -> None:
            for call in calls:
                with pytest.raises(StoreUnavailableError) as caught:
                    await call()
                assert caught.value.reason == "event-loop"

        other.run(call_all())

        assert sessions.heard == []
        stored = runner.run(store.load(token))
        assert stored is not None
        assert stored.data == {"a": 1}
        runner.run(stores.aclose())
