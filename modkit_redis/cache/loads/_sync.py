# Generated from _async.py by .ci/unasync.py; do not edit.
"""The way of ``get_or_set``: serve what is there, else take part in a load; what loads is in ``leads``."""

from __future__ import annotations

from functools import partial

from modkit_redis.cache._core import Absence, Entry, Found, Verdict, expires_soon, judged
from modkit_redis.cache.codec import Codec, Encoded
from modkit_redis.cache.config import CacheSettings
from modkit_redis.cache.entries import Entries
from modkit_redis.cache.loads.flight import LoaderFailed
from modkit_redis.cache.loads.flights import Flights
from modkit_redis.cache.loads.leads import Leads
from modkit_redis.cache.loads.request import Request
from modkit_redis.cache.reading import NO_VALUE, TROUBLE, Reader
from modkit_redis.cache.telling import Teller, report_hidden
from modkit_redis.contract.errors import ArgumentError


class Loads:
    """The loads of one store."""

    def __init__(
        self, entries: Entries, codec: Codec, reader: Reader, tell: Teller, settings: CacheSettings
    ) -> None:
        """Have nothing to load."""
        self._entries, self._read, self._tell = entries, reader, tell
        self._leads = Leads(entries, codec, reader, tell, settings)
        self._flights = Flights(settings.refreshes)
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
        self._leads.close()

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
        value = request.decoded(self._read, found)
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
            outcome = self._flights.join(request.name, partial(self._leads.lead, request, found))
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
        value = request.decoded(self._read, found)
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

    def _refresh(self, request: Request, found: Entry) -> None:
        self._flights.start(request.name, partial(self._leads.lead_alone, request, found))
