# Generated from _async.py by .ci/unasync.py; do not edit.
"""The way of ``get_or_set``: serve what is there, else load it under a lease, or wait for whoever does."""

from __future__ import annotations

import secrets
import time
from functools import partial
from typing import Final, NamedTuple, cast

from modkit_redis.cache._core import Absence, Entry, Found, Verdict, expires_soon, judged
from modkit_redis.cache.codec import JSON, MSGPACK, Codec, Encoded
from modkit_redis.cache.config import CacheSettings
from modkit_redis.cache.entries import Entries
from modkit_redis.cache.entries.scripts import Answer, FreshAtMost, Status
from modkit_redis.cache.loads.flight import NOTHING, Flight, LoaderFailed, Outcome
from modkit_redis.cache.loads.flights import Flights
from modkit_redis.cache.loads.request import Request
from modkit_redis.cache.loads.waiting import Heart, loaded, pause
from modkit_redis.cache.reading import NO_VALUE, TROUBLE, Reader
from modkit_redis.cache.telling import Teller, report_hidden
from modkit_redis.contract.errors import ArgumentError, CommandRefusedError
from modkit_redis.contract.values import milliseconds

_SHORTEST_PAUSE: Final = 0.01  # seconds, between two questions whether another has loaded the value
_LONGEST_PAUSE: Final = 0.1
_NONE: Final = ((JSON, b"null"), (MSGPACK, b"\xc0"))  # a `None` as either codec writes it


class _Loaded(NamedTuple):
    encoded: Encoded
    ttl_ms: int
    cost_ms: int
    moment: int


class Loads:
    """The loads of one store."""

    def __init__(
        self, entries: Entries, codec: Codec, reader: Reader, tell: Teller, settings: CacheSettings
    ) -> None:
        """Have nothing to load."""
        self._entries, self._codec, self._read, self._tell = entries, codec, reader, tell
        self._lease_ms = milliseconds(settings.lease, "lease")
        self._cooldown_ms = milliseconds(settings.error_cooldown, "error_cooldown")
        self._jitter = settings.ttl_jitter
        self._flights = Flights(settings.refreshes)
        self._heart = Heart(self._lease_ms / 3000, self._renew)
        self.detach, self.detach_all = self._flights.detach, self._flights.detach_all

    def get(self, request: Request) -> object:
        """Return the value for this caller alone, loading it if need be."""
        found = self._look(request)
        value = self._served(request, found)
        if value is NO_VALUE:
            self._tell("miss", request.key)
        while value is NO_VALUE:
            value = self._joined(request, found)
            if value is NO_VALUE:
                found = self._look(request)
                value = self._served(request, found)
        return value

    def close(self, patience: float) -> None:
        """Wait *patience* seconds for what is loaded in the background, and begin no more of it."""
        self._flights.close(patience)
        self._heart.close()

    def _look(self, request: Request) -> Found:
        try:
            return self._entries.look(request.name, timed=request.plan.timed)
        except TROUBLE as error:
            missed = self._read.missed(error, request.key)
            if missed is Absence.WRONG_TYPE:
                raise
            return missed

    def _served(self, request: Request, found: Found) -> object:
        """Return what was found if it may be returned, and see that a new one is loaded if it is time."""
        if not isinstance(found, Entry):
            if found is Absence.FOREIGN:
                self._tell("undecodable", request.key)
            return NO_VALUE
        verdict = judged(found, request.plan)
        if verdict not in (Verdict.FRESH, Verdict.STALE):
            return NO_VALUE
        value = self._decoded(request, found)
        if value is NO_VALUE:
            return value
        if verdict is Verdict.STALE:
            self._tell("stale-hit", request.key)
            self._refresh(request, found)
            return value
        self._tell("hit", request.key)
        if request.plan.early and expires_soon(found):
            self._tell("early-refresh", request.key)
            self._refresh(request, found)
        return value

    def _joined(self, request: Request, found: Found) -> object:
        """Return what this caller's or another's load gives, if it may be returned."""
        try:
            outcome = self._flights.join(request.name, partial(self._lead, request, found))
        except LoaderFailed as failed:
            error = failed.raised
        else:
            return self._shared(request, outcome.value)
        return self._instead(request, error)

    def _shared(self, request: Request, found: Entry | Encoded | None) -> object:
        """Return what a flight gave if it may be returned."""
        if found is None:
            return NO_VALUE
        verdict = judged(found, request.plan) if isinstance(found, Entry) else Verdict.FRESH
        if verdict is Verdict.GONE:
            return NO_VALUE
        value = self._decoded(request, found)
        if verdict is not Verdict.FRESH and value is not NO_VALUE:
            self._tell("stale-hit", request.key)
        return value

    def _instead(self, request: Request, error: Exception) -> object:
        """Return an old value in place of what *error* kept from being loaded, or raise *error*."""
        # An argument that cannot be used is a mistake in the application, which no old value should hide.
        if request.plan.error_ms and not isinstance(error, ArgumentError):
            found = self._look_again(request)
            value = self._shared(request, found if isinstance(found, Entry) else None)
            if value is not NO_VALUE:
                report_hidden(error)
                return value
        raise error

    def _look_again(self, request: Request) -> Found:
        # What was found before the load may be of no use any more, or may have been deleted meanwhile.
        try:
            return self._entries.look(request.name, timed=True)
        except TROUBLE as error:
            self._tell("degraded", request.key, error=error)
            return Absence.UNREACHABLE

    def _decoded(self, request: Request, found: Entry | Encoded) -> object:
        if request.plan.negative_ms is not None and (found.codec, found.payload) in _NONE:
            return None  # whatever the type: that nothing was found is what this call wants cached
        return self._read.decoded(found, request.key, request.type)

    def _refresh(self, request: Request, found: Entry) -> None:
        self._flights.start(request.name, partial(self._lead_alone, request, found))

    def _lead(self, request: Request, found: Found, flight: Flight) -> Outcome:
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

    def _lead_alone(self, request: Request, found: Found, flight: Flight) -> Outcome:
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
        is_kept = found is not None and judged(found, request.plan) is not Verdict.GONE
        return is_kept and self._decoded(request, cast(Entry, found)) is not NO_VALUE

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
