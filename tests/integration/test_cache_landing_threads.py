"""Loads by threads that land whatever happens: nobody waits for one that has ended, or that never began.

test_cache_landing_tasks.py has what is particular to tasks.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final, Literal

import pytest
import redis

from modkit_redis import RedisBundle
from modkit_redis.cache import RedisCacheStore
from modkit_redis.cache.loads import flights as source_of_flights
from modkit_redis.cache.loads.flight import NOTHING, Flight, Outcome
from modkit_redis.cache.loads.flights import Flights, _ThreadFlight
from tests.cache_keys import idle, leases
from tests.crews import Gate, Job, Source, Told, pass_time, until

ROOT: Final = Path(__file__).parents[2]
NewStore = Callable[..., RedisCacheStore]
Step = Literal["start", "join", "seal"]


class Interrupt(BaseException):
    """Ends a thread, as Ctrl-C and sys.exit() do."""


class Table(dict[str, _ThreadFlight]):
    """Flights under way; as a chosen thread looks at them, another one comes between, as it always may.

    Attributes:
        thread: The chosen one.
        job: What the other one does.
        joins: How many have asked for a flight to be joined, or got one of their own.
    """

    def __init__(self, step: Step, act: Callable[[], object]) -> None:
        super().__init__()
        self._step, self._act = step, act
        self.thread: threading.Thread | None = None
        self.job: Job[object] | None = None
        self.joins = 0

    def __contains__(self, name: object) -> bool:
        found = super().__contains__(name)
        self._let_other("start")
        return found

    def get(self, *args: Any) -> Any:
        found = super().get(*args)
        self._let_other("seal")
        return found

    def setdefault(self, *args: Any) -> Any:
        self._let_other("join")
        found = super().setdefault(*args)
        self.joins += 1
        return found

    def _let_other(self, step: Step) -> None:
        if self.job is None and step == self._step and threading.current_thread() is self.thread:
            self.job = Job(self._act)
            self.job.thread.join(0.05)  # if it has to wait for this thread, it gets no further


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def new_store(addr: str, prefix: str, told: Told) -> Iterator[Callable[..., RedisCacheStore]]:
    bundles: list[RedisBundle] = []

    def new_store(**settings: object) -> RedisCacheStore:
        cache = {"default_ttl": "60s", "lease": "60s", **settings}
        config = {"addr": addr, "key_prefix": prefix, "cache": cache}
        bundles.append(RedisBundle(config=config, cache_events=told))
        store: RedisCacheStore = bundles[-1].cache.store()
        return store

    yield new_store
    for bundle in bundles:
        idle(bundle.cache.store())
        bundle.shutdown_resources()


def asking(store: RedisCacheStore, source: Source) -> Job[object]:
    return Job(lambda: store.get_or_set("k", source.load))


def make_stale(store: RedisCacheStore, *keys: str) -> None:
    store.set_many(dict.fromkeys(keys, "first"), ttl=0.02)
    pass_time(0.03)


@pytest.mark.parametrize(("way", "is_stored"), [("delete", False), ("detach", True), ("detach_all", True)])
def test_a_load_that_ends_while_its_key_is_deleted_is_lost_to_nobody(
    new_store: NewStore, told: Told, prefix: str, way: str, is_stored: bool
) -> None:
    store, source, name = new_store(), Source("old", held=1), f"{prefix}:cache:k"
    ways: dict[str, Callable[[], object]] = {
        "delete": lambda: store.delete("k"),
        "detach": lambda: store._loads.detach(name),  # the end of a delete that began before the load
        "detach_all": lambda: store._loads.detach_all(),
    }
    table = store._loads._flights._airborne = Table("seal", ways[way])
    first = asking(store, source)
    source.begun[0].wait()
    second = asking(store, source)
    until(lambda: told.times("miss") == 2, "both wait")
    pass_time()
    source.value, table.thread = "new", first.thread

    source.gates[0].open()

    assert first.result() == "old"
    assert second.result() == ("old" if is_stored else "new")
    assert store.get("k") == ("old" if is_stored else "new")
    assert table.job is not None
    table.job.result()


def test_who_waits_for_a_value_of_another_store_is_let_go_while_it_is_deleted(
    new_store: NewStore, told: Told
) -> None:
    here, there, source = new_store(), new_store(), Source("old", held=1)
    table = here._loads._flights._airborne = Table("seal", lambda: here.delete("k"))
    loading = asking(there, source)
    source.begun[0].wait()
    first = asking(here, source)
    until(lambda: told.times("miss") == 2, "it waits")
    pass_time()
    second = asking(here, source)
    until(lambda: told.times("miss") == 3, "both wait")
    pass_time()
    table.thread = first.thread

    source.gates[0].open()

    assert [job.result() for job in (loading, first, second)] == ["old"] * 3
    assert table.job is not None
    assert table.job.result() == 1


def given() -> Outcome:
    """Return an outcome that anybody may have, and that holds nothing."""
    return Outcome(None, 1, is_fenced=True)


def test_of_those_who_came_too_late_one_loads_whenever_they_look() -> None:
    flights, gate, more = Flights(1), Gate(), list[str]()

    def refused(flight: Flight) -> Outcome:
        gate.wait()
        return NOTHING

    def late(flight: Flight) -> Outcome:
        more.append("load")
        return given()

    def act() -> Outcome:
        return flights.join("k", late)

    first = Job(lambda: flights.join("k", refused))
    until(lambda: "k" in flights._airborne, "it has begun")
    others: list[Job[Outcome]] = []
    table = Table("join", lambda: others[1].result())
    table.update(flights._airborne)
    flight = table["k"]
    flight._airborne = flights._airborne = table
    others += [Job(act), Job(act)]
    pass_time()
    table.thread = others[0].thread
    gate.open()

    assert first.result() is NOTHING
    assert [job.result() for job in others] == [given()] * 2
    assert more == ["load"]


def test_who_comes_while_a_refresh_begins_joins_it() -> None:
    flights, loads, gate = Flights(1), list[str](), Gate()

    def refresh(flight: Flight) -> Outcome:
        gate.wait()
        loads.append("refresh")
        return given()

    def load(flight: Flight) -> Outcome:
        loads.append("load")
        return given()

    table = flights._airborne = Table("start", lambda: flights.join("k", load))
    table.thread = threading.current_thread()

    flights.start("k", refresh)
    until(lambda: table.joins == 1, "it has joined the refresh, or has not")
    gate.open()

    assert table.job is not None
    assert table.job.result() == given()
    assert loads == ["refresh"]
    flights.close(5)


def test_closing_waits_for_a_refresh_that_begins_meanwhile() -> None:
    flights, loads, gate = Flights(1), list[str](), Gate()

    def refresh(flight: Flight) -> Outcome:
        gate.wait()
        loads.append("refresh")
        return given()

    table = flights._airborne = Table("start", lambda: flights.close(5))
    table.thread = threading.current_thread()

    flights.start("k", refresh)
    assert table.job is not None
    assert not table.job.is_done
    gate.open()
    table.job.result()

    assert loads == ["refresh"]


class Tracer:
    """Interrupts the present thread before the chosen one of the lines of ``flights.py`` that it comes to."""

    def __init__(self, chosen: int, waits: Callable[[], object]) -> None:
        """Call *waits* as the thread is about to wait for another's load."""
        self._left, self._waits = chosen, waits
        self.where: tuple[str, int] | None = None

    def __call__(self, frame: FrameType, event: str, arg: object) -> Tracer:
        code = frame.f_code
        if code.co_filename != source_of_flights.__file__:
            return self
        if event == "call" and code.co_name == "wait":
            self._waits()
        if event == "line":
            self._left -= 1
            if self._left == 0:
                self.where = (code.co_name, frame.f_lineno)
                raise Interrupt
        return self


