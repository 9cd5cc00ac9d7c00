# Generated from ../_async/test_cache_faults.py by .ci/unasync.py; do not edit.
"""Something goes wrong at each single command of each call: bounded time, and the right outcome (I8)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import pytest
import redis

from modkit_redis.cache.entries.scripts import ACQUIRE, FILL, RELEASE, RENEW, STORE, TOUCH
from modkit_redis.client.errors import REASONS
from modkit_redis.contract import MISS, NO_EXPIRY, StoreUnavailableError
from modkit_redis.testing import EmbeddedServer
from tests.caching import Cache, Caches, Settings, load_scripts, until, within
from tests.chaos import check_pool
from tests.faults.proxy import Proxy
from tests.support import delete_below, stock_client

TIMEOUT: Final = 0.2
LEASE: Final = 0.45
EXCHANGES: Final = 3  # a call that goes on in an outage meets it at most this often

CLIENT: Final = {f"{each}_timeout": "200ms" for each in ("dial", "read", "write", "pool")}
PATIENT: Final = {f"{each}_timeout": "1m" for each in ("dial", "read", "write", "pool")}
STALE: Final = {"stale_for": "1m"}
GENERATIONS: Final = {"generations": True}


class LoadError(Exception):
    """What a loader raises."""


class Scene:
    """A store, the place where the fault is, and what has happened to it."""

    def __init__(self, cache: Cache, proxy: Proxy) -> None:
        self.store, self.seen, self.proxy = cache.store, cache.seen, proxy
        self.loads = 0

    def load(self) -> str:
        self.loads += 1
        return f"loaded {self.loads}"

    def load_until_struck(self) -> str:
        until(self.proxy.has_struck, "the fault has happened")
        return self.load()

    def fail(self) -> str:
        self.loads += 1
        raise LoadError


@dataclass(frozen=True)
class Moment:
    """A command in the middle of a call.

    Attributes:
        name: The call and the command.
        command: What the command, and no earlier one, contains.
        act: The call.
        settings: Of the store.
        missed: What a read is to return if outages are misses.
    """

    name: str
    command: bytes
    act: Callable[[Scene], Any]
    settings: Settings = field(default_factory=dict)
    missed: object = None

    def __str__(self) -> str:
        return self.name


def called(name: str) -> bytes:
    """Return what a command of this name contains."""
    return b"$%d\r\n%s\r\n" % (len(name), name.encode())


def get(scene: Scene) -> object:
    return scene.store.get("key", "none")


def get_many(scene: Scene) -> object:
    return scene.store.get_many(["key", "other", "key"])


def ttl(scene: Scene) -> object:
    return scene.store.ttl("key")


def set_one(scene: Scene) -> object:
    return scene.store.set("key", "new")


def set_absent(scene: Scene) -> object:
    return scene.store.set("new", "new", only_if="absent")


def set_many(scene: Scene) -> None:
    scene.store.set_many({"key": 1, "other": 2})


def delete(scene: Scene) -> object:
    return scene.store.delete("key", "other")


def touch(scene: Scene) -> object:
    return scene.store.touch("key")


def clear(scene: Scene) -> None:
    scene.store.clear()


def load(scene: Scene) -> object:
    return scene.store.get_or_set("new", scene.load)


def load_slowly(scene: Scene) -> object:
    return scene.store.get_or_set("new", scene.load_until_struck)


def load_in_vain(scene: Scene) -> object:
    return scene.store.get_or_set("new", scene.fail)


READS: Final = (
    Moment("get: GET", called("GET"), get, missed="none"),
    Moment("get: PTTL", called("PTTL"), get, STALE, "none"),
    Moment("get: GET after PTTL", called("GET"), get, STALE, "none"),
    Moment("get: generation", b"generation", get, GENERATIONS, "none"),
    Moment("get_many: MGET", called("MGET"), get_many, missed=[MISS] * 3),
    Moment("get_many: generation", b"generation", get_many, GENERATIONS, [MISS] * 3),
    Moment("ttl: PTTL", called("PTTL"), ttl, missed=MISS),
    Moment("ttl: GETRANGE", called("GETRANGE"), ttl, missed=MISS),
)
LOADS: Final = (
    Moment("get_or_set: GET", called("GET"), load),
    Moment("get_or_set: PTTL", called("PTTL"), load, STALE),
    Moment("get_or_set: GET after PTTL", called("GET"), load, STALE),
    Moment("get_or_set: ACQUIRE", ACQUIRE.sha.encode(), load),
    Moment("get_or_set: ACQUIRE a generation", ACQUIRE.sha.encode(), load, GENERATIONS),
)
WRITES: Final = (
    Moment("set: SET", called("SET"), set_one),
    Moment("set: STORE", STORE.sha.encode(), set_absent),
    Moment("set: STORE in a generation", STORE.sha.encode(), set_one, GENERATIONS),
    Moment("set_many: SET", called("SET"), set_many),
    Moment("delete: UNLINK", called("UNLINK"), delete),
    Moment("touch: TOUCH", TOUCH.sha.encode(), touch),
    Moment("clear: SCAN", called("SCAN"), clear),
    Moment("clear: UNLINK amid SCAN", called("UNLINK"), clear),
    Moment("clear: SET", called("SET"), clear, GENERATIONS),
)
LEADER: Final = (
    Moment("get_or_set: RENEW", RENEW.sha.encode(), load_slowly),
    Moment("get_or_set: FILL", FILL.sha.encode(), load),
    Moment("get_or_set: FILL a generation", FILL.sha.encode(), load, GENERATIONS),
)
RELEASES: Final = (Moment("get_or_set: RELEASE", RELEASE.sha.encode(), load_in_vain),)

Fault: TypeAlias = Callable[[Proxy, EmbeddedServer, bytes, ExitStack], None]


def killed(proxy: Proxy, server: EmbeddedServer, command: bytes, undo: ExitStack) -> None:
    def kill() -> None:
        server.kill()
        undo.callback(server.restart)

    proxy.at(command, kill)


def frozen(proxy: Proxy, server: EmbeddedServer, command: bytes, undo: ExitStack) -> None:
    proxy.at(command, lambda: undo.enter_context(server.frozen()))


def reply_lost(proxy: Proxy, _: EmbeddedServer, command: bytes, __: ExitStack) -> None:
    proxy.swallow(command)


def reset_before(proxy: Proxy, _: EmbeddedServer, command: bytes, __: ExitStack) -> None:
    proxy.reset_request(command)


def reset_after(proxy: Proxy, _: EmbeddedServer, command: bytes, __: ExitStack) -> None:
    proxy.reset_reply(command)


FAULTS: Final = (killed, frozen, reply_lost, reset_before, reset_after)
LASTING: Final = (killed, frozen)
UNAVAILABLE: Final = {
    each.error for each in REASONS.values() if issubclass(each.error, StoreUnavailableError)
}


@pytest.fixture(scope="module")
def own_server() -> Iterator[EmbeddedServer]:
    """A server of this module's own; whoever kills it starts it again."""
    with EmbeddedServer() as server:
        yield server


