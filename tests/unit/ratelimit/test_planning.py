"""From arguments to keys and rules, and what is refused before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from pprint import pformat
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from modkit_redis import RateLimitSettings
from modkit_redis.contract import ArgumentError, ConfigError, Decision, Limit, LimitState, Slots, Subject
from modkit_redis.ratelimit.planning import Planner, Question, checked_cost, checked_decision

MINUTE, NONE = timedelta(minutes=1), timedelta(0)
awkward = st.text("%:{}/ab\0é", min_size=1, max_size=4)
subjects = awkward | st.lists(awkward, min_size=1, max_size=3).map(tuple)
names = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,5}", fullmatch=True).filter(lambda each: each != "default")


def planner(limit: str | None = "5/minute", algorithm: str = "gcra", prefix: str = "shop") -> Planner:
    given = {} if limit is None else {"limit": limit}
    return Planner(RateLimitSettings.from_mapping({"algorithm": algorithm, **given}), prefix)


def asked(subject: Subject, limit: Any = None, by: Planner | None = None) -> Question:
    """Return a question that can be asked."""
    return (by or planner()).question(subject, 1, limit).checked()


def of_slots(subject: Subject, slots: Slots) -> Question:
    """Return a question about slots that can be asked."""
    return planner().question_of_slots(subject, slots).checked()


def keys(subject: Subject, limit: Any = None, **settings: str) -> tuple[str, ...]:
    """Return the keys of a question."""
    return asked(subject, limit, planner(**settings)).keys


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("gcra", "shop:ratelimit:g:default:{ada}"),
        ("sliding", "shop:ratelimit:s1m:default:{ada}"),
        ("fixed", "shop:ratelimit:f1m:default:{ada}"),
        ("strict", "shop:ratelimit:w1m:default:{ada}"),
    ],
)
def test_a_key_says_the_algorithm_the_limit_and_the_subject(algorithm: str, key: str) -> None:
    assert keys("ada", algorithm=algorithm) == (key,)


@pytest.mark.parametrize(
    ("algorithm", "part"), [("gcra", "g100000"), ("sliding", "s1d"), ("fixed", "f1d"), ("strict", "w1d")]
)
def test_what_is_counted_by_longer_ticks_has_a_key_of_its_own(algorithm: str, part: str) -> None:
    assert keys("ada", "all=1000000007/day", algorithm=algorithm) == (f"shop:ratelimit:{part}:all:{{ada}}",)


def test_numbers_of_a_limit_are_not_in_its_key() -> None:
    assert keys("ada", "login=5/minute") == keys("ada", "login=9/day burst 20 shadow")


@pytest.mark.parametrize(
    ("subject", "tag"),
    [
        ("ada", "ada"),
        (("ada",), "ada"),
        (("ip", "2001:db8::1"), "ip:2001%3Adb8%3A%3A1"),
        ("a:b", "a%3Ab"),
        (("a", "b"), "a:b"),
        ("{x}", "%7Bx%7D"),
    ],
)
def test_the_subject_is_the_tag_of_the_key(subject: Subject, tag: str) -> None:
    assert keys(subject) == (f"shop:ratelimit:g:default:{{{tag}}}",)


def test_without_a_prefix_a_key_begins_with_the_section() -> None:
    assert keys("ada", prefix="") == ("ratelimit:g:default:{ada}",)


def test_each_limit_has_a_key_in_the_order_of_the_limits() -> None:
    assert keys("ada", "b=1/second, a=2/day") == (
        "shop:ratelimit:g:b:{ada}",
        "shop:ratelimit:g:a:{ada}",
    )


@given(subjects)
def test_all_limits_of_a_subject_are_in_one_slot(subject: Subject) -> None:
    several = planner("second=1/second, day=5/day")

    slots = {key_slot(each.encode()) for each in asked(subject, None, several).keys}
    slots.add(key_slot(of_slots(subject, Slots(1, "jobs")).keys[0].encode()))

    assert len(slots) == 1


@given(*[st.tuples(names, subjects)] * 2)
def test_distinct_identities_have_distinct_keys(one: tuple[str, Subject], other: tuple[str, Subject]) -> None:
    same = one[0] == other[0] and parts(one[1]) == parts(other[1])

    found = [keys(subject, Limit(5, MINUTE, name=name)) for name, subject in (one, other)]

    assert (found[0] == found[1]) == same


def parts(subject: Subject) -> tuple[str, ...]:
    return subject if isinstance(subject, tuple) else (subject,)


def test_slots_and_limits_of_one_name_have_distinct_keys() -> None:
    assert of_slots("ada", Slots(3, "jobs")).keys == ("shop:ratelimit:c:jobs:{ada}",)


@pytest.mark.parametrize(
    "limit",
    [
        "a=5/minute, b=9/day",
        [Limit(5, MINUTE, name="a"), Limit(9, timedelta(days=1), name="b")],
        (Limit(5, MINUTE, name="a"), Limit(9, timedelta(days=1), name="b")),
    ],
)
def test_limits_of_a_call_may_be_text_or_a_sequence(limit: Any) -> None:
    rules = asked("ada", limit, planner(None)).rules

    assert [str(each.limit) for each in rules] == ["a=5/minute", "b=9/day"]


def test_a_limit_of_a_call_takes_the_place_of_those_of_the_settings() -> None:
    limit = Limit(9, MINUTE, name="login")

    assert [each.limit for each in asked("ada", limit).rules] == [limit]


@pytest.mark.parametrize("cost", [-1, 2**31 + 1, 1.0, True, "1", None])
def test_a_cost_that_is_none_is_refused(cost: Any) -> None:
    for refuse in (checked_cost, lambda cost: planner().question("ada", cost, None).checked()):
        with pytest.raises(ArgumentError) as caught:
            refuse(cost)
        assert str(caught.value) == "cost must be a whole number from 0 to 2147483648"


@pytest.mark.parametrize("cost", [0, 1, 2**31])
def test_a_cost_that_is_one_is_returned(cost: int) -> None:
    assert checked_cost(cost) == cost


OWN_NAME = "limit needs a name of its own where a call brings it, as in 'login=5/minute'"
NO_LIMIT = "limit must be a Limit, several, or text like 'login=5/minute'"


@pytest.mark.parametrize(
    ("limit", "problem"),
    [
        ("5/minute", OWN_NAME),
        ("default=5/minute", OWN_NAME),
        (Limit(5, MINUTE), OWN_NAME),
        ("a=5/minute, 6/day", "limit needs a name where several stand together, as in 'second=10/second'"),
        ("a=5/minute, a=6/day", "limit has a name twice: each of several needs one of its own"),
        ([Limit(5, MINUTE, name="a")] * 2, "limit has a name twice: each of several needs one of its own"),
        (5, NO_LIMIT),
        (b"a=5/minute", NO_LIMIT),
        (["a=5/minute"], NO_LIMIT),
        ({Limit(5, MINUTE, name="a")}, NO_LIMIT),
        (Slots(5, "jobs"), NO_LIMIT),
    ],
)
def test_a_limit_of_a_call_that_cannot_be_used_is_refused(limit: Any, problem: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        asked("ada", limit)

    assert str(caught.value) == problem


@pytest.mark.parametrize("limit", ["", [], ()])
def test_no_limit_at_all_is_refused(limit: Any) -> None:
    with pytest.raises(ArgumentError, match=r"^limit must be "):
        asked("ada", limit)


@pytest.mark.parametrize("algorithm", ["sliding", "fixed", "strict"])
def test_a_burst_of_a_call_is_refused_where_the_algorithm_has_none(algorithm: str) -> None:
    with pytest.raises(ArgumentError, match=r"^limit burst is for the algorithm gcra, not for "):
        asked("ada", "a=5/minute burst 9", planner(algorithm=algorithm))


def test_without_any_limit_the_error_names_the_setting() -> None:
    with pytest.raises(ConfigError) as caught:
        asked("ada", None, planner(None))

    assert str(caught.value) == (
        "REDIS_RATELIMIT_LIMIT is not set, and the call names no limit: "
        "set it, or give limit='login=5/minute'"
    )


NOBODY: list[Any] = [
    *("", (), ("",), ("ip", ""), 5, None, b"ada", ["ip", "::1"], {"ada"}, {}),
    *(("ip", 5), ("ip", None), ("ip", b"::1"), ("ip", ["::1"]), ("ip", ("::1",)), ({},)),
    *("\ud800", ("ip", "\udfff"), "ada\udc80"),
]


@pytest.mark.parametrize("subject", NOBODY)
def test_a_subject_that_is_nobody_is_refused(subject: Any) -> None:
    for ask in (asked, lambda subject: of_slots(subject, Slots(1, "jobs"))):
        with pytest.raises(ArgumentError) as caught:
            ask(subject)
        assert caught.value.argument == "subject"


@pytest.mark.parametrize("subject", ["a" * 2048, "é" * 1024, ("a" * 1024, "b" * 1024), ":" * 700])
def test_a_subject_that_would_make_a_very_long_key_is_refused(subject: Subject) -> None:
    with pytest.raises(ArgumentError) as caught:
        asked(subject)

    assert str(caught.value) == "subject must not make a key of more than 2048 bytes"


class Caseless(str):
    """Text that is equal to other text."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.lower() == other.lower()

    def __hash__(self) -> int:
        return hash(self.lower())


