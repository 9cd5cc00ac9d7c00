"""The script that decides does what its plain reference does, whatever it is asked."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import redis

from modkit_redis.contract import ArgumentError, Limit
from modkit_redis.ratelimit._core import ALGORITHMS, Algorithm, Rule, rule
from modkit_redis.ratelimit.scripts import DECIDE, REFUND

PLAIN: Final = (Path(__file__).parent.parent / "decide_plainly.lua").read_text(encoding="utf-8")
COUNTS: Final = (1, 2, 3, 7, 10, 59, 60, 97, 100, 1000, 99_991, 2**31)
PERIODS_US: Final = (1000, 333_333, 10**6, 6 * 10**7, 600_333_333, 3600 * 10**6, 86_400 * 10**6)
NOW_US: Final = 1_800_000_000_000_000


class Outcome(NamedTuple):
    """What a script answered, and what it left."""

    reply: list[int]
    numbers: list[list[int]]
    ttl_ms: list[int]
    states: list[bytes | None]


class Keys:
    """States that live by a test's clock: what the server would let expire meanwhile is put back."""

    def __init__(self, admin: redis.Redis, prefix: str, count: int) -> None:
        self._admin = admin
        self._keys = [f"{prefix}:{{tag}}:{number}" for number in range(count)]
        self.states: list[bytes | None] = [None] * count

    def decided(self, source: str, *arguments: str | int) -> Outcome:
        """Run a script on the states, which stay as they were."""
        sent = self._admin.pipeline(transaction=True)
        sent.delete(*self._keys)
        for key, state in zip(self._keys, self.states, strict=True):
            if state is not None:
                sent.set(key, state)
        sent.eval(source, len(self._keys), *self._keys, *arguments)
        sent.mget(self._keys)
        for key in self._keys:
            sent.pttl(key)
        count = len(self._keys)
        reply, states, *ttl_ms = sent.execute()[-2 - count :]
        answers = reply if isinstance(reply, list) else [reply]
        read = _numbers_of_bucket if "g" in arguments else _numbers
        return Outcome([int(each) for each in answers], [read(each) for each in states], ttl_ms, states)

    def close(self) -> None:
        self._admin.delete(*self._keys)


def bucket(paid: int, longest: int, rest: int = 0) -> bytes:
    """Return the state of a token bucket."""
    return struct.pack(">3d", paid, rest, longest)


def _numbers_of_bucket(state: bytes | None) -> list[int]:
    return [int(each) for each in struct.unpack(">3d", state)] if state is not None else []


def _numbers(state: bytes | None) -> list[int]:
    found = [int(each) for each in (state or b"").split()]
    while found and found[-1] == 0:  # whether zeros stand at the end makes no difference
        found.pop()
    return found


def a_rule(chance: random.Random, algorithm: Algorithm) -> Rule:
    """Return a rule that can be counted exactly."""
    while True:
        count = chance.choice(COUNTS)
        period = timedelta(microseconds=chance.choice(PERIODS_US))
        burst = chance.choice((None, 1, 2, 5, count)) if algorithm == "gcra" else None
        try:
            return rule(Limit(count, period, burst, shadow=chance.random() < 0.2), algorithm)
        except ArgumentError:
            pass


