"""What Flask answers by itself when it is raised in a request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from werkzeug.exceptions import ServiceUnavailable

from modkit_redis.contract.errors import CommandRefusedError, StoreUnavailableError
from modkit_redis.contract.outages import is_outage

RETRY_AFTER: Final = 1
"""For how many seconds a client is to wait when Redis does not answer."""


class SessionUnavailableError(StoreUnavailableError, ServiceUnavailable):
    """Redis did not answer for a session; unless it is caught, the answer is 503 with ``Retry-After``.

    A handler for it, for ``StoreUnavailableError`` or for 503 may answer something else.

    Attributes:
        operation: What was attempted.
        reason: A word for programs: ``refused``, ``read-timeout``, ``oom``, …
    """

    def __init__(self, operation: str, reason: str) -> None:
        ServiceUnavailable.__init__(self, retry_after=RETRY_AFTER)
        self.args = (operation, reason)
        self.operation, self.reason = operation, reason

    def get_headers(self, environ: Any = None, scope: Any = None) -> list[tuple[str, str]]:
        """Return the headers of the answer."""
        return [*super().get_headers(environ, scope), ("Cache-Control", "no-store")]


@contextmanager
def outages_answered() -> Iterator[None]:
    """Make an outage an error that Flask answers; mistakes of the application stay what they are."""
    try:
        yield
    except (StoreUnavailableError, CommandRefusedError) as error:
        if isinstance(error, SessionUnavailableError) or not is_outage(error):
            raise
        raise SessionUnavailableError(error.operation, error.reason) from error
