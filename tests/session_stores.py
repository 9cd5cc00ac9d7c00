"""Session stores for tests, and what they have left in Redis; both worlds side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import redis

from modkit_redis import AsyncRedisModule, RedisModule
from modkit_redis.client import Script
from modkit_redis.contract import SessionEvent
from modkit_redis.session import AsyncRedisSessionStore, RedisSessionStore, SessionSettings
from modkit_redis.session.index import scripts as index_scripts
from modkit_redis.session.records import scripts
from tests.caching import Settings

SCRIPTS: Final[tuple[Script, ...]] = (
    scripts.CREATE,
    scripts.TOUCH,
    scripts.SAVE,
    scripts.DESTROY,
    index_scripts.LIST_IN,
    index_scripts.DRAIN,
)
LONG: Final = {"idle_ttl": "30m", "absolute_ttl": "12h"}


def load_scripts(admin: redis.Redis) -> None:
    """Let the server know the scripts, so that a call is one command."""
    for script in SCRIPTS:
        admin.script_load(script.source)


class Heard(list[SessionEvent]):
    """Events in the order in which they were told."""

    def kinds(self) -> list[str]:
        """Return the word of each."""
        return [event.kind for event in self]

    def of(self, kind: str) -> list[SessionEvent]:
        """Return those of one kind."""
        return [event for event in self if event.kind == kind]


@dataclass(frozen=True)
class Sessions:
    """A store, the module of its client, and what it tells."""

    store: RedisSessionStore
    module: RedisModule
    heard: Heard


@dataclass(frozen=True)
class AsyncSessions:
    """The same for asyncio."""

    store: AsyncRedisSessionStore
    module: AsyncRedisModule
    heard: Heard


class SessionStores:
    """Opens stores, and closes their clients in the end."""

    def __init__(self) -> None:
        self._open: list[Sessions] = []

    def open(self, addr: str, prefix: str, client: Settings | None = None, **session: Any) -> Sessions:
        """Return a store with settings of its own; its clients' too."""
        module, heard = RedisModule(config={"addr": addr, **(client or {})}), Heard()
        settings = SessionSettings.from_mapping({**LONG, **session})
        store = RedisSessionStore(
            client=module.client(), key_prefix=prefix, settings=settings, events=heard.append
        )
        self._open.append(Sessions(store, module, heard))
        return self._open[-1]

    def close(self) -> None:
        for each in self._open:
            each.module.shutdown_resources()


class AsyncSessionStores:
    """The same for asyncio."""

    def __init__(self) -> None:
        self._open: list[AsyncSessions] = []

    def open(self, addr: str, prefix: str, client: Settings | None = None, **session: Any) -> AsyncSessions:
        """Return a store with settings of its own; its clients' too."""
        module, heard = AsyncRedisModule(config={"addr": addr, **(client or {})}), Heard()
        settings = SessionSettings.from_mapping({**LONG, **session})
        store = AsyncRedisSessionStore(
            client=module.client(), key_prefix=prefix, settings=settings, events=heard.append
        )
        self._open.append(AsyncSessions(store, module, heard))
        return self._open[-1]

    async def aclose(self) -> None:
        for each in self._open:
            await each.module.shutdown_resources()


class Traces:
    """What sessions below a prefix have left in Redis, seen by a stock client."""

    def __init__(self, admin: redis.Redis, prefix: str) -> None:
        self.admin, self._above = admin, f"{prefix}:session:"

    def name(self, handle: str) -> str:
        """Return the key of a session."""
        return f"{self._above}{handle}"

    def handles(self) -> set[str]:
        """Return the handles of all sessions that there are."""
        found = (
            key.decode(errors="replace").removeprefix(self._above)
            for key in self.admin.scan_iter(f"{self._above}*")
        )
        return {each for each in found if not each.startswith("user:")}

    def fields(self, handle: str) -> dict[str, bytes]:
        """Return all fields of a session."""
        found: Any = self.admin.hgetall(self.name(handle))
        return {name.decode(): value for name, value in found.items()}

    def values(self, handle: str) -> dict[str, bytes]:
        """Return the values of a session as they are stored."""
        return {name[1:]: value for name, value in self.fields(handle).items() if name.startswith(".")}

    def counted(self, handle: str) -> tuple[int, int]:
        """Return how many writes there were, and how often the token was replaced."""
        found = self.fields(handle)
        return int(found["v"]), int(found.get("g", b"0"))

    def live_tokens(self, handle: str) -> int:
        """Return how many tokens open a session now."""
        found = self.fields(handle)
        seconds, microseconds = self.admin.time()
        retiring = int(found.get("pu", b"0")) > seconds * 1000 + microseconds // 1000
        return bool(found) + retiring

    def listed(self, user: str) -> set[str]:
        """Return the handles in the index of a user."""
        found: Any = self.admin.zrange(f"{self._above}user:{user}", 0, -1)
        return {handle.decode(errors="replace") for handle in found}

    def write(self, handle: str, fields: Mapping[str, bytes | str | int]) -> None:
        """Set fields of a session behind the store's back."""
        for field, value in fields.items():
            self.admin.hset(self.name(handle), field, value)


class Snapshot:
    """All keys of a server, to be brought back after a crash as from its disk."""

    def __init__(self, admin: redis.Redis) -> None:
        self._held = {
            key: (max(0, admin.pttl(key)), admin.dump(key)) for key in admin.scan_iter("*", count=1000)
        }

    def restore(self, admin: redis.Redis) -> None:
        for key, (pttl, dumped) in self._held.items():
            admin.restore(key, pttl, dumped or b"", replace=True)


class Promise:
    """A result that somebody would have to wait for."""

    def __await__(self) -> Iterator[None]:
        yield


async def _hook(event: SessionEvent) -> None:
    """Do nothing with an event."""


HOOK_OF_TASKS: Final = _hook
"""A hook that would have to be waited for; no store takes it."""