@pytest.fixture
def addr(own_server: EmbeddedServer) -> str:
    return own_server.addr


@pytest.fixture
def admin(addr: str) -> Iterator[redis.Redis]:
    with stock_client(addr) as client:
        load_scripts(client)
        yield client


@pytest.fixture
def prefix(admin: redis.Redis, request: pytest.FixtureRequest) -> Iterator[str]:
    yield "faults"
    admin.close()
    delete_below(admin, "faults")


@pytest.fixture
def caches(prefix: str) -> Iterator[Caches]:
    caches = Caches()
    yield caches
    caches.close()


class Stage:
    """Makes a fault happen at a moment."""

    def __init__(self, server: EmbeddedServer, proxy: Proxy, caches: Caches, admin: redis.Redis) -> None:
        self.server, self.proxy, self.caches, self.admin = server, proxy, caches, admin

    def meet(self, moment: Moment, fault: Fault, *, miss: bool) -> tuple[Scene, Any]:
        """Return what has happened, and what the call has returned or raised.

        Lost replies take as long as a timeout, frozen servers as long as a deadline. Else nothing waits, but
        for a busy machine, so no timeout is short.
        """
        outage = "miss" if miss else "raise"
        has_deadline = fault is frozen
        cache = self.caches.open(
            self.proxy.addr,
            "faults",
            {"client_name": "faults", "pool_size": 3, **(CLIENT if fault is reply_lost else PATIENT)},
            on_outage=outage,
            lease=f"{LEASE}s",
            **({"deadline": f"{TIMEOUT}s"} if has_deadline else {}),
            **moment.settings,
        )
        cache.store.set_many({"key": "old", "other": "old"})
        cache.store.get("key")  # it knows by now whether there are entries with grace
        if "amid SCAN" in moment.name:
            self.admin.mset({f"faults:cache:junk{number}": "" for number in range(2500)})
        cache.seen.clear()
        scene = Scene(cache, self.proxy)
        with ExitStack() as undo:
            fault(self.proxy, self.server, moment.command, undo)
            with within(EXCHANGES * TIMEOUT):
                try:
                    outcome = moment.act(scene)
                except Exception as error:  # noqa: BLE001  # the test looks at it
                    outcome = error
            assert self.proxy.has_struck()
        self.proxy.forgive()
        self._check_that_all_works(cache, scene)
        return scene, outcome

    def _check_that_all_works(self, cache: Cache, scene: Scene) -> None:
        store, before = cache.store, scene.loads
        told = list(scene.seen)
        store.delete("fresh")
        assert store.get_or_set("fresh", scene.load) == f"loaded {before + 1}"
        assert store.get_or_set("fresh", scene.load) == f"loaded {before + 1}"
        with within(LEASE + 0.2):  # whatever became of the lease
            again = store.get_or_set("new", scene.load)
        assert store.get("new") == again
        store.set("key", "after", ttl=60 if cache.store._planner._generations else NO_EXPIRY)
        assert store.get_many(["key", "none", "fresh"]) == ["after", MISS, f"loaded {before + 1}"]
        assert store.touch("key")
        assert store.delete("fresh") == 1
        store.clear()
        assert store.ttl("key") is MISS
        pool: Any = cache.module.client().connection_pool
        until(lambda: not pool._in_use_connections, "no lease is being renewed any more")
        check_pool(pool, self.admin, "faults")
        scene.seen[:], scene.loads = told, before


