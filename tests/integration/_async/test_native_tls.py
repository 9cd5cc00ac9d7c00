"""TLS as Redis 7.0 itself speaks it."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from modkit_redis import AsyncRedisModule
from modkit_redis.contract import BuildError, StoreUnavailableError
from tests.certificates import Certificates
from tests.native import native_server

pytestmark = pytest.mark.slow


async def outcome(addr: str, **config: object) -> str:
    """Return ``ok`` after a ping and some traffic, or the reason why there is none."""
    module = AsyncRedisModule(config={"addr": addr, "tls": True, **config})
    try:
        client = module.client()
        await client.set("big", b"x" * 2_000_000)
        assert len(await client.get("big") or b"") == 2_000_000
        assert (await client.info("clients"))["connected_clients"] == 1
    except StoreUnavailableError as error:
        return error.reason
    finally:
        await module.shutdown_resources()
    return "ok"


def shown(certificates: Certificates) -> Mapping[str, object]:
    return {
        "tls_ca_file": certificates.ca,
        "tls_cert_file": certificates.client.cert,
        "tls_key_file": certificates.client.key,
    }


async def test_trap_05_tls_options_are_in_force(certificates: Certificates) -> None:
    trusting = {"tls_ca_file": certificates.ca}
    with native_server(certificates, tls_protocols="TLSv1.2") as server:
        assert await outcome(server.tls_addr, **trusting) == "ok"
        assert await outcome(server.tls_addr, **trusting, tls_min_version="1.3") == "tls"
        assert await outcome(server.tls_addr, **trusting, tls_server_name="localhost") == "ok"
        assert await outcome(server.tls_addr, **trusting, tls_server_name="redis.internal") == "tls"


async def test_trap_05_a_client_shows_its_certificate(certificates: Certificates) -> None:
    with native_server(certificates, tls_auth_clients="yes") as server:
        assert await outcome(server.tls_addr, **shown(certificates)) == "ok"
        without = await outcome(server.tls_addr, tls_ca_file=certificates.ca)
        assert without in {"tls", "reset", "disconnected"}  # the alert may be lost when it hangs up


async def test_trap_06_a_private_authority_replaces_those_of_the_system(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
    with native_server(certificates) as server:
        assert await outcome(server.tls_addr) == "ok"
        assert await outcome(server.tls_addr, tls_ca_file=certificates.other_ca) == "tls"


async def test_the_wrong_port_is_a_typed_error(certificates: Certificates) -> None:
    with native_server(certificates) as server:
        started = time.monotonic()

        plain_to_tls = await outcome(server.tls_addr, tls=False)
        tls_to_plain = await outcome(server.addr, tls_ca_file=certificates.ca, dial_timeout="300ms")

        assert plain_to_tls in {"protocol", "disconnected", "reset"}
        assert tls_to_plain in {"tls", "dial-timeout"}
        assert time.monotonic() - started < 5


async def test_a_start_up_ping_over_tls(certificates: Certificates) -> None:
    with native_server(certificates) as server:
        config = {"addr": server.tls_addr, "tls": True, "ping_timeout": "5s"}
        module = AsyncRedisModule(config={**config, "tls_ca_file": certificates.ca})
        await module.init_resources()
        await module.shutdown_resources()
        stranger = AsyncRedisModule(config={**config, "tls_ca_file": certificates.other_ca})

        with pytest.raises(BuildError, match=r"ping failed: connect to .*\(tls\)"):
            await stranger.init_resources()
