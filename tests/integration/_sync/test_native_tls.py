# Generated from ../_async/test_native_tls.py by .ci/unasync.py; do not edit.
"""TLS as Redis 7.0 itself speaks it."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from modkit_redis import RedisModule
from modkit_redis.contract import BuildError, StoreUnavailableError
from tests.certificates import Certificates
from tests.native import native_server

pytestmark = pytest.mark.slow


def outcome(addr: str, **config: object) -> str:
    """Return ``ok`` after a ping and some traffic, or the reason why there is none."""
    module = RedisModule(config={"addr": addr, "tls": True, **config})
    try:
        client = module.client()
        client.set("big", b"x" * 2_000_000)
        assert len(client.get("big") or b"") == 2_000_000
        assert (client.info("clients"))["connected_clients"] == 1
    except StoreUnavailableError as error:
        return error.reason
    finally:
        module.shutdown_resources()
    return "ok"


def shown(certificates: Certificates) -> Mapping[str, object]:
    return {
        "tls_ca_file": certificates.ca,
        "tls_cert_file": certificates.client.cert,
        "tls_key_file": certificates.client.key,
    }


def test_trap_05_tls_options_are_in_force(certificates: Certificates) -> None:
    trusting = {"tls_ca_file": certificates.ca}
    with native_server(certificates, tls_protocols="TLSv1.2") as server:
        assert outcome(server.tls_addr, **trusting) == "ok"
        assert outcome(server.tls_addr, **trusting, tls_min_version="1.3") == "tls"
        assert outcome(server.tls_addr, **trusting, tls_server_name="localhost") == "ok"
        assert outcome(server.tls_addr, **trusting, tls_server_name="redis.internal") == "tls"


def test_trap_05_a_client_shows_its_certificate(certificates: Certificates) -> None:
    with native_server(certificates, tls_auth_clients="yes") as server:
        assert outcome(server.tls_addr, **shown(certificates)) == "ok"
        without = outcome(server.tls_addr, tls_ca_file=certificates.ca)
        assert without in {"tls", "reset", "disconnected"}  # the alert may be lost when it hangs up


def test_trap_06_a_private_authority_replaces_those_of_the_system(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
    with native_server(certificates) as server:
        assert outcome(server.tls_addr) == "ok"
        assert outcome(server.tls_addr, tls_ca_file=certificates.other_ca) == "tls"


def test_the_wrong_port_is_a_typed_error(certificates: Certificates) -> None:
    with native_server(certificates) as server:
        started = time.monotonic()

        plain_to_tls = outcome(server.tls_addr, tls=False)
        tls_to_plain = outcome(server.addr, tls_ca_file=certificates.ca, dial_timeout="300ms")

        assert plain_to_tls in {"protocol", "disconnected", "reset"}
        assert tls_to_plain in {"tls", "dial-timeout"}
        assert time.monotonic() - started < 5


def test_a_start_up_ping_over_tls(certificates: Certificates) -> None:
    with native_server(certificates) as server:
        config = {"addr": server.tls_addr, "tls": True, "ping_timeout": "5s"}
        module = RedisModule(config={**config, "tls_ca_file": certificates.ca})
        module.init_resources()
        module.shutdown_resources()
        stranger = RedisModule(config={**config, "tls_ca_file": certificates.other_ca})

        with pytest.raises(BuildError, match=r"ping failed: connect to .*\(tls\)"):
            stranger.init_resources()
