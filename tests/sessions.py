"""Session stores for tests, what they leave in Redis, and what they tell; both worlds side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import pytest
import redis

from modkit_redis import AsyncRedisModule, RedisModule
from modkit_redis.client import Script
from modkit_redis.contract import SessionEvent, SessionEvents, SessionToken
from modkit_redis.session import AsyncRedisSessionStore, RedisSessionStore, SessionSettings
from modkit_redis.session.index import scripts as index_scripts
from modkit_redis.session.records import scripts
from tests.integration._async.naive_sessions import AsyncNaiveSessions
from tests.integration._sync.naive_sessions import NaiveSessions
from tests.support import stock_client

NewSessions: TypeAlias = Callable[..., Any]

SCRIPTS: Final[tuple[Script, ...]] = (
    scripts.CREATE,
    scripts.TOUCH,
    scripts.SAVE,
    scripts.DESTROY,
    index_scripts.LIST_IN,
    index_scripts.DRAIN,
)

DEFAULTS: Final = {"idle_ttl": "30m", "absolute_ttl": "12h", "per_user_max": 100}

not_of_a_naive_store = pytest.mark.parametrize(
    "kind",
    [
        "modkit",
        pytest.param(
            "naive",
            marks=pytest.mark.xfail(
                strict=True,
                raises=(AssertionError, pytest.fail.Exception),
                reason="a naive store breaks this promise, and the test finds that out",
            ),
        ),
    ],
)
"""Run a test against both stores, and require that it fails against the naive one."""


class Told(list[SessionEvent]):
    """Events of a store, as a hook takes them down."""

    def __call__(self, event: SessionEvent) -> None:
        self.append(event)

    def kinds(self) -> list[str]:
        """Return the word of each."""
        return [event.kind for event in self]


class AsyncSessions:
    """Opens stores, and closes their clients in the end."""

    def __init__(self, addr: str, prefix: str, kind: str = "modkit") -> None:
        self._addr, self._prefix, self._kind = addr, prefix, kind
        self._modules: list[AsyncRedisModule] = []

    def new(
        self,
        *,
        addr: str = "",
        events: SessionEvents | None = None,
        client: dict[str, Any] | None = None,
        **settings: object,
    ) -> AsyncRedisSessionStore | AsyncNaiveSessions:
        """Return a store that knows of others no more than one in another process would."""
        module = AsyncRedisModule(config={"addr": addr or self._addr, **(client or {})})
        self._modules.append(module)
        if self._kind == "naive":
            return AsyncNaiveSessions(module.client(), self._prefix)
        return AsyncRedisSessionStore(
            client=module.client(),
            key_prefix=self._prefix,
            settings=SessionSettings.from_mapping({**DEFAULTS, **settings}),
            events=events,
        )

    async def aclose(self) -> None:
        for module in self._modules:
            await module.shutdown_resources()


class Sessions:
    """The same without asyncio."""

    def __init__(self, addr: str, prefix: str, kind: str = "modkit") -> None:
        self._addr, self._prefix, self._kind = addr, prefix, kind
        self._modules: list[RedisModule] = []

    def new(
        self,
        *,
        addr: str = "",
        events: SessionEvents | None = None,
        client: dict[str, Any] | None = None,
        **settings: object,
    ) -> RedisSessionStore | NaiveSessions:
        """Return a store that knows of others no more than one in another process would."""
        module = RedisModule(config={"addr": addr or self._addr, **(client or {})})
        self._modules.append(module)
        if self._kind == "naive":
            return NaiveSessions(module.client(), self._prefix)
        return RedisSessionStore(
            client=module.client(),
            key_prefix=self._prefix,
            settings=SessionSettings.from_mapping({**DEFAULTS, **settings}),
            events=events,
        )

    def close(self) -> None:
        for module in self._modules:
            module.shutdown_resources()


async def async_opened(store: Any, token: str | None) -> Any:
    """Return the session of a request that is under way, and has loaded it."""
    return await store.open(token).__aenter__()


def opened(store: Any, token: str | None) -> Any:
    """Return the session of a request that is under way, and has loaded it."""
    return store.open(token).__enter__()


def load_scripts(admin: redis.Redis) -> None:
    """Let the server know the scripts, so that a call is one command."""
    for script in SCRIPTS:
        admin.script_load(script.source)


def load_scripts_at(addr: str) -> None:
    """Do so through a connection of its own."""
    with stock_client(addr) as admin:
        load_scripts(admin)


class Looker:
    """Looks at what sessions have left in Redis, through a stock client."""

    def __init__(self, admin: redis.Redis, prefix: str) -> None:
        self.admin, self._above = admin, f"{prefix}:session"

    def key(self, token: str) -> str:
        """Return the key of a session."""
        return f"{self._above}:{SessionToken(token).handle}"

    def index_key(self, user: str) -> str:
        """Return the key of a user's index."""
        return f"{self._above}:user:{user}"

    def keys(self) -> list[str]:
        """Return the keys of all sessions, without the indexes."""
        found: list[bytes] = list(self.admin.scan_iter(f"{self._above}:*", count=1000))
        return sorted(each.decode() for each in found if f"{self._above}:user:".encode() not in each)

    def fields(self, token: str) -> dict[str, bytes]:
        """Return all fields of a session."""
        held: Any = self.admin.hgetall(self.key(token))
        return {name.decode(): value for name, value in held.items()}

    def number(self, token: str, field: str) -> int:
        """Return a field of a session that is a number; 0 for none."""
        return int(self.fields(token).get(field, 0))

    def values(self, token: str) -> dict[str, bytes]:
        """Return the values of a session as they are stored."""
        return {name: value for name, value in self.fields(token).items() if name.startswith(".")}

    def index(self, user: str) -> list[str]:
        """Return the handles in a user's index."""
        found: Any = self.admin.zrange(self.index_key(user), 0, -1)
        return [handle.decode() for handle in found]

    def pttl(self, key: str) -> int:
        """Return the TTL of a key in milliseconds; negative for none."""
        left: Any = self.admin.pttl(key)
        return int(left)

    def age(self, token: str, ms: int) -> None:
        """Let a session be as if it had not been used for so long."""
        key = self.key(token)
        self.admin.pexpire(key, self.pttl(key) - ms)
        self.admin.hincrby(key, "l", -ms)

    def now_ms(self) -> int:
        """Return the server's time."""
        seconds, microseconds = self.admin.time()
        return int(seconds) * 1000 + int(microseconds) // 1000
