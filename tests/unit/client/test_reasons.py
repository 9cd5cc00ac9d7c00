"""Traps 23 and 24 in the table itself: it is complete, and nothing of redis-py is unaccounted for."""

from __future__ import annotations

import inspect
import pickle
import re
import socket
import ssl
from typing import Final

import pytest
import redis
from redis import exceptions

from modkit_redis.client.errors import (
    _BY_CAUSE,
    _BY_CLASS,
    _BY_TEXT,
    REASONS,
    reason_of,
    redis_errors,
    translated,
)
from modkit_redis.client.guard import RETRIABLE
from modkit_redis.contract import CommandRefusedError, StoreUnavailableError
from tests.faults.reasons import BY_USE, FAULTS

WORDS: Final[dict[str, str | None]] = {
    "AskError": "cluster",
    "AuthenticationError": "auth",
    "AuthenticationWrongNumberOfArgsError": "auth",
    "AuthorizationError": "auth",
    "BusyLoadingError": "loading",
    "ChildDeadlockedError": "connection",
    "ClusterDownError": "cluster",
    "ConnectionError": "connection",
    "ExternalAuthProviderError": "connection",
    "InvalidResponse": "protocol",
    "MasterDownError": "masterdown",
    "MaxConnectionsError": "pool-timeout",
    "MovedError": "cluster",
    "NoPermissionError": "noperm",
    "OutOfMemoryError": "oom",
    "ReadOnlyError": "readonly",
    "TimeoutError": "timeout",
    "TryAgainError": "cluster",
    # what the caller did, or must see as it is
    "ClusterCrossSlotError": None,
    "DataError": None,
    "ExecAbortError": None,
    "LockError": None,
    "LockNotOwnedError": None,
    "ModuleError": None,
    "NoScriptError": None,
    "NoSuchFieldsetError": None,
    "PubSubError": None,
    "RedisError": None,
    "ResponseError": None,
    "WatchError": None,
    # of redis-py's cluster clients alone
    "ClusterError": None,
    "CrossSlotTransactionError": None,
    "IncorrectPolicyType": None,
    "InvalidPipelineStack": None,
    "RedisClusterException": None,
    "SlotNotCoveredError": None,
}

CAUSES: Final[list[tuple[type[BaseException], str]]] = [
    (socket.gaierror, "dns"),
    (ssl.SSLCertVerificationError, "tls"),
    (ssl.SSLError, "tls"),
    (ConnectionRefusedError, "refused"),
    (FileNotFoundError, "refused"),
    (ConnectionResetError, "reset"),
    (BrokenPipeError, "reset"),
    (OSError, "connection"),
]

BUILT: Final = {"AskError": ("3999 127.0.0.1:1",), "MovedError": ("3999 127.0.0.1:1",)}


def theirs() -> list[type[Exception]]:
    found = [kind for _, kind in inspect.getmembers(exceptions, inspect.isclass)]
    return [kind for kind in found if issubclass(kind, Exception)]


def test_trap_24_each_word_is_met_by_a_real_fault() -> None:
    assert {fault.reason for fault in FAULTS} | BY_USE == REASONS.keys()
    assert {fault.reason for fault in FAULTS} & BY_USE == set()


def test_trap_24_the_tables_know_no_other_words_and_miss_none() -> None:
    mapped = {reason for table in (_BY_CLASS, _BY_TEXT, _BY_CAUSE) for _, reason in table}

    assert mapped | {"connection", *BY_USE} == REASONS.keys()
    assert REASONS.keys() >= RETRIABLE


@pytest.mark.parametrize("word", REASONS)
def test_trap_24_each_word_is_described_and_makes_an_error(word: str) -> None:
    reason = REASONS[word]
    error = reason.error("SET", word)
    copy = pickle.loads(pickle.dumps(error))

    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", reason.word) and reason.word == word
    assert re.fullmatch(r"[A-Z`].*\.", reason.about)
    assert isinstance(error, StoreUnavailableError | CommandRefusedError)
    assert isinstance(error, redis.RedisError)
    assert (type(copy), vars(copy), str(copy)) == (type(error), vars(error), str(error))
    assert reason_of(error) == word


@pytest.mark.parametrize("kind", theirs(), ids=lambda kind: kind.__name__)
def test_trap_23_every_error_of_redis_py_is_ours_or_left_alone_on_purpose(kind: type[Exception]) -> None:
    error = translated("SET", kind(*BUILT.get(kind.__name__, ("said",))))

    word = WORDS[kind.__name__]
    assert (error and error.reason) == word
    assert type(error) is (REASONS[word].error if word else type(None))


def test_trap_23_no_error_of_redis_py_has_gone() -> None:
    assert {kind.__name__ for kind in theirs()} == WORDS.keys()


@pytest.mark.parametrize(("start", "word"), _BY_TEXT)
def test_trap_24_first_words_are_a_word(start: str, word: str) -> None:
    assert reason_of(redis.ResponseError(f"{start} and more")) == word
    assert reason_of(redis.ResponseError(f"not {start}")) is None


@pytest.mark.parametrize(("start", "word"), _BY_TEXT)
def test_trap_24_first_words_are_a_word_in_a_script_of_redis_6_2_too(start: str, word: str) -> None:
    above = f"Error running script (call to f_{'0a' * 20}): @user_script:35: @user_script: 35: "

    assert reason_of(redis.ResponseError(f"{above}-{start} and more")) == word
    assert reason_of(redis.ResponseError(f"{above}{start} and more")) == word
    assert reason_of(redis.ResponseError(f"{above}-not {start}")) is None


@pytest.mark.parametrize(("kind", "word"), CAUSES, ids=str)
def test_trap_24_a_cause_is_a_word_however_deep(kind: type[BaseException], word: str) -> None:
    error = redis.ConnectionError("lost")
    error.__cause__ = OSError("lost")
    error.__cause__.__context__ = kind(1, "said")

    assert reason_of(error) == word


def test_trap_24_a_chain_that_bites_its_tail_ends() -> None:
    error = redis.ConnectionError("lost")
    error.__cause__ = OSError("lost")
    error.__cause__.__cause__ = error

    assert reason_of(error) == "connection"


def test_errors_of_ours_pass_untouched() -> None:
    ours = REASONS["oom"].error("SET", "oom")

    with pytest.raises(CommandRefusedError) as caught, redis_errors("GET"):
        raise ours

    assert caught.value is ours


def test_a_translated_error_keeps_its_cause_without_its_frames() -> None:
    with pytest.raises(StoreUnavailableError) as caught, redis_errors("GET"):
        raise redis.ConnectionError("lost") from ssl.SSLError(1, "said")

    assert isinstance(caught.value.__cause__, redis.ConnectionError)
    assert isinstance(caught.value.__cause__.__cause__, ssl.SSLError)
    assert caught.value.__cause__.__traceback__ is None
