"""The sending side of an application: a response that may be stored is held back until it is complete."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from modkit_redis.web.asgi.types import Message, Send
from modkit_redis.web.caching.fields import Fields, line


class Recording:
    """Takes the messages of one response.

    One that may not be stored, or is too long, or does not say how long it is and comes in pieces, is passed
    on as it comes: the first message is not kept for longer than until the next one.
    """

    def __init__(
        self,
        may_store: Callable[[int, Fields], bool],
        max_bytes: int,
        complete: Callable[[int, Fields, bytes], Awaitable[None]],
        give_up: Callable[[], Awaitable[Send]],
    ) -> None:
        """Have nothing yet.

        Args:
            may_store: Decides by status and header fields.
            max_bytes: The longest content.
            complete: Called with all of a response that may be stored; sends it.
            give_up: Called once when it will not be; returns what to pass the messages to.
        """
        self._may_store, self._max_bytes = may_store, max_bytes
        self._complete, self._give_up = complete, give_up
        self._start: Message | None = None
        self._pieces: list[bytes] = []
        self._length = 0
        self._send: Send | None = None

    @property
    def has_begun(self) -> bool:
        """Whether there was a message."""
        return self._start is not None or self._send is not None

    async def __call__(self, message: Message) -> None:
        """Take a message."""
        if self._send is not None:
            await self._send(message)
        elif message["type"] == "http.response.start" and self._start is None:
            self._start = message
            if not self._is_wanted(message):
                await self.let_go()
        elif message["type"] == "http.response.body" and self._start is not None:
            await self._take(self._start, message)
        else:
            await self.let_go()
            await self._sent(message)

    async def let_go(self) -> None:
        """Pass on what is held, if anything is, and hold nothing any more."""
        if self._send is not None:
            return
        self._send = await self._give_up()
        if self._start is not None:
            await self._send(self._start)
        if self._pieces:
            body = b"".join(self._pieces)
            await self._send({"type": "http.response.body", "body": body, "more_body": True})

    def _is_wanted(self, start: Message) -> bool:
        length = _length(start)
        is_short = length is None or length <= self._max_bytes
        return is_short and not start.get("trailers") and self._may_store(start["status"], _fields(start))

    async def _take(self, start: Message, message: Message) -> None:
        piece, more = message.get("body", b""), message.get("more_body", False)
        length, total = _length(start), self._length + len(piece)
        is_stream = more and length is None
        is_wrong = length is not None and (total > length or (total < length and not more))
        if is_stream or is_wrong or total > self._max_bytes:
            await self.let_go()
            await self._sent(message)
            return
        self._pieces.append(bytes(piece))
        self._length = total
        if not more:
            self._send = _nothing_more
            await self._complete(start["status"], _fields(start), b"".join(self._pieces))

    async def _sent(self, message: Message) -> None:
        if self._send is not None:
            await self._send(message)


def _fields(start: Message) -> Fields:
    return [(bytes(name), bytes(value)) for name, value in start.get("headers", ())]


def _length(start: Message) -> int | None:
    text = line(_fields(start), b"content-length")
    return int(text) if text.isdigit() and len(text) < 19 else None


async def _nothing_more(message: Message) -> None:
    """Take what an application sends after its response is complete, as servers do."""
