# Generated from _async.py by .ci/unasync.py; do not edit.
"""The way of ``get_or_set``: serve what is there, else load it under a lease, or wait for whoever does."""

from __future__ import annotations

import secrets
import time
from functools import partial
from typing import Final, NamedTuple, cast

from modkit_redis.cache._core import Absence, Entry, Found, Verdict, aged, expires_soon, judged
from modkit_redis.cache.codec import Codec, Encoded
from modkit_redis.cache.config import CacheSettings
from modkit_redis.cache.entries import Entries
from modkit_redis.cache.entries.scripts import Answer, Status
from modkit_redis.cache.loads.flights import NOTHING, Flight, Flights, Outcome
from modkit_redis.cache.loads.request import Request
from modkit_redis.cache.loads.waiting import Heart, loaded, pause
from modkit_redis.cache.reading import NO_VALUE, TROUBLE, Reader
from modkit_redis.cache.telling import Teller, report_hidden
from modkit_redis.client.errors import ResponseRefusedError
from modkit_redis.contract.errors import ArgumentError
from modkit_redis.contract.values import milliseconds

_SHORTEST_PAUSE: Final = 0.01  # seconds, between two questions whether another has loaded the value
_LONGEST_PAUSE: Final = 0.1
_NONE: Final = (b"null", b"\xc0")  # a `None` as either codec writes it


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
            outcome = self._flights.join(request.name, partial(self._lead, request, found, time.monotonic()))
            value = self._shared(request, outcome)
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
            found = self._entries.look(request.name, timed=request.plan.timed)
        except TROUBLE as error:
            return self._read.missed(error, request.key)
        if found is Absence.WRONG_TYPE:
            raise ResponseRefusedError("get_or_set", "wrong-type")
        return found

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

    def _shared(self, request: Request, outcome: Outcome) -> object:
        """Return what a flight gave if it may be returned."""
        found = outcome.value
        if found is None:
            return NO_VALUE
        verdict = judged(found, request.plan) if isinstance(found, Entry) else Verdict.FRESH
        if verdict is Verdict.GONE:
            return NO_VALUE
        value = self._decoded(request, found)
        if verdict is not Verdict.FRESH and value is not NO_VALUE:
            self._tell("stale-hit", request.key)
        return value

    def _decoded(self, request: Request, found: Entry | Encoded) -> object:
        if request.plan.negative_ms is not None and found.payload in _NONE:
            return None  # whatever the type: that nothing was found is what this call wants cached
        return self._read.decoded(found, request.key, request.type)

    def _is_usable(self, request: Request, found: Found | None) -> bool:
        is_old = isinstance(found, Entry) and judged(found, request.plan) is not Verdict.GONE
        return is_old and self._decoded(request, cast(Entry, found)) is not NO_VALUE

    def _refresh(self, request: Request, found: Entry) -> None:
        self._flights.start(request.name, partial(self._lead_alone, request, found, time.monotonic()))

    def _lead(self, request: Request, found: Found, seen: float, flight: Flight) -> Outcome:
        """Load the value under the lease, or return what another has loaded meanwhile."""
        token, began = secrets.token_bytes(8), time.monotonic()
        has_waited, spares_failed = False, request.plan.error_ms > 0
        while True:
            moment = flight.next_moment()
            try:
                answer = self._acquire(request, found, token, spares_failed=spares_failed)
            except TROUBLE as error:
                self._read.missed(error, request.key)
                loaded = self._load(request, flight)
                return Outcome(loaded.encoded, loaded.moment)
            if answer.status is Status.HELD:
                has_waited = True
                waited = time.monotonic() - began
                pause(min(max(waited / 4, _SHORTEST_PAUSE), _LONGEST_PAUSE))
            elif answer.status is Status.FAILED and not self._is_usable(request, answer.found):
                spares_failed = False
            else:
                break
        if has_waited:
            self._tell("wait", request.key, began)
        if answer.found is not None:
            return Outcome(answer.found, moment)
        if has_waited or answer.status is Status.TAKEN_FROM_DEAD:
            self._tell("takeover", request.key)
        return self._load_under(token, request, found, seen, answer, flight)

    def _lead_alone(self, request: Request, found: Found, seen: float, flight: Flight) -> Outcome:
        """Load the value in the background, unless another does, has just done so or has just failed."""
        token = secrets.token_bytes(8)
        try:
            answer = self._acquire(request, found, token, spares_failed=True)
        except TROUBLE as error:
            self._tell("degraded", request.key, error=error)
            return NOTHING
        if answer.status in (Status.HELD, Status.VALUE, Status.FAILED):
            return NOTHING
        if answer.status is Status.TAKEN_FROM_DEAD:
            self._tell("takeover", request.key)
        return self._load_under(token, request, found, seen, answer, flight)

    def _acquire(self, request: Request, found: Found, token: bytes, *, spares_failed: bool) -> Answer:
        # What was found fresh is to be replaced all the same: it expires soon, or could not be decoded.
        fresh_at_most = max(0, found.fresh_ms) if isinstance(found, Entry) else 0
        try:
            return self._entries.acquire(
                request.name, token, self._lease_ms, fresh_at_most=fresh_at_most, spares_failed=spares_failed
            )
        except TROUBLE:
            raise
        except BaseException:  # interrupted: the lease may have been given all the same
            self._release(request, token, 0)
            raise

    def _load_under(
        self, token: bytes, request: Request, found: Found, seen: float, answer: Answer, flight: Flight
    ) -> Outcome:
        try:
            with self._heart.beating(request.name, token):
                loaded = self._load(request, flight)
        except BaseException as error:
            old = aged(found, (time.monotonic() - seen) * 1000)  # it may have waited for others, too
            # A value that cannot be stored is a mistake in the application, which no old value should hide.
            may_hide = isinstance(error, Exception) and not isinstance(error, ArgumentError)
            hides = may_hide and answer.status is not Status.TAKEN and self._is_usable(request, old)
            self._release(request, token, self._cooldown_ms if hides else 0)
            if not hides:
                raise
            report_hidden(error)
            return Outcome(cast(Entry, old))
        flight.seal()  # who comes from now on may come after a delete that this value escapes
        return Outcome(loaded.encoded, loaded.moment, self._fill(request, token, answer, loaded))

    def _load(self, request: Request, flight: Flight) -> _Loaded:
        moment, began = flight.next_moment(), time.monotonic()
        try:
            with flight.loading():
                value = loaded(request.loader)
        except Exception as error:
            self._tell("load-error", request.key, began, error)
            raise
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
            return False  # the value is good for whoever has waited; the next one asks Redis again
        except BaseException:  # interrupted: perhaps before it was sent
            self._release(request, token, 0)
            raise
        if not is_filled:
            self._tell("fill-refused", request.key)
        return is_filled

    def _release(self, request: Request, token: bytes, cooldown_ms: int) -> None:
        try:
            self._entries.release(request.name, token, cooldown_ms)
        except TROUBLE as error:
            self._tell("degraded", request.key, error=error)  # the lease runs out by itself

    def _renew(self, name: str, token: bytes) -> bool:
        try:
            return self._entries.renew(name, token, self._lease_ms)
        except TROUBLE:
            return True  # the next one may come through; if none does, the value is not stored
