"""Something goes wrong at each command of each call: never two live tokens, and one effect (I15)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
import redis

from modkit_redis.contract import (
    CommandRefusedError,
    SessionLostError,
    SessionPatch,
    SessionToken,
    StoreUnavailableError,
)
from modkit_redis.session._core import Status
from modkit_redis.session.index.scripts import DRAIN, LIST_IN
from modkit_redis.session.records.scripts import CREATE, DESTROY, SAVE, TOUCH
from modkit_redis.session.records.write import Write
from modkit_redis.session.tokens import new_token, next_token, proof
from modkit_redis.testing import EmbeddedServer
from tests.caching import Settings, async_lapse, async_until, within
from tests.faults.proxy import Proxy
from tests.session_faults import (
    TIMEOUT,
    Fault,
    bounds,
    called,
    frozen,
    pairs,
    reply_lost,
    reset_after,
    reset_before,
)
from tests.session_stores import AsyncSessions, AsyncSessionStores, Traces, load_scripts
from tests.support import delete_below, stock_client

PER_USER: Final[Settings] = {"per_user_max": 2}
RENEWING: Final[Settings] = {"renewal_interval": "20ms", "renewal_grace": "1ms"}
EAGER: Final[Settings] = {"touch_interval": "1ms"}
BEFORE: Final = {"kept": "old", "count": 0}
LOSSES: Final = pytest.mark.parametrize(
    "fault", [reset_before, reset_after, pytest.param(reply_lost, marks=pytest.mark.slow)]
)


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
        delete_below(client, "")


@pytest.fixture
def traces(admin: redis.Redis) -> Traces:
    return Traces(admin, "shop")


@pytest.fixture
async def stores(admin: redis.Redis) -> AsyncIterator[AsyncSessionStores]:
    stores = AsyncSessionStores()
    yield stores
    await stores.aclose()


class Stage:
    """Two stores: one behind the place where the fault is, and one that meets none."""

    def __init__(
        self, server: EmbeddedServer, proxy: Proxy, stores: AsyncSessionStores, traces: Traces
    ) -> None:
        self.server, self.proxy, self.stores, self.traces = server, proxy, stores, traces
        self.calm = stores.open(server.addr, "shop", **PER_USER)

    def open(self, fault: Fault, **settings: Any) -> AsyncSessions:
        """Return a store behind the proxy, whose exchanges are bounded."""
        client, session = bounds(fault)
        return self.stores.open(
            self.proxy.addr, "shop", {**client, "client_name": "shop"}, **session, **settings
        )

    async def meet(self, command: bytes, fault: Fault, act: Callable[[], Any], exchanges: int = 1) -> Any:
        """Return what a call returns or raises that meets the fault; all is well again then."""
        outcome: Any
        with ExitStack() as undo:
            fault(self.proxy, self.server, command, undo)
            with within(exchanges * TIMEOUT):
                try:
                    outcome = await act()
                except Exception as error:  # noqa: BLE001  # the test looks at it
                    outcome = error
            assert self.proxy.has_struck()
        self.proxy.forgive()
        return outcome


@pytest.fixture
def stage(own_server: EmbeddedServer, proxy: Proxy, stores: AsyncSessionStores, traces: Traces) -> Stage:
    return Stage(own_server, proxy, stores, traces)


@dataclass(frozen=True)
class Asked:
    """Something that is asked of a session and happens at its next save, and a command of that save.

    Attributes:
        name: What is asked, and the command.
        command: What the command, and no earlier one, contains.
        ask: Asks for it.
        begins: Whether the save begins the session.
        replaces: Whether it replaces the token.
        writes: How often it writes the session.
        settings: Of the store.
        others: How many other sessions the user has before.
    """

    name: str
    command: bytes
    ask: Callable[[Any], object]
    begins: bool = False
    replaces: bool = False
    writes: int = 1
    settings: Settings = field(default_factory=dict)
    others: int = 0

    def __str__(self) -> str:
        return self.name


def change(session: Any) -> None:
    session["new"] = ["some"]
    del session["kept"]
    session["count"] += 1


def rotate(session: Any) -> None:
    session.rotate()


def rotate_and_change(session: Any) -> None:
    change(session)
    session.rotate()


def bind(session: Any) -> None:
    session.bind("ann", address="::1", agent="curl")


def begin(session: Any) -> None:
    session["count"] = 1


def begin_and_bind(session: Any) -> None:
    session["count"] = 1
    session.bind("ann")


SAVES: Final = (
    Asked("a change", SAVE.sha.encode(), change),
    Asked("a rotation", SAVE.sha.encode(), rotate, replaces=True),
    Asked("a rotation with a change", SAVE.sha.encode(), rotate_and_change, replaces=True),
    Asked("a renewal", SAVE.sha.encode(), change, replaces=True, settings=RENEWING),
    Asked("bind: list", LIST_IN.sha.encode(), bind, replaces=True, settings=PER_USER),
    Asked("bind: who is alive", called("HMGET"), bind, replaces=True, settings=PER_USER, others=2),
    Asked("bind: end the oldest", called("EVAL"), bind, replaces=True, settings=PER_USER, others=2),
    Asked("bind: unlist the oldest", called("ZREM"), bind, replaces=True, settings=PER_USER, others=2),
    Asked("bind: save", SAVE.sha.encode(), bind, replaces=True, settings=PER_USER),
    Asked("the first save", CREATE.sha.encode(), begin, begins=True),
    Asked(
        "the first save, with bind: create",
        CREATE.sha.encode(),
        begin_and_bind,
        begins=True,
        writes=2,
        settings=PER_USER,
    ),
    Asked(
        "the first save, with bind: list",
        LIST_IN.sha.encode(),
        begin_and_bind,
        begins=True,
        writes=2,
        settings=PER_USER,
    ),
    Asked(
        "the first save, with bind: save",
        SAVE.sha.encode(),
        begin_and_bind,
        begins=True,
        writes=2,
        settings=PER_USER,
    ),
)
UNHEARD: Final = (SAVE.sha.encode(), CREATE.sha.encode())  # the commands whose effect is asked for again


class Play:
    """A session of which something was asked, that is yet to be saved."""

    def __init__(self, stage: Stage, asked: Asked, sessions: AsyncSessions, opened: Any) -> None:
        self.stage, self.asked, self.sessions, self.opened = stage, asked, sessions, opened
        self.session: Any = None
        self.before: SessionToken | None = None

    async def begin(self, token: SessionToken | None) -> None:
        self.before = token
        self.session = await self.opened.__aenter__()
        self.asked.ask(self.session)
        self.expected = dict(self.session)

    async def save_in_trouble(self, fault: Fault) -> Any:
        """Return what the save raises, in which the fault happens."""
        exchanges = 4 if "bind" in self.asked.name else 1
        known = self.session.token
        outcome = await self.stage.meet(self.asked.command, fault, self.session.save, exchanges)
        if "with bind" not in self.asked.name:
            assert self.session.token == known
        return outcome

    async def check(self, further_writes: int = 0) -> None:
        """Check that the session is as it would be if nothing had gone wrong."""
        asked, token, traces = self.asked, self.session.token, self.stage.traces
        stored = await self.stage.calm.store.load(token)
        assert stored is not None
        assert stored.data == self.expected == dict(self.session)
        assert stored.info.user == self.session.user
        writes = asked.writes + (0 if asked.begins else 1)
        assert traces.counted(token.handle) == (writes + further_writes, int(asked.replaces))
        if asked.settings is RENEWING:
            await async_lapse(0.002)
        assert traces.live_tokens(token.handle) == 1
        assert (self.before != token) == (asked.replaces or asked.begins)
        if self.before is not None and asked.replaces:
            assert await self.stage.calm.store.load(self.before) is None
        if "bind" in asked.name:
            assert token.handle in traces.listed("ann")
            assert len(traces.handles()) == len(traces.listed("ann")) == min(asked.others + 1, 2)
        else:
            assert traces.handles() == {token.handle}


async def begun(stage: Stage, asked: Asked, fault: Fault) -> Play:
    """Return a session of which something was asked, and whose store is connected."""
    sessions = stage.open(fault, **asked.settings)
    for _ in range(asked.others):
        await stage.calm.store.bind(await stage.calm.store.create({}), "ann")
    token = None if asked.begins else await stage.calm.store.create(BEFORE)
    if asked.settings is RENEWING:
        await async_lapse(0.025)
    await sessions.store.peek("0" * 22)  # so that it is connected
    play = Play(stage, asked, sessions, sessions.store.open(token))
    await play.begin(token)
    return play


@pytest.mark.parametrize(("asked", "fault"), pairs(SAVES))
async def test_a_save_that_got_no_answer_takes_effect_once_when_it_is_repeated(
    stage: Stage, asked: Asked, fault: Fault
) -> None:
    play = await begun(stage, asked, fault)

    assert isinstance(await play.save_in_trouble(fault), StoreUnavailableError)
    await play.session.save()

    await play.check()
    assert play.sessions.heard.kinds().count("rotated") == int(asked.replaces)
    assert play.sessions.heard.kinds().count("created") == int(asked.begins)
    assert play.sessions.heard.kinds().count("bound") == int("bind" in asked.name)


@pytest.mark.parametrize(("asked", "fault"), pairs(SAVES))
async def test_it_does_also_if_the_session_was_changed_further_meanwhile(
    stage: Stage, asked: Asked, fault: Fault
) -> None:
    play = await begun(stage, asked, fault)

    assert isinstance(await play.save_in_trouble(fault), StoreUnavailableError)
    was_under_way = asked.command in UNHEARD
    play.session["later"] = 1
    play.session["count"] += 10
    play.session.setdefault("new", []).append("more")
    play.expected = dict(play.session)
    await play.session.save()

    await play.check(further_writes=int(was_under_way and "with bind: create" not in asked.name))


@pytest.mark.parametrize(("asked", "fault"), pairs(SAVES))
async def test_it_does_when_the_block_ends(stage: Stage, asked: Asked, fault: Fault) -> None:
    play = await begun(stage, asked, fault)

    assert isinstance(await play.save_in_trouble(fault), StoreUnavailableError)
    await play.opened.__aexit__(None, None, None)

    await play.check()


@pytest.mark.parametrize(("asked", "fault"), pairs(SAVES))
async def test_what_is_ended_after_a_save_without_an_answer_has_ended(
    stage: Stage, asked: Asked, fault: Fault
) -> None:
    play = await begun(stage, asked, fault)

    assert isinstance(await play.save_in_trouble(fault), StoreUnavailableError)
    others = stage.traces.handles() - {play.before.handle if play.before else ""}
    play.session.destroy()
    await play.session.save()

    assert play.session.token is None
    if asked.begins:  # its handle is known to nobody
        assert stage.traces.handles() == set()
    else:
        assert stage.traces.handles() == others


@pytest.mark.parametrize(("asked", "fault"), pairs(SAVES, ()))
async def test_a_save_that_got_no_answer_twice_is_repeated_twice(
    stage: Stage, asked: Asked, fault: Fault
) -> None:
    play = await begun(stage, asked, fault)

    assert isinstance(await play.save_in_trouble(fault), StoreUnavailableError)
    if asked.command in UNHEARD:
        assert isinstance(await play.save_in_trouble(reset_after), StoreUnavailableError)
        assert isinstance(await play.save_in_trouble(reset_before), StoreUnavailableError)
    await play.session.save()

    await play.check()


@pytest.mark.parametrize("asked", SAVES, ids=str)
async def test_an_error_that_leaves_the_block_after_no_answer_sends_nothing_more(
    stage: Stage, asked: Asked
) -> None:
    play = await begun(stage, asked, reset_after)
    error = await play.save_in_trouble(reset_after)
    before = len(stage.proxy.commands)

    await play.opened.__aexit__(type(error), error, None)

    assert len(stage.proxy.commands) == before
    handles = stage.traces.handles()
    await async_until(  # once the grace is over, where there is one
        lambda: all(stage.traces.live_tokens(handle) == 1 for handle in handles), "one token lives"
    )


@pytest.mark.parametrize("asked", [each for each in SAVES if each.command in UNHEARD], ids=str)
async def test_a_refusal_between_two_tries_does_not_make_them_two_saves(
    stage: Stage, admin: redis.Redis, asked: Asked
) -> None:
    play = await begun(stage, asked, reset_after)
    assert isinstance(await play.save_in_trouble(reset_after), StoreUnavailableError)

    admin.execute_command("ACL", "SETUSER", "default", "-hmget")  # the scripts begin with it
    try:
        with pytest.raises(CommandRefusedError):
            await play.session.save()
    finally:
        admin.execute_command("ACL", "SETUSER", "default", "+@all")
    await play.session.save()

    await play.check()


@pytest.mark.parametrize("fault", [reset_before, reset_after])
async def test_the_old_token_does_not_see_who_signs_in_after_a_rotation_without_an_answer(
    stage: Stage, fault: Fault
) -> None:
    token = await stage.calm.store.create({})
    sessions = stage.open(fault, **PER_USER)

    async with sessions.store.open(token) as session:
        session.rotate(grace=60)  # for requests under way
        fault(stage.proxy, stage.server, SAVE.sha.encode(), ExitStack())
        with pytest.raises(StoreUnavailableError):
            await session.save()
        session.bind("ann")  # nobody else may have the token from here on

    assert await stage.calm.store.load(token) is None
    assert stage.traces.live_tokens(token.handle) == 1


@pytest.mark.parametrize(
    "fault", [reset_before, reset_after, pytest.param(reply_lost, marks=pytest.mark.slow)]
)
async def test_a_rotation_that_is_never_repeated_leaves_one_live_token(stage: Stage, fault: Fault) -> None:
    token = await stage.calm.store.create(BEFORE)
    sessions = stage.open(fault)

    fault(stage.proxy, stage.server, SAVE.sha.encode(), ExitStack())
    opening = sessions.store.open(token)
    session = await opening.__aenter__()
    session.rotate()
    with pytest.raises(StoreUnavailableError):
        await opening.__aexit__(None, None, None)

    assert session.token == token
    assert stage.traces.live_tokens(token.handle) == 1
    assert (await stage.calm.store.load(token) is None) == (fault is not reset_before)


async def test_a_save_that_arrives_after_the_session_was_saved_again_changes_nothing(stage: Stage) -> None:
    token = await stage.calm.store.create(BEFORE)
    sessions = stage.open(frozen)
    async with sessions.store.open(token) as session:
        session["count"] = 1
        outcome = await stage.meet(SAVE.sha.encode(), frozen, session.save)
        assert isinstance(outcome, StoreUnavailableError)
        await session.save()  # what was sent at first is executed before this, or after

    assert stage.traces.values(token.handle) == {"kept": b'"old"', "count": b"1"}
    assert stage.traces.counted(token.handle) == (2, 0)


@pytest.mark.parametrize(
    "fault", [reset_before, reset_after, pytest.param(reply_lost, marks=pytest.mark.slow)]
)
async def test_an_end_that_got_no_answer_is_repeated(stage: Stage, fault: Fault) -> None:
    token = await stage.calm.store.create(BEFORE)
    sessions = stage.open(fault)
    async with sessions.store.open(token) as session:
        session.destroy()
        outcome = await stage.meet(DESTROY.sha.encode(), fault, session.save)
        assert isinstance(outcome, StoreUnavailableError)
        assert session.token is None
        session["next"] = 1

    assert session.token is not None
    assert stage.traces.handles() == {session.token.handle} != {token.handle}


@pytest.mark.parametrize(
    "fault", [reset_before, reset_after, pytest.param(reply_lost, marks=pytest.mark.slow)]
)
async def test_a_value_is_taken_at_most_once_whatever_is_lost(stage: Stage, fault: Fault) -> None:
    token = await stage.calm.store.create({"nonce": "x", "kept": 1})
    sessions = stage.open(fault)
    async with sessions.store.open(token) as session:
        assert isinstance(
            await stage.meet(SAVE.sha.encode(), fault, lambda: session.take("nonce")), StoreUnavailableError
        )
        again = await session.take("nonce", "none")

    assert again == ("x" if fault is reset_before else "none")
    assert stage.traces.values(token.handle) == {"kept": b"1"}
    assert session.token == token


def count(values: Any) -> int:
    values["count"] += 1
    found: int = values["count"]
    return found


@pytest.mark.parametrize("command", [called("HGETALL"), SAVE.sha.encode()])
@pytest.mark.parametrize(
    "fault", [reset_before, reset_after, pytest.param(reply_lost, marks=pytest.mark.slow)]
)
async def test_a_transaction_counts_at_most_once_whatever_is_lost(
    stage: Stage, fault: Fault, command: bytes
) -> None:
    token = await stage.calm.store.create(BEFORE)
    sessions = stage.open(fault)
    async with sessions.store.open(token) as session:
        outcome = await stage.meet(command, fault, lambda: session.transact(count), 2)
        assert isinstance(outcome, StoreUnavailableError)
        done = int(command == SAVE.sha.encode() and fault is not reset_before)
        assert stage.traces.values(token.handle)["count"] == b"%d" % done

        assert await session.transact(count) == done + 1

    assert stage.traces.values(token.handle)["count"] == b"%d" % (done + 1)
    assert stage.traces.counted(token.handle) == (done + 2, 0)


@dataclass(frozen=True)
class Call:
    """A call of the store, and a command of it.

    Attributes:
        name: The call and the command.
        command: What the command, and no earlier one, contains.
        act: The call, for a store and the token of a session of ann's.
        settings: Of the store.
        exchanges: How many there are up to this command.
    """

    name: str
    command: bytes
    act: Callable[[Any, SessionToken], Any]
    settings: Settings = field(default_factory=lambda: dict(PER_USER))
    exchanges: int = 2

    def __str__(self) -> str:
        return self.name


async def enter(store: Any, token: SessionToken) -> None:
    await store.open(token).__aenter__()


READS: Final = (
    Call("load: TIME", called("TIME"), lambda store, token: store.load(token)),
    Call("load: HGETALL", called("HGETALL"), lambda store, token: store.load(token)),
    Call("open: TIME", called("TIME"), enter),
    Call("open: HGETALL", called("HGETALL"), enter),
    Call("peek: HMGET", called("HMGET"), lambda store, token: store.peek(token.handle)),
    Call("sessions_of: ZRANGE", called("ZRANGE"), lambda store, _: store.sessions_of("ann")),
    Call("sessions_of: HMGET", called("HMGET"), lambda store, _: store.sessions_of("ann")),
)
PATCH: Final = SessionPatch(sets={"count": 1}, deletes=["none"], takes=["kept"])
WRITES: Final = (
    Call("create", CREATE.sha.encode(), lambda store, _: store.create({"a": 1})),
    Call("save", SAVE.sha.encode(), lambda store, token: store.save(token, PATCH)),
    Call("save and rotate", SAVE.sha.encode(), lambda store, token: store.save(token, PATCH, rotate=True)),
    Call("bind: TIME", called("TIME"), lambda store, token: store.bind(token, "ann")),
    Call("bind: HGETALL", called("HGETALL"), lambda store, token: store.bind(token, "ann")),
    Call("bind: list", LIST_IN.sha.encode(), lambda store, token: store.bind(token, "ann")),
    Call("bind: save", SAVE.sha.encode(), lambda store, token: store.bind(token, "ann"), exchanges=3),
    Call("drain", DRAIN.sha.encode(), lambda store, _: store.drain("ann")),
)
TOUCHES: Final = (
    Call("load: touch", TOUCH.sha.encode(), lambda store, token: store.load(token), EAGER),
    Call("open: touch", TOUCH.sha.encode(), enter, EAGER),
)
ENDS: Final = (
    Call("destroy", DESTROY.sha.encode(), lambda store, token: store.destroy(token)),
    Call("revoke", called("UNLINK"), lambda store, token: store.revoke(token.handle)),
    Call("revoke_all: ZRANGE", called("ZRANGE"), lambda store, _: store.revoke_all("ann")),
    Call("revoke_all: EVAL", called("EVAL"), lambda store, _: store.revoke_all("ann")),
    Call("revoke_all: ZREM", called("ZREM"), lambda store, _: store.revoke_all("ann")),
)


async def signed_in(stage: Stage) -> SessionToken:
    """Return the token of a session of ann's."""
    token = await stage.calm.store.bind(await stage.calm.store.create(BEFORE), "ann")
    await async_lapse(0.003)  # a touch is due where the settings are eager
    return token


