"""What a decision says as a whole, from what each of its limits says."""

from __future__ import annotations

import copy
import pickle
from datetime import timedelta

import pytest

from modkit_redis.contract import Decision, Limit, LimitExceededError, LimitState, ModkitRedisError, Slots

NONE, SECOND, MINUTE = timedelta(0), timedelta(seconds=1), timedelta(minutes=1)


def state(
    name: str,
    *,
    allowed: bool = True,
    remaining: int = 1,
    retry: timedelta | None = NONE,
    reset: timedelta = SECOND,
    shadow: bool = False,
) -> LimitState:
    return LimitState(Limit(5, MINUTE, name=name, shadow=shadow), allowed, remaining, retry, reset)


def decision(*states: LimitState, degraded: bool = False) -> Decision:
    allowed = all(each.allowed or each.limit.shadow for each in states)
    return Decision(allowed, states, degraded=degraded, subject="ada")


REFUSED = decision(
    state("fine", remaining=4),
    state("short", allowed=False, remaining=0, retry=SECOND, reset=SECOND * 5),
    state("long", allowed=False, remaining=2, retry=MINUTE, reset=MINUTE * 5),
)


def test_a_decision_is_true_if_it_allows() -> None:
    assert decision(state("a"))
    assert not REFUSED
    assert Decision(True, ())  # a field


def test_it_names_those_that_refuse() -> None:
    assert REFUSED.refused_by == ("short", "long")
    assert decision(state("a")).refused_by == ()


def test_its_retry_is_the_longest_and_never_if_one_says_never() -> None:
    never = state("never", allowed=False, retry=None)

    assert REFUSED.retry_after == MINUTE
    assert decision(state("a"), state("b")).retry_after == NONE
    assert decision(*REFUSED.states, never).retry_after is None
    assert Decision(True, ()).retry_after == NONE  # a field


def test_what_remains_is_the_least_and_the_reset_the_longest() -> None:
    assert (REFUSED.remaining, REFUSED.reset_after) == (0, MINUTE * 5)
    assert (Decision(True, ()).remaining, Decision(True, ()).reset_after) == (0, NONE)  # fields


def test_a_shadow_limit_is_reported_and_counts_for_nothing() -> None:
    shadow = state("new", allowed=False, remaining=0, retry=None, reset=MINUTE * 9, shadow=True)

    shown = decision(state("a", remaining=3), shadow)

    assert shown
    assert (shown.refused_by, shown.retry_after, shown.remaining, shown.reset_after) == ((), NONE, 3, SECOND)
    assert [each.allowed for each in shown.states] == [True, False]


def test_where_all_limits_are_shadows_nothing_is_known_of_what_remains() -> None:
    shown = decision(state("new", allowed=False, remaining=3, retry=None, shadow=True))

    assert (bool(shown), shown.retry_after, shown.remaining, shown.reset_after) == (True, NONE, 0, NONE)


def test_its_representation_does_not_tell_who_asked() -> None:
    assert "ada" not in repr(REFUSED)
    assert "ada" not in repr(LimitExceededError(REFUSED))
    assert REFUSED.subject == "ada"


def test_a_decision_is_a_value() -> None:
    assert pickle.loads(pickle.dumps(REFUSED)) == REFUSED
    assert copy.deepcopy(REFUSED) == REFUSED
    assert hash(REFUSED) == hash(copy.copy(REFUSED))


SLOT = LimitState(Slots(1, "jobs"), False, 0, SECOND * 9, SECOND * 9)  # a field
NEVER = decision(state("mail", allowed=False, retry=None))


@pytest.mark.parametrize(
    ("refusal", "text"),
    [
        (REFUSED, "refused by the limit short and long: allowed in 0:01:00"),
        (decision(REFUSED.states[1]), "refused by the limit short: allowed in 0:00:01"),
        (NEVER, "refused by the limit mail: it is more than is ever allowed at once"),
        (decision(SLOT), "refused by the limit jobs: allowed in 0:00:09"),
        (
            decision(state("a", allowed=False, retry=SECOND), degraded=True),
            "refused without asking Redis, which does not answer",
        ),
    ],
)
def test_the_error_says_which_limit_and_for_how_long(refusal: Decision, text: str) -> None:
    assert str(LimitExceededError(refusal)) == text


@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize("refusal", [REFUSED, NEVER, decision(SLOT)], ids=["limits", "never", "slots"])
def test_the_error_survives_pickling(refusal: Decision, protocol: int) -> None:
    error = LimitExceededError(refusal)

    arrived = pickle.loads(pickle.dumps(error, protocol))

    assert (type(arrived), str(arrived), arrived.args) == (LimitExceededError, str(error), (refusal,))
    assert arrived.decision == refusal
    assert isinstance(arrived, ModkitRedisError)
