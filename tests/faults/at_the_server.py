"""What can go wrong at a server: each is a real one, brought into that state."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import redis

from modkit_redis.testing import EmbeddedServer
from tests.certificates import Certificates
from tests.faults.fault import KEY, Faults, Settings
from tests.faults.scripted import ScriptedPeer, to_all
from tests.support import stock_client, wait_until

FAULTS: Final = Faults()


@contextmanager
def server(**config: str) -> Iterator[tuple[str, redis.Redis]]:
    with EmbeddedServer(**config) as embedded, stock_client(embedded.addr) as admin:
        admin.ping()
        yield embedded.addr, admin


@FAULTS.of("auth")
def a_wrong_password(_: Certificates) -> Iterator[Settings]:
    with server() as (addr, admin):
        admin.config_set("requirepass", "right")
        yield {"addr": addr, "password": "wrong"}


@FAULTS.of("auth")
def no_password(_: Certificates) -> Iterator[Settings]:
    with server() as (addr, admin):
        admin.config_set("requirepass", "right")
        yield {"addr": addr}


@FAULTS.of("auth")
def a_password_that_nobody_wants(_: Certificates) -> Iterator[Settings]:
    with server() as (addr, _admin):
        yield {"addr": addr, "password": "any"}


@FAULTS.of("max-clients")
def too_many_clients(_: Certificates) -> Iterator[Settings]:
    with server() as (addr, admin):
        admin.config_set("maxclients", 1)
        yield {"addr": addr}


@FAULTS.of("readonly")
def a_replica(_: Certificates) -> Iterator[Settings]:
    with server() as (addr, admin):
        admin.replicaof("127.0.0.1", 1)
        yield {"addr": addr}


@FAULTS.of("masterdown", "GET", KEY)
def a_replica_without_its_primary(_: Certificates) -> Iterator[Settings]:
    with server(replica_serve_stale_data="no") as (addr, admin):
        admin.replicaof("127.0.0.1", 1)
        yield {"addr": addr}


@FAULTS.of("oom")
def full_memory(_: Certificates) -> Iterator[Settings]:
    with server(maxmemory="1") as (addr, _admin):
        yield {"addr": addr}


@FAULTS.of("noperm")
def a_forbidden_command(_: Certificates) -> Iterator[Settings]:
    with server() as (addr, admin):
        admin.acl_setuser("app", enabled=True, passwords=["+pw"], commands=["+@all", "-set"], keys=["*"])
        yield {"addr": addr, "username": "app", "password": "pw"}


@FAULTS.of("noperm")
def a_forbidden_key(_: Certificates) -> Iterator[Settings]:
    with server() as (addr, admin):
        admin.acl_setuser("app", enabled=True, passwords=["+pw"], commands=["+@all"], keys=["mine:*"])
        yield {"addr": addr, "username": "app", "password": "pw"}


@FAULTS.of("misconf")
def a_disk_that_cannot_be_written(_: Certificates) -> Iterator[Settings]:
    with server(save="3600 1000000") as (addr, admin):
        directory: Any = admin.config_get("dir")["dir"]
        (Path(directory) / "dump.rdb" / "in the way").mkdir(parents=True)
        admin.bgsave()
        wait_until(
            lambda: admin.info("persistence")["rdb_last_bgsave_status"] == "err", "it has failed to save"
        )
        yield {"addr": addr}
        admin.config_set("save", "")  # else it would refuse to end before it has saved


@FAULTS.of("noreplicas")
def too_few_replicas(_: Certificates) -> Iterator[Settings]:
    with server(min_replicas_to_write="1") as (addr, _admin):
        yield {"addr": addr}


@FAULTS.of("busy")
def a_script_without_end(_: Certificates) -> Iterator[Settings]:
    def loop() -> None:
        with stock_client(addr) as client, suppress(redis.ResponseError):
            client.eval("while true do end", 0)

    def is_busy() -> bool:
        try:
            return not admin.ping()
        except redis.ResponseError as error:
            return str(error).startswith("BUSY")

    with server(busy_reply_threshold="1") as (addr, admin):
        thread = threading.Thread(target=loop)
        thread.start()
        try:
            wait_until(is_busy, "the script runs")
            yield {"addr": addr}
        finally:
            admin.script_kill()
            thread.join()


@FAULTS.of("cluster")
def a_cluster_without_slots(_: Certificates) -> Iterator[Settings]:
    with server(cluster_enabled="yes") as (addr, _admin):
        yield {"addr": addr}


@FAULTS.of("cluster", "GET", KEY)
def a_slot_that_has_moved(_: Certificates) -> Iterator[Settings]:
    with ScriptedPeer(to_all(b"-MOVED 3999 127.0.0.1:6381\r\n")) as peer:
        yield {"addr": peer.addr}


@FAULTS.of("cluster", "GET", KEY)
def a_slot_on_its_way(_: Certificates) -> Iterator[Settings]:
    with ScriptedPeer(to_all(b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n")) as peer:
        yield {"addr": peer.addr}


@FAULTS.of("no-db")
def no_such_database(_: Certificates) -> Iterator[Settings]:
    with server() as (addr, _admin):
        yield {"addr": addr, "db": 99}
