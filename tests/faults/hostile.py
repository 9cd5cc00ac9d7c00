"""Bytes that somebody else, or a fault, may have put where a cache entry is expected."""

from __future__ import annotations

import struct
import time
import zlib
from typing import Final

from hypothesis import strategies as st

from modkit_redis.cache._core import value_header
from modkit_redis.cache.codec import Encoded

PAYLOADS: Final = st.sampled_from(
    [
        b"",
        b"null",
        b"1",
        b'"text"',
        b"[1,{}]",
        b"[" * 5000,
        b"\xc0",
        b"\x81\xa1a\x01",
        b"\xff",
        b"1 2",
        b"NaN",
        b"1e999",
    ]
) | st.binary(max_size=40)
PACKED: Final = PAYLOADS.map(zlib.compress) | st.just(zlib.compress(bytes(2**22)))

_HEADER: Final = struct.Struct(">2sB1sBB2s8sQIIII")
_SHORT: Final = st.sampled_from([0, 1, 1000, 2**31 - 1, 2**31, 2**32 - 1]) | st.integers(0, 2**32 - 1)


def _moments() -> st.SearchStrategy[int]:
    """Ends of leases: none within the next hour, which would be honest ones."""
    now = int(time.time() * 1000)
    return st.sampled_from(
        [0, 1, now - 3_600_000, now - 1, now + 7_200_000, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1]
    )


def headers() -> st.SearchStrategy[bytes]:
    """Return headers with anything in their fields, the plausible more often."""
    return st.builds(
        _HEADER.pack,
        st.just(b"\xc5M"),
        st.sampled_from([1, 1, 1, 2, 2, 3, 0, 255]),
        st.sampled_from([b"V", b"V", b"V", b"L", b"L", b"v", b"\0", b"X"]),
        st.sampled_from([1, 1, 2, 3, 0, 4, 255]),
        st.sampled_from([0, 0, 1, 2, 255]),
        st.sampled_from([bytes(2), b"\xff\xff"]),
        st.sampled_from([bytes(8), b"\xff" * 8, b"\1" * 8]),
        _moments(),
        _SHORT,
        _SHORT,
        _SHORT,
        _SHORT,
    )


def entries() -> st.SearchStrategy[bytes]:
    """Return entries as a store writes them."""
    plain = st.builds(lambda codec, payload: Encoded(codec, 0, payload), st.sampled_from([1, 2, 3]), PAYLOADS)
    packed = st.builds(lambda codec, payload: Encoded(codec, 1, payload), st.sampled_from([1, 2, 3]), PACKED)
    return st.builds(
        lambda encoded, grace, generation: (
            value_header(encoded, grace, generations=bool(generation)) + generation + encoded.payload
        ),
        plain | packed,
        _SHORT,
        st.sampled_from([b"", b"", bytes(8), b"anothers"]),
    )


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return an entry with some bytes changed, lost or added."""
    raw = bytearray(draw(entries()))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(raw)))
        match draw(st.sampled_from(["change", "cut", "add", "drop"])):
            case "change" if at < len(raw):
                raw[at] = draw(st.integers(0, 255))
            case "cut":
                del raw[at:]
            case "add":
                raw[at:at] = draw(st.binary(min_size=1, max_size=9))
            case _:
                del raw[at : at + draw(st.integers(1, 9))]
    return bytes(raw)


def anything() -> st.SearchStrategy[bytes]:
    """Return bytes of all these kinds."""
    return st.one_of(
        st.binary(max_size=100),
        st.builds(bytes.__add__, headers(), PAYLOADS | PACKED | st.binary(max_size=60)),
        entries(),
        damaged(),
    )


TTLS: Final = st.sampled_from([None, 40, 7_200_000, 2**33, 2**45, 2**60])
"""TTLs of keys in milliseconds: none that a lease alone may have but the first, which is soon over."""
