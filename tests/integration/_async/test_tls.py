"""TLS through a terminator: what is verified, how long it may take, and what it costs."""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

import pytest
import redis
import redis.asyncio

from modkit_redis import AsyncRedisModule
from modkit_redis.contract import ConfigError, StoreUnavailableError
from tests.certificates import Certificates
from tests.faults.mute import mute_peer
from tests.faults.scripted import ScriptedPeer, to_all
from tests.faults.tls import TlsProxy, Version, server_context

Connect: TypeAlias = Callable[..., redis.asyncio.Redis]


@pytest.fixture
async def connect(certificates: Certificates) -> AsyncIterator[Connect]:
    """Make clients that use TLS and trust the tests' own authority."""
    modules = []

    def make(addr: str, **config: object) -> redis.asyncio.Redis:
        trusting = {"tls": True, "tls_ca_file": certificates.ca}
        modules.append(AsyncRedisModule(config={"addr": addr, **trusting, **config}))
        return modules[-1].client()

    yield make
    for module in modules:
        await module.shutdown_resources()


async def refusal(client: redis.asyncio.Redis) -> StoreUnavailableError:
    with pytest.raises(StoreUnavailableError) as caught:
        await client.ping()
    assert isinstance(caught.value, redis.ConnectionError | redis.TimeoutError)
    return caught.value


async def test_a_tls_connection_is_used_again(
    connect: Connect, certificates: Certificates, addr: str, prefix: str
) -> None:
    big = b"x" * 1_000_000
    with TlsProxy(addr, server_context(certificates.server)) as proxy:
        client = connect(proxy.addr)

        await client.set(f"{prefix}:big", big, ex=60)
        for _ in range(5):
            assert await client.get(f"{prefix}:big") == big
        async with client.pipeline() as pipeline:
            for _ in range(1000):
                _ = pipeline.incr(f"{prefix}:n")
            assert (await pipeline.execute())[-1] == 1000

        assert proxy.accepted == 1


@pytest.mark.parametrize(
    ("minimum", "spoken"),
    [("1.3", Version.TLSv1_2), ("1.2", Version.TLSv1_1), ("1.2", Version.TLSv1)],
)
async def test_trap_05_a_server_below_the_minimum_version_is_refused(
    connect: Connect, certificates: Certificates, addr: str, minimum: str, spoken: Version
) -> None:
    with TlsProxy(addr, server_context(certificates.server, version=spoken)) as proxy:
        refused = await refusal(connect(proxy.addr, tls_min_version=minimum))

        assert refused.reason == "tls"
        assert proxy.accepted == 0


@pytest.mark.parametrize(
    ("minimum", "spoken"),
    [("1.2", Version.TLSv1_2), ("1.2", Version.TLSv1_3), ("1.3", Version.TLSv1_3)],
)
async def test_trap_05_a_server_at_the_minimum_version_is_used(
    connect: Connect, certificates: Certificates, addr: str, minimum: str, spoken: Version
) -> None:
    with TlsProxy(addr, server_context(certificates.server, version=spoken)) as proxy:
        assert await connect(proxy.addr, tls_min_version=minimum).ping()


async def test_trap_05_a_client_shows_its_certificate(
    connect: Connect, certificates: Certificates, addr: str
) -> None:
    context = server_context(certificates.server, client_ca=certificates.ca)
    with TlsProxy(addr, context) as proxy:
        shown = {"tls_cert_file": certificates.client.cert, "tls_key_file": certificates.client.key}

        assert await connect(proxy.addr, **shown).ping()
        assert (await refusal(connect(proxy.addr))).reason == "tls"


async def test_trap_05_the_server_name_is_asked_for_and_verified(
    connect: Connect, certificates: Certificates, addr: str
) -> None:
    with TlsProxy(addr, server_context(certificates.elsewhere)) as proxy:
        assert await connect(proxy.addr, tls_server_name="redis.internal").ping()
        wrong = await refusal(connect(proxy.addr, tls_server_name="localhost"))

        assert wrong.reason == "tls"
        assert proxy.names == ["redis.internal", "localhost"]


async def test_trap_05_the_host_of_the_address_is_the_name_otherwise(
    connect: Connect, certificates: Certificates, addr: str
) -> None:
    with TlsProxy(addr, server_context(certificates.server)) as proxy:
        assert await connect(proxy.addr.replace("127.0.0.1", "localhost")).ping()
        assert await connect(proxy.addr).ping()

        assert proxy.names == ["localhost", None]  # an address is verified, but is no name to ask for


