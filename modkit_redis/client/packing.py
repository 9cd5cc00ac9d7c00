"""Packs commands as redis-py does with hiredis, in less than half of the time."""

from __future__ import annotations

from typing import Any

from redis.connection import HiredisRespSerializer
from redis.utils import HIREDIS_AVAILABLE

if HIREDIS_AVAILABLE:
    import hiredis


class Packer(HiredisRespSerializer):
    """Packs at once what redis-py's looks at part by part: a name in one word, and usual arguments."""

    def pack(self, *args: Any) -> list[bytes]:
        """Return the command as it is sent; only where hiredis is installed."""
        name = args[0]
        if isinstance(name, str | bytes) and name.isalnum():
            try:
                return [hiredis.pack_command(args)]  # pyright: ignore[reportPossiblyUnboundVariable]  # as above
            except TypeError:  # an argument that has to be converted, or refused
                pass
        packed: list[bytes] = super().pack(*args)
        return packed
