"""Requests as no proper client sends them."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit


def asked(url: str, cookie: bytes) -> tuple[int, bytes]:
    """Send these bytes as the ``Cookie`` header, and return the status and the head of the answer."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=10) as connection:
        connection.sendall(
            b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\nCookie: " + cookie + b"\r\n\r\n"
        )
        answer = b""
        while part := connection.recv(65_536):
            answer += part
    head = answer.partition(b"\r\n\r\n")[0]
    return int(head.split(b" ", 2)[1]), head