async def connected(stage: Stage, call: Call, fault: Fault) -> AsyncSessions:
    sessions = stage.open(fault, **call.settings)
    await sessions.store.peek("0" * 22)
    return sessions


@pytest.mark.parametrize(("call", "fault"), pairs(READS))
async def test_a_read_without_an_answer_raises_and_changes_nothing(
    stage: Stage, call: Call, fault: Fault
) -> None:
    token, sessions = await signed_in(stage), await connected(stage, call, fault)
    before = {**stage.traces.fields(token.handle), "l": b""}

    outcome = await stage.meet(call.command, fault, lambda: call.act(sessions.store, token), call.exchanges)

    assert isinstance(outcome, StoreUnavailableError)
    assert {**stage.traces.fields(token.handle), "l": b""} == before
    assert sessions.heard == []
    await call.act(sessions.store, token)


@pytest.mark.parametrize(("call", "fault"), pairs(TOUCHES))
async def test_a_touch_without_an_answer_keeps_nobody_from_reading_and_is_told(
    stage: Stage, call: Call, fault: Fault
) -> None:
    token, sessions = await signed_in(stage), await connected(stage, call, fault)
    before = {**stage.traces.fields(token.handle), "l": b""}

    outcome = await stage.meet(call.command, fault, lambda: call.act(sessions.store, token), call.exchanges)

    assert not isinstance(outcome, BaseException)
    assert {**stage.traces.fields(token.handle), "l": b""} == before
    assert [event.kind for event in sessions.heard] == ["degraded"]


