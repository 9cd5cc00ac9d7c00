"""Traps 23 and 24 in the table itself: it is complete, and nothing of redis-py is unaccounted for."""

from __future__ import annotations

import inspect
import pickle
import re
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

NO_TROUBLE_WITH_REDIS: Final = {
    "ClusterCrossSlotError",
    "DataError",
    "ExecAbortError",
    "InvalidPipelineStack",
    "LockError",
    "LockNotOwnedError",
    "ModuleError",
    "NoScriptError",
    "NoSuchFieldsetError",
    "PubSubError",
    "RedisError",
    "ResponseError",
    "WatchError",
}
"""redis-py's errors that say what the caller did, or what a caller must see as it is."""

ONLY_OF_CLUSTER_CLIENTS: Final = {
    "ClusterError",
    "CrossSlotTransactionError",
    "IncorrectPolicyType",
    "RedisClusterException",
    "SlotNotCoveredError",
}

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

    if kind.__name__ in NO_TROUBLE_WITH_REDIS | ONLY_OF_CLUSTER_CLIENTS:
        assert error is None
    else:
        assert isinstance(error, StoreUnavailableError | CommandRefusedError)


def test_trap_23_what_is_left_alone_still_exists() -> None:
    assert {kind.__name__ for kind in theirs()} >= NO_TROUBLE_WITH_REDIS | ONLY_OF_CLUSTER_CLIENTS


@pytest.mark.parametrize(("kind", "word"), _BY_CLASS, ids=str)
def test_trap_24_a_class_is_a_word(kind: type[Exception], word: str) -> None:
    assert reason_of(kind(*BUILT.get(kind.__name__, ("said",)))) == word


@pytest.mark.parametrize(("start", "word"), _BY_TEXT)
def test_trap_24_first_words_are_a_word(start: str, word: str) -> None:
    assert reason_of(redis.ResponseError(f"{start} and more")) == word
    assert reason_of(redis.ResponseError(f"not {start}")) is None


@pytest.mark.parametrize(("kind", "word"), _BY_CAUSE, ids=str)
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
