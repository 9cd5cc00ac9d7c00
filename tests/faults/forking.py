"""What a child process sees."""

from __future__ import annotations

import os
import select
import signal
import warnings
from collections.abc import Callable


def in_child(act: Callable[[], object]) -> str:
    """Fork, call *act* in the child, and return what ``repr()`` says of what it returned or raised."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # from Python 3.12 on, where there are threads
        pid = os.fork()
    if pid == 0:
        try:
            said = repr(act())
        except BaseException as error:  # noqa: BLE001  # nothing may go on from here as the parent would
            said = repr(error)
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    try:
        ready, _, _ = select.select([reading], [], [], 20)
        if not ready:
            os.kill(pid, signal.SIGKILL)
        return os.read(reading, 65536).decode() if ready else "nothing"
    finally:
        os.close(reading)
        os.waitpid(pid, 0)
