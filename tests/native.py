"""Debian's ``redis-server``: Redis 7.0, and the only server here that speaks TLS itself."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import redis

from tests.certificates import Certificates
from tests.support import stock_client, wait_until


@dataclass(frozen=True)
class NativeServer:
    """A running server.

    Attributes:
        addr: Where it speaks plain text.
        tls_addr: Where it speaks TLS; empty if it does not.
    """

    addr: str
    tls_addr: str = ""


@contextmanager
def native_server(certificates: Certificates | None = None, **config: str) -> Iterator[NativeServer]:
    """Run a server; skip the test where none is installed.

    Args:
        certificates: For speaking TLS as well.
        config: Directives, with ``_`` for ``-``.
    """
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    plain, secure = _free_ports(2)
    directives = {"port": plain, "bind": "127.0.0.1", "save": "", "daemonize": "no"}
    if certificates is not None:
        directives["tls-port"] = secure
        directives["tls-cert-file"] = str(certificates.server.cert)
        directives["tls-key-file"] = str(certificates.server.key)
        directives["tls-ca-cert-file"] = str(certificates.ca)
        directives["tls-auth-clients"] = "no"
    directives.update({name.replace("_", "-"): value for name, value in config.items()})
    arguments = [word for name, value in directives.items() for word in (f"--{name}", value)]
    with tempfile.TemporaryDirectory() as directory:
        process = subprocess.Popen([program, *arguments], cwd=directory, stdout=subprocess.DEVNULL)
        try:
            wait_until(lambda: process.poll() is not None or _answers(f"127.0.0.1:{plain}"), "it answers", 10)
            assert process.poll() is None, "redis-server has ended"
            yield NativeServer(f"127.0.0.1:{plain}", f"127.0.0.1:{secure}" if certificates else "")
        finally:
            process.kill()
            process.wait()


def _answers(addr: str) -> bool:
    with stock_client(addr) as client:
        try:
            return bool(client.ping())
        except redis.AuthenticationError:
            return True
        except redis.ConnectionError:
            return False


def _free_ports(number: int) -> list[str]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [str(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports
