"""The same faults, met by stock redis-py as an application would construct it, and by our client.

Run: python benchmarks/traps.py. It takes about a minute: that is how long stock redis-py waits for a mute
server. The documentation's table comes from here.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

sys.path.insert(0, str(Path(__file__).parents[1]))  # the fault tools are the tests' own

from modkit_redis import RedisModule
from modkit_redis.testing import EmbeddedServer
from tests.faults.mute import mute_peer
from tests.faults.proxy import FOREVER, Proxy

Open = Callable[[str, str], redis.Redis]
"""Makes a client from an address and a password."""


def open_stock(addr: str, password: str = "") -> redis.Redis:
    """Return what ``redis.Redis(host=…, port=…)`` gives."""
    host, _, port = addr.rpartition(":")
    return redis.Redis(host=host, port=int(port), password=password or None)


def open_ours(addr: str, password: str = "") -> redis.Redis:
    """Return what our module gives with nothing but an address."""
    return RedisModule(config={"addr": addr, **({"password": password} if password else {})}).client()


def lost_reply(open_client: Open, server: str) -> str:
    """Lose every reply to an INCR; the server executes them all."""
    with Proxy(server) as proxy, open_stock(server) as admin:
        admin.delete("counter")
        client = open_client(proxy.addr, "")
        proxy.reset_reply(b"INCR", times=FOREVER)
        failed(lambda: client.incr("counter"))
        client.close()
        return f"counted {int(admin.get('counter') or 0)} times"


def wrong_password(open_client: Open, server: str) -> str:
    """Sign in with a wrong password, once."""
    with Proxy(server) as proxy:
        client = open_client(proxy.addr, "wrong")
        failed(client.ping)
        client.close()
        return f"{proxy.accepted} logins"


def stray_reply(open_client: Open, server: str) -> str:
    """Let a reply that nobody asked for wait on a pooled connection."""
    with Proxy(server) as proxy, open_stock(server) as admin:
        admin.set("mine", "mine")
        client = open_client(proxy.addr, "")
        client.ping()
        proxy.push(b"$6\r\ntheirs\r\n")
        reply = client.get("mine")
        client.close()
        return f"GET mine gives {reply!r}"


def use_after_close(open_client: Open, server: str) -> str:
    """Use a closed client."""
    client = open_client(server, "")
    client.close()
    error = failed(client.ping)
    client.close()
    return f"raises {error}" if error else "reconnects"


def many_callers(open_client: Open, server: str) -> str:
    """Let 200 threads call at once."""
    client = open_client(server, "")
    gate, errors = threading.Barrier(200), list[str]()

    def call() -> None:
        gate.wait()
        if error := failed(lambda: client.blpop(["nothing"], timeout=0.1)):
            errors.append(error)

    threads = [threading.Thread(target=call) for _ in range(200)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    client.close()
    return f"{len(errors)} of 200 fail" + (f" ({max(set(errors), key=errors.count)})" if errors else "")


def mute_server(open_client: Open, server: str) -> str:
    """Ping a server that accepts and never answers."""
    with mute_peer() as address:
        client = open_client(address, "")
        started = time.monotonic()
        error = failed(client.ping)
        took = time.monotonic() - started
        client.close()
        return f"{error} after {took:.1f} s"


def failed(call: Callable[[], object]) -> str:
    """Return the kind of error that *call* raises, or nothing."""
    try:
        call()
    except (redis.RedisError, OSError) as error:
        return type(error).__name__
    return ""


@contextmanager
def server_with_password() -> Iterator[str]:
    """Run a server that wants a password."""
    with EmbeddedServer() as server:
        with open_stock(server.addr) as admin:
            admin.config_set("requirepass", "right")
        yield server.addr


def main() -> None:
    """Meet each fault with both clients and print one table."""
    print(f"{'fault':34}{'stock redis-py':44}ours")
    with EmbeddedServer() as plain, server_with_password() as guarded:
        for name, meet, server in (
            ("the reply to an INCR is lost", lost_reply, plain.addr),
            ("a wrong password", wrong_password, guarded),
            ("a stray reply on a connection", stray_reply, plain.addr),
            ("a command after close()", use_after_close, plain.addr),
            ("200 callers at once", many_callers, plain.addr),
            ("a server that never answers", mute_server, plain.addr),
        ):
            print(f"{name:34}{meet(open_stock, server):44}{meet(open_ours, server)}", flush=True)


if __name__ == "__main__":
    main()
