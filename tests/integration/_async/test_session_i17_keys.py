"""I17: each script has one key, so sessions work in a cluster; I18: an index is bounded, and has a TTL."""

from __future__ import annotations

import re
from typing import Any

import pytest

from modkit_redis.client import Script
from modkit_redis.contract import SessionPatch
from modkit_redis.testing import ServerWatch
from tests.sessions import SCRIPTS, Looker, NewSessions


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
async def test_i17_a_script_uses_its_one_key_and_no_other(script: Script) -> None:
    code = re.sub(r"--.*", "", script.source)
    calls = re.findall(r"redis\.p?call\(\s*([^,)]+)(?:,\s*([^,)]+))?", code)

    assert set(re.findall(r"KEYS\[?[^\]]*\]?", code)) == {"KEYS[1]"}
    assert calls
    assert {key for name, key in calls if name != "'TIME'"} == {"KEYS[1]"}


async def call_everything(store: Any) -> None:
    token = await store.create({"n": 1})
    await store.load(token)
    token = await store.bind(token, "anna")
    other = await store.bind(await store.create({}), "anna")  # the first is one too many
    saved = await store.save(other, SessionPatch({"n": 1}, ["x"], ["y"]), expect=2, rotate=True, grace=60)
    await store.load(other)  # touches
    async with store.open(saved.token) as session:
        session["n"] = 2
        await session.take("n")
        await session.transact(lambda values: values.update(n=3))
        session.rotate()
    await store.peek(token.handle)
    await store.sessions_of("anna")
    await store.revoke(token.handle)
    await store.revoke_all("anna")
    await store.drain("anna")
    await store.destroy(session.token)


async def test_i17_every_script_is_sent_with_one_key_and_every_command_has_one(
    new_sessions: NewSessions, addr: str, prefix: str
) -> None:
    store = new_sessions(client={"client_name": prefix}, per_user_max=1, renewal_interval="10m")
    with ServerWatch(addr, client_name=prefix) as watch:
        await call_everything(store)
        sent = [line.split(" ") for line in watch.commands()]

    keyed = [line for line in sent if line[0] not in ("CLIENT", "HELLO", "SELECT", "PING", "COMMAND", "TIME")]
    scripts = [line for line in keyed if line[0] in ("EVAL", "EVALSHA")]
    shas = {line[1] for line in scripts if line[0] == "EVALSHA"}
    assert len(shas) == len(SCRIPTS)
    for line in keyed:
        keys = [word for word in line if word.startswith(f"{prefix}:")]
        assert len(keys) == 1, line
    for line in scripts:
        [at] = [place for place, word in enumerate(line) if word.startswith(f"{prefix}:")]
        assert line[at - 1] == "1", line


async def sign_in(store: Any) -> Any:
    return await store.bind(await store.create({}), "anna")


def check_index(look: Looker, most: int, absolute_ms: int) -> None:
    """Check I18."""
    key = look.index_key("anna")
    assert len(look.index("anna")) <= most
    last: Any = look.admin.zrange(key, -1, -1, withscores=True)
    assert 0 < look.pttl(key) <= absolute_ms
    assert look.admin.pexpiretime(key) >= last[0][1]


async def test_i18_an_index_is_no_longer_than_the_sessions_that_a_user_may_have_and_has_a_ttl(
    new_sessions: NewSessions, look: Looker
) -> None:
    store = new_sessions(per_user_max=3, absolute_ttl="1h")
    token = await sign_in(store)

    for number in range(12):
        token = await sign_in(store)
        check_index(look, 3, 3_600_000)
        if number % 3 == 0:
            await store.destroy(token)
        if number == 6:
            look.admin.persist(look.index_key("anna"))
    await store.drain("anna", keep=token.handle)
    check_index(look, 1, 3_600_000)
    await store.revoke_all("anna", keep=token.handle)
    check_index(look, 1, 3_600_000)
    await store.revoke_all("anna")

    assert not look.admin.exists(look.index_key("anna"))


async def test_i18_an_index_lives_as_long_as_the_last_of_its_sessions_may(
    new_sessions: NewSessions, look: Looker
) -> None:
    long, short = new_sessions(absolute_ttl="2h"), new_sessions(absolute_ttl="1h")
    tokens = [await sign_in(long), await sign_in(short)]

    deadlines = [look.number(token, "x") for token in tokens]
    assert look.admin.pexpiretime(look.index_key("anna")) == max(deadlines)
    await short.drain("anna", keep=tokens[1].handle)
    assert look.admin.pexpiretime(look.index_key("anna")) == deadlines[1]


async def test_i18_what_has_reached_its_deadline_leaves_the_index_at_the_next_sign_in(
    new_sessions: NewSessions, look: Looker
) -> None:
    store = new_sessions()
    first = await sign_in(store)
    look.admin.zadd(look.index_key("anna"), {first.handle: look.now_ms() - 1})

    second = await sign_in(store)

    assert look.index("anna") == [second.handle]
