"""Bytes made smaller, and back without ever more than is allowed."""

from __future__ import annotations

import zlib
from typing import Final

UNCOMPRESSED: Final = 0
ZLIB: Final = 1

# Rows of JSON come out at 26% of their size, at 200-370 MB/s; the default level makes that 20%, at 50-60.
_LEVEL = 1


def packed(payload: bytes, compress_above: int | None) -> tuple[int, bytes]:
    """Return the compressor and what it made of *payload*: itself, unless it is long and becomes shorter."""
    if compress_above is not None and len(payload) > compress_above:
        smaller = zlib.compress(payload, _LEVEL)
        if len(smaller) < len(payload):
            return ZLIB, smaller
    return UNCOMPRESSED, payload


def unpacked(compressor: int, payload: bytes, max_bytes: int) -> bytes | None:
    """Return what was packed; ``None`` if that is damaged, longer than *max_bytes* or of another compressor.

    However long it would become, no more than one byte above *max_bytes* is produced.
    """
    original = payload
    if compressor == ZLIB:
        stream = zlib.decompressobj()
        try:
            original = stream.decompress(payload, max_bytes + 1)
        except zlib.error:  # says nothing of the content
            return None
        if not stream.eof or stream.unused_data:  # the end is reached only with the right checksum
            return None
    elif compressor != UNCOMPRESSED:
        return None
    return original if len(original) <= max_bytes else None
