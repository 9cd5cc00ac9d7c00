"""Where a command or a reply ends on the wire."""

from __future__ import annotations


def end_of(wire: bytes | bytearray, start: int = 0) -> int | None:
    """Return where the command or reply that begins at *start* ends, or ``None`` if it is not all there."""
    line_end = wire.find(b"\r\n", start)
    if line_end < 0:
        return None
    kind, text = wire[start : start + 1], bytes(wire[start + 1 : line_end])
    end = line_end + 2
    if kind == b"$" and int(text) >= 0:
        end += int(text) + 2
        return end if end <= len(wire) else None
    if kind in (b"*", b">"):
        for _ in range(int(text)):
            inner = end_of(wire, end)
            if inner is None:
                return None
            end = inner
    return end


def take(wire: bytearray) -> bytes | None:
    """Take the first whole command or reply off *wire*; ``None`` if there is none."""
    end = end_of(wire)
    if end is None:
        return None
    taken = bytes(wire[:end])
    del wire[:end]
    return taken


def name_of(command: bytes) -> str:
    """Return the name of *command*, in capitals."""
    return command.split(b"\r\n", 3)[2].decode().upper()
