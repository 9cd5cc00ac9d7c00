# Generated from ../_async/test_session_secrets.py by .ci/unasync.py; do not edit.
"""A token's secret and users' values show in no error, no traceback, no log, no event and no repr (I12)."""

from __future__ import annotations

import json
import logging
import pickle
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
import redis

from modkit_redis.contract import (
    ModkitRedisError,
    SavedSession,
    SessionEvent,
    SessionInfo,
    SessionPatch,
    SessionToken,
    StoredSession,
)
from modkit_redis.session import SessionSettings, _core, tokens
from modkit_redis.session.binding import binding
from modkit_redis.session.index.scripts import LIST_IN
from modkit_redis.session.records.scripts import CREATE, DESTROY, SAVE, TOUCH
from modkit_redis.session.records.write import Saved, Write
from modkit_redis.session.tokens import handle_in, presented
from modkit_redis.session.values import Changes, Values
from tests.certificates import Certificates
from tests.faults.fault import Fault
from tests.faults.proxy import Proxy
from tests.faults.reasons import FAULTS
from tests.leaks import leaks
from tests.session_faults import QUICK, called
from tests.session_stores import Sessions, SessionStores, load_scripts

SECRET: Final = "s3cret".ljust(43, "x")
TOKEN: Final = SessionToken(f"{'h' * 22}.{SECRET}")
VALUE: Final = "s3cret-value"
PATCH: Final = SessionPatch(sets={"a": VALUE}, deletes=["b"], takes=["c"])
ENCRYPTION_KEY: Final = "s3cret" + "A" * 37 + "="


