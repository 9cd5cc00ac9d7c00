"""Every error says what is wrong, keeps what it was told, and survives a trip to another process."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable

import pytest

from modkit_redis.contract import (
    ArgumentError,
    BuildError,
    CloseError,
    CommandRefusedError,
    ConfigError,
    DeclarationError,
    InvalidNameError,
    ModkitRedisError,
    NotExportedError,
    SessionConflictError,
    SessionLostError,
    StoreUnavailableError,
    Unresolved,
    UnresolvedTokenError,
    errors,
)


def caused(error: ModkitRedisError, cause: Exception) -> ModkitRedisError:
    """Return *error* as ``raise … from`` leaves it."""
    error.__cause__ = cause
    return error


DB = ConfigError("REDIS_DB", "must be a whole number")
PORT = ConfigError("REDIS_ADDR", "must have a port")
INJECTION = Unresolved("shop.pay", "store", "redis.cache.stor", "nothing called 'stor'", ("redis.cache",))
WANTED = "shop.pay(store) wants 'redis.cache.stor': nothing called 'stor'; did you mean 'redis.cache'?"

TEXTS: dict[str, tuple[ModkitRedisError, str]] = {
    "one setting": (DB, "REDIS_DB must be a whole number"),
    "two settings": (
        ConfigError.of([PORT, DB]),
        "2 settings are wrong:\n  REDIS_ADDR must have a port\n  REDIS_DB must be a whole number",
    ),
    "argument": (ArgumentError("ttl", "must be positive"), "ttl must be positive"),
    "name": (InvalidNameError("Tls", "is reserved"), "instance name 'Tls' is reserved"),
    "declaration": (
        DeclarationError("Shop.client", "would never be closed"),
        "Shop.client would never be closed",
    ),
    "build": (BuildError("redis.client", "ping"), "redis.client: ping failed"),
    "build with a cause": (
        caused(BuildError("redis.client", "ping"), StoreUnavailableError("PING", "refused")),
        "redis.client: ping failed: PING: Redis is unavailable (refused)",
    ),
    "close": (
        CloseError("not closed: redis.client", [OSError(5, "boom")]),
        "not closed: redis.client (1 sub-exception)",
    ),
    "hidden": (
        NotExportedError("RedisModule", "_settings", "exports: client"),
        "RedisModule has no '_settings'; exports: client",
    ),
    "unresolved": (
        UnresolvedTokenError("App", (INJECTION, INJECTION)),
        f"App cannot resolve\n  {WANTED}\n  {WANTED}",
    ),
    "unavailable": (StoreUnavailableError("SET", "closed"), "SET: Redis is unavailable (closed)"),
    "refused": (CommandRefusedError("SET", "oom"), "SET: refused by Redis (oom)"),
    "lost": (
        SessionLostError("a-handle", "gone"),
        "session a-handle: nothing was saved, it has ended (gone)",
    ),
    "lost by a new token": (
        SessionLostError("a-handle", "retired"),
        "session a-handle: nothing was saved, its token was replaced (retired)",
    ),
    "conflict": (
        SessionConflictError("a-handle"),
        "session a-handle: nothing was saved, another request changed it first",
    ),
}
each_error = pytest.mark.parametrize("error", [error for error, _ in TEXTS.values()], ids=list(TEXTS))


@pytest.mark.parametrize(("error", "text"), TEXTS.values(), ids=list(TEXTS))
def test_the_text_says_what_is_wrong(error: ModkitRedisError, text: str) -> None:
    assert str(error) == text


def test_the_table_above_has_every_error_of_the_contract() -> None:
    public = {each for name, each in inspect.getmembers(errors, inspect.isclass) if name[0] != "_"}
    raised = {each for each in public if issubclass(each, ModkitRedisError)} - {ModkitRedisError}

    assert {type(error) for error, _ in TEXTS.values()} == raised


@each_error
@pytest.mark.parametrize(
    "take_along",
    [
        *(lambda error, protocol=each: pickle.loads(pickle.dumps(error, protocol)) for each in (0, 2, 5)),
        copy.copy,
        copy.deepcopy,
    ],
    ids=["pickle 0", "pickle 2", "pickle 5", "copy", "deepcopy"],
)
def test_an_error_survives_pickling_and_copying(
    error: ModkitRedisError, take_along: Callable[[ModkitRedisError], ModkitRedisError]
) -> None:
    arrived = take_along(error)

    assert type(arrived) is type(error)
    assert repr(arrived) == repr(error)
    assert str(arrived) == str(error)
    assert repr(arrived.args) == repr(error.args)
    assert repr(vars(arrived)) == repr(vars(error))


@each_error
def test_an_error_keeps_each_argument_as_an_attribute(error: ModkitRedisError) -> None:
    if isinstance(error, CloseError):
        assert error.args == (error.message, list(error.exceptions))
        return

    arguments = inspect.signature(type(error)).parameters

    kept = [getattr(error, name) for name in arguments if name != "also"]
    assert list(error.args[: len(kept)]) == kept


@pytest.mark.parametrize(
    ("error", "also"),
    [
        (ConfigError, ValueError),
        (ArgumentError, ValueError),
        (InvalidNameError, ValueError),
        (DeclarationError, TypeError),
        (NotExportedError, AttributeError),
        (CloseError, ExceptionGroup),
        (BuildError, ModkitRedisError),
        (UnresolvedTokenError, ModkitRedisError),
        (StoreUnavailableError, ModkitRedisError),
        (CommandRefusedError, ModkitRedisError),
        (SessionLostError, ModkitRedisError),
        (SessionConflictError, ModkitRedisError),
    ],
)
def test_an_error_is_caught_by_its_root_and_by_what_it_also_is(
    error: type[ModkitRedisError], also: type[Exception]
) -> None:
    assert issubclass(error, ModkitRedisError)
    assert issubclass(error, also)


def test_each_problem_of_a_configuration_is_an_error_of_its_own() -> None:
    both = ConfigError.of([PORT, DB])

    assert [str(each) for each in both.problems] == [str(PORT), str(DB)]
    assert (both.setting, both.reason) == (PORT.setting, PORT.reason)


def test_a_single_problem_is_its_only_one() -> None:
    assert [str(each) for each in DB.problems] == [str(DB)]


def test_a_build_error_takes_its_cause_to_another_process() -> None:
    error = caused(BuildError("redis.client", "ping"), StoreUnavailableError("PING", "refused"))

    arrived = pickle.loads(pickle.dumps(error))

    assert isinstance(arrived.__cause__, StoreUnavailableError)
    assert arrived.__cause__.reason == "refused"


def test_a_part_of_a_close_error_is_a_close_error() -> None:
    whole = CloseError("not closed", [OSError("a"), KeyError("b")])

    part, rest = whole.split(OSError)

    assert isinstance(part, CloseError)
    assert isinstance(rest, CloseError)
    assert [type(each) for each in part.exceptions] == [OSError]


def test_a_close_error_keeps_the_notes_that_name_its_tokens_in_another_process() -> None:
    cause = OSError("boom")
    cause.add_note("redis.client")

    arrived = pickle.loads(pickle.dumps(CloseError("not closed", [cause])))

    assert arrived.exceptions[0].__notes__ == ["redis.client"]


def test_an_injection_without_a_match_suggests_nothing() -> None:
    lonely = Unresolved("shop.pay", "store", "redis.stor", "nothing called 'stor'")

    assert str(lonely) == "shop.pay(store) wants 'redis.stor': nothing called 'stor'"


def test_an_injection_with_two_matches_suggests_both() -> None:
    found = Unresolved("f", "p", "redis.x", "not a provider", ("redis.a", "redis.b"))

    assert str(found).endswith("; did you mean 'redis.a' or 'redis.b'?")
