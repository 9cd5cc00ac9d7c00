"""Certificates that the tests make for themselves: two authorities, and what they sign."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme

HOSTS = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, as PEM files."""

    cert: Path
    key: Path


@dataclass(frozen=True)
class Certificates:
    """What an application and its server may hold.

    Attributes:
        ca: The authority that both trust.
        other_ca: Another one, as the system might trust it.
        server: For ``localhost`` and ``127.0.0.1``.
        client: For a client.
        foreign: As ``server``, but from the other authority.
        expired: As ``server``, but it has expired.
        expiring: As ``server``, for ten more days.
        elsewhere: For ``redis.internal`` alone.
    """

    ca: Path
    other_ca: Path
    server: Pair
    client: Pair
    foreign: Pair
    expired: Pair
    expiring: Pair
    elsewhere: Pair


def make_certificates(directory: Path) -> Certificates:
    """Make all of them in *directory*."""
    ca, other_ca = trustme.CA(), trustme.CA()
    now = datetime.now(UTC)
    sign = _signer(directory, ca)
    last_week = {"not_before": now - timedelta(days=7)}
    return Certificates(
        ca=_authority(directory / "ca.pem", ca),
        other_ca=_authority(directory / "other_ca.pem", other_ca),
        server=sign("server", *HOSTS),
        client=sign("client", "app@example.com"),
        foreign=_signer(directory, other_ca)("foreign", *HOSTS),
        expired=sign("expired", *HOSTS, **last_week, not_after=now - timedelta(days=1)),
        expiring=sign("expiring", *HOSTS, **last_week, not_after=now + timedelta(days=10, hours=1)),
        elsewhere=sign("elsewhere", "redis.internal"),
    )


def _authority(path: Path, ca: trustme.CA) -> Path:
    ca.cert_pem.write_to_path(str(path))
    return path


def _signer(directory: Path, ca: trustme.CA) -> Callable[..., Pair]:
    def sign(name: str, *identities: str, **validity: Any) -> Pair:
        issued = ca.issue_cert(*identities, **validity)
        pair = Pair(directory / f"{name}.crt", directory / f"{name}.key")
        issued.private_key_pem.write_to_path(str(pair.key))
        for pem in issued.cert_chain_pems:
            pem.write_to_path(str(pair.cert), append=True)
        return pair

    return sign