@pytest.mark.parametrize(("call", "fault"), pairs(WRITES))
async def test_a_write_without_an_answer_leaves_one_live_token(
    stage: Stage, call: Call, fault: Fault
) -> None:
    token, sessions = await signed_in(stage), await connected(stage, call, fault)
    before, rotations = stage.traces.counted(token.handle)

    outcome = await stage.meet(call.command, fault, lambda: call.act(sessions.store, token), call.exchanges)

    assert isinstance(outcome, StoreUnavailableError)
    for handle in stage.traces.handles():
        assert stage.traces.live_tokens(handle) == 1
    writes, rotated = stage.traces.counted(token.handle)
    assert writes - before in (0, 1)
    assert (await stage.calm.store.load(token) is None) == (rotated > rotations)
    try:
        await call.act(sessions.store, token)
    except SessionLostError:
        assert rotated > rotations
    for handle in stage.traces.handles():
        assert stage.traces.live_tokens(handle) == 1


@pytest.mark.parametrize(("call", "fault"), pairs(ENDS))
async def test_an_end_without_an_answer_can_be_asked_for_again(
    stage: Stage, call: Call, fault: Fault
) -> None:
    token, sessions = await signed_in(stage), await connected(stage, call, fault)

    outcome = await stage.meet(call.command, fault, lambda: call.act(sessions.store, token), call.exchanges)
    await call.act(sessions.store, token)

    assert isinstance(outcome, StoreUnavailableError)
    assert stage.traces.handles() == set()
    assert await stage.calm.store.load(token) is None
    assert await stage.calm.store.sessions_of("ann") == []


