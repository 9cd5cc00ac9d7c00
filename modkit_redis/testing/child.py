"""A program that never outlives the process that started it, however that one ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

_SHELL: Final = ("/bin/sh", "-c")
_WATCH: Final = 'read -r pid && { read -r _; kill -KILL "$pid"; }; rm -rf "$1"'
_RUN: Final = 'echo "$$"; exec "$@" >&2'


class Child:
    """A running program, with a directory of its own that goes when it ends.

    A shell waits at a pipe that only this process holds open; when it closes, because this process was
    killed for example, the shell kills the program and removes the directory. The program itself tells the
    shell its id before it begins, so there is no moment at which it could be left behind. Both have a
    session of their own: a Ctrl-C in the terminal is for this process, which may still need them.

    Attributes:
        pid: The program's process id.
    """

    def __init__(self, command: Sequence[str], directory: Path) -> None:
        """Start it.

        Args:
            command: The program and its arguments.
            directory: Where it runs, and leaves what it prints in ``log``.
        """
        self._directory = directory
        self._owner = os.getpid()
        nowhere: dict[str, Any] = {"stderr": subprocess.DEVNULL, "start_new_session": True}
        self._watcher = subprocess.Popen(
            (*_SHELL, _WATCH, "sh", str(directory)),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            **nowhere,
        )
        try:
            with (directory / "log").open("wb") as log:
                self._process = subprocess.Popen(
                    (*_SHELL, _RUN, "sh", *command),
                    stdin=subprocess.DEVNULL,
                    stdout=self._watcher.stdin,
                    cwd=directory,
                    **{**nowhere, "stderr": log},
                )
        except BaseException:
            self._watcher.communicate()  # it sees the pipe close, and kills what has begun
            raise
        self.pid = self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def log(self) -> bytes:
        """Return what it has printed so far."""
        return (self._directory / "log").read_bytes()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Keep it from doing anything until the context ends."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitpid(self.pid, os.WUNTRACED)  # until it has stopped
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """Kill it and remove its directory; ending twice does no harm. A fork leaves it alone."""
        if os.getpid() != self._owner:
            self._process.returncode = self._watcher.returncode = 0  # or subprocess would warn
            self._watcher.communicate()  # closes the fork's end of the pipe
            return
        self._process.kill()
        self._process.wait()
        self._watcher.kill()
        self._watcher.communicate()
        shutil.rmtree(self._directory, ignore_errors=True)
