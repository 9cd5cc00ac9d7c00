"""What Flask answers by itself when it is raised in a request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.exceptions import ServiceUnavailable

from modkit_redis.contract.errors import CommandRefusedError, StoreUnavailableError
from modkit_redis.contract.outages import is_outage
from modkit_redis.web.answers import RETRY_AFTER_S, unavailable


class SessionUnavailableError(StoreUnavailableError, ServiceUnavailable):
    """Redis did not answer for a session; unless it is caught, the answer is 503 with ``Retry-After``.

    A handler for it, for ``StoreUnavailableError`` or for 503 may answer something else.

    Attributes:
        operation: What was attempted.
        reason: A word for programs: ``refused``, ``read-timeout``, ``oom``, …
    """

    def __init__(self, operation: str, reason: str) -> None:
        ServiceUnavailable.__init__(self, retry_after=RETRY_AFTER_S)
        self.args = (operation, reason)
        self.operation, self.reason = operation, reason

    def get_body(self, environ: Any = None, scope: Any = None) -> str:
        """Return the body of the answer."""
        return unavailable(_accept(environ)).body.decode()

    def get_headers(self, environ: Any = None, scope: Any = None) -> list[tuple[str, str]]:
        """Return the headers of the answer."""
        return [*unavailable(_accept(environ)).headers]


@contextmanager
def outages_answered() -> Iterator[None]:
    """Make an outage an error that Flask answers; mistakes of the application stay what they are."""
    try:
        yield
    except (StoreUnavailableError, CommandRefusedError) as error:
        if isinstance(error, SessionUnavailableError) or not is_outage(error):
            raise
        raise SessionUnavailableError(error.operation, error.reason) from error


def _accept(environ: Any) -> str:
    return str((environ or {}).get("HTTP_ACCEPT", ""))