@pytest.mark.parametrize("shown", ["elsewhere", "expired", "foreign"])
async def test_trap_05_a_wrong_name_an_expired_and_a_foreign_certificate_are_refused(
    connect: Connect, certificates: Certificates, addr: str, shown: str
) -> None:
    with TlsProxy(addr, server_context(getattr(certificates, shown))) as proxy:
        refused = await refusal(connect(proxy.addr))

    assert refused.reason == "tls"
    assert str(refused) == f"connect to {proxy.addr}: Redis is unavailable (tls)"


async def test_trap_05_a_server_name_that_nobody_can_have_is_a_bad_setting(connect: Connect) -> None:
    with pytest.raises(ConfigError, match="tls_server_name must be the name of a host"):
        _ = connect("localhost:1", tls_server_name=".internal")


async def test_trap_06_a_private_authority_replaces_those_of_the_system(
    connect: Connect, certificates: Certificates, addr: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.other_ca))  # where OpenSSL finds the system's
    with TlsProxy(addr, server_context(certificates.foreign)) as proxy:
        assert await connect(proxy.addr, tls_ca_file=None).ping()

        refused = await refusal(connect(proxy.addr, tls_ca_file=certificates.ca))

    assert refused.reason == "tls"


@pytest.mark.parametrize(("read", "write"), [("20s", 0.4), ("250ms", 1.0)], ids=["read>write", "read<write"])
async def test_trap_09_a_tls_peer_that_never_reads_is_a_write_timeout(
    connect: Connect, certificates: Certificates, read: str, write: float
) -> None:
    with ScriptedPeer(to_all(b""), tls=server_context(certificates.server), deaf_after=1) as deaf:
        timeouts = {"read_timeout": read, "write_timeout": f"{write}s"}
        client = connect(deaf.addr, **timeouts, dial_timeout="20s")
        await warm_up(client)
        started = time.monotonic()

        with pytest.raises(redis.TimeoutError) as caught:
            await client.set("key", b"x" * 32 * 2**20)

        assert isinstance(caught.value, StoreUnavailableError)
        assert (caught.value.operation, caught.value.reason) == ("SET", "write-timeout")
        assert write * 0.9 < time.monotonic() - started < write * 5


async def warm_up(client: redis.asyncio.Redis) -> None:
    """Shake hands beforehand: that has a timeout of its own."""
    pool: Any = client.connection_pool
    await pool.release(await pool.get_connection())


@pytest.mark.parametrize(("dial", "read"), [(0.2, "20s"), (0.4, "50ms")], ids=["read>dial", "read<dial"])
async def test_trap_12_tls_to_a_mute_peer_fails_within_the_dial_timeout(
    connect: Connect, dial: float, read: str
) -> None:
    with mute_peer() as address:
        client = connect(address, dial_timeout=f"{dial}s", read_timeout=read)
        started = time.monotonic()

        refused = await refusal(client)

        assert refused.reason == "dial-timeout"
        assert dial * 0.9 < time.monotonic() - started < dial * 5


async def test_trap_43_one_context_serves_all_connections_of_a_client(
    connect: Connect, certificates: Certificates, addr: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    contexts = []
    make = ssl.SSLContext.__new__

    def counted(kind: type[ssl.SSLContext], *protocol: Any) -> ssl.SSLContext:
        contexts.append(make(kind, *protocol))
        return contexts[-1]

    with TlsProxy(addr, server_context(certificates.server)) as proxy:
        monkeypatch.setattr(ssl.SSLContext, "__new__", counted)
        pool: Any = connect(proxy.addr).connection_pool
        held = [await pool.get_connection() for _ in range(5)]
        for connection in held:
            await pool.release(connection)

        assert proxy.accepted == 5
    assert len(contexts) == 1


async def test_plain_text_to_a_tls_port_is_a_typed_error(
    connect: Connect, certificates: Certificates, addr: str
) -> None:
    with TlsProxy(addr, server_context(certificates.server)) as proxy:
        started = time.monotonic()

        refused = await refusal(connect(proxy.addr, tls=False, tls_ca_file=None, read_timeout="20s"))

        assert time.monotonic() - started < 5
    assert refused.reason in {"protocol", "disconnected", "reset"}


async def test_tls_to_a_plain_text_port_is_a_typed_error(connect: Connect, addr: str) -> None:
    started = time.monotonic()

    refused = await refusal(connect(addr, dial_timeout="300ms", read_timeout="20s"))

    # Redis waits for the end of a line, which these bytes hold only by chance
    assert refused.reason in {"tls", "dial-timeout"}
    assert time.monotonic() - started < 2


async def test_tls_to_a_server_of_something_else_is_a_tls_error(connect: Connect) -> None:
    with ScriptedPeer(to_all(b""), greeting=b"SSH-2.0-OpenSSH_9.2\r\n") as peer:
        assert (await refusal(connect(peer.addr))).reason == "tls"
        assert (await refusal(connect(peer.addr, tls=False, tls_ca_file=None))).reason == "protocol"
