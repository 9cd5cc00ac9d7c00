"""Peers that accept connections and never answer."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


@contextmanager
def mute_peer() -> Iterator[str]:
    """Listen on a free port, accept through the backlog, say nothing; give the address."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def mute_unix_peer(path: Path, *, full: bool = False) -> Iterator[str]:
    """Do the same on the unix socket *path*; if *full*, there is no room for one more connection."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(path))
        listener.listen(0 if full else 64)
        if full:
            stack.enter_context(socket.socket(socket.AF_UNIX)).connect(str(path))
        yield f"unix:{path}"