@pytest.mark.parametrize("role", ["leader", "follower"])
def test_i07_an_interrupt_at_any_line_leaves_no_load_that_others_wait_for(role: str) -> None:
    stuck: list[tuple[str, int]] = []
    lines = 0
    while True:
        flights, first = Flights(1), None
        if role == "follower":
            first = flights._airborne["k"] = _ThreadFlight("k", flights._airborne, flights._lock)
        tracer = Tracer(lines + 1, first.land if first else list)
        before = sys.gettrace()
        sys.settrace(tracer)
        try:
            flights.join("k", lambda flight: given())
        except Interrupt:
            pass
        finally:
            sys.settrace(before)
        if tracer.where is None:
            break
        lines += 1
        left = {*flights._airborne.values(), first and first.following} - {first, None}
        if any(each and not each._landed.is_set() for each in left) or any(
            left & {*flights._airborne.values()}
        ):
            stuck.append(tracer.where)

    assert stuck == []
    assert lines > 20


@pytest.mark.parametrize(
    "error", [RuntimeError("can't start new thread"), Interrupt()], ids=["", "interrupt"]
)
def test_a_refresh_that_gets_no_thread_keeps_nobody_waiting(
    new_store: NewStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: BaseException,
) -> None:
    store, source = new_store(stale_for="60s", refreshes=1), Source("new")
    make_stale(store, "k", "l")
    with monkeypatch.context() as patch:
        refuse_thread(patch, "modkit-redis-refresh", error)
        if isinstance(error, RuntimeError):
            assert store.get_or_set("k", source.load) == "first"
            assert caplog.messages == ["a value could not be loaded: RuntimeError"]
        else:
            with pytest.raises(Interrupt):
                store.get_or_set("k", source.load)

    assert Job(lambda: store.get_or_set("k", source.load, stale_for=0)).result() == "new"
    assert store.get_or_set("l", source.load) == "first"
    idle(store)
    assert store.get("l") == "new"  # the place among the refreshes was given back


