"""What goes wrong at a command of a session's, and is undone afterwards; the server keeps its data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Final, TypeAlias

import pytest

from modkit_redis.testing import EmbeddedServer
from tests.faults.proxy import Proxy
from tests.session_stores import Snapshot
from tests.support import stock_client

TIMEOUT: Final = 0.2
QUICK: Final = {f"{each}_timeout": "200ms" for each in ("dial", "read", "write", "pool")}
PATIENT: Final = {f"{each}_timeout": "1m" for each in ("dial", "read", "write", "pool")}

Fault: TypeAlias = Callable[[Proxy, EmbeddedServer, bytes, ExitStack], None]


def called(name: str) -> bytes:
    """Return what a command of this name contains."""
    return b"$%d\r\n%s\r\n" % (len(name), name.encode())


def killed(proxy: Proxy, server: EmbeddedServer, command: bytes, undo: ExitStack) -> None:
    def kill() -> None:
        with stock_client(server.addr) as admin:
            disk = Snapshot(admin)
        server.kill()
        undo.callback(restart, server, disk)

    proxy.at(command, kill)


def restart(server: EmbeddedServer, disk: Snapshot) -> None:
    server.restart()
    with stock_client(server.addr) as admin:
        disk.restore(admin)


def frozen(proxy: Proxy, server: EmbeddedServer, command: bytes, undo: ExitStack) -> None:
    proxy.at(command, lambda: undo.enter_context(server.frozen()))


def reply_lost(proxy: Proxy, _: EmbeddedServer, command: bytes, __: ExitStack) -> None:
    proxy.swallow(command)


def reset_before(proxy: Proxy, _: EmbeddedServer, command: bytes, __: ExitStack) -> None:
    proxy.reset_request(command)


def reset_after(proxy: Proxy, _: EmbeddedServer, command: bytes, __: ExitStack) -> None:
    proxy.reset_reply(command)


FAULTS: Final[Sequence[Fault]] = (killed, frozen, reply_lost, reset_before, reset_after)


def bounds(fault: Fault) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings of client and sessions by which one exchange takes no longer than ``TIMEOUT``."""
    if fault is frozen:
        return dict(PATIENT), {"deadline": f"{TIMEOUT}s"}
    if fault in (killed, reset_before, reset_after):  # nothing waits, but for a machine that is busy
        return dict(PATIENT), {}
    return dict(QUICK), {}


def pairs(moments: Sequence[Any], quick: Sequence[Fault] = (reset_before, reset_after)) -> list[Any]:
    """Return each moment with each fault; those that wait, or start a server again, are slow."""
    return [
        pytest.param(
            moment,
            fault,
            id=f"{moment}-{fault.__name__}",
            marks=() if fault in quick else pytest.mark.slow,
        )
        for moment in moments
        for fault in FAULTS
    ]
