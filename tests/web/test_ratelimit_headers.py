"""The texts of headers and refusals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modkit_redis.contract import ArgumentError, Decision, Limit, LimitState, Slots
from modkit_redis.web import rate_limit_headers, refusal, refused
from modkit_redis.web.headers import merged
from modkit_redis.web.refusals import wants_problem
from tests.web.structured import read_list


def state(
    text: str, remaining: int = 0, *, retry: float | None = 0, reset: float = 0, allowed: bool | None = None
) -> LimitState:
    """Return what a limit says; times in seconds."""
    wait = None if retry is None else timedelta(seconds=retry)
    fits = retry == 0 if allowed is None else allowed
    return LimitState(Limit.parse(text), fits, remaining, wait, timedelta(seconds=reset))


def decision(*states: LimitState, degraded: bool = False) -> Decision:
    allowed = all(each.allowed or each.limit.shadow for each in states)
    return Decision(allowed, states, degraded=degraded)


SLOTS = LimitState(Slots(3, "busy"), False, 0, timedelta(seconds=1), timedelta(seconds=1))


@pytest.mark.parametrize(
    ("given_state", "policy", "limit"),
    [
        (state("a=5/minute", 4, reset=11.2), '"a";q=5;w=60', '"a";r=4;t=12'),
        (state("a=5/minute", 4, reset=12), '"a";q=5;w=60', '"a";r=4;t=12'),
        (state("a=5/minute", 4, reset=0.000001), '"a";q=5;w=60', '"a";r=4;t=1'),
        (state("a=5/minute", 5), '"a";q=5;w=60', '"a";r=5'),
        (state("a=5/minute", 0, retry=12.01, reset=60), '"a";q=5;w=60', '"a";r=0;t=13'),
        (state("a=5/minute", 3, retry=None, reset=24), '"a";q=5;w=60', '"a";r=3;t=24'),
        (state("a=10/100ms", 9, reset=0.01), '"a";q=10;w=1', '"a";r=9;t=1'),
        (state("a=10/1500ms", 9, reset=0.15), '"a";q=10;w=2', '"a";r=9;t=1'),
        (state("a=10/second burst 20", 19, reset=0.1), '"a";q=10;w=1', '"a";r=19;t=1'),
        (state("a-b_C9=2147483648/366d", 1), '"a-b_C9";q=2147483648;w=31622400', '"a-b_C9";r=1'),
        (state("a=5/day", 10**20), '"a";q=5;w=86400', '"a";r=999999999999999'),
        (state("a=5/day", -1), '"a";q=5;w=86400', '"a";r=0'),
    ],
)
def test_a_limit_is_one_item(given_state: LimitState, policy: str, limit: str) -> None:
    headers = rate_limit_headers(decision(given_state))

    assert headers == [("RateLimit-Policy", policy), ("RateLimit", limit)]
    assert [len(read_list(value)) for _, value in headers] == [1, 1]


def test_several_decisions_are_one_list_in_their_order() -> None:
    several = [decision(state("b=1/day", 1), state("a=2/day", 2)), decision(state("c=3/day", 3))]

    headers = dict(rate_limit_headers(several))

    assert headers == {
        "RateLimit-Policy": '"b";q=1;w=86400, "a";q=2;w=86400, "c";q=3;w=86400',
        "RateLimit": '"b";r=1, "a";r=2, "c";r=3',
    }


@pytest.mark.parametrize(
    "untold", [decision(state("a=1/day shadow")), decision(SLOTS), Decision(True, ()), []]
)
def test_shadow_limits_and_slots_are_not_told(untold: Decision | Sequence[Decision]) -> None:
    assert rate_limit_headers(untold, legacy=True) == []


def test_numbers_that_redis_did_not_give_are_not_told() -> None:
    headers = rate_limit_headers(decision(state("a=1/day", 1), degraded=True), legacy=True)

    assert headers == [("RateLimit-Policy", '"a";q=1;w=86400')]


def test_a_limit_that_was_counted_is_told_beside_one_that_was_not() -> None:
    several = [decision(state("a=1/day", 1), degraded=True), decision(state("b=1/day", 1))]

    assert [list(read_list(value)) for _, value in rate_limit_headers(several)] == [["a", "b"], ["b"]]


@pytest.mark.parametrize(
    ("states", "limit"),
    [
        ([state("a=5/day", 4), state("b=9/day", 2)], "9"),
        ([state("a=5/day", 4, retry=1), state("b=9/day", 2)], "5"),
        ([state("a=5/day", 4), state("b=9/day shadow", 0)], "5"),
    ],
)
def test_legacy_headers_tell_of_the_limit_that_refuses_or_has_least_left(
    states: list[LimitState], limit: str
) -> None:
    headers = rate_limit_headers(decision(*states), draft=None, legacy=True)

    assert [name for name, _ in headers] == [
        "X-RateLimit-Limit",
        "X-RateLimit-Remaining",
        "X-RateLimit-Reset",
    ]
    assert headers[0][1] == limit


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**40),
            st.none() | st.timedeltas(timedelta(0)),
            st.timedeltas(timedelta(0)),
            st.booleans(),
        ),
        max_size=5,
    )
)
def test_all_headers_can_be_read(numbers: list[tuple[int, timedelta | None, timedelta, bool]]) -> None:
    states = [
        LimitState(Limit.parse(f"n{at}=7/minute"), fits, left, wait, reset)
        for at, (left, wait, reset, fits) in enumerate(numbers)
    ]

    headers = rate_limit_headers(decision(*states), legacy=True)

    for name, value in headers:
        if name.startswith("RateLimit"):
            assert list(read_list(value)) == [each.limit.name for each in states]
        else:
            assert value.isdigit()


@pytest.mark.parametrize(
    ("refusing", "status", "wait"),
    [
        ([decision(state("a=1/day", retry=0.001))], 429, "1"),
        ([decision(state("a=1/day", retry=0, allowed=False))], 429, "1"),
        ([decision(state("a=1/day", retry=4.2))], 429, "5"),
        ([decision(state("a=1/day", retry=4), state("b=1/day", retry=9))], 429, "9"),
        ([decision(state("a=1/day", retry=4), state("b=1/day shadow", retry=9))], 429, "4"),
        ([decision(state("a=1/day", 1)), decision(state("b=1/day", retry=3))], 429, "3"),
        ([decision(state("a=1/day", retry=None), state("b=1/day", retry=3))], 429, None),
        ([decision(state("a=1/day", retry=2), degraded=True)], 503, "2"),
        ([decision(state("a=1/day", retry=None), degraded=True)], 429, None),
        (
            [decision(state("a=1/day", retry=2), degraded=True), decision(state("b=1/day", retry=3))],
            429,
            "3",
        ),
        ([decision(SLOTS)], 429, "1"),
    ],
)
def test_a_refusal_says_when_to_come_back(refusing: list[Decision], status: int, wait: str | None) -> None:
    got = refusal(refusing)

    assert (got.status, dict(got.headers).get("Retry-After")) == (status, wait)
    assert dict(got.headers)["Content-Length"] == str(len(got.body))


def test_an_outage_is_a_problem_of_its_own_and_violates_nothing() -> None:
    got = refusal(decision(state("a=1/day", retry=2), degraded=True), form="problem")

    assert (got.status_line, json.loads(got.body)) == (
        "503 Service Unavailable",
        {
            "type": "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
            "title": "Request cannot be satisfied due to temporary server capacity constraints",
            "status": 503,
            "detail": "Limits cannot be checked just now. Try again in 2 seconds.",
        },
    )


def test_a_refusal_names_each_limit_that_refuses() -> None:
    both = decision(state("a=1/day", retry=2), state("b=1/day", retry=1), state("c=1/day"))

    got = refusal(both, form="problem")

    assert json.loads(got.body)["violated-policies"] == ["a", "b"]
    assert json.loads(got.body)["detail"] == "Refused by the limit a and b. Try again in 2 seconds."


def test_what_is_allowed_cannot_be_refused() -> None:
    with pytest.raises(ArgumentError, match="decisions must hold one that refuses"):
        refusal(decision(state("a=1/day", 1)))


@pytest.mark.parametrize(
    ("status", "phrase"), [(400, "Bad Request"), (401, "Unauthorized"), (403, "Forbidden")]
)
def test_another_refusal_says_what_it_is_told(status: int, phrase: str) -> None:
    headers = [("WWW-Authenticate", "Bearer")]

    plain = refused(status, "Sign in.", headers=headers)
    problem = refused(status, "Sign in.", form="problem", headers=headers)

    assert plain.body == f"{phrase}. Sign in.\n".encode()
    assert json.loads(problem.body) == {"title": phrase, "status": status, "detail": "Sign in."}
    assert ("WWW-Authenticate", "Bearer") in plain.headers and (
        "WWW-Authenticate",
        "Bearer",
    ) in problem.headers


def test_a_draft_that_is_not_known_is_refused() -> None:
    with pytest.raises(ArgumentError, match="draft must be 'draft-11', or None"):
        rate_limit_headers(decision(), draft="draft-7")  # type: ignore[arg-type]  # as it is


def test_a_form_that_is_not_known_is_refused() -> None:
    with pytest.raises(ArgumentError, match="form must be one of 'auto', 'plain', 'problem'"):
        refused(403, "No.", form="html")  # type: ignore[arg-type]  # as it is


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", False),
        ("*/*", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("application/problem+json", True),
        ("Application/Problem+JSON", True),
        ("application/json", True),
        ("application/*", True),
        ("application/json;q=0.5, text/plain", False),
        ("application/json, text/plain;q=0.5", True),
        ("application/json, text/plain", True),
        ("application/json;q=0.1, text/*;q=0.2", False),
        ("application/json, application/problem+json;q=0", False),
        ("application/json;q=0", False),
        ("application/json;q=0.000", False),
        ("application/json;charset=utf-8;q=0.001", True),
        ("application/json; q=1.0", True),
        ("application/json;q=nan", False),
        ("application/json;q=inf", False),
        ("application/json;q=", False),
        ("application/json;q=²", False),
        ("application/json;q=0.²", False),
        ("application/json;q=0.", False),
        ("application/json;q=1.", True),
        ("text/html, application/json", True),
    ],
)
def test_problem_details_are_for_those_who_ask_for_json(accept: str, wanted: bool) -> None:
    assert wants_problem(accept) is wanted


@given(st.text())
def test_any_accept_header_can_be_read(accept: str) -> None:
    assert wants_problem(accept) in (True, False)


@given(st.lists(st.sampled_from(["application/json", "q=0.5", "q=1e999", "q=-1", "text/*", ",", ";", " "])))
def test_a_mangled_accept_header_can_be_read(parts: list[str]) -> None:
    assert wants_problem("".join(parts)) in (True, False)


@pytest.mark.parametrize(
    ("standing", "added", "found"),
    [
        ([], [("RateLimit", "a")], [("RateLimit", "a")]),
        ([("ratelimit", "b"), ("x", "1")], [("RateLimit", "a")], [("ratelimit", "a, b"), ("x", "1")]),
        (
            [("RATELIMIT-POLICY", "b"), ("RateLimit", "c")],
            [("RateLimit-Policy", "a")],
            [("RATELIMIT-POLICY", "a, b"), ("RateLimit", "c")],
        ),
        ([("x-ratelimit-limit", "1")], [("X-RateLimit-Limit", "2")], [("x-ratelimit-limit", "1")]),
    ],
)
def test_headers_are_merged(standing: Any, added: Any, found: Any) -> None:
    before = list(standing)

    assert merged(standing, added) == found
    assert standing == before
