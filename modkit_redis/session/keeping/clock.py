"""What the server's clock shows, as far as it is known without asking.

Whether a touch is due is a question of the server's time, and asking for it each time would make two
commands of every read. So the difference to this machine's monotonic clock is kept from one answer of the
server to the next, for a few seconds. It is counted from the moment *before* the server was asked. So what is
said here is not behind the server: a touch can only be sent too early, and the script, which looks at the
clock itself, then does nothing.

It may be wrong for as long as an answer is good for: if somebody sets the server's clock, if another server
takes its place, or if this machine has slept, which stops the monotonic clock of some systems. Then touches
are late or early by that. Nothing else depends on it but when a token is renewed: when a session ends, when a
token works no more, and what is written, is decided by the server.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

LONGEST: Final = 10.0
"""Seconds for which an answer is good at most."""


class ServerClock:
    """The server's time, estimated.

    What is known is one tuple, which is replaced as a whole: threads need no lock. After a fork it goes on
    being true, since the monotonic clock is the machine's.
    """

    __slots__ = ("_good_for", "_known", "monotonic")

    def __init__(self, good_for: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Know nothing yet.

        Args:
            good_for: Seconds after which an answer is not relied on any more, if that is less than 10 s.
            monotonic: This machine's clock, in seconds.
        """
        self._good_for = min(good_for, LONGEST)
        self._known: tuple[float, int] | None = None  # when the server was asked, and its answer
        self.monotonic = monotonic

    def now_ms(self) -> int | None:
        """Return the server's time in milliseconds since 1970, or ``None`` if it must be asked."""
        known = self._known
        if known is None:
            return None
        asked, answer_ms = known
        passed = self.monotonic() - asked
        return answer_ms + int(passed * 1000) if 0 <= passed < self._good_for else None

    def learn(self, asked: float, answer_ms: int) -> None:
        """Take the server's answer.

        Args:
            asked: What ``monotonic()`` said before it was asked.
            answer_ms: Its time.
        """
        self._known = asked, answer_ms
