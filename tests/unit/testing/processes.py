"""What tests of whole processes need: to run Python, and to see whether anything of it stays."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MARK = "MODKIT_REDIS_TEST_MARK"


class Program:
    """A Python program in a process of its own; all that it starts carries its mark."""

    def __init__(self, *arguments: str, env: dict[str, str] | None = None) -> None:
        """Prepare to run Python with *arguments*; *env* is added to the environment."""
        self.mark = secrets.token_hex(8)
        self.command = [sys.executable, "-W", "error", *arguments]
        self.env = {**os.environ, **(env or {}), MARK: self.mark}

    def run(self) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            self.command, env=self.env, capture_output=True, text=True, check=False, timeout=30
        )

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[str]]:
        """Run it meanwhile; it is killed should it take too long."""
        with subprocess.Popen(
            self.command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            limit = threading.Timer(30, process.kill)
            limit.start()
            try:
                yield process
            finally:
                limit.cancel()
                process.kill()

    def left(self) -> list[str]:
        """Return the processes of it that are still there."""
        wanted = f"{MARK}={self.mark}"
        if not Path("/proc/self/environ").exists():
            shown = subprocess.run(["/bin/ps", "axeww"], capture_output=True, text=True, check=True).stdout
            return [line for line in shown.splitlines() if wanted in line]
        found = []
        for each in Path("/proc").glob("[0-9]*"):
            try:
                if wanted.encode() in (each / "environ").read_bytes().split(b"\0"):
                    found.append((each / "cmdline").read_text().replace("\0", " "))
            except OSError:  # it ended meanwhile, or is another user's
                continue
        return found


def listens(addr: str) -> bool:
    """Whether somebody listens at *addr*."""
    host, _, port = addr.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (ConnectionRefusedError, ConnectionResetError):  # reset: it ended while the connection was made
        return False
    return True


def exists(pid: int) -> bool:
    """Whether there is such a process, be it a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
