# Generated from _async.py by .ci/unasync.py; do not edit.
"""What the leader of a flight does: take the lease or wait for its holder, load, store, give it back."""

from __future__ import annotations

import secrets
import time
from typing import Final, NamedTuple

from modkit_redis.cache._core import Entry, Found, Verdict, judged
from modkit_redis.cache.codec import Codec, Encoded
from modkit_redis.cache.config import CacheSettings
from modkit_redis.cache.entries import Entries
from modkit_redis.cache.entries.scripts import Answer, FreshAtMost, Status
from modkit_redis.cache.loads.flight import NOTHING, Flight, LoaderFailed, Outcome
from modkit_redis.cache.loads.request import Request
from modkit_redis.cache.loads.waiting import loaded, pause
from modkit_redis.cache.reading import NO_VALUE, TROUBLE, Reader
from modkit_redis.cache.telling import Teller, report_hidden
from modkit_redis.client.hearts import Heart
from modkit_redis.contract.errors import CommandRefusedError
from modkit_redis.contract.values import milliseconds

_SHORTEST_PAUSE: Final = 0.01  # seconds, between two questions whether another has loaded the value
_LONGEST_PAUSE: Final = 0.1


class _Loaded(NamedTuple):
    encoded: Encoded
    ttl_ms: int
    cost_ms: int
    moment: int


class Leads:
    """Leads the flights of one store."""

    def __init__(
        self, entries: Entries, codec: Codec, reader: Reader, tell: Teller, settings: CacheSettings
    ) -> None:
        """Hold no lease."""
        self._entries, self._codec, self._read, self._tell = entries, codec, reader, tell
        self._lease_ms = milliseconds(settings.lease, "lease")
        self._cooldown_ms = milliseconds(settings.error_cooldown, "error_cooldown")
        self._jitter = settings.ttl_jitter
        self._heart = Heart(self._lease_ms / 3000, self._renew)

    def close(self) -> None:
        """Renew no lease any more."""
        self._heart.close()

    def lead(self, request: Request, found: Found, flight: Flight) -> Outcome:
        """Load the value under the lease, or return what another has loaded meanwhile."""
        token, began = secrets.token_bytes(8), time.monotonic()
        fresh_at_most: FreshAtMost = _replaceable(found)
        spares_failed, has_waited = request.plan.error_ms > 0, False
        while True:
            moment = flight.next_moment()
            try:
                answer = self._acquire(request, token, fresh_at_most, spares_failed=spares_failed)
            except TROUBLE as error:
                self._read.missed(error, request.key)
                loaded = self._load(request, flight)
                return Outcome(loaded.encoded, loaded.moment)
            if answer.status is Status.HELD:
                has_waited = True
                fresh_at_most = "new" if fresh_at_most else 0  # what another loads, not what it replaces
                waited = time.monotonic() - began
                pause(min(max(waited / 4, _SHORTEST_PAUSE), _LONGEST_PAUSE))
            elif answer.status is Status.FAILED and not self._can_stand_in(request, answer.found):
                spares_failed = False
            else:
                break
        if has_waited:
            self._tell("wait", request.key, began)
        if answer.found is not None:
            return Outcome(answer.found, moment)
        if has_waited or answer.status is Status.TAKEN_FROM_DEAD:
            self._tell("takeover", request.key)
        return self._load_under(token, request, answer, flight)

    def lead_alone(self, request: Request, found: Found, flight: Flight) -> Outcome:
        """Load the value in the background, unless another does, has just done so or has just failed."""
        token = secrets.token_bytes(8)
        try:
            answer = self._acquire(request, token, _replaceable(found), spares_failed=True)
        except TROUBLE as error:
            self._tell("degraded", request.key, error=error)
            return NOTHING
        if answer.status in (Status.HELD, Status.VALUE, Status.FAILED):
            return NOTHING
        if answer.status is Status.TAKEN_FROM_DEAD:
            self._tell("takeover", request.key)
        try:
            return self._load_under(token, request, answer, flight)
        except LoaderFailed as failed:
            report_hidden(failed.raised)
            return NOTHING

    def _can_stand_in(self, request: Request, found: Entry | None) -> bool:
        if found is None or judged(found, request.plan) is Verdict.GONE:
            return False
        return request.decoded(self._read, found) is not NO_VALUE

    def _acquire(
        self, request: Request, token: bytes, fresh_at_most: FreshAtMost, *, spares_failed: bool
    ) -> Answer:
        try:
            return self._entries.acquire(
                request.name, token, self._lease_ms, fresh_at_most=fresh_at_most, spares_failed=spares_failed
            )
        except TROUBLE:
            raise
        except BaseException:  # interrupted: the lease may have been given all the same
            self._release(request, token)
            raise

    def _load_under(self, token: bytes, request: Request, answer: Answer, flight: Flight) -> Outcome:
        try:
            with self._heart.beating(request.name, token):
                loaded = self._load(request, flight)
        except LoaderFailed:
            is_over_value = answer.status is not Status.TAKEN
            self._release(request, token, self._cooldown_ms if is_over_value else 0)
            raise
        except BaseException:
            self._release(request, token)
            raise
        flight.seal()  # who comes from now on may come after a delete that this value escapes
        return Outcome(loaded.encoded, loaded.moment, self._fill(request, token, answer, loaded))

    def _load(self, request: Request, flight: Flight) -> _Loaded:
        moment, began = flight.next_moment(), time.monotonic()
        try:
            with flight.loading():
                value = loaded(request.loader)
        except Exception as error:  # noqa: BLE001  # it is raised to the callers
            self._tell("load-error", request.key, began, error)
            raise LoaderFailed(error) from None
        self._tell("load", request.key, began)
        is_negative = value is None and request.plan.negative_ms is not None
        encoded = self._codec.encode(value, None if is_negative else request.type)
        cost_ms = int((time.monotonic() - began) * 1000)
        return _Loaded(encoded, request.plan.lifetime(value, self._jitter), cost_ms, moment)

    def _fill(self, request: Request, token: bytes, answer: Answer, loaded: _Loaded) -> bool:
        grace_ms = request.plan.grace_ms(loaded.ttl_ms)
        try:
            is_filled = self._entries.fill(
                request.name,
                token,
                answer.generation,
                loaded.encoded,
                loaded.ttl_ms,
                grace_ms,
                loaded.cost_ms,
            )
        except TROUBLE as error:
            self._tell("degraded", request.key, error=error)
            if isinstance(error, CommandRefusedError):  # too large for what memory is left, perhaps
                self._release(request, token)
            return False  # the value is good for whoever has waited; the next one asks Redis again
        except BaseException:  # interrupted: perhaps before it was sent
            self._release(request, token)
            raise
        if not is_filled:
            self._tell("fill-refused", request.key)
        return is_filled

    def _release(self, request: Request, token: bytes, cooldown_ms: int = 0) -> None:
        try:
            self._entries.release(request.name, token, cooldown_ms)
        except TROUBLE as error:
            self._tell("degraded", request.key, error=error)  # the lease runs out by itself

    def _renew(self, name: str, token: bytes) -> bool:
        try:
            return self._entries.renew(name, token, self._lease_ms)
        except Exception:  # noqa: BLE001  # whatever it was
            return True  # the next one may come through; if none does, the value is not stored


def _replaceable(found: Found) -> float:
    """Return how fresh a value may be and still be replaced: one expires soon, or could not be decoded."""
    return max(0, found.fresh_ms) if isinstance(found, Entry) else 0
