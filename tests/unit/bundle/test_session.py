"""Sessions as a part of the bundle: their token, settings, events, overriding and end."""

from __future__ import annotations

import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from dependency_injector import containers

from modkit_redis import BundleSettings, RedisSettings, SessionSettings, mount, wire_strict
from modkit_redis.contract import (
    TOKEN_SESSION_STORE,
    ArgumentError,
    ConfigError,
    NotExportedError,
    SessionEvent,
    SessionToken,
    StoreUnavailableError,
    named_tokens,
)
from modkit_redis.session import sealing
from tests.capability import SYNC, World, application, exactly, in_both_worlds, settled
from tests.stand_ins import AsyncDictSessions, DictSessions
from tests.support import connections_named, feature

FEATURE = """
@inject
def f(store=Provide[token], other=Provide[other]): return store, other
"""
ONE = "@inject\ndef f(store=Provide[token]): return store"


@pytest.fixture
def sessions(environment: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Settings of two instances that have sessions as well."""
    for name, idle in {"": "100s", "ANALYTICS_": "50s"}.items():
        environment.setenv(f"REDIS_{name}SESSION_IDLE_TTL", idle)
        environment.setenv(f"REDIS_{name}SESSION_ABSOLUTE_TTL", "1h")
    return environment


@asynccontextmanager
async def opened(store: Any, token: str | None = None) -> AsyncIterator[Any]:
    """Open a session as its world does."""
    opening = store.open(token)
    if isinstance(opening, AbstractAsyncContextManager):
        async with opening as session:
            yield session
    else:
        with opening as session:
            yield session


async def begin(store: Any) -> SessionToken:
    """Begin a session and return its token."""
    async with opened(store) as session:
        session["user"] = "ada"
    token = session.token
    assert isinstance(token, SessionToken)
    return token


async def idle(admin: redis.Redis, prefix: str, store: Any) -> int:
    """Return for how many seconds, to the nearest ten, a session of *store* may be idle."""
    token = await begin(store)
    left = admin.pttl(f"{prefix}:session:{token.handle}")
    assert isinstance(left, int)
    return int(round(left / 1000, -1))


@in_both_worlds
async def test_its_token_gives_the_store_of_each_instance(
    world: World, sessions: pytest.MonkeyPatch, admin: redis.Redis, prefix: str
) -> None:
    app = application(world.bundle.named("analytics"))
    module = feature(FEATURE, token=TOKEN_SESSION_STORE, other=named_tokens("analytics").session_store)
    wire_strict(app, modules=[module])

    store, other = module.f()

    assert store is app.redis.session.store() is not other
    assert other is app.redis.analytics.session.store()
    assert await idle(admin, prefix, store) == 100
    assert await idle(admin, f"{prefix}-analytics", other) == 50
    app.unwire()
    await settled(app.shutdown_resources())


TTLS: Mapping[str, str] = {"idle_ttl": "100s", "absolute_ttl": "1h"}
SHORT: Mapping[str, str] = {"idle_ttl": "50s", "absolute_ttl": "1h"}
CONFIGS: Mapping[str, Callable[[str, str], Any]] = {
    "mapping": lambda addr, prefix: {
        "addr": addr,
        "key_prefix": prefix,
        "session": TTLS,
        "named": {"analytics": {"addr": addr, "key_prefix": f"{prefix}-analytics", "session": SHORT}},
    },
    "objects": lambda addr, prefix: BundleSettings(
        RedisSettings(addr=addr, key_prefix=prefix),
        session=SessionSettings(idle_ttl=timedelta(seconds=100), absolute_ttl=timedelta(hours=1)),
        named={
            "analytics": BundleSettings(
                RedisSettings(addr=addr, key_prefix=f"{prefix}-analytics"),
                session=SessionSettings.from_mapping(SHORT),
            )
        },
    ),
    "mapping of objects": lambda addr, prefix: {
        "addr": addr,
        "key_prefix": prefix,
        "session": SessionSettings.from_mapping(TTLS),
        "named": {
            "analytics": BundleSettings(
                RedisSettings(addr=addr, key_prefix=f"{prefix}-analytics"),
                session=SessionSettings.from_mapping(SHORT),
            )
        },
    },
}


@pytest.mark.parametrize("config", CONFIGS)
@in_both_worlds
async def test_its_settings_are_a_section(
    world: World,
    config: str,
    addr: str,
    prefix: str,
    admin: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REDIS_SESSION_IDLE_TTL", "1s")  # not read: a configuration is given
    app = application(world.bundle.named("analytics"), config=CONFIGS[config](addr, prefix))

    store, other = app.redis.session.store(), app.redis.analytics.session.store()

    assert await idle(admin, prefix, store) == 100
    assert await idle(admin, f"{prefix}-analytics", other) == 50
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_its_settings_may_be_in_an_env_file(
    world: World, addr: str, prefix: str, admin: redis.Redis, tmp_path: Path
) -> None:
    file = tmp_path / "settings.env"
    file.write_text(
        f"REDIS_ADDR={addr}\nREDIS_KEY_PREFIX={prefix}\n"
        "REDIS_SESSION_IDLE_TTL=70s\nREDIS_SESSION_ABSOLUTE_TTL=1h\n"
    )
    app = application(world.bundle, env_file=file)

    assert await idle(admin, prefix, app.redis.session.store()) == 70
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_who_uses_other_parts_needs_none_of_its_settings(
    world: World, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("REDIS_CACHE_DEFAULT_TTL", "1m")
    app = application(world.bundle)

    app.check_dependencies()
    await settled(app.init_resources())

    assert await settled(app.redis.client().ping())
    assert app.redis.cache.store()
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_without_settings_its_first_use_is_an_error_and_can_be_tried_again(
    world: World, environment: pytest.MonkeyPatch, admin: redis.Redis, prefix: str
) -> None:
    environment.setenv("REDIS_SESSION_ABSOLUTE_TTL", "1h")
    app = application(world.bundle)
    about = "how long a session lives without being used, for example '30m'; older sessions keep theirs"
    with pytest.raises(ConfigError, match=exactly(f"REDIS_SESSION_IDLE_TTL is missing: {about}")):
        app.redis.session.store()

    environment.setenv("REDIS_SESSION_IDLE_TTL", "70s")

    assert await idle(admin, prefix, app.redis.session.store()) == 70
    await settled(app.shutdown_resources())


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"addr": "h:1"}, "redis.session is missing or empty"),
        ({"addr": "h:1", "session": None}, "redis.session is missing or empty"),
        (BundleSettings(RedisSettings(addr="h:1")), "redis.session is missing or empty"),
        (RedisSettings(addr="h:1"), "redis.session is missing or empty"),
        ({"addr": "h:1", "session": "5m"}, "redis.session must be a mapping or a SessionSettings, not str"),
        (
            {"addr": "h:1", "session": {**TTLS, "idle_ttl": 300}},
            "redis.session.idle_ttl must be text with a unit",
        ),
        (
            {"addr": "h:1", "session": {**TTLS, "idle_tll": "5m"}},
            "redis.session.idle_tll is no setting: did you mean redis.session.idle_ttl?",
        ),
        (
            {"addr": "h:1", "session": {**TTLS, "idle_ttl": "2h"}},
            "redis.session.idle_ttl must not be more than redis.session.absolute_ttl",
        ),
    ],
)
@in_both_worlds
def test_what_is_wrong_with_its_section_is_told_when_it_is_used_and_not_before(
    world: World, config: Any, problem: str, sessions: pytest.MonkeyPatch
) -> None:
    app = application(world.bundle, config=config)
    app.redis.client()

    with pytest.raises(ConfigError) as caught:
        app.redis.session.store()

    assert str(caught.value).startswith(problem)


@in_both_worlds
def test_a_section_of_a_named_instance_is_called_by_its_name(world: World) -> None:
    config = {"addr": "h:1", "named": {"analytics": {"addr": "h:1", "session": {"max_keys": 0}}}}
    redis = application(world.bundle.named("analytics"), config=config).redis

    with pytest.raises(ConfigError) as caught:
        redis.analytics.session.store()

    assert [each.setting for each in caught.value.problems] == [
        f"redis.analytics.session.{each}" for each in ("idle_ttl", "absolute_ttl", "max_keys")
    ]


@in_both_worlds
async def test_the_session_events_of_a_bundle_are_those_of_its_sessions(
    world: World, sessions: pytest.MonkeyPatch
) -> None:
    seen: list[SessionEvent] = []
    app = application(world.bundle, session_events=seen.append)

    token = await begin(app.redis.session.store())

    assert [(each.kind, each.handle) for each in seen] == [("created", token.handle)]
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_events_of_the_cache_and_of_sessions_go_to_hooks_of_their_own(
    world: World, sessions: pytest.MonkeyPatch
) -> None:
    sessions.setenv("REDIS_CACHE_DEFAULT_TTL", "1m")
    of_cache: list[Any] = []
    of_sessions: list[Any] = []
    app = application(world.bundle, cache_events=of_cache.append, session_events=of_sessions.append)

    await settled(app.redis.cache.store().get("a"))
    async with opened(app.redis.session.store(), "made up"):
        pass

    assert [each.kind for each in of_cache] == ["miss"]
    assert [each.kind for each in of_sessions] == ["rejected"]
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_events_that_nobody_could_be_told_of_are_refused(
    world: World, sessions: pytest.MonkeyPatch
) -> None:
    async def awaited(event: SessionEvent) -> None:
        raise AssertionError("nobody awaits it")

    for events in (5, "print", awaited):
        app = application(world.bundle, session_events=events)
        with pytest.raises(ArgumentError, match=r"^events must be a plain function that takes a SessionEv"):
            app.redis.session.store()
        await settled(app.shutdown_resources())


@in_both_worlds
async def test_an_instance_has_events_of_its_own(world: World, sessions: pytest.MonkeyPatch) -> None:
    seen: list[SessionEvent] = []
    nested = world.bundle.instance("analytics", session_events=seen.append)
    bundle: Any = type("Mine", (world.bundle,), {"analytics": nested})
    app = application(bundle)

    await begin(app.redis.session.store())
    token = await begin(app.redis.analytics.session.store())

    assert [each.handle for each in seen] == [token.handle]
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_a_token_of_one_instance_opens_nothing_in_another(
    world: World, sessions: pytest.MonkeyPatch
) -> None:
    app = application(world.bundle.named("analytics"))
    token = await begin(app.redis.session.store())

    async with opened(app.redis.analytics.session.store(), token) as session:
        found = dict(session)

    assert (found, session.token) == ({}, None)
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_the_module_may_be_mounted_by_hand(
    world: World, environment: pytest.MonkeyPatch, admin: redis.Redis, prefix: str
) -> None:
    seen: list[SessionEvent] = []

    class Redis(containers.DeclarativeContainer):
        base: Any = mount(world.module)
        client, key_prefix = base.client, base.key_prefix
        session: Any = mount(
            world.session,
            redis=base,
            config={"idle_ttl": "70s", "absolute_ttl": "1h"},
            events=seen.append,
        )

    app = application(Redis)
    module = feature(ONE, token=TOKEN_SESSION_STORE)
    wire_strict(app, modules=[module])

    store = module.f()

    assert store is app.redis.session.store()
    assert await idle(admin, prefix, store) == 70
    assert [each.kind for each in seen] == ["created"]
    app.unwire()
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_a_module_that_is_mounted_by_hand_reads_the_environment(
    world: World, sessions: pytest.MonkeyPatch, admin: redis.Redis, prefix: str
) -> None:
    class Redis(containers.DeclarativeContainer):
        base: Any = mount(world.module, name="analytics")
        session: Any = mount(world.session, redis=base, name="analytics")

    app = application(Redis)

    assert await idle(admin, f"{prefix}-analytics", app.redis.session.store()) == 50
    await settled(app.shutdown_resources())


@in_both_worlds
def test_it_shows_its_store_and_nothing_else(world: World, sessions: pytest.MonkeyPatch) -> None:
    session = application(world.bundle).redis.session

    for door in (session, session(), session.container):
        assert set(door.providers) == {"store"}
        for hidden in ("redis", "_redis", "_settings", "settings", "client", "events"):
            with pytest.raises(NotExportedError, match=" exports: store; inputs: redis, config, name, "):
                getattr(door, hidden)


@in_both_worlds
def test_a_bundle_may_keep_it_to_itself(world: World) -> None:
    bundle: Any = type("Mine", (world.bundle,), {"exports": ("client", "key_prefix", "cache")})

    redis = application(bundle).redis

    assert set(redis.providers) == {"client", "key_prefix", "cache"}
    assert not hasattr(redis, "session")


@in_both_worlds
async def test_there_is_one_store_for_each_client_and_prefix(
    world: World, sessions: pytest.MonkeyPatch, addr: str
) -> None:
    app = application(world.bundle)
    store, mine = app.redis.session.store(), world.stock_client(addr)

    with app.redis.client.override(mine):
        of_mine = {app.redis.session.store() for _ in range(3)}
        with app.redis.key_prefix.override("other"):
            of_both = app.redis.session.store()
    with app.redis.client.override(mine):
        again = app.redis.session.store()

    assert {again} == of_mine
    assert len({store, of_both, *of_mine}) == 3
    assert app.redis.session.store() is store
    await settled(app.shutdown_resources())
    assert app.redis.session.store() is not store
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_a_client_of_ones_own_and_another_prefix_are_used(
    world: World, sessions: pytest.MonkeyPatch, addr: str, prefix: str, admin: redis.Redis
) -> None:
    sessions.setenv("REDIS_ADDR", "nowhere.invalid:1")
    app, mine = application(world.bundle), world.stock_client(addr)

    with app.redis.client.override(mine), app.redis.key_prefix.override(f"{prefix}-other"):
        token = await begin(app.redis.session.store())

    assert admin.exists(f"{prefix}-other:session:{token.handle}")
    await settled(app.shutdown_resources())
    await settled(mine.aclose() if world is not SYNC else mine.close())


@in_both_worlds
async def test_a_dict_may_stand_in_for_it(world: World, sessions: pytest.MonkeyPatch) -> None:
    app, stand_in = application(world.bundle), DictSessions() if world is SYNC else AsyncDictSessions()
    module = feature(ONE, token=TOKEN_SESSION_STORE)
    wire_strict(app, modules=[module])

    with app.redis.session.store.override(stand_in):
        overridden = module.f()
        token = await begin(overridden)
        kept = (await settled(overridden.load(token))).data

    assert overridden is stand_in
    assert kept == {"user": "ada"}
    assert await settled(module.f().load(token)) is None
    app.unwire()
    await settled(app.shutdown_resources())


@pytest.mark.parametrize("kind", ["real", "stand-in"])
@in_both_worlds
async def test_an_application_cannot_tell_a_stand_in_from_the_store(
    world: World, kind: str, sessions: pytest.MonkeyPatch
) -> None:
    sessions.setenv("REDIS_SESSION_PER_USER_MAX", "5")
    app = application(world.bundle)
    stand_in = DictSessions() if world is SYNC else AsyncDictSessions()
    store: Any = app.redis.session.store() if kind == "real" else stand_in
    told: list[object] = []

    async with opened(store, None) as session:
        told += [dict(session), session.token, session.user, session.degraded]
        session["cart"] = [1]
    first = session.token
    async with opened(store, first) as session:
        session["cart"].append(2)
        session["oauth"] = "state"
        session.bind("ada", address="::1")
        told += [session.user]
    second = session.token
    told += [second == first]
    async with opened(store, first) as session:
        told += [dict(session), session.token]
    async with opened(store, second) as session:
        told += [deepcopy(dict(session)), session.user, session.info.address]
        told += [await settled(session.take("oauth")), await settled(session.take("oauth", "none"))]
        told += [await settled(session.transact(lambda values: values["cart"].pop()))]
        session.rotate()
    third = session.token
    with suppress(ZeroDivisionError):
        async with opened(store, third) as session:
            session["lost"] = 1
            raise ZeroDivisionError
    told += [dict((await settled(store.load(third))).data), await settled(store.load(second))]
    told += [[each.handle == third.handle for each in await settled(store.sessions_of("ada"))]]
    async with opened(store, third) as session:
        session.destroy()
        told += [dict(session), session.user]
        session["next"] = 1
    told += [await settled(store.load(third)), (await settled(store.load(session.token))).data]
    told += [await settled(store.revoke(session.token.handle)), await settled(store.revoke_all("ada"))]
    told += [await settled(store.peek(session.token.handle))]

    assert told == [
        *({}, None, None, False),
        *("ada", False),
        *({}, None),
        *({"cart": [1, 2], "oauth": "state"}, "ada", "::1"),
        *("state", "none"),
        2,
        *({"cart": [1]}, None),
        [True],
        *({}, None),
        *(None, {"next": 1}),
        *(True, 0),
        None,
    ]
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_after_a_shutdown_a_store_that_was_kept_says_that_its_client_is_closed(
    world: World, sessions: pytest.MonkeyPatch
) -> None:
    app = application(world.bundle)
    store = app.redis.session.store()
    token = await begin(store)
    await settled(app.shutdown_resources())

    with pytest.raises(StoreUnavailableError) as caught:
        await settled(store.load(token))

    assert caught.value.reason == "closed"
    assert (await settled(app.redis.session.store().load(token))).data == {"user": "ada"}
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_a_shutdown_leaves_no_connection(
    world: World, sessions: pytest.MonkeyPatch, admin: redis.Redis, prefix: str
) -> None:
    sessions.setenv("REDIS_CLIENT_NAME", prefix)
    app = application(world.bundle)
    await begin(app.redis.session.store())
    open_before = connections_named(admin, prefix)

    await settled(app.shutdown_resources())

    assert open_before == 1
    assert connections_named(admin, prefix) == 0


@in_both_worlds
def test_mounting_it_sends_nothing(
    world: World, sessions: pytest.MonkeyPatch, admin: redis.Redis, prefix: str
) -> None:
    sessions.setenv("REDIS_CLIENT_NAME", prefix)

    application(world.bundle).redis.session.store()

    assert connections_named(admin, prefix) == 0


@pytest.fixture
def no_cryptography(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    sealing.aesgcm.cache_clear()
    yield
    sealing.aesgcm.cache_clear()


@in_both_worlds
async def test_keys_without_the_extra_are_an_error_at_first_use_and_nothing_else_needs_it(
    world: World, sessions: pytest.MonkeyPatch, no_cryptography: None
) -> None:
    sessions.setenv("REDIS_SESSION_ENCRYPTION_KEYS", f"a:{b64encode(bytes(32)).decode()}")
    app = application(world.bundle.named("analytics"))
    await settled(app.init_resources())
    extra = "is set, and needs the extra cryptography: pip install 'modkit-redis[cryptography]'"

    with pytest.raises(ConfigError, match=exactly(f"REDIS_SESSION_ENCRYPTION_KEYS {extra}")):
        app.redis.session.store()

    assert await begin(app.redis.analytics.session.store())
    await settled(app.shutdown_resources())


@in_both_worlds
async def test_values_are_encrypted_where_the_settings_say_so(
    world: World, sessions: pytest.MonkeyPatch, admin: redis.Redis, prefix: str
) -> None:
    sessions.setenv("REDIS_SESSION_ENCRYPTION_KEYS", f"a:{b64encode(bytes(32)).decode()}")
    app = application(world.bundle)

    token = await begin(app.redis.session.store())

    held = admin.hget(f"{prefix}:session:{token.handle}", ".user")
    assert isinstance(held, bytes) and held.startswith(b"\x01\x01a") and b"ada" not in held
    assert (await settled(app.redis.session.store().load(token))).data == {"user": "ada"}
    await settled(app.shutdown_resources())


def test_the_settings_of_a_bundle_have_none_of_sessions_unless_they_are_given() -> None:
    redis_settings = RedisSettings(addr="h:1")

    assert BundleSettings(redis_settings).session is None
    assert BundleSettings(redis_settings, None, SessionSettings.from_mapping(TTLS)).session is not None
