"""Settings of sessions."""

from __future__ import annotations

from collections.abc import Iterator, Set
from datetime import timedelta
from typing import ClassVar

from modkit_redis.contract.errors import ConfigError
from modkit_redis.kernel.parsing import choice, duration, integer
from modkit_redis.kernel.settings import Settings, setting
from modkit_redis.session.sealing import NEEDS_CRYPTOGRAPHY, Keys, aesgcm, keys


class SessionSettings(Settings):
    """Settings of sessions.

    Durations are ``timedelta``; as text they carry a unit. What each setting means is in its ``about``,
    which :meth:`describe` returns and ``docs/reference/settings.md`` lists.
    """

    section: ClassVar[str] = "session"

    idle_ttl: timedelta = setting(
        duration,
        "how long a session lives without being used, for example `30m`; older sessions keep theirs",
    )
    absolute_ttl: timedelta = setting(
        duration, "how long a session lives at most, however much it is used, for example `12h`; likewise"
    )
    touch_interval: timedelta | None = setting(
        duration,
        "how much time passes between two writes of when a session was last seen; when unset, 1m or a "
        "quarter of `REDIS_SESSION_IDLE_TTL`, whichever is shorter",
        default=None,
    )
    renewal_interval: timedelta | None = setting(
        duration,
        "how old a token becomes before a save replaces it by itself; never when unset",
        default=None,
    )
    renewal_grace: timedelta = setting(
        duration,
        "how long a token that was replaced by itself still works, for requests that were under way",
        default=timedelta(seconds=30),
    )
    per_user_max: int | None = setting(
        integer(1, 1000),
        "how many sessions a user may have: signing in to one more ends the oldest. When unset, no list of "
        "users' sessions is kept, and `bind` is refused",
        default=None,
    )
    on_outage: str = setting(
        choice("fail", "anonymous"),
        "what opening a session does when Redis does not answer: `fail`, or `anonymous`: give an empty one "
        "that cannot be changed. Everything else raises in either case",
        default="fail",
    )
    deadline: timedelta | None = setting(
        duration,
        "bound on each exchange with Redis as a whole; the client's timeouts alone when unset",
        default=None,
    )
    max_keys: int = setting(integer(1, 1000), "the most values in a session", default=128)
    max_key_bytes: int = setting(integer(1, 1024), "the longest key of a value", default=64)
    max_value_bytes: int = setting(integer(64, 2**24), "the longest encoded value", default=16 * 2**10)
    max_bytes: int = setting(
        integer(64, 2**26), "the most bytes of all keys and encoded values together", default=64 * 2**10
    )
    encryption_keys: Keys | None = setting(
        keys,
        "keys that encrypt each value (AES-256-GCM), as `name:key` with 32 bytes in base64, separated by "
        "commas: the first writes, all read. `plain` in the place of a key stands for values that are not "
        "encrypted. Needs the extra `cryptography`",
        default=None,
        secret=True,
    )

    @property
    def touch_after(self) -> timedelta:
        """How long ago a session must have been seen before that is written again."""
        return self.touch_interval or min(timedelta(minutes=1), self.idle_ttl / 4)

    def check_index(self) -> None:
        """Raise if no list of users' sessions is kept.

        Raises:
            ConfigError: If the settings ask for none.
        """
        if self.per_user_max is None:
            raise ConfigError(
                "REDIS_SESSION_PER_USER_MAX",
                "is not set, so nobody knows which sessions a user has: set it to use bind, sessions_of, "
                "drain and revoke_all",
            )

    def _contradictions(self, unusable: Set[str]) -> Iterator[tuple[str, str]]:
        if not unusable & {"idle_ttl", "absolute_ttl"} and self.idle_ttl > self.absolute_ttl:
            yield "idle_ttl", "must not be more than REDIS_SESSION_ABSOLUTE_TTL"
        if (
            not unusable & {"idle_ttl", "touch_interval"}
            and self.touch_interval is not None
            and self.touch_interval >= self.idle_ttl
        ):
            yield (
                "touch_interval",
                "must be less than REDIS_SESSION_IDLE_TTL: a session in use would end between two touches",
            )
        if (
            not unusable & {"renewal_interval", "renewal_grace"}
            and self.renewal_interval is not None
            and self.renewal_grace >= self.renewal_interval
        ):
            yield "renewal_grace", "must be less than REDIS_SESSION_RENEWAL_INTERVAL"
        if "encryption_keys" not in unusable and self.encryption_keys is not None and aesgcm() is None:
            yield "encryption_keys", f"is set, and {NEEDS_CRYPTOGRAPHY}"
