# Generated from _async.py by .ci/unasync.py; do not edit.
"""Which sessions each user is signed in with: a sorted set of handles for each user.

A session is in the index of its user before it says whose it is, and leaves it after it has ended. So whoever
ends all that are listed leaves none behind, also if that is interrupted and done again. Sessions that have
ended stay listed until there are too many, or their deadline passes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import cast

import redis

from modkit_redis.client import RedisExecutor
from modkit_redis.client.executor import Reply
from modkit_redis.contract.keys import KeySpace
from modkit_redis.session._core import Record
from modkit_redis.session.index.scripts import DRAIN, LIST_IN
from modkit_redis.session.records import Records


class Index:
    """Lists sessions by user, and ends them."""

    def __init__(
        self,
        client: redis.Redis,
        key_prefix: str,
        deadline: timedelta | None,
        *,
        records: Records,
        most: int | None,
    ) -> None:
        """Connect nothing.

        Args:
            client: The client whose pool is used.
            key_prefix: What all keys begin with.
            deadline: Bound on each exchange.
            records: The sessions.
            most: How many a user may have; ``None`` where no index is kept.
        """
        self._executor = RedisExecutor(client)
        self._keys = KeySpace(key_prefix, "session")
        self._deadline = deadline
        self._records = records
        self._most = most

    def add(self, user: str, handle: str, deadline_ms: int) -> list[str]:
        """List a session; end the oldest if the user has too many now, and return the handles of those.

        One round trip, and up to two more where there are too many.
        """
        most = cast(int, self._most)
        key = self._keys.key("user", user)
        listed = self._executor.run(LIST_IN, [key], [handle, deadline_ms, most], deadline=self._deadline)
        others = [each for each in _handles(listed) if each != handle]
        if not others:
            return []
        alive = self._records.of(user, others)
        ended = alive[: max(0, len(alive) + 1 - most)]
        over = [each for each in others if each not in alive]
        return self._records.remove_of(user, ended, then=("ZREM", key, *over, *ended))

    def of(self, user: str) -> list[Record]:
        """Return the sessions that *user* is signed in with."""
        key = self._keys.key("user", user)
        handles = self._listed(key)
        return [each for each in self._records.summaries(handles) if each and each.user == user]

    def drain(self, user: str, keep: str | None) -> list[str]:
        """Empty the index of *user*, and return what was in it."""
        key = self._keys.key("user", user)
        return _handles(self._executor.run(DRAIN, [key], [keep or ""], deadline=self._deadline))

    def end_all(self, user: str, keep: str | None) -> list[str]:
        """End every session of *user* but one, and return the handles of those that there were."""
        key = self._keys.key("user", user)
        handles = [each for each in self._listed(key) if each != keep]
        return self._records.remove_of(user, handles, then=("ZREM", key, *handles)) if handles else []

    def _listed(self, key: str) -> list[str]:
        return _handles(self._executor.execute("ZRANGE", key, 0, -1, deadline=self._deadline))


def _handles(reply: Reply) -> list[str]:
    return [each.decode(errors="replace") for each in cast("list[bytes]", reply)]