class Role(StrEnum):
    ADMIN = "admin"


class Place(NamedTuple):
    kind: str
    name: str


@pytest.mark.parametrize(
    ("subject", "plain"),
    [
        (Caseless("Ada"), "Ada"),
        ((Caseless("Ada"), "x"), ("Ada", "x")),
        (Role.ADMIN, "admin"),
        (Place("ip", "::1"), ("ip", "::1")),
    ],
)
def test_a_subject_of_another_class_is_the_text_that_it_reads_as(subject: Any, plain: Subject) -> None:
    one = planner()
    lower = plain.lower() if isinstance(plain, str) else tuple(map(str.lower, plain))
    asked(lower, by=one)  # is remembered, and may be equal

    questions = asked(subject, by=one), one.question_of_slots(subject, Slots(1, "jobs")).checked()

    assert questions[0].keys == asked(plain, by=one).keys
    for each in questions:
        assert each.subject == plain
        assert type(each.subject) is type(plain)
        assert {type(part) for part in parts(each.subject)} == {str}


def test_slots_must_be_slots() -> None:
    with pytest.raises(ArgumentError, match=r"^slots must be Slots, not int"):
        of_slots("ada", 5)  # type: ignore[arg-type]  # the mistake


def test_a_question_does_not_show_who_asks_and_has_no_parts_to_be_shown() -> None:
    question = asked("ada")

    assert "ada" not in repr(question)
    assert not isinstance(question, Iterable)
    assert "ada" not in pformat([question])


def state(limit: Limit | Slots, *, allowed: bool = True) -> LimitState:
    return LimitState(limit, allowed, 0, NONE, NONE)


def test_a_refund_is_about_the_limits_that_were_charged() -> None:
    charged, shadow = Limit(5, MINUTE, name="a"), Limit(1, MINUTE, name="new", shadow=True)
    decision = Decision(True, (state(charged), state(shadow, allowed=False)), subject="ada")

    question = planner().question_of(decision, 3)

    assert [each.limit for each in question.rules] == [charged]
    assert (question.keys, question.subject, question.cost) == (("shop:ratelimit:g:a:{ada}",), "ada", 3)


def test_of_a_decision_that_charged_no_limit_there_is_nothing_to_take_back() -> None:
    decision = Decision(True, (state(Slots(1, "jobs")),), subject="ada")

    assert planner().question_of(decision, 1).keys == ()


@pytest.mark.parametrize("decision", [None, True, "ada", LimitState(Limit(5, MINUTE), True, 0, NONE, NONE)])
def test_what_is_no_decision_is_refused(decision: Any) -> None:
    with pytest.raises(ArgumentError, match=rf"^decision must be a Decision, not {type(decision).__name__}$"):
        checked_decision(decision)
