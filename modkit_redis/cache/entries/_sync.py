# Generated from _async.py by .ci/unasync.py; do not edit.
"""The entries of a cache as they are in Redis: each call is one round trip, or one per chunk of keys."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final, Literal, TypeAlias, TypeVar, cast

import redis

from modkit_redis.cache._core import (
    CHUNK,
    LONGEST_KEY,
    NO_TTL,
    Entry,
    Found,
    entry_in,
    lease_bytes,
    value_header,
)
from modkit_redis.cache.codec import Encoded
from modkit_redis.cache.entries.scripts import (
    ACQUIRE,
    FILL,
    RELEASE,
    RENEW,
    STORE,
    TOUCH,
    Answer,
    FreshAtMost,
    Status,
)
from modkit_redis.client import RedisExecutor
from modkit_redis.client.executor import Command, Reply, ScriptCall
from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.keys import KeySpace

T = TypeVar("T")
Condition: TypeAlias = Literal["absent", "present"] | None
"""When to store a value: if there is no fresh one, if there is one, or in any case."""

_SCANNED: Final = 1000


class Entries:
    """Reads and writes entries. Times are milliseconds; 0 stands for no expiry."""

    def __init__(
        self, client: redis.Redis, key_prefix: str, deadline: timedelta | None, *, generations: bool
    ) -> None:
        """Connect nothing.

        Args:
            client: The client whose pool is used.
            key_prefix: What all keys begin with.
            deadline: Bound on each exchange.
            generations: Whether to clear by changing the generation.
        """
        self._executor = RedisExecutor(client)
        self._keys = KeySpace(key_prefix, "cache")
        self._longest = LONGEST_KEY + len(self._keys.pattern()) - 1
        self._deadline = deadline
        self._generation = [self._keys.key("generation", "now")] if generations else []
        self._extended = False  # whether entries were seen that are kept beyond their TTL

    def name(self, key: str) -> str:
        """Return the name of the Redis key.

        Raises:
            ArgumentError: If *key* cannot be one.
        """
        name = self._keys.key(key)
        if len(name.encode()) > self._longest:
            raise ArgumentError("key", f"must not be longer than {LONGEST_KEY} bytes")
        return name

    def look(self, name: str, *, timed: bool) -> Found:
        """Return what is there.

        Args:
            name: Where.
            timed: Whether it matters for how long a value will be fresh, or has not been.
        """
        if timed or self._extended or self._generation:
            commands = [*self._ask_generation(), ("PTTL", name), ("GET", name)]
            *generation, pttl, raw = self._send(commands)
            return _entry(raw, pttl, generation)
        found = _entry(self._executor.execute("GET", name, deadline=self._deadline))
        if isinstance(found, Entry) and found.extra_ms:
            self._extended = True
            return self.look(name, timed=True)
        return found

    def look_many(self, names: Sequence[str]) -> list[Found]:
        """Return what is at each of *names*, in their order."""
        found: list[Found] = []
        for chunk in _chunks(names):
            found += self._look_at(chunk)
        return found

    def _look_at(self, names: Sequence[str]) -> list[Found]:
        timed = self._extended or bool(self._generation)
        pttls: list[Command] = [("PTTL", name) for name in names] if timed else []
        replies = self._send([*self._ask_generation(), *pttls, ("MGET", *names)])
        raws = cast("list[Reply]", replies.pop())
        generation, left = replies[: len(self._generation)], replies[len(self._generation) :]
        found = [
            _entry(raw, pttl, generation)
            for raw, pttl in zip(raws, left or [NO_TTL] * len(raws), strict=True)
        ]
        if not timed and any(isinstance(each, Entry) and each.extra_ms for each in found):
            self._extended = True
            return self._look_at(names)
        return found

    def head(self, name: str) -> Found:
        """Return what is there, without the payload."""
        commands = [*self._ask_generation(), ("PTTL", name), ("GETRANGE", name, 0, 47)]
        *generation, pttl, raw = self._send(commands)
        return _entry(raw, pttl, generation)

    def write(
        self, name: str, encoded: Encoded, ttl_ms: int, grace_ms: int, only_if: Condition = None
    ) -> bool:
        """Store a value, and return whether it was stored."""
        [reply] = self._send([self._storing(name, encoded, ttl_ms, grace_ms, only_if)])
        return reply != 0

    def write_many(self, values: Mapping[str, tuple[Encoded, int]], grace_ms: int) -> None:
        """Store values under names, each for a time."""
        commands = [
            self._storing(name, encoded, ttl_ms, grace_ms) for name, (encoded, ttl_ms) in values.items()
        ]
        for chunk in _chunks(commands):
            self._send(chunk)

    def remove(self, names: Sequence[str]) -> int:
        """Remove entries and return how many were there."""
        commands: list[Command] = [("UNLINK", *chunk) for chunk in _chunks(names)]
        return sum(cast("list[int]", self._send(commands)))

    def clear(self) -> None:
        """Remove or hide all entries."""
        if self._generation:
            self._send([("SET", *self._generation, secrets.token_bytes(8))])
            return
        cursor, names = b"0", list[bytes]()
        while True:
            scan = ("SCAN", cursor, "MATCH", self._keys.pattern(), "COUNT", _SCANNED)
            *_, scanned = self._send([("UNLINK", *names), scan] if names else [scan])
            cursor, names = cast("tuple[bytes, list[bytes]]", scanned)
            if cursor == b"0":
                break
        if names:
            self._send([("UNLINK", *names)])

    def touch(self, name: str, ttl_ms: int) -> bool:
        """Let a fresh value live for a time from now on, and return whether there is one."""
        return self._run(ScriptCall(TOUCH, [name, *self._generation], [ttl_ms])) == 1

    def acquire(
        self, name: str, token: bytes, lease_ms: int, *, fresh_at_most: FreshAtMost, spares_failed: bool
    ) -> Answer:
        """Ask for the lease of an entry.

        Args:
            name: The entry.
            token: Who asks.
            lease_ms: For how long.
            fresh_at_most: A value that is fresh for longer is returned instead; ``"new"``: a fresh one is if
                nobody else has the lease to replace it.
            spares_failed: Whether to leave it alone if a load has just failed.
        """
        new = secrets.token_bytes(8)
        args = (token, lease_ms, lease_bytes(token), fresh_at_most, int(spares_failed), new)
        reply = self._run(ScriptCall(ACQUIRE, [name, *self._generation], args))
        status, pttl, raw, generation = cast("tuple[int, int, bytes, bytes]", reply)
        found = _entry(raw, pttl, [generation] if generation else []) if raw else None
        return Answer(Status(status), found if isinstance(found, Entry) else None, generation)

    def fill(
        self,
        name: str,
        token: bytes,
        generation: bytes,
        encoded: Encoded,
        ttl_ms: int,
        grace_ms: int,
        cost_ms: int,
    ) -> bool:
        """Store a loaded value, and return whether the lease was still there."""
        header = value_header(encoded, grace_ms, cost_ms=cost_ms, generations=bool(generation))
        value = header + generation + encoded.payload
        args = (token, value, ttl_ms and ttl_ms + grace_ms, generation)
        return self._run(ScriptCall(FILL, [name, *self._generation], args)) == 1

    def renew(self, name: str, token: bytes, lease_ms: int) -> bool:
        """Renew a lease, and return whether it was still there."""
        return self._run(ScriptCall(RENEW, [name], [token, lease_ms])) == 1

    def release(self, name: str, token: bytes, cooldown_ms: int) -> None:
        """Give a lease back; for *cooldown_ms* nobody loads who can do with the old value."""
        self._run(ScriptCall(RELEASE, [name], [token, cooldown_ms]))

    def _storing(
        self, name: str, encoded: Encoded, ttl_ms: int, grace_ms: int, only_if: Condition = None
    ) -> Command | ScriptCall:
        header = value_header(encoded, grace_ms, generations=bool(self._generation))
        keep_ms = ttl_ms and ttl_ms + grace_ms
        if only_if or self._generation:
            args = (header, encoded.payload, keep_ms, only_if or "", secrets.token_bytes(8))
            return ScriptCall(STORE, [name, *self._generation], args)
        value = header + encoded.payload
        return ("SET", name, value, "PX", keep_ms) if keep_ms else ("SET", name, value)

    def _ask_generation(self) -> list[Command]:
        return [("GET", name) for name in self._generation]

    def _run(self, call: ScriptCall) -> Reply:
        return self._executor.run(call.script, call.keys, call.args, deadline=self._deadline)

    def _send(self, commands: Sequence[Command | ScriptCall]) -> list[Reply]:
        return self._executor.execute_many(commands, deadline=self._deadline)


def _chunks(items: Sequence[T]) -> list[Sequence[T]]:
    return [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]


def _entry(raw: Reply, pttl: Reply = NO_TTL, generation: Sequence[Reply] = ()) -> Found:
    [present] = generation or [b""]
    # Without the key of the generation, no value is of it: eight zeros are none that was ever drawn.
    return entry_in(
        cast("bytes | None", raw), cast(int, pttl), cast(bytes, present or bytes(8)) if generation else b""
    )