@pytest.mark.parametrize("replaces", [False, True], ids=["kept", "replaced"])
@pytest.mark.parametrize("grace_ms", [0, 60_000])
async def test_a_write_that_arrives_twice_takes_effect_once(
    stage: Stage, grace_ms: int, *, replaces: bool
) -> None:
    records, token = stage.calm.store._keeper.records, await stage.calm.store.create(BEFORE)
    new = next_token(token.handle) if replaces else None
    write = Write(sets={"count": b"1"}, deletes=["kept"], expect=1, token=new, grace_ms=grace_ms)

    answers = [await records.save(proof(token), write) for _ in range(3)]

    assert {(answer.status, answer.version) for answer in answers} == {(Status.DONE, 2)}
    assert stage.traces.counted(token.handle) == (2, int(replaces))
    assert stage.traces.live_tokens(token.handle) == (2 if replaces and grace_ms else 1)


async def test_a_session_that_is_begun_twice_begins_once_and_is_not_begun_anew(stage: Stage) -> None:
    records, token = stage.calm.store._keeper.records, new_token()
    write = Write(sets={"count": b"1"})

    deadlines = {await records.create(token, write, 60_000, 3_600_000) for _ in range(3)}
    await stage.calm.store.save(token, SessionPatch(sets={"count": 2}))

    assert len(deadlines) == 1
    assert await records.create(token, write, 60_000, 3_600_000) == 0
    assert stage.traces.values(token.handle) == {"count": b"2"}
    assert stage.traces.handles() == {token.handle}


async def test_an_end_that_arrives_twice_ends_nothing_else(stage: Stage) -> None:
    records = stage.calm.store._keeper.records
    token, other = [await stage.calm.store.create(BEFORE) for _ in range(2)]

    assert await records.destroy(proof(token)) is Status.DONE
    assert await records.destroy(proof(token)) is Status.GONE

    assert stage.traces.handles() == {other.handle}
