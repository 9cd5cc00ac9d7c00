"""A TLS terminator: a proxy that speaks TLS to clients and plain text to any server."""

from __future__ import annotations

import selectors
import socket
import ssl
import warnings
from pathlib import Path

from tests.certificates import Pair
from tests.faults.threaded import ThreadedPeer

Version = ssl.TLSVersion


def server_context(
    certificate: Pair, *, client_ca: Path | None = None, version: Version | None = None
) -> ssl.SSLContext:
    """Return what a server needs to speak TLS.

    Args:
        certificate: The server's.
        client_ca: Authority of the certificates that clients must show; none are asked for without it.
        version: The only version spoken, however old.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert, certificate.key)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    if version is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that it is old is the point
            context.minimum_version = context.maximum_version = version
        context.set_ciphers("ALL:@SECLEVEL=0")
    return context


class TlsProxy(ThreadedPeer):
    """Speaks TLS to clients, and passes on what they say.

    Attributes:
        accepted: How many handshakes succeeded.
        names: The names that clients asked for (SNI), ``None`` where they asked for none.
    """

    def __init__(self, upstream: str, context: ssl.SSLContext) -> None:
        """Pass on what clients say to the server at *upstream*."""
        super().__init__()
        host, _, port = upstream.rpartition(":")
        self._upstream = (host, int(port))
        self._context = context
        self._context.sni_callback = lambda _, name, __: self.names.append(name)
        self.accepted = 0
        self.names: list[str | None] = []

    def serve(self, client: socket.socket) -> None:
        """Shake hands, then pass on both ways."""
        with self._context.wrap_socket(client, server_side=True, do_handshake_on_connect=False) as secure:
            self.keep(secure)
            if self._shakes_hands(secure):
                self.accepted += 1
                with socket.create_connection(self._upstream) as server:
                    _pump(secure, server)

    def _shakes_hands(self, client: ssl.SSLSocket) -> bool:
        try:
            client.do_handshake()
        except OSError:
            client.shutdown(socket.SHUT_WR)
            while client.recv(4096):  # or closing would reset the connection, and the alert be lost
                pass
            return False
        return True


def _pump(client: ssl.SSLSocket, server: socket.socket) -> None:
    """Pass bytes on in both directions until one side hangs up."""
    with selectors.DefaultSelector() as selector:
        selector.register(client, selectors.EVENT_READ, server)
        selector.register(server, selectors.EVENT_READ, client)
        while True:
            for key, _ in selector.select():
                source: socket.socket = key.fileobj  # type: ignore[assignment]  # it is one of the two
                while chunk := source.recv(65536):
                    key.data.sendall(chunk)
                    if not (source is client and client.pending()):
                        break
                if not chunk:
                    return
