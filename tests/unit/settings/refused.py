"""What each setting refuses, and the exact words it does so with."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = "for example '250ms', '5s' or '1m30s'"
ADDRESSES = "for example 'localhost:6379', '[::1]:6379' or 'unix:/run/redis.sock'"
HOST_AND_PORT = f"must have a host and a port, {ADDRESSES}"
PORT = f"must have a port from 1 to 65535, {ADDRESSES}"
SCHEME = f"must be an address without a scheme, {ADDRESSES}; a URL belongs in <url>"
EMPTY = "is empty: write a value, or leave it out"
ENCODING = "must be text that UTF-8 can encode"
UNREADABLE = "must be the path of a file that this process can read"
NO_UNIT = f"has no unit: write it with units, {EXAMPLE}"
NO_DURATION = f"is no duration: write it with units, {EXAMPLE}"
WRONG_TYPE = f"must be text with a unit or a timedelta, {EXAMPLE}"
ZERO = f"must be more than 0, {EXAMPLE}"
TOO_LONG = f"must be from 0 to 36500 days, {EXAMPLE}"
ASCII = "must be printable ASCII without spaces"
DATABASE = "must be a whole number from 0 to 2147483647"
POOL_SIZE = "must be a whole number from 1 to 100000"
RETRIES = "must be a whole number from 0 to 100"
YES_OR_NO = "must be 'true' or 'false'"
TLS_VERSION = "must be '1.2' or '1.3'"
CHARACTERS = "must not hold spaces, quotes, control characters or any of % { } * ? [ ] ^ \\"
CAPABILITY = "must not hold the part 'session': it names a section of the keys"
NOT_YET = "is not supported yet: write 'standalone', or leave it out"

DURATIONS = "dial_timeout read_timeout write_timeout pool_timeout ping_timeout"
POSITIVE = "dial_timeout read_timeout write_timeout pool_timeout"
FILES = "password_file tls_ca_file tls_cert_file tls_key_file"
TEXTS = "addr url username password tls_server_name client_name"
NAMES = "tls_server_name client_name"

Row = tuple[str, str, list[object]]  # settings, reason, what they refuse for it

WRITTEN: list[Row] = [
    ("addr", HOST_AND_PORT, ["localhost", "localhost:", ":6379", ":", "h:http", "h:+1", "h:-1", "h:1e3"]),
    (
        "addr",
        HOST_AND_PORT,
        ["a:1,b:2", "local host:1", "h:1\n", "h:1 ", " h:1", "user@h:1", "h/0:1", "h:1/0"],
    ),
    ("addr", HOST_AND_PORT, ["::1:6379", "[::1]", "[]:1", "[:::]:1", "[h]:1", "[127.0.0.1]:1", "[::1]1"]),
    ("addr", HOST_AND_PORT, ["unix:", "unix:run/redis.sock", "unix:/a\0b", "/run/redis.sock"]),
    ("addr", HOST_AND_PORT, ["a..b:1", ".a:1", f"{'a' * 64}.b:1", "h\0:1", "h\u200b:1", "h:\u0663"]),
    ("addr", PORT, ["localhost:0", "localhost:65536", "[::1]:0", "localhost:999999999"]),
    ("addr", SCHEME, ["redis://localhost:6379", "tcp://h:1", "unix:///run/redis.sock", "://", "unix://"]),
    (f"{TEXTS} {FILES}", EMPTY, [""]),
    (f"{TEXTS} {FILES}", ENCODING, ["a\udc80b"]),
    (FILES, UNREADABLE, ["/nowhere/at/all", str(Path(__file__).parent), "a\0b"]),
    (FILES, UNREADABLE, ["-----BEGIN CERTIFICATE-----\n" * 500]),  # the file's content, not its path
    (
        "db",
        DATABASE,
        ["", "-1", "one", "1.0", "+1", " 1", "1 ", "\u0663", "1e3", "0x1", "nan", "1_0", "true"],
    ),
    ("db", DATABASE, ["2147483648", "9" * 18, "9" * 5000]),
    ("pool_size", POOL_SIZE, ["0", "-1", "100001", "true", ""]),
    ("retries", RETRIES, ["-1", "101", "yes", ""]),
    (DURATIONS, NO_UNIT, ["5", "0.5", "-5", "00"]),
    (DURATIONS, NO_DURATION, ["", "5x", "-5s", "nan", "inf", "5 s", "1s1s", " 5s", "5s\n", "1,5s"]),
    (DURATIONS, NO_DURATION, ["30s1m", "5sec", "5S", "s", "1h 2m", "\u0665s", "9999999999s"]),
    (DURATIONS, TOO_LONG, ["36501d", "999999999d999999999h"]),
    (POSITIVE, ZERO, ["0", "0s", "0.0001ms"]),
    ("tls", YES_OR_NO, ["", "2", "enabled", "y", " true"]),
    ("tls_min_version", TLS_VERSION, ["", "1", "1.1", "TLSv1.2"]),
    (NAMES, ASCII, ["my app", "app\n", "äpp", "a\x7f"]),
    ("key_prefix", CHARACTERS, ["my app", "{shop}", "shop*", "a\nb", "50%", "a\u200bb", "a\udc80b"]),
    ("key_prefix", CAPABILITY, ["session", "a:session:b"]),
    ("topology", NOT_YET, ["sentinel", "cluster"]),
    ("topology", "must be 'standalone'", ["ring", "", "Standalone"]),
]
TYPED: list[Row] = [
    (f"{TEXTS} {FILES}", "must be text, not int", [5]),
    (f"{TEXTS} {FILES}", "must be text, not bytes", [b"p"]),
    ("addr client_name key_prefix", "must be text, not NoneType", [None]),
    ("key_prefix", "must be text, not list", [["shop"]]),
    (FILES, UNREADABLE, [Path("/nowhere"), Path("/")]),
    ("db", DATABASE, [None, True, False, 1.0, -1, float("nan"), [1], 2**31]),
    ("pool_size", POOL_SIZE, [0, True, 1.5, -1, None]),
    ("retries", RETRIES, [True, -1, 0.0, None]),
    (DURATIONS, WRONG_TYPE, [5, 0, 0.5, True, float("nan"), b"5s"]),
    (DURATIONS, TOO_LONG, [timedelta(seconds=-1), timedelta.max, timedelta.min]),
    (POSITIVE, ZERO, [timedelta(0)]),
    ("tls", YES_OR_NO, [None, 0, 1, []]),
    ("tls_min_version", TLS_VERSION, [1.2, None]),
    ("topology", "must be 'standalone'", [None, []]),
]


def cases(rows: list[Row]) -> list[Any]:
    """Return each setting with each value that it refuses and why, for ``parametrize``."""
    return [
        pytest.param(field, value, reason, id=f"{field}={value!r:.40}")
        for fields, reason, values in rows
        for field in fields.split()
        for value in values
    ]
