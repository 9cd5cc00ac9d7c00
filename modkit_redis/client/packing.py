"""Packs commands as redis-py does with hiredis, in less than half of the time."""

from __future__ import annotations

from typing import Any

from redis.connection import HiredisRespSerializer


class Packer(HiredisRespSerializer):
    """Packs at once what redis-py's looks at part by part: a name in one word, and usual arguments."""

    def __init__(self) -> None:
        """Prepare; only where hiredis is installed."""
        from hiredis import pack_command  # noqa: PLC0415  # an extra

        self._at_once: Any = pack_command

    def pack(self, *args: Any) -> list[bytes]:
        """Return the command as it is sent."""
        name = args[0]
        if isinstance(name, str | bytes) and name.isalnum():
            try:
                return [self._at_once(args)]
            except TypeError:  # an argument that has to be converted, or refused
                pass
        packed: list[bytes] = super().pack(*args)
        return packed
