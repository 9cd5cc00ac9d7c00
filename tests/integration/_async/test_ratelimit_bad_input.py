"""What cannot be asked is a typed error before anything is sent, and shows nobody's name."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from modkit_redis.contract import (
    ArgumentError,
    ConfigError,
    Decision,
    Limit,
    LimitExceededError,
    ModkitRedisError,
    Slots,
)
from modkit_redis.ratelimit.scripts import DECIDE
from tests.faults.proxy import Proxy
from tests.leaks import leaks
from tests.limiters import QUICK, AsyncLimiters

WHO = "s3cret"
HOUR = timedelta(hours=1)

BAD: dict[str, dict[str, Any]] = {
    "no subject": {"subject": ""},
    "an empty tuple": {"subject": ()},
    "an empty part": {"subject": (WHO, "")},
    "a number": {"subject": (WHO, 5)},
    "a list in a tuple": {"subject": (WHO, [WHO])},
    "a dictionary": {"subject": {WHO: WHO}},
    "surrogates in a tuple": {"subject": (WHO, "\ud800")},
    "None": {"subject": None},
    "a list": {"subject": [WHO]},
    "bytes": {"subject": WHO.encode()},
    "surrogates": {"subject": f"{WHO}\ud800"},
    "a long subject": {"subject": WHO * 400},
    "a negative cost": {"cost": -1},
    "a bool": {"cost": True},
    "a fraction": {"cost": 1.5},
    "text as cost": {"cost": "1"},
    "a huge cost": {"cost": 2**31 + 1},
    "no limit": {"limit": ""},
    "no limits": {"limit": []},
    "nonsense": {"limit": "many/often"},
    "a nameless limit": {"limit": "5/minute"},
    "a name twice": {"limit": "a=5/minute, a=6/hour"},
    "a limit that never resets": {"limit": "a=1/day burst 2147483648"},
    "a period without end": {"limit": "a=5/9999999999d"},
    "no period": {"limit": "a=5/0s"},
    "zero": {"limit": "a=0/minute"},
    "numbers beyond exactness": {
        "limit": Limit(2**31, timedelta(days=365, microseconds=1), 2**31 - 1, name="a")
    },
    "a limit in a set": {"limit": {Limit(5, HOUR, name="a")}},
    "a number as limit": {"limit": 5},
    "bytes as limit": {"limit": b"a=5/minute"},
}


@pytest.mark.parametrize("kind", BAD)
async def test_a_bad_argument_is_named_and_nothing_is_sent(
    closed_port: str, limiters: AsyncLimiters, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    caplog.set_level(logging.DEBUG)
    store = limiters.open(closed_port, "", QUICK, limit="5/hour")
    given = {"subject": WHO, **BAD[kind]}
    argument = next(iter(BAD[kind]))
    calls: list[Callable[[], Any]] = [
        lambda: store.hit(**given),
        lambda: store.peek(**given),
        lambda: store.acquire(**given, timeout=1),
        lambda: store.reserve(**given).__aenter__(),
    ]
    if argument != "cost":
        calls.append(lambda: store.reset(**given))
    for call in calls:
        with pytest.raises(ArgumentError) as caught:
            await call()

        assert caught.value.argument.split()[0] == argument
        assert leaks(WHO, caught.value, caplog.records) == []


@pytest.mark.parametrize("timeout", [0, -1, True, "1s", None, float("nan"), timedelta(0)])
async def test_a_timeout_that_is_none_is_refused(
    closed_port: str, limiters: AsyncLimiters, timeout: Any
) -> None:
    store = limiters.open(closed_port, "", QUICK, limit="5/hour")

    with pytest.raises(ArgumentError, match="timeout") as caught:
        await store.acquire(WHO, timeout=timeout)

    assert leaks(WHO, caught.value) == []


async def test_without_a_limit_the_setting_is_named(closed_port: str, limiters: AsyncLimiters) -> None:
    store = limiters.open(closed_port, "", QUICK)

    for call in (lambda: store.hit(WHO), lambda: store.peek(WHO), lambda: store.reset(WHO)):
        with pytest.raises(ConfigError, match="REDIS_RATELIMIT_LIMIT") as caught:
            await call()
        assert leaks(WHO, caught.value) == []


@pytest.mark.parametrize("wrong", [None, "decision", True, 5])
async def test_what_is_no_decision_is_refused(closed_port: str, limiters: AsyncLimiters, wrong: Any) -> None:
    store = limiters.open(closed_port, "", QUICK, limit="5/hour")

    with pytest.raises(ArgumentError, match="decision"):
        await store.refund(wrong)
    with pytest.raises(ArgumentError, match="decision"):
        await store.settle(wrong, 1)
    with pytest.raises(ArgumentError, match="cost"):
        await store.settle(Decision(True, ()), -1)


@pytest.mark.parametrize("fault", ["noperm", "wrong-type"])
async def test_who_asks_shows_in_no_error_that_is_raised(
    addr: str, prefix: str, limiters: AsyncLimiters, caplog: pytest.LogCaptureFixture, fault: str, admin: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    client: dict[str, Any] = {}
    if fault == "noperm":
        admin.acl_setuser(prefix, enabled=True, passwords=["+pw"], commands=["+client|setname"], keys=["*"])
        client = {"username": prefix, "password": "pw"}
    else:
        for letter in ("g:default", "c:jobs"):
            admin.rpush(f"{prefix}:ratelimit:{letter}:{{{WHO}}}", 1)
    store = limiters.open(addr, prefix, client, limit="5/hour")
    charged = Decision(
        True,
        (await limiters.open(addr, prefix, limit="5/hour").hit("other")).states,
        subject=WHO,
        charged=True,
    )
    calls: list[Callable[[], Any]] = [
        lambda: store.hit(WHO),
        lambda: store.peek(WHO),
        lambda: store.acquire(WHO, timeout=1),
        lambda: store.refund(charged),
        lambda: store.settle(charged, 3),
        lambda: store.hold(WHO, Slots(1, "jobs")).__aenter__(),
    ]
    try:
        for call in calls:
            with pytest.raises(ModkitRedisError, match=fault) as caught:
                await call()
            assert leaks(WHO, caught.value, caplog.records) == []
    finally:
        admin.acl_deluser(prefix)


async def test_who_asks_shows_in_no_error_of_a_lost_connection_and_no_refusal(
    prefix: str, proxy: Proxy, limiters: AsyncLimiters, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    store = limiters.open(proxy.addr, prefix, QUICK, limit="1/hour", deny_cache=5)
    decision = await store.hit(WHO)
    calls: list[Callable[[], Any]] = [
        lambda: store.refund(decision),
        lambda: store.settle(decision, 3),
        lambda: store.reset(WHO),
    ]
    for call in calls:
        proxy.reset_reply(b"ratelimit")
        with pytest.raises(ModkitRedisError) as caught:
            await call()
        assert leaks(WHO, caught.value, caplog.records) == []
    await store.hit(WHO)
    with pytest.raises(LimitExceededError) as refused:
        await store.reserve(WHO).__aenter__()
    copy = pickle.loads(pickle.dumps(refused.value))

    assert (str(copy), copy.decision) == (str(refused.value), refused.value.decision)
    assert "allowed in 0:" in str(copy)
    assert leaks(WHO, refused.value, caplog.records) == []
    assert [
        each
        for each in (store, decision, copy, store._denials, store.hold(WHO, Slots(1, "a")))
        if WHO in repr(each)
    ] == []
    assert WHO.encode() not in DECIDE.source.encode()
