"""An address where a connection is neither accepted nor refused."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest


@contextmanager
def black_hole() -> Iterator[str]:
    """Listen with a full accept queue, so that the kernel drops each further SYN; give the address."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0.05)
            try:
                filler.connect(listener.getsockname())
            except TimeoutError:
                break
        else:
            pytest.skip("this kernel answers a SYN although the accept queue is full: no black hole here")
        yield f"127.0.0.1:{listener.getsockname()[1]}"
