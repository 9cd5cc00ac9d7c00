"""Wrong settings with a secret among them."""

from __future__ import annotations

from tests.unit.settings.routes import ADDR

SECRET = "hunter2"
FILE = __file__

WRONG: list[dict[str, str]] = [
    # beside a good secret
    {"addr": "no-port", "password": SECRET},
    {"password": SECRET},
    {"addr": ADDR, "password": SECRET, "db": "x", "tls": "x"},
    {"addr": ADDR, "password": SECRET, "password_file": FILE},
    {"addr": ADDR, "password": SECRET, "tls_ca_file": FILE},
    {"addr": ADDR, "password": SECRET, "key_prefix": "cache"},
    {"url": f"redis://:{SECRET}@h", "db": "x"},
    {"url": f"redis://:{SECRET}@h", "addr": ADDR},
    {"url": f"redis://:{SECRET}@h", "password": SECRET},
    {"url": f"redis://u:{SECRET}@h", "password_file": FILE},
    {"url": "http://h", "password": SECRET},
    # a secret that is unusable, or in the wrong place
    {"addr": ADDR, "password": f"{SECRET}\udc80"},
    {"addr": ADDR, "username": f"{SECRET}\udc80"},
    {"addr": SECRET},
    {"addr": f"redis://:{SECRET}@h"},
    {"addr": f"{SECRET}@h:1"},
    {"addr": f"{SECRET}..x:1"},
    {"addr": f"[{SECRET}]:1"},
    *(
        {"addr": ADDR, each: SECRET}
        for each in ("db", "pool_size", "retries", "tls", "tls_min_version", "topology")
    ),
    *({"addr": ADDR, f"{each}_timeout": SECRET} for each in ("dial", "read", "write", "pool", "ping")),
    *(
        {"addr": ADDR, each: SECRET}
        for each in ("password_file", "tls_ca_file", "tls_cert_file", "tls_key_file")
    ),
    *({"addr": ADDR, "tls_key_file": each} for each in (f"{SECRET}\n" * 1000, f"{SECRET}\0")),
    *({"addr": ADDR, each: f"{SECRET} "} for each in ("client_name", "tls_server_name", "key_prefix")),
    {"addr": ADDR, "key_prefix": f"{SECRET}:session"},
    *(
        {"url": each.format(SECRET)}
        for each in (
            "{}",
            "http://:{}@h",
            "redis://:{}@",
            "redis://:{}@h:0",
            "redis://:{}@h:port",
            "redis://:{}@h/db",
            "redis://:{}@[::1",
            "redis://:{}@h#f",
            "redis://:{}%FF@h",
            "redis://:{} @h",
            "redis://:pa/{}@h",
            "redis://{}@h",
            "redis://h?password={}",
            "redis://h?{}",
            "redis://h/{}",
            "unix://:{}@h/a",
        )
    ),
]
