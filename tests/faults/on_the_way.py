"""What can go wrong between a client and its server; scripted peers do what no server does at will."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Final

from redis.credentials import CredentialProvider

from tests.certificates import Certificates
from tests.faults.fault import KEY, VALUE, Faults, Settings
from tests.faults.mute import mute_peer
from tests.faults.scripted import End, ScriptedPeer, to_all
from tests.faults.tls import TlsProxy, server_context

FAULTS: Final = Faults()
NOBODY: Final = "127.0.0.1:1"


class LateCredentials(CredentialProvider):
    """What an application brought along, and which needs longer than it may."""

    def get_credentials(self) -> tuple[str]:
        raise TimeoutError("no token in time")

    async def get_credentials_async(self) -> tuple[str]:
        return self.get_credentials()


@FAULTS.of("refused")
def nobody_listens(_: Certificates) -> Iterator[Settings]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield {"addr": f"127.0.0.1:{held.getsockname()[1]}"}


@FAULTS.of("refused")
def no_such_unix_socket(_: Certificates) -> Iterator[Settings]:
    yield {"addr": "unix:/nowhere/redis.sock"}


@FAULTS.of("dns")
def no_such_host(_: Certificates) -> Iterator[Settings]:
    yield {"addr": f"{'.'.join(['a' * 60] * 5)}:6379"}  # too long for any name, so no server is asked


@FAULTS.of("connection")
def a_path_too_long_for_a_socket(_: Certificates) -> Iterator[Settings]:
    yield {"addr": f"unix:/{'a' * 200}"}


@FAULTS.of("connection")
def no_client_command(_: Certificates) -> Iterator[Settings]:
    with ScriptedPeer(lambda _: b"-ERR unknown command 'CLIENT'\r\n") as peer:
        yield {"addr": peer.addr}


@FAULTS.of("tls")
def an_unknown_authority(certificates: Certificates) -> Iterator[Settings]:
    with TlsProxy(NOBODY, server_context(certificates.foreign)) as proxy:
        yield {"addr": proxy.addr, "tls": True, "tls_ca_file": certificates.ca}


@FAULTS.of("dial-timeout")
def a_mute_peer_for_tls(certificates: Certificates) -> Iterator[Settings]:
    with mute_peer() as addr:
        yield {"addr": addr, "tls": True, "tls_ca_file": certificates.ca, "dial_timeout": "60ms"}


@FAULTS.of("read-timeout")
def a_mute_peer(_: Certificates) -> Iterator[Settings]:
    with mute_peer() as addr:
        yield {"addr": addr, "read_timeout": "60ms"}


@FAULTS.of("write-timeout", "SET", KEY, VALUE * 2_000_000)
def a_deaf_peer(_: Certificates) -> Iterator[Settings]:
    with ScriptedPeer(to_all(b""), deaf_after=1) as peer:
        yield {"addr": peer.addr, "write_timeout": "60ms"}


@FAULTS.of("reset")
def a_reset(_: Certificates) -> Iterator[Settings]:
    with ScriptedPeer(to_all(End.RESET)) as peer:
        yield {"addr": peer.addr}


@FAULTS.of("disconnected")
def a_hang_up(_: Certificates) -> Iterator[Settings]:
    with ScriptedPeer(to_all(End.HANG_UP)) as peer:
        yield {"addr": peer.addr}


@FAULTS.of("protocol")
def a_web_server(_: Certificates) -> Iterator[Settings]:
    with ScriptedPeer(to_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as peer:
        yield {"addr": peer.addr}


@FAULTS.of("loading")
def a_server_that_loads(_: Certificates) -> Iterator[Settings]:
    with ScriptedPeer(to_all(b"-LOADING Redis is loading the dataset in memory\r\n")) as peer:
        yield {"addr": peer.addr}
