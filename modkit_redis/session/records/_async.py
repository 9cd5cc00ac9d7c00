"""Sessions as they are in Redis: each call is one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, cast

import redis.asyncio

from modkit_redis.client import AsyncRedisExecutor
from modkit_redis.client.executor import Argument, Command, Reply, Script, ScriptCall
from modkit_redis.contract.keys import KeySpace
from modkit_redis.contract.session import SessionToken
from modkit_redis.session._core import Record, Status, UnreadableError, record_in
from modkit_redis.session.records.scripts import CREATE, DESTROY, REMOVE, SAVE, TOUCH
from modkit_redis.session.records.write import Saved, Write
from modkit_redis.session.tokens import Credential, proof

_SHOWN: Final = ("f", "h", "v", "c", "l", "x", "i", "u", "ip", "ua", "ub", "uc", "ud")


class AsyncRecords:
    """Reads and writes sessions. Times are milliseconds."""

    def __init__(self, client: redis.asyncio.Redis, key_prefix: str, deadline: timedelta | None) -> None:
        """Connect nothing.

        Args:
            client: The client whose pool is used.
            key_prefix: What all keys begin with.
            deadline: Bound on each exchange.
        """
        self._executor = AsyncRedisExecutor(client)
        self._above = KeySpace(key_prefix, "session").key("-").removesuffix("-")  # no handle needs escaping
        self._deadline = deadline

    async def find(self, handle: str) -> Record | None:
        """Return the session, whoever asks.

        Raises:
            UnreadableError: If there is something else.
        """
        pairs = await self._executor.execute("HGETALL", self._key(handle), deadline=self._deadline)
        return record_in(handle, cast("list[bytes]", pairs))

    async def find_with_time(self, handle: str) -> tuple[Record | None, int]:
        """Return the session, whoever asks, and the server's time.

        Raises:
            UnreadableError: If there is something else.
        """
        time, pairs = await self._send([("TIME",), ("HGETALL", self._key(handle))])
        return record_in(handle, cast("list[bytes]", pairs)), _now_ms(time)

    async def summaries(self, handles: Sequence[str]) -> list[Record | None]:
        """Return sessions without their values, in the order of *handles*; what has ended is none."""
        if not handles:
            return []
        asked = [("HMGET", self._key(each), *_SHOWN) for each in handles]
        *replies, time = await self._send([*asked, ("TIME",)])
        now_ms = _now_ms(time)
        return [
            _summary(each, cast("list[bytes | None]", reply), now_ms)
            for each, reply in zip(handles, replies, strict=True)
        ]

    async def create(self, token: SessionToken, write: Write, idle_ms: int, absolute_ms: int) -> int:
        """Begin a session, and return its deadline; 0 if there is another one of this handle."""
        credential = proof(token)
        key = self._key(credential.handle)
        fixed = (credential.verifier, write.nonce, idle_ms, absolute_ms)
        reply = await self._run(CREATE, key, [*fixed, *write.fields()])
        _, deadline = cast("tuple[int, int]", reply)
        return deadline

    async def touch(self, credential: Credential, due_ms: int) -> tuple[Status, int]:
        """Verify the token, let the session live on if that is due; return what came of it, and the time."""
        key = self._key(credential.handle)
        status, now = cast("tuple[int, int]", await self._run(TOUCH, key, [credential.verifier, due_ms]))
        return Status(status), now

    async def save(self, credential: Credential, write: Write) -> Saved:
        """Change a session; never make one."""
        key = self._key(credential.handle)
        reply = await self._run(
            SAVE, key, write.arguments(credential, proof(write.token) if write.token else None)
        )
        status, version, *taken = cast("list[int]", reply)
        return Saved(Status(status), version, cast("list[bytes | None]", taken))

    async def destroy(self, credential: Credential) -> Status:
        """End a session for who has its token."""
        key = self._key(credential.handle)
        return Status(cast(int, await self._run(DESTROY, key, [credential.verifier])))

    async def of(self, user: str, handles: Sequence[str]) -> list[str]:
        """Return those of *handles* that are sessions of *user*, or of nobody yet."""
        replies = await self._send([("HMGET", self._key(each), "h", "u") for each in handles])
        wanted = (None, user.encode())
        found = zip(handles, cast("list[list[bytes | None]]", replies), strict=True)
        return [each for each, (verifier, bound) in found if verifier is not None and bound in wanted]

    async def remove(self, handle: str) -> bool:
        """End a session by its handle, and return whether there was one."""
        [removed] = await self._send([("UNLINK", self._key(handle))])
        return removed == 1

    async def remove_of(self, user: str, handles: Sequence[str], then: Command) -> list[str]:
        """End sessions of *user*, then do something else; return the handles of those that there were."""
        # Sent whole: it is short, and what the server does not know yet would run only after the rest.
        calls = [ScriptCall(REMOVE, [self._key(each)], [user]).whole() for each in handles]
        replies = await self._send([*calls, then])
        return [each for each, removed in zip(handles, replies, strict=False) if removed]

    def _key(self, handle: str) -> str:
        return self._above + handle

    async def _run(self, script: Script, key: str, arguments: list[Argument]) -> Reply:
        try:
            return await self._executor.run(script, [key], arguments, deadline=self._deadline)
        except BaseException as error:  # noqa: BLE001  # it is raised again
            # The frames below hold users' values; a traceback with local variables would show them.
            del arguments
            raise error.with_traceback(None)  # noqa: B904  # it is the same error

    async def _send(self, commands: Sequence[Command]) -> list[Reply]:
        return await self._executor.execute_many(commands, deadline=self._deadline) if commands else []


def _summary(handle: str, values: Sequence[bytes | None], now_ms: int) -> Record | None:
    pairs = [
        part
        for name, value in zip(_SHOWN, values, strict=True)
        if value is not None
        for part in (name.encode(), value)
    ]
    try:
        record = record_in(handle, pairs)
    except UnreadableError:
        return None
    return record if record is not None and record.deadline_ms > now_ms else None  # it may have lost its TTL


def _now_ms(time: Reply) -> int:
    seconds, microseconds = cast("list[bytes]", time)
    return int(seconds) * 1000 + int(microseconds) // 1000
