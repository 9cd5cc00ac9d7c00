"""What the documentation says of sessions is said of all there is."""

from __future__ import annotations

import inspect
from typing import get_args

import pytest

from modkit_redis import contract
from modkit_redis.contract import SessionEventKind
from modkit_redis.contract.events import SESSION_MEANINGS

CONTRACTS = ["Session", "SessionStore", "SessionInfo", "StoredSession", "SessionPatch", "SavedSession"]


def test_each_kind_of_event_has_a_meaning() -> None:
    assert list(SESSION_MEANINGS) == list(get_args(SessionEventKind))


@pytest.mark.parametrize("name", CONTRACTS)
def test_each_member_of_the_contract_is_described(name: str) -> None:
    cls = getattr(contract, name)
    members = {key: value for key, value in vars(cls).items() if not key.startswith("_")}
    methods = [key for key, value in members.items() if inspect.isfunction(value)]
    attributes = [key for key in vars(cls).get("__annotations__", {}) if not key.startswith("_")]

    assert [key for key in methods if not inspect.getdoc(members[key])] == []
    assert [key for key in attributes if f"    {key}: " not in (cls.__doc__ or "")] == []


@pytest.mark.parametrize("name", ["SessionStore", "Session"])
def test_both_worlds_have_the_same_members(name: str) -> None:
    sync, asynchronous = (
        {key for key, value in vars(cls).items() if inspect.isfunction(value) and not key.startswith("_")}
        for cls in (getattr(contract, name), getattr(contract, f"Async{name}"))
    )

    assert sync == asynchronous