@pytest.fixture(autouse=True)
def logs(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


@pytest.fixture(autouse=True)
def known_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each token that is made have a secret that can be looked for; handles stay random."""
    random_text = tokens._random_text
    numbers = iter(range(10_000))

    def text(length: int) -> str:
        return random_text(length) if length == 16 else f"s3cret{next(numbers):037}"

    monkeypatch.setattr(tokens, "_random_text", text)


@pytest.fixture
def stores() -> Iterator[SessionStores]:
    stores = SessionStores()
    yield stores
    stores.close()


def shown(
    sessions: Sessions, errors: list[BaseException], logs: pytest.LogCaptureFixture, *others: object
) -> list[str]:
    """Return where a secret shows."""
    store = sessions.store
    told = [event.error for event in sessions.heard if event.error is not None]
    found = [leak for error in (*errors, *told) for leak in leaks("s3cret", error, logs.records)]
    objects = [store, store._keeper, store._keeper.coder, store._keeper.records, store._settings]
    seen = [repr(each) for each in (*objects, store._keeper.coder._sealer, sessions.heard, *others)]
    seen += [repr(vars(store)), repr(vars(store._keeper)), repr(vars(store._keeper.coder))]
    seen += [text for each in logs.records for text in (each.getMessage(), repr(vars(each)))]
    return found + [text[:300] for text in seen if "s3cret" in text]


def fill(session: Any) -> None:
    session["a"] = VALUE
    session["list"] = [VALUE]


def save(store: Any, token: SessionToken) -> None:
    with store.open(token) as session:
        fill(session)


def begin(store: Any, _: SessionToken) -> None:
    with store.open() as session:
        fill(session)


def rotate(store: Any, token: SessionToken) -> None:
    with store.open(token) as session:
        fill(session)
        session.rotate()


def sign_in(store: Any, token: SessionToken) -> None:
    with store.open(token) as session:
        fill(session)
        session.bind("ann", address="::1", agent="curl")


def end(store: Any, token: SessionToken) -> None:
    with store.open(token) as session:
        session.destroy()


def take(store: Any, token: SessionToken) -> None:
    with store.open(token) as session:
        fill(session)
        assert session.take("taken", "none") in (VALUE, "none")


def transact(store: Any, token: SessionToken) -> None:
    with store.open(token) as session:
        session.transact(lambda values: values.update(a=VALUE, list=[VALUE]))


def transact_in_vain(store: Any, token: SessionToken) -> None:
    with store.open(token) as session:
        session.transact(put_and_return)


def put_and_return(values: Any) -> str:
    values["a"] = VALUE
    return VALUE


CALLS: Final[dict[str, Callable[[Any, SessionToken], Any]]] = {
    "create": lambda store, _: store.create({"a": VALUE, "list": [VALUE]}),
    "load": lambda store, token: store.load(token),
    "store save": lambda store, token: store.save(token, PATCH),
    "store rotate": lambda store, token: store.save(token, PATCH, rotate=True, grace=60),
    "store bind": lambda store, token: store.bind(token, "ann", address="::1", agent="curl"),
    "peek": lambda store, token: store.peek(token.handle),
    "sessions_of": lambda store, token: store.sessions_of("ann"),
    "begin": begin,
    "take": take,
    "transact": transact,
    "transact and return": transact_in_vain,
    "save": save,
    "rotate": rotate,
    "bind": sign_in,
    "end": end,
    "destroy": lambda store, token: store.destroy(token),
    "revoke": lambda store, token: store.revoke(token.handle),
    "revoke_all": lambda store, token: store.revoke_all("ann", keep=token.handle),
    "drain": lambda store, token: store.drain("ann", keep=token.handle),
}


@pytest.mark.parametrize("outage", ["fail", "anonymous"])
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(
            fault,
            id=str(fault),
            marks=() if fault.reason in ("oom", "noperm", "refused", "reset") else pytest.mark.slow,
        )
        for fault in FAULTS
        if fault.name != "a deaf peer"
    ],
)
def test_a_fault_shows_no_secret(
    fault: Fault,
    certificates: Certificates,
    stores: SessionStores,
    logs: pytest.LogCaptureFixture,
    outage: str,
) -> None:
    with fault.happening(certificates) as settings:
        sessions = stores.open(str(settings.pop("addr")), "", settings, on_outage=outage, per_user_max=2)
        errors: list[BaseException] = []
        for call in CALLS.values():
            try:
                call(sessions.store, TOKEN)
            except ModkitRedisError as error:
                errors.append(error)

        assert errors
        assert shown(sessions, errors, logs) == []


STEPS: Final = (
    ("create", CREATE.sha.encode()),
    ("begin", CREATE.sha.encode()),
    *((name, called("TIME")) for name in ("load", "save", "transact", "store bind")),
    *((name, called("HGETALL")) for name in ("load", "save", "transact", "store bind")),
    *((name, TOUCH.sha.encode()) for name in ("load", "save", "transact")),
    *(
        (name, SAVE.sha.encode())
        for name in (
            *("store save", "store rotate", "store bind", "save", "rotate", "bind"),
            *("take", "transact", "transact and return"),
        )
    ),
    *((name, LIST_IN.sha.encode()) for name in ("store bind", "bind")),
    *((name, DESTROY.sha.encode()) for name in ("end", "destroy")),
    ("peek", called("HMGET")),
    ("revoke", called("UNLINK")),
)


@pytest.mark.parametrize(("name", "command"), STEPS)
def test_trouble_at_each_step_shows_no_secret(
    proxy: Proxy,
    admin: redis.Redis,
    prefix: str,
    stores: SessionStores,
    logs: pytest.LogCaptureFixture,
    name: str,
    command: bytes,
) -> None:
    load_scripts(admin)
    sessions = stores.open(proxy.addr, prefix, QUICK, per_user_max=2, touch_interval="1ms")
    token = sessions.store.create({"a": VALUE, "taken": VALUE})
    if command == TOUCH.sha.encode():
        admin.persist(f"{prefix}:session:{token.handle}")
        admin.hset(f"{prefix}:session:{token.handle}", "l", 1)  # so that a touch decides whether it lives
    proxy.reset_reply(command)

    with pytest.raises(ModkitRedisError) as caught:
        CALLS[name](sessions.store, token)

    assert shown(sessions, [caught.value], logs) == []


def test_a_conflict_and_a_loss_show_no_secret(
    addr: str, prefix: str, stores: SessionStores, logs: pytest.LogCaptureFixture
) -> None:
    sessions = stores.open(addr, prefix)
    token = sessions.store.create({"a": VALUE})
    calls: list[Callable[[], Any]] = [
        lambda: sessions.store.save(token, PATCH, expect=7),
        lambda: sessions.store.save(TOKEN, PATCH),
        lambda: sessions.store.save(SessionToken(f"{token.handle}.{SECRET}"), PATCH),
    ]
    for call in calls:
        with pytest.raises(ModkitRedisError) as caught:
            call()

        assert shown(sessions, [caught.value], logs, pickle.loads(pickle.dumps(caught.value))) == []


class Unstorable:
    def __repr__(self) -> str:
        return VALUE


REFUSED: Final[dict[str, Any]] = {
    "a set": {VALUE},
    "an object": Unstorable(),
    "inside a list": [VALUE, {VALUE}],
    "beside others": {"a": VALUE, "b": Unstorable()},
    "keys that are no text": {VALUE: 1, 2: VALUE},
    "surrogates": f"{VALUE}\ud800",
    "surrogates in a list": [f"{VALUE}\ud800"],
    "too long": VALUE * 100,
    "too long in a list": [VALUE] * 100,
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_refused_value_is_not_shown(
    addr: str, prefix: str, stores: SessionStores, logs: pytest.LogCaptureFixture, kind: str
) -> None:
    sessions = stores.open(addr, prefix, max_value_bytes=64)
    token = sessions.store.create({})
    patch = SessionPatch(sets={"a": REFUSED[kind]})
    session = sessions.store.open(token).__enter__()
    session["a"] = REFUSED[kind]
    calls: list[Callable[[], Any]] = [
        lambda: session.save(),
        lambda: session.transact(lambda values: values.update(a=REFUSED[kind])),
        lambda: sessions.store.create({"a": REFUSED[kind]}),
        lambda: sessions.store.save(token, patch),
    ]
    for call in calls:
        with pytest.raises(ModkitRedisError) as caught:
            call()

        assert shown(sessions, [caught.value], logs, patch, session) == []


def test_the_end_of_a_block_shows_no_refused_value(
    addr: str, prefix: str, stores: SessionStores, logs: pytest.LogCaptureFixture
) -> None:
    sessions = stores.open(addr, prefix)
    opening = sessions.store.open()
    session = opening.__enter__()
    session["a"] = {VALUE}

    with pytest.raises(ModkitRedisError) as caught:
        opening.__exit__(None, None, None)

    assert shown(sessions, [caught.value], logs) == []


def test_too_much_at_once_is_not_shown(
    addr: str, prefix: str, stores: SessionStores, logs: pytest.LogCaptureFixture
) -> None:
    sessions = stores.open(addr, prefix, max_keys=2, max_bytes=100, max_value_bytes=64)
    many = {f"a{number}": VALUE for number in range(3)}
    long = {f"a{number}": VALUE * 4 for number in range(2)}
    session = sessions.store.open().__enter__()
    for data in (many, long):
        session.update(data)
        for call in (lambda: sessions.store.create(data), session.save):  # noqa: B023  # it is called at once
            with pytest.raises(ModkitRedisError) as caught:
                call()

            assert shown(sessions, [caught.value], logs) == []


@pytest.mark.parametrize("key", ["", "k" * 65, "k\ud800", 5, None, b"key"])
def test_a_value_under_a_key_that_is_refused_is_not_shown(
    addr: str, prefix: str, stores: SessionStores, logs: pytest.LogCaptureFixture, key: Any
) -> None:
    sessions = stores.open(addr, prefix)
    session = sessions.store.open().__enter__()

    def assign() -> None:
        session[key] = VALUE

    def update() -> None:
        session.update({key: VALUE})

    def setdefault() -> None:
        session.setdefault(key, VALUE)

    for act in (assign, update, setdefault):
        with pytest.raises(ModkitRedisError) as caught:
            act()
        assert _in_library("s3cret", caught.value) == []
    with pytest.raises(ModkitRedisError) as inside:
        (begun(sessions)).transact(lambda values: values.update({key: VALUE}))
    assert _in_library("s3cret", inside.value) == []
    with pytest.raises(ModkitRedisError) as refused:
        sessions.store.create({key: VALUE})
    assert shown(sessions, [refused.value], logs) == []


def begun(sessions: Sessions) -> Any:
    return sessions.store.open(sessions.store.create({})).__enter__()


def test_a_value_for_a_degraded_session_is_not_shown(
    closed_port: str, stores: SessionStores, logs: pytest.LogCaptureFixture
) -> None:
    sessions = stores.open(closed_port, "", on_outage="anonymous")
    session = sessions.store.open(TOKEN).__enter__()

    with pytest.raises(ModkitRedisError) as caught:
        session["a"] = VALUE

    assert shown(sessions, [caught.value], logs, session) == []


def _in_library(secret: str, error: BaseException) -> list[str]:
    """Leave out the frames of ``MutableMapping``, which are not this library's."""
    return [leak for leak in leaks(secret, error) if "modkit_redis" in leak.split(": ")[0]]


NO_TOKENS: Final[dict[str, Any]] = {
    "bytes": TOKEN.encode(),
    "a list": [str(TOKEN)],
    "a cookie": {"session": str(TOKEN)},
}


@pytest.mark.parametrize("kind", NO_TOKENS)
def test_what_is_no_token_is_not_shown(
    addr: str, prefix: str, stores: SessionStores, logs: pytest.LogCaptureFixture, kind: str
) -> None:
    sessions, token = stores.open(addr, prefix, per_user_max=2), NO_TOKENS[kind]

    def opened() -> None:
        sessions.store.open(token).__enter__()

    calls: list[Callable[[], Any]] = [
        opened,
        lambda: sessions.store.load(token),
        lambda: sessions.store.save(token, PATCH),
        lambda: sessions.store.save(token, PATCH, grace=5),
        lambda: sessions.store.destroy(token),
        lambda: sessions.store.bind(token, "ann"),
    ]
    for call in calls:
        with pytest.raises(ModkitRedisError) as caught:
            call()

        assert shown(sessions, [caught.value], logs) == []


def test_a_token_that_is_nearly_one_is_not_shown(
    addr: str, prefix: str, stores: SessionStores, logs: pytest.LogCaptureFixture
) -> None:
    sessions = stores.open(addr, prefix, per_user_max=2)
    for token in (f"{TOKEN}\n", TOKEN[:-1], f" {TOKEN}", f"Bearer {TOKEN}"):
        for call in (
            lambda: sessions.store.save(token, PATCH),  # noqa: B023  # it is called at once
            lambda: sessions.store.bind(token, "ann"),  # noqa: B023  # likewise
        ):
            with pytest.raises(ModkitRedisError) as caught:
                call()

            assert shown(sessions, [caught.value], logs) == []


def test_a_whole_token_in_the_place_of_a_handle_is_not_shown(
    addr: str, prefix: str, stores: SessionStores, logs: pytest.LogCaptureFixture
) -> None:
    sessions = stores.open(addr, prefix, per_user_max=2)
    for given in (TOKEN, str(TOKEN), TOKEN.encode()):
        wrong: Any = given
        calls: list[Callable[[Any], Any]] = [
            lambda handle: sessions.store.peek(handle),
            lambda handle: sessions.store.revoke(handle),
            lambda handle: sessions.store.revoke_all("ann", keep=handle),
            lambda handle: sessions.store.drain("ann", keep=handle),
        ]
        for call in calls:
            with pytest.raises(ModkitRedisError) as caught:
                call(wrong)

            assert shown(sessions, [caught.value], logs) == []


def test_arguments_that_are_refused_beside_a_token_and_values_show_neither(
    addr: str, prefix: str, stores: SessionStores, logs: pytest.LogCaptureFixture
) -> None:
    sessions = stores.open(addr, prefix, per_user_max=2)
    wrong: Any = VALUE
    session = sessions.store.open(sessions.store.create({"a": VALUE})).__enter__()
    fill(session)
    calls: list[Callable[[], Any]] = [
        lambda: sessions.store.save(TOKEN, PATCH, expect=True),
        lambda: sessions.store.save(TOKEN, PATCH, grace=5),
        lambda: sessions.store.save(TOKEN, PATCH, rotate=True, grace=-1),
        lambda: sessions.store.save(TOKEN, SessionPatch(sets={"a": VALUE}, deletes=["a"])),
        lambda: sessions.store.save(TOKEN, SessionPatch(sets={"a": VALUE}, deletes="b")),
        lambda: sessions.store.bind(TOKEN, ""),
        lambda: sessions.store.create(wrong),
        lambda: session.transact(put_and_return, attempts=0),
        lambda: session.take(""),
    ]
    for call in calls:
        with pytest.raises(ModkitRedisError) as caught:
            call()

        assert shown(sessions, [caught.value], logs) == []


def test_values_that_cannot_be_read_are_not_shown(
    addr: str, prefix: str, stores: SessionStores, admin: redis.Redis, logs: pytest.LogCaptureFixture
) -> None:
    sessions = stores.open(addr, prefix)
    token = sessions.store.create({"kept": VALUE})
    for number, stored in enumerate(
        (VALUE, f'"{VALUE}', f'{{"$z":"{VALUE}"}}', f"\x01{VALUE}", '{"$d":"s3cret"}')
    ):
        admin.hset(f"{prefix}:session:{token.handle}", f".{number}", stored)

    with sessions.store.open(token) as session:
        assert dict(session) == {"kept": VALUE}
    stored_session = sessions.store.load(token)

    assert len(sessions.heard.of("undecodable")) == 10
    assert len(logs.records) >= 10
    assert shown(sessions, [], logs, session, stored_session) == []


def test_a_hook_that_raises_shows_in_no_log(
    addr: str, prefix: str, stores: SessionStores, logs: pytest.LogCaptureFixture
) -> None:
    sessions = stores.open(addr, prefix)

    def hook(_: SessionEvent) -> None:
        raise LookupError(VALUE)

    sessions.store._keeper.tell._hook = hook
    token = sessions.store.create({"a": VALUE})
    stored = sessions.store.load(token)

    assert stored is not None
    assert stored.data == {"a": VALUE}
    assert any("LookupError" in each.getMessage() for each in logs.records)
    assert shown(sessions, [], logs) == []


def test_nothing_that_holds_a_secret_shows_it(
    addr: str, prefix: str, stores: SessionStores, logs: pytest.LogCaptureFixture
) -> None:
    keys = f"a:{ENCRYPTION_KEY}"
    settings = SessionSettings.from_mapping({"idle_ttl": "1m", "absolute_ttl": "1h", "encryption_keys": keys})
    sessions = stores.open(addr, prefix, per_user_max=2, encryption_keys=keys)
    token = sessions.store.bind(
        sessions.store.create({"a": VALUE}), "s3cret-user", address="s3cret-ip", agent="s3cret-agent"
    )
    stored = sessions.store.load(token)
    saved = sessions.store.save(token, SessionPatch(sets={"b": VALUE}, takes=["a"]))
    assert stored is not None
    assert saved.taken == {"a": VALUE}
    record = sessions.store._keeper.records.find(token.handle)
    found = sessions.store._keeper.find(presented(token).required()[0])
    opening = sessions.store.open(token)
    session = opening.__enter__()
    fill(session)
    write = Write(sets={"a": VALUE.encode()}, token=token, about={"u": b"s3cret-user"})
    changes = Changes({"a": VALUE.encode()}, [])
    values = Values(sessions.store._keeper.coder, token.handle, {"a": VALUE.encode()})
    attempt = session._to_save(presented(token).required()[0], changes)
    event = SessionEvent("degraded", token.handle, None, LookupError(VALUE))
    saved_there = Saved(_core.Status.DONE, 1, [VALUE.encode()])
    began = stored.info.created
    info = SessionInfo(token.handle, began, began, began, "s3cret-user", "s3cret-ip", "s3cret-agent")
    parts: list[object] = [
        *(settings, settings.encryption_keys, token, [token], stored, saved, record, found, opening, session),
        *(write, changes, values, attempt, event, saved_there, info, presented(token), handle_in(token)),
        *(binding("s3cret-user", "s3cret-ip", "s3cret-agent"), SessionPatch(sets={"a": VALUE})),
        *(StoredSession(info, 1, {"a": VALUE}), SavedSession(token, 1, {"a": VALUE})),
    ]

    assert [part for part in parts if "s3cret" in repr(part)] == []
    assert [part for part in parts if not isinstance(part, str) and "s3cret" in str(part)] == []
    assert shown(sessions, [], logs, *parts) == []


def test_the_secret_of_no_token_is_anywhere_in_redis(
    addr: str, prefix: str, stores: SessionStores, admin: redis.Redis
) -> None:
    sessions = stores.open(addr, prefix, per_user_max=2)
    tokens = [sessions.store.create({"a": "b"})]
    tokens.append((sessions.store.save(tokens[-1], SessionPatch(), rotate=True, grace=60)).token)
    tokens.append(sessions.store.bind(tokens[-1], "ann", agent="curl"))
    with sessions.store.open(tokens[-1]) as session:
        session["c"] = 1
        session.rotate(grace=60)
    assert session.token is not None
    tokens.append(session.token)

    everything = b"".join(
        part
        for key in admin.scan_iter(f"{prefix}*")
        for part in (key, repr(held_by(admin, key)).encode(), admin.dump(key) or b"")
    )
    secrets = [token.partition(".")[2] for token in tokens]

    assert b"curl" in everything
    assert tokens[-1].handle.encode() in everything
    assert len(set(secrets)) == 4
    for secret in secrets:
        raw = urlsafe_b64decode(f"{secret}=")
        for form in (secret.encode(), raw, raw.hex().encode(), repr(raw)[2:-1].encode()):
            assert form not in everything


def held_by(admin: redis.Redis, key: bytes) -> Any:
    """Return all that a key holds."""
    held: dict[bytes, Callable[[], Any]] = {
        b"hash": lambda: admin.hgetall(key),
        b"zset": lambda: admin.zrange(key, 0, -1, withscores=True),
    }
    kind: Any = admin.type(key)
    return held[kind]()


def test_a_token_holds_nothing_of_its_user(addr: str, prefix: str, stores: SessionStores) -> None:
    sessions = stores.open(addr, prefix, per_user_max=2)

    token = sessions.store.bind(sessions.store.create({"a": 12345}), "ann")

    assert len(token) == 66
    assert "ann" not in urlsafe_b64decode(f"{token.handle}==").decode("latin-1")
    with pytest.raises(ValueError, match=r"."):
        json.loads(urlsafe_b64decode(f"{token.handle}=="))
