"""I1, I3, I4, I6, I7 and I16 under a random load of four processes, two of threads and two of tasks."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Final

import pytest
import redis

from tests.cache_keys import leases
from tests.cache_stress import Plan, run_all

PROCESSES: Final = 4


@pytest.fixture(scope="module")
def workers() -> Iterator[ProcessPoolExecutor]:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=spawn) as workers:
        yield workers


fast_and_slow = pytest.mark.parametrize(
    ("seed", "seconds"),
    [(1, 0.3), *(pytest.param(seed, 3.5, marks=pytest.mark.slow) for seed in (2, 3))],
    ids=str,
)
OLD: Final[dict[str, object]] = {"stale_for": "60s", "early_refresh": True, "default_ttl": "5ms"}


@fast_and_slow
@pytest.mark.parametrize(
    ("ways", "settings"),
    [
        (("delete", "stock"), {}),
        (("delete", "set", "stock", "clear"), {"ttl_jitter": 20}),
        (("delete", "set", "stock", "clear"), {"generations": True}),
        (("delete", "stock"), {"lease": "50ms", "compress_above": 64}),
        (("delete", "stock", "clear"), OLD),
        (("delete", "set", "clear"), {**OLD, "generations": True}),
    ],
    ids=["deletes", "all", "generations", "short-lease", "old", "old-generations"],
)
def test_i03_nobody_reads_less_than_was_done_when_he_began(
    workers: ProcessPoolExecutor,
    addr: str,
    prefix: str,
    ways: tuple[str, ...],
    settings: dict[str, object],
    seed: int,
    seconds: float,
) -> None:
    report = run_all(workers, Plan(addr, prefix, seed, seconds, ways, settings), PROCESSES)

    assert report.wrong == []
    assert report.loads > 10
    assert report.writes > 10
    assert report.reads > report.loads


@fast_and_slow
@pytest.mark.parametrize("settings", [{"lease": "60s"}, {**OLD, "lease": "60s"}], ids=["", "old"])
def test_i06_and_i07_failing_and_cancelled_loads_leave_no_lease_and_break_no_promise(
    workers: ProcessPoolExecutor,
    addr: str,
    prefix: str,
    admin: redis.Redis,
    settings: dict[str, object],
    seed: int,
    seconds: float,
) -> None:
    plan = Plan(addr, prefix, seed, seconds, ("delete", "set", "stock"), settings, trouble=True)

    report = run_all(workers, plan, PROCESSES)

    assert report.wrong == []
    assert report.reads > 20
    assert leases(admin, prefix) == []


@fast_and_slow
@pytest.mark.parametrize(
    "settings",
    [{"default_ttl": "5ms"}, {"default_ttl": "5ms", "generations": True}, OLD],
    ids=["", "generations", "old"],
)
def test_i01_no_loads_of_a_key_overlap(
    workers: ProcessPoolExecutor,
    addr: str,
    prefix: str,
    settings: dict[str, object],
    seed: int,
    seconds: float,
) -> None:
    report = run_all(workers, Plan(addr, prefix, seed, seconds, (), settings), PROCESSES)

    assert report.wrong == []
    assert report.loads > 10


@pytest.mark.parametrize("mutant", ["unfenced", "followers"])
def test_i03_what_is_broken_on_purpose_is_found_out(
    workers: ProcessPoolExecutor, addr: str, prefix: str, mutant: str
) -> None:
    plan = Plan(addr, prefix, 1, 20, ("delete", "stock"), mutant=mutant)  # it ends when it is found

    assert run_all(workers, plan, PROCESSES).wrong