def refuse_thread(patch: pytest.MonkeyPatch, name: str, error: BaseException) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == name:
            raise error
        start(thread)

    patch.setattr(threading.Thread, "start", refuse)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # that is the point
def test_a_refresh_whose_loader_ends_its_thread_keeps_nobody_waiting(
    new_store: NewStore, admin: redis.Redis, prefix: str
) -> None:
    store, source = new_store(stale_for="60s", refreshes=1), Source("new")
    make_stale(store, "k")
    source.fails = SystemExit()

    before = set(threading.enumerate())
    assert store.get_or_set("k", source.load) == "first"
    idle(store)
    heart = {store._loads._leads._heart._thread}
    until(lambda: set(threading.enumerate()) <= before | heart, "its thread has ended")
    source.fails = None

    assert leases(admin, prefix) == []
    assert Job(lambda: store.get_or_set("k", source.load, stale_for=0)).result() == "new"


def test_a_load_whose_lease_gets_no_thread_is_stored_all_the_same(
    new_store: NewStore, admin: redis.Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, source = new_store(lease="60s"), Source("new")

    with monkeypatch.context() as patch:
        refuse_thread(patch, "modkit-redis-lease", RuntimeError("can't start new thread"))
        assert store.get_or_set("k", source.load) == "new"

    assert leases(admin, prefix) == []
    idle(store)
    store._loads._leads._heart.close()  # there is no thread to be waited for
    assert (store.get("k"), source.loads) == ("new", 1)


PROGRAM: Final = """
import sys, threading, time
from modkit_redis import RedisBundle
cache = {"default_ttl": "60s", "stale_for": "60s", "drain_timeout": "50ms", "lease": "1h"}
app = RedisBundle(config={"addr": sys.argv[1], "key_prefix": sys.argv[2], "cache": cache})
store = app.cache.store()
store.set("k", "first", ttl=0.02)
time.sleep(0.03)
"""
OUTLIVES: Final = """
def work():
    threading.main_thread().join()
    time.sleep(0.05)  # now the interpreter is ending, and waits for this thread
    print(store.get_or_set("k", lambda: "new"), flush=True)
    print(store.get_or_set("k", lambda: "new", stale_for=0), flush=True)
threading.Thread(target=work).start()
"""
HANGS: Final = """
begun = threading.Event()
def load():
    begun.set()
    threading.Event().wait()
print(store.get_or_set("k", load))
begun.wait()
app.shutdown_resources()
print("closed", flush=True)
"""


@pytest.mark.parametrize(
    ("act", "said"), [(OUTLIVES, "first\nnew\n"), (HANGS, "first\nclosed\n")], ids=["outlives", "hangs"]
)
def test_a_program_ends_in_spite_of_its_refreshes(addr: str, prefix: str, act: str, said: str) -> None:
    command = [sys.executable, "-c", PROGRAM + act, addr, prefix]

    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False, cwd=ROOT)

    assert (done.returncode, done.stdout) == (0, said)
    # From Python 3.12 on, no thread can be had any more: the refresh is not begun, which is logged.
    assert done.stderr in ("", "a value could not be loaded: RuntimeError\n")
