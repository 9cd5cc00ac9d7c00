"""The check over TLS, and on Redis 7.0."""

from __future__ import annotations

import pytest

from tests.certificates import Certificates
from tests.checking import SECRET, Check
from tests.faults.tls import TlsProxy, Version, server_context
from tests.native import native_server


def test_encryption_is_described(check: Check, certificates: Certificates, addr: str) -> None:
    with TlsProxy(addr, server_context(certificates.server, version=Version.TLSv1_3)) as proxy:
        done = check("--json", addr=proxy.addr, tls="true", tls_ca_file=str(certificates.ca))

    tls = done.json["tls"]
    assert (done.code, tls["version"], tls["names"]) == (0, "TLSv1.3", ["localhost", "127.0.0.1"])
    assert tls["cipher"].startswith("TLS_")
    assert done.levels()["tls"] == "ok"
    assert done.text("tls").startswith(
        f"TLSv1.3, {tls['cipher']}; certificate of localhost, 127.0.0.1, expires"
    )


def test_a_certificate_that_expires_soon_is_a_warning(
    check: Check, certificates: Certificates, addr: str
) -> None:
    with TlsProxy(addr, server_context(certificates.expiring)) as proxy:
        done = check("--json", addr=proxy.addr, tls="true", tls_ca_file=str(certificates.ca))

    assert done.levels()["tls"] == "warning"
    assert done.text("tls").endswith("in 10 days")


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ("foreign", "unable to get local issuer certificate"),
        ("expired", "certificate has expired"),
        ("elsewhere", "IP address mismatch, certificate is not valid for '127.0.0.1'."),
    ],
)
def test_a_certificate_that_is_refused_says_why(
    check: Check, certificates: Certificates, addr: str, shown: str, said: str
) -> None:
    with TlsProxy(addr, server_context(getattr(certificates, shown))) as proxy:
        done = check(addr=proxy.addr, tls="true", tls_ca_file=str(certificates.ca), password=SECRET)

    assert done.code == 1
    assert f"(tls): no TLS connection ({said})" in done.out


def test_a_server_that_is_too_old_says_why(check: Check, certificates: Certificates, addr: str) -> None:
    with TlsProxy(addr, server_context(certificates.server, version=Version.TLSv1_2)) as proxy:
        settings = {"tls": "true", "tls_ca_file": str(certificates.ca), "tls_min_version": "1.3"}
        done = check(addr=proxy.addr, **settings)

    assert done.code == 1
    assert "protocol version" in done.out


@pytest.mark.slow
def test_redis_7_is_described(check: Check, certificates: Certificates) -> None:
    with native_server(certificates, requirepass=SECRET, maxmemory="100mb", appendonly="yes") as server:
        settings = {"tls": "true", "tls_ca_file": str(certificates.ca), "key_prefix": "shop"}
        done = check("--json", "--strict", addr=server.tls_addr, password=SECRET, **settings)

    assert done.code == 0
    assert (done.json["server"]["kind"], done.json["server"]["version"][:4]) == ("Redis", "7.0.")
    assert done.json["acl"]["missing"] == {"base": [], "cache": [], "session": [], "ratelimit": []}
    assert done.json["tls"]["version"] == "TLSv1.3"
    assert done.json["persistence"] == {"aof": True, "rdb": False}
    assert set(done.levels().values()) == {"ok"}


@pytest.mark.slow
def test_redis_7_without_a_password(check: Check) -> None:
    with native_server() as server:
        done = check(addr=server.addr)

    assert done.code == 0
    assert "Redis 7.0." in done.out
    assert "note     user         default, without a password" in done.out
