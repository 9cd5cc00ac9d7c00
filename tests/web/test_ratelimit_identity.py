"""Which address a request has, whatever a client writes into its headers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any, TypeAlias

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modkit_redis.contract import ArgumentError
from modkit_redis.web import client_address
from modkit_redis.web.identity import parsed_address

Make: TypeAlias = Callable[[list[str], str | None], Mapping[str, Any]]


def scope(forwarded: list[str], peer: str | None) -> Mapping[str, Any]:
    lines = [(b"x-forwarded-for", each.encode("latin-1")) for each in forwarded]
    headers = [(b"x-forwarded", b"9.9.9.9"), *lines, (b"x-forwarded-for2", b"9.9.9.9")]
    return {"type": "http", "headers": headers, "client": None if peer is None else (peer, 4711)}


def environ(forwarded: list[str], peer: str | None) -> Mapping[str, Any]:
    joined = {"HTTP_X_FORWARDED_FOR": ", ".join(forwarded)} if forwarded else {}
    return {"REMOTE_ADDR": "" if peer is None else peer, "HTTP_X_FORWARDED": "9.9.9.9", **joined}


both = pytest.mark.parametrize("make", [scope, environ])


@both
@pytest.mark.parametrize(
    ("proxies", "forwarded", "found"),
    [
        (0, [], "192.0.2.9"),
        (0, ["198.51.100.1"], "192.0.2.9"),
        (1, ["198.51.100.1"], "198.51.100.1"),
        (1, ["203.0.113.7, 198.51.100.1"], "198.51.100.1"),
        (1, ["203.0.113.7", "198.51.100.1"], "198.51.100.1"),
        (1, ["203.0.113.7,198.51.100.1 \t"], "198.51.100.1"),
        (2, ["203.0.113.7, 198.51.100.1, 192.0.2.4"], "198.51.100.1"),
        (2, ["203.0.113.7", "198.51.100.1, 192.0.2.4"], "198.51.100.1"),
        (2, ["garbage, 198.51.100.1", "192.0.2.4"], "198.51.100.1"),
        (2, ["192.0.2.4"], None),
        (1, [], None),
        (1, [""], None),
        (1, ["198.51.100.1,"], None),
        (1, ["198.51.100.1, unknown"], None),
        (1, ["198.51.100.1, _hidden"], None),
    ],
)
def test_the_address_is_what_the_first_proxy_saw(
    make: Make, proxies: int, forwarded: list[str], found: str | None
) -> None:
    identity = client_address(proxies)(make(forwarded, "192.0.2.9"))

    assert identity == (None if found is None else ("ip", found))


@both
@pytest.mark.parametrize("peer", [None, "", "localhost", "testclient", "unix:"])
def test_a_connection_without_an_address_has_none(make: Make, peer: str | None) -> None:
    assert client_address()(make([], peer)) is None


@both
def test_behind_a_proxy_the_connection_needs_no_address(make: Make) -> None:
    assert client_address(1)(make(["198.51.100.1"], None)) == ("ip", "198.51.100.1")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("192.0.2.1:80", "192.0.2.1"),
        ("192.0.2.1:", None),
        ("192.0.2.1:http", None),
        ("192.0.2.1:123456", None),
        ("192.0.2.1:8²", None),
        ("192.0.2.01", None),
        ("192.0.2", None),
        ("3221225985", None),
        ("\uff1192.0.2.1", None),
        ("192.0.2.1/24", None),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("[2001:db8::1]443", None),
        ("[2001:db8::1", None),
        ("[]", None),
        ("2001:DB8:0::0001", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:c000:201", "192.0.2.1"),
        ("64:ff9b::c000:201", "192.0.2.1"),
        ("\x0b192.0.2.1", None),
        ("192.0.2.1\r\nx: y", None),
    ],
)
def test_an_address_has_one_spelling(text: str, found: str | None) -> None:
    address = parsed_address(text)

    assert (None if address is None else str(address)) == found


@pytest.mark.parametrize(
    ("prefix", "found"),
    [(64, "2001:db8:1:2::/64"), (48, "2001:db8:1::/48"), (1, "::/1"), (128, "2001:db8:1:2:3:4:5:6")],
)
def test_addresses_of_one_ipv6_network_are_one(prefix: int, found: str) -> None:
    identify = client_address(ipv6_prefix=prefix)

    assert identify(scope([], "2001:db8:1:2:3:4:5:6")) == ("ip", found)


def test_a_zone_makes_no_other_address() -> None:
    identify = client_address()

    assert identify(scope([], "fe80::1%eth0")) == identify(scope([], "fe80::1%eth1")) == ("ip", "fe80::/64")


def test_a_whole_ipv6_address_has_no_zone_either() -> None:
    assert client_address(ipv6_prefix=128)(scope([], "fe80::1%eth0")) == ("ip", "fe80::1")


@pytest.mark.parametrize("proxies", [-1, 101, True, 1.0, "1", None])
def test_a_number_of_proxies_that_is_none_is_refused(proxies: Any) -> None:
    with pytest.raises(ArgumentError, match="trusted_proxies must be a whole number from 0 to 100"):
        client_address(proxies)


@pytest.mark.parametrize("prefix", [0, 129, True, "64"])
def test_a_length_of_a_prefix_that_is_none_is_refused(prefix: Any) -> None:
    with pytest.raises(ArgumentError, match="ipv6_prefix must be a whole number from 1 to 128"):
        client_address(ipv6_prefix=prefix)


ADDRESSES = st.ip_addresses().map(str)
WRITTEN = st.lists(
    st.one_of(
        st.text(st.characters(max_codepoint=255), max_size=40),
        st.lists(ADDRESSES, max_size=5).map(",".join),
    ),
    max_size=4,
)


@both
@given(written=WRITTEN, hops=st.lists(ADDRESSES, min_size=1, max_size=4), data=st.data())
def test_with_honest_proxies_a_client_cannot_choose_its_address(
    make: Make, written: list[str], hops: list[str], data: st.DataObject
) -> None:
    lines = list(written)
    for each in hops:  # each proxy appends who called it, in the last line or in one of its own
        is_joined = data.draw(st.booleans())
        if lines and is_joined:
            lines[-1] += f", {each}"
        else:
            lines.append(each)

    identity = client_address(len(hops))(make(lines, "192.0.2.9"))

    assert identity == client_address()(make([], hops[0]))
    assert identity is not None


@both
@given(written=WRITTEN, peer=st.none() | st.text(max_size=20), proxies=st.integers(0, 4))
@example(written=["%"], peer="fe80::1%", proxies=1)
@example(written=["["], peer="[::1%]", proxies=0)
def test_whatever_is_written_it_is_an_address_or_nothing(
    make: Make, written: list[str], peer: str | None, proxies: int
) -> None:
    identity = client_address(proxies, ipv6_prefix=128)(make(written, peer))

    assert identity is None or (identity[0], str(ip_address(identity[1]))) == ("ip", identity[1])
