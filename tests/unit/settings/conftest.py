"""What holds in each test of the settings."""

from __future__ import annotations

import socket
from typing import NoReturn

import pytest


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings are checked before any I/O."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a setting was checked too late: the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
