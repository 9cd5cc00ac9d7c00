"""Who sent a request, for the rate limiter: the address, also behind proxies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

from modkit_redis.contract.errors import ArgumentError


def client_address(
    trusted_proxies: int = 0, *, ipv6_prefix: int = 64
) -> Callable[[Mapping[str, Any]], tuple[str, str] | None]:
    """Return a function that gives ``("ip", address)`` for an ASGI scope or a WSGI environ.

    Without proxies, it is the address of the connection. Behind *n* proxies of your own, each of which
    appends to ``X-Forwarded-For`` the address that it was called from, it is the *n*-th from the right: what
    stands further left was written by the client. Ports are left out, and an IPv4 address that is written as
    IPv6 is the IPv4 address.

    The function returns ``None`` if it cannot tell: the header has fewer entries than there are proxies, or
    the entry is no address, or the connection has none, as with a unix socket.

    Args:
        trusted_proxies: How many proxies each request comes through, 0 to 100. Too few limits all clients of
            a proxy together; with too many, a client chooses its address.
        ipv6_prefix: By how many bits IPv6 addresses are told apart, 1 to 128. One customer usually has
            a whole /64, and would have as many subjects.

    Raises:
        ArgumentError: If an argument cannot be used.
    """
    if type(trusted_proxies) is not int or not 0 <= trusted_proxies <= _MOST_PROXIES:
        raise ArgumentError("trusted_proxies", f"must be a whole number from 0 to {_MOST_PROXIES}")
    if type(ipv6_prefix) is not int or not 1 <= ipv6_prefix <= _BITS:
        raise ArgumentError("ipv6_prefix", f"must be a whole number from 1 to {_BITS}")

    def identify(request: Mapping[str, Any]) -> tuple[str, str] | None:
        found = forwarded_for(_forwarded(request), trusted_proxies) if trusted_proxies else _peer(request)
        address = parsed_address(found or "")
        return None if address is None else ("ip", _grouped(address, ipv6_prefix))

    return identify


def forwarded_for(values: Iterable[str], proxies: int) -> str | None:
    """Return the entry that the first of *proxies* wrote, or ``None`` if there are fewer entries.

    Args:
        values: The lines of the header, in their order.
        proxies: How many there are, at least 1.
    """
    entries = ",".join(values).rsplit(",", proxies)
    if len(entries) > proxies:
        return entries[1]
    return entries[0] if len(entries) == proxies else None


def parsed_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address that *text* is, with or without brackets and a port, or ``None``."""
    text = text.strip(" \t")
    if text.startswith("["):
        text, bracket, port = text[1:].partition("]")
        if not bracket or not (port == "" or _is_port(port)):
            return None
    elif text.count(":") == 1:
        text, _, port = text.partition(":")
        if not _is_port(f":{port}"):
            return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or (IPv4Address(int(address) & _LOW) if address in _NAT64 else address)
    return address


_BITS: Final = 128
_LOW: Final = 2**32 - 1
_MOST_PROXIES: Final = 100
_NAT64: Final = IPv6Network("64:ff9b::/96")
"""Addresses of IPv4 clients, as translators write them (RFC 6052)."""


def _is_port(text: str) -> bool:
    return text[:1] == ":" and text.isascii() and text[1:].isdigit() and len(text) <= len(":65535")


def _grouped(address: IPv4Address | IPv6Address, prefix: int) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    first = IPv6Address(int(address) >> (_BITS - prefix) << (_BITS - prefix))
    return f"{first}/{prefix}" if prefix < _BITS else str(first)


def _peer(request: Mapping[str, Any]) -> str | None:
    if "REMOTE_ADDR" in request:
        return str(request["REMOTE_ADDR"])
    client = request.get("client")
    return str(client[0]) if client else None


def _forwarded(request: Mapping[str, Any]) -> list[str]:
    if "headers" in request:
        return [value.decode("latin-1") for name, value in request["headers"] if name == b"x-forwarded-for"]
    value = request.get("HTTP_X_FORWARDED_FOR")
    return [] if value is None else [value]