def passed_us(chance: random.Random, each: Rule) -> int:
    """Return how much time goes by; now and then the clock goes back."""
    period_us = each.limit.period // timedelta(microseconds=1)
    of_one = period_us // each.limit.count
    most = chance.choice((0, 0, 1, of_one + 1, 3 * of_one + 1, period_us // 5, period_us, -2 * period_us))
    return chance.randint(0, most) if most >= 0 else -chance.randint(0, -most)


def flat(parts: Sequence[Sequence[str | int]]) -> list[str | int]:
    return [each for part in parts for each in part]


def compare(admin: redis.Redis, prefix: str, chance: random.Random, *, trials: int, steps: int) -> None:
    """Ask both the same, on the same states, in random histories; limits change in them, too."""
    for trial in range(trials):
        algorithm = ALGORITHMS[trial % len(ALGORITHMS)]
        rules = [a_rule(chance, algorithm) for _ in range(chance.choice((1, 1, 2, 3)))]
        keys, now = Keys(admin, prefix, len(rules)), NOW_US + chance.randrange(10**12)
        for _ in range(steps):
            if chance.random() < 0.05:
                rules[0] = a_rule(chance, algorithm)
            now += passed_us(chance, chance.choice(rules))
            most = chance.choice(rules).capacity
            cost = chance.choice((0, 1, 1, 2, chance.randint(1, most + 1), chance.randint(1, 12 * most)))
            what = chance.choice((*("hit",) * 6, "peek", "charge"))
            told = [each.charging(cost) if what == "charge" else each.arguments(cost) for each in rules]
            asked: tuple[Any, ...] = (what, now, *flat(told))

            expected, outcome = keys.decided(PLAIN, *asked), keys.decided(DECIDE.source, *asked)

            assert outcome[:2] == expected[:2], (asked, keys.states)
            assert outcome.ttl_ms == pytest.approx(expected.ttl_ms, abs=1000), (asked, keys.states)
            keys.states = outcome.states
            if chance.random() < 0.1:
                taken = [each.refunding(cost, now, outcome.reply[4 * n + 4]) for n, each in enumerate(rules)]
                back = keys.decided(REFUND.source, now, *flat(taken))
                keys.states = back.states
            if chance.random() < 0.3:
                assert_a_refund_of_nothing_changes_nothing(keys, now, rules)
        keys.close()


def assert_a_refund_of_nothing_changes_nothing(keys: Keys, now: int, rules: Sequence[Rule]) -> None:
    peek: tuple[Any, ...] = ("peek", now, *flat([each.arguments(1) for each in rules]))
    before, states = keys.decided(DECIDE.source, *peek), keys.states

    keys.states = keys.decided(
        REFUND.source, now, *flat([each.refunding(0, now, 0) for each in rules])
    ).states

    assert keys.decided(DECIDE.source, *peek).reply == before.reply, (peek, states, keys.states)
    fresh = [reset == 0 for reset in before.reply[4::4]]
    assert [each is None for each in keys.states] == fresh


def test_the_script_decides_as_its_plain_reference(
    admin: redis.Redis, prefix: str, chance: random.Random
) -> None:
    compare(admin, prefix, chance, trials=40, steps=15)


@pytest.mark.slow
def test_the_script_decides_as_its_plain_reference_in_long_histories(
    admin: redis.Redis, prefix: str, chance: random.Random
) -> None:
    compare(admin, prefix, chance, trials=400, steps=40)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_no_state_outlives_its_limit_when_that_has_changed_and_is_refunded(
    admin: redis.Redis, prefix: str, algorithm: Algorithm
) -> None:
    keys = Keys(admin, prefix, 1)
    short, long = (rule(Limit(7, timedelta(seconds=each)), algorithm) for each in (1, 86_400))
    keys.states = keys.decided(DECIDE.source, "hit", NOW_US, *short.arguments(2)).states

    ttl_ms = keys.decided(REFUND.source, NOW_US, *long.refunding(1, NOW_US, 10**6)).ttl_ms

    keys.close()
    assert ttl_ms[0] <= 2 * 86_400_000 + 1


HOUR: Final = 3_600_000_000
INDEX: Final = NOW_US // HOUR
SLOT: Final = NOW_US // (HOUR // 10)
OF_ONE: Final = HOUR // 6


@pytest.mark.parametrize(
    ("algorithm", "count", "state", "cost", "left", "ttl_ms"),
    [
        # a bucket: what is left of a tick is less than a tick, and is still owed
        ("gcra", 6, bucket(NOW_US + 10**9, 10**9, 90), 0, [NOW_US + 10**9, 0, 10**9], 1_000_001),
        ("gcra", 97, bucket(NOW_US, 0, 50), 0, [NOW_US, 50, 0], 2),
        ("gcra", 6, bucket(NOW_US + 10**9, 10**9), 1, [NOW_US + 4 * 10**8, 0, 4 * 10**8], 400_001),
        # never longer than when it was written; more than ten times the limit is that of a higher one
        ("gcra", 6, bucket(NOW_US + 10**12, 10**9), 1, [NOW_US + 4 * 10**8, 0, 4 * 10**8], 400_001),
        (
            "gcra",
            6,
            bucket(NOW_US + 10**12, 10**12),
            1,
            [NOW_US + 10**12 - OF_ONE, 0, 10**12 - OF_ONE],
            999_400_001,
        ),
        ("gcra", 6, bucket(NOW_US + 10**9, 10**9), 2, [], -2),
        ("gcra", 6, bucket(NOW_US - 1, 10**9), 1, [], -2),
        # windows: a key ends with the last of them that counts anything
        ("fixed", 6, f"{INDEX} 5", 2, [INDEX, 3], 3_600_001),
        ("fixed", 6, f"{INDEX} 1000", 1, [INDEX, 999], 3_600_001),
        ("fixed", 6, f"{INDEX} 5", 6, [], -2),
        ("fixed", 6, f"{INDEX - 1} 5", 1, [], -2),
        ("fixed", 6, f"{INDEX + 7} 5", 1, [INDEX, 4], 3_600_001),
        ("sliding", 6, f"{INDEX} 5 4", 1, [INDEX, 4, 4], 7_200_001),
        ("sliding", 6, f"{INDEX} 1 4", 1, [INDEX, 0, 4], 3_600_001),
        ("sliding", 6, f"{INDEX} 1 4", 3, [INDEX, 0, 4], 3_600_001),
        ("sliding", 6, f"{INDEX - 1} 4 4", 1, [INDEX - 1, 4, 4], 3_600_001),
        ("sliding", 6, f"{INDEX - 2} 4 4", 1, [], -2),
        ("strict", 6, f"{SLOT} 2 0 3", 1, [SLOT, 1, 0, 3], 11 * 360_000 + 1),
        ("strict", 6, f"{SLOT} 1 0 3", 2, [SLOT, 0, 0, 3], 9 * 360_000 + 1),
        ("strict", 6, f"{SLOT} 1 0 0 0 0 0 0 0 0 0 3", 1, [SLOT, *[0] * 10, 3], 360_001),
        ("strict", 6, f"{SLOT + 1} 2", 1, [SLOT, 1], 11 * 360_000 + 1),
    ],
)
def test_a_refund_leaves_exactly_what_still_counts(
    admin: redis.Redis,
    prefix: str,
    algorithm: Algorithm,
    count: int,
    state: str | bytes,
    cost: int,
    left: list[int],
    ttl_ms: int,
) -> None:
    keys, limit = Keys(admin, prefix, 1), rule(Limit(count, timedelta(hours=1)), algorithm)
    keys.states = [state.encode() if isinstance(state, str) else state]

    outcome = keys.decided(REFUND.source, NOW_US, *limit.refunding(cost, NOW_US, 10 * HOUR))

    keys.close()
    assert outcome.numbers == [left]
    assert outcome.ttl_ms[0] == ttl_ms or ttl_ms - 50 < outcome.ttl_ms[0] <= ttl_ms


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_refund_in_longer_ticks_is_one_in_their_own_time(
    admin: redis.Redis, prefix: str, algorithm: Algorithm
) -> None:
    keys, limit = Keys(admin, prefix, 1), rule(Limit(10_000_019, timedelta(days=1)), algorithm)
    now = NOW_US + 987_654_321
    keys.states = keys.decided(DECIDE.source, "hit", now, *limit.arguments(7_000_000)).states
    before = keys.states
    hit = keys.decided(DECIDE.source, "hit", now, *limit.arguments(2_000_003))
    keys.states = hit.states

    outcome = keys.decided(REFUND.source, now, *limit.refunding(2_000_003, now, hit.reply[4]))

    keys.close()
    assert limit.tick_us > 1 or algorithm == "strict"
    assert outcome.states == before


@pytest.mark.parametrize("algorithm", [each for each in ALGORITHMS if each != "strict"])
def test_a_refund_in_longer_ticks_leaves_what_was_used_later(
    admin: redis.Redis, prefix: str, algorithm: Algorithm
) -> None:
    keys, limit = Keys(admin, prefix, 1), rule(Limit(10_000_019, timedelta(days=1)), algorithm)
    first = keys.decided(DECIDE.source, "hit", NOW_US, *limit.arguments(3_000_000))
    later = NOW_US + 24 * HOUR
    keys.states = keys.decided(DECIDE.source, "hit", later, *limit.arguments(4_000_000)).states

    outcome = keys.decided(REFUND.source, later, *limit.refunding(3_000_000, NOW_US, first.reply[4]))

    keys.close()
    assert limit.tick_us > 1
    assert outcome.states == keys.states