@pytest.fixture
def stage(own_server: EmbeddedServer, proxy: Proxy, caches: Caches, admin: redis.Redis) -> Stage:
    return Stage(own_server, proxy, caches, admin)


def pairs(moments: Sequence[Moment], first: int = 0) -> list[Any]:
    """Return each moment with each fault; all but one fault for each moment, in turn, are slow."""
    return [
        pytest.param(
            moment,
            fault,
            id=f"{moment}-{fault.__name__}",
            marks=() if (turn - number) % len(FAULTS) == first else pytest.mark.slow,
        )
        for turn, moment in enumerate(moments)
        for number, fault in enumerate(FAULTS)
    ]


@pytest.mark.parametrize(("moment", "fault"), pairs(READS))
def test_a_read_in_an_outage_raises(stage: Stage, moment: Moment, fault: Fault) -> None:
    _, outcome = stage.meet(moment, fault, miss=False)

    assert isinstance(outcome, StoreUnavailableError)


@pytest.mark.parametrize(("moment", "fault"), pairs(READS, 2))
def test_a_read_in_an_outage_is_a_miss_if_the_settings_say_so(
    stage: Stage, moment: Moment, fault: Fault
) -> None:
    scene, outcome = stage.meet(moment, fault, miss=True)

    assert outcome == moment.missed
    assert {type(event.error) for event in scene.seen.of("degraded")} <= UNAVAILABLE
    assert scene.seen.of("degraded")


@pytest.mark.parametrize(("moment", "fault"), pairs(LOADS))
def test_a_value_that_cannot_be_asked_for_is_not_loaded(stage: Stage, moment: Moment, fault: Fault) -> None:
    scene, outcome = stage.meet(moment, fault, miss=False)

    assert isinstance(outcome, StoreUnavailableError)
    assert scene.loads == 0


@pytest.mark.parametrize(("moment", "fault"), pairs(LOADS, 2))
def test_a_value_that_cannot_be_asked_for_is_loaded_once_if_the_settings_say_so(
    stage: Stage, moment: Moment, fault: Fault
) -> None:
    scene, outcome = stage.meet(moment, fault, miss=True)

    assert (outcome, scene.loads) == ("loaded 1", 1)
    assert scene.seen.of("degraded")


@pytest.mark.parametrize("miss", [False, True], ids=["raise", "miss"])
@pytest.mark.parametrize(("moment", "fault"), pairs(WRITES))
def test_a_write_in_an_outage_raises_whatever_reads_do(
    stage: Stage, moment: Moment, fault: Fault, *, miss: bool
) -> None:
    _, outcome = stage.meet(moment, fault, miss=miss)

    assert isinstance(outcome, StoreUnavailableError)


@pytest.mark.parametrize("miss", [False, True], ids=["raise", "miss"])
@pytest.mark.parametrize(("moment", "fault"), pairs(LEADER))
def test_a_loaded_value_is_returned_although_it_cannot_be_stored(
    stage: Stage, moment: Moment, fault: Fault, *, miss: bool
) -> None:
    scene, outcome = stage.meet(moment, fault, miss=miss)

    assert (outcome, scene.loads) == ("loaded 1", 1)
    assert bool(scene.seen.of("degraded")) == ("FILL" in moment.name or fault in LASTING)


@pytest.mark.parametrize("miss", [False, True], ids=["raise", "miss"])
@pytest.mark.parametrize(("moment", "fault"), pairs(RELEASES))
def test_what_a_loader_raises_is_not_masked_by_an_outage(
    stage: Stage, moment: Moment, fault: Fault, *, miss: bool
) -> None:
    scene, outcome = stage.meet(moment, fault, miss=miss)

    assert type(outcome) is LoadError
    assert (scene.loads, len(scene.seen.of("degraded"))) == (1, 1)
