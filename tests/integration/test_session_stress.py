"""I1 to I4 and I7 to I10 under a random load of four processes, two of threads and two of tasks."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Final

import pytest

from tests.session_plans import Plan
from tests.session_stress import run_all

PROCESSES: Final = 4
ACTS: Final = frozenset(
    "read set patch increment replay_increment rotate replay_rotation use_retired put take end".split()
)


@pytest.fixture(scope="module")
def workers() -> Iterator[ProcessPoolExecutor]:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=spawn) as workers:
        yield workers


fast_and_slow = pytest.mark.parametrize(
    ("seed", "seconds"),
    [(1, 0.3), *(pytest.param(seed, 5.0, marks=pytest.mark.slow) for seed in (2, 3))],
    ids=str,
)


@fast_and_slow
@pytest.mark.parametrize(
    "settings",
    [{}, {"renewal_interval": "20ms", "renewal_grace": "10ms"}],
    ids=["", "renewals"],
)
def test_i01_to_i04_and_i07_to_i09_hold_for_sessions_that_all_processes_use(
    workers: ProcessPoolExecutor,
    addr: str,
    prefix: str,
    settings: dict[str, object],
    seed: int,
    seconds: float,
) -> None:
    report = run_all(workers, Plan(addr, prefix, seed, seconds, settings=settings), PROCESSES)

    assert report.wrong == []
    assert report.refused > 10
    assert {"read", "set", "patch", "increment", "replay_increment", "rotate", "use_retired"} <= {
        *report.done
    }
    assert {"put", "take", "end"} <= {*report.done}


@fast_and_slow
def test_i10_holds_for_users_who_sign_in_and_are_signed_out_everywhere(
    workers: ProcessPoolExecutor, addr: str, prefix: str, seed: int, seconds: float
) -> None:
    plan = Plan(addr, prefix, seed, seconds, "users", {"per_user_max": 6})

    report = run_all(workers, plan, PROCESSES)

    assert report.wrong == []
    assert min(report.done[act] for act in ("sign_in", "work", "revoke_all", "use_ended")) > 3


@pytest.mark.parametrize(
    ("scenario", "broken"),
    [("sessions", ("I1", "I2", "I3", "I4", "I8", "I9")), ("users", ("I10",))],
    ids=["sessions", "users"],
)
def test_a_naive_store_breaks_each_of_these_invariants_and_is_found_out(
    workers: ProcessPoolExecutor, addr: str, prefix: str, scenario: str, broken: tuple[str, ...]
) -> None:
    plan = Plan(addr, prefix, 1, 20, scenario, kind="naive", until=broken)  # it ends when it is found out

    assert run_all(workers, plan, PROCESSES).broken() >= {*broken}
