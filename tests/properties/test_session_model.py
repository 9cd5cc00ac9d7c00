"""Sessions under any sequence of operations are what a model in memory says."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator, MutableMapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from modkit_redis.contract import SessionConflictError, SessionLostError, SessionPatch
from tests.sessions import AsyncSessions, Sessions

NOTHING: Final = object()
LONG: Final = 600
"""Seconds of a grace that no test sees the end of."""

keys = st.sampled_from(["a", "b", "c", "d"])
scalars = st.integers(-3, 3) | st.text("xy", max_size=2) | st.none() | st.binary(max_size=2)
values = (
    scalars
    | st.lists(scalars, max_size=2)
    | st.dictionaries(st.sampled_from(["$", "k"]), scalars, max_size=2)
    | st.tuples(scalars, st.lists(scalars, max_size=1))
)
graces = st.sampled_from([None, LONG])
places = st.integers(0, 3)
patches = st.dictionaries(keys, values, max_size=2)


@dataclass
class Stored:
    """What is to be in Redis of one session."""

    data: dict[str, Any]
    current: str
    version: int = 1
    retiring: str | None = None
    replaced: str | None = None

    def opens(self, token: str) -> bool:
        return token in (self.current, self.retiring)

    def change(self, sets: dict[str, Any], deletes: set[str]) -> None:
        self.data.update(deepcopy(sets))
        for key in deletes:
            self.data.pop(key, None)
        self.version += 1

    def replace(self, token: str, grace: int | None) -> None:
        self.retiring = self.current if grace else None
        self.replaced, self.current = self.current, token

    def ends_by(self, token: str) -> bool:
        return token in (self.current, self.replaced)


@dataclass
class View:
    """What a session object is to show, and to have changed."""

    token: str | None = None
    seen: dict[str, Any] = field(default_factory=dict)
    shown: dict[str, Any] = field(default_factory=dict)
    assigned: set[str] = field(default_factory=set)
    rotates: bool = False
    grace: int | None = None

    def dirty(self) -> set[str]:
        altered = {key for key, value in self.shown.items() if value != self.seen.get(key, NOTHING)}
        return altered | self.assigned

    def removed(self) -> set[str]:
        return self.seen.keys() - self.shown.keys()

    def saved(self) -> None:
        """Take what was changed as saved, and nothing else as known."""
        for key in self.removed():
            self.seen.pop(key)
        for key in self.dirty():
            self.seen[key] = deepcopy(self.shown[key])
        self.assigned, self.rotates, self.grace = set(), False, None

    def follow(self, fresh: dict[str, Any]) -> None:
        """See what is in Redis now; own changes stay."""
        dirty, removed = self.dirty(), self.removed()
        own = {key: self.shown[key] for key in dirty}
        others = {key: deepcopy(value) for key, value in fresh.items() if key not in removed}
        self.seen, self.shown, self.assigned = deepcopy(fresh), {**others, **own}, dirty


class Model(RuleBasedStateMachine):
    """One session object at a time, and others who change the same sessions through the store."""

    store: Any
    do: Callable[[Any], Any]

    def __init__(self) -> None:
        super().__init__()
        self.stored: dict[str, Stored] = {}
        self.tokens: list[str] = []
        self.opening: Any = None
        self.late: str | None = None  # what the request came with, if it had just been replaced
        self.reopen(None)

    def reopen(self, token: str | None) -> None:
        """Begin another request, and leave the present one without its end."""
        self.opening = self.store.open(token)
        enter = "__aenter__" if hasattr(self.opening, "__aenter__") else "__enter__"
        self.session = self.do(getattr(self.opening, enter)())
        found = self.found(token)
        self.view = View(token, deepcopy(found.data), deepcopy(found.data)) if found else View()
        stored = self.stored.get((token or "")[:22])
        self.late = token if stored and not found and token == stored.replaced else None
        self.check_session()

    def found(self, token: str | None) -> Stored | None:
        stored = self.stored.get((token or "")[:22])
        return stored if stored and token and stored.opens(token) else None

    def end(self, token: str | None) -> None:
        """Forget the session that *token* opens, or opened before it was replaced."""
        stored = self.stored.get((token or "")[:22])
        if stored and token and stored.ends_by(token):
            del self.stored[token[:22]]

    def end_what_is_left(self) -> None:
        """Forget what this request ends: its session, and the one whose replaced token it came with."""
        self.end(self.view.token)
        self.end(self.late)
        self.late = None

    def began(self, token: str, data: dict[str, Any]) -> None:
        self.stored[token[:22]] = Stored(deepcopy(data), token)
        self.tokens.append(token)

    def lost(self, act: Callable[[], Any]) -> None:
        with pytest.raises(SessionLostError):
            self.do(act())

    def pick(self, place: int) -> str | None:
        """Return a token that there is or was, of the last few."""
        return self.tokens[-1 - place % min(len(self.tokens), 4)] if self.tokens else None

    def check_session(self) -> None:
        assert self.session.token == self.view.token

    @rule(key=keys, value=values)
    def assign(self, key: str, value: Any) -> None:
        self.session[key] = deepcopy(value)
        self.view.shown[key] = deepcopy(value)
        self.view.assigned.add(key)

    @rule(key=keys)
    def delete(self, key: str) -> None:
        if key not in self.view.shown:
            with pytest.raises(KeyError):
                del self.session[key]
            return
        del self.session[key]
        del self.view.shown[key]
        self.view.assigned.discard(key)

    @rule(key=keys, value=scalars)
    def change_inside(self, key: str, value: Any) -> None:
        for mapping in (self.session, self.view.shown):
            held = mapping.get(key)
            inside = held[1] if isinstance(held, tuple) else held
            if isinstance(inside, list):
                inside.append(value)
            elif isinstance(inside, dict):
                inside["k"] = value

    @rule(key=keys)
    def read(self, key: str) -> None:
        assert self.session.get(key, NOTHING) == self.view.shown.get(key, NOTHING)

    @rule()
    def read_everything(self) -> None:
        assert dict(self.session) == self.view.shown
        assert len(self.session) == len(self.view.shown)

    @rule(grace=graces)
    def rotate(self, grace: int | None) -> None:
        self.session.rotate(grace=grace)
        both = self.view.rotates and (self.view.grace is None or grace is None)
        self.view.rotates, self.view.grace = True, None if both else grace

    @rule()
    def save(self) -> None:
        view, token = self.view, self.view.token
        if token is None:
            self.do(self.session.save())
            if view.dirty():
                self.began(self.session.token, view.shown)
                view.token = self.session.token
                view.saved()
            self.check_session()
            return
        stored, changes = self.found(token), bool(view.dirty() or view.removed())
        if not changes and not view.rotates:
            self.do(self.session.save())
        elif stored is None or (view.rotates and token != stored.current):
            self.lost(self.session.save)
            self.reopen(token)
            return
        else:
            self.do(self.session.save())
            stored.change({key: view.shown[key] for key in view.dirty()}, view.removed())
            if view.rotates:
                assert self.session.token != token
                stored.replace(self.session.token, view.grace)
                self.tokens.append(self.session.token)
                view.token = self.session.token
            view.saved()
        self.check_session()

    @rule(key=keys)
    def take(self, key: str) -> None:
        view = self.view
        stored = self.found(view.token)
        if view.token is not None and stored is None:
            self.lost(lambda: self.session.take(key))
            self.reopen(view.token)
            return

        taken = self.do(self.session.take(key, NOTHING))

        there = stored.data.pop(key, NOTHING) if stored else NOTHING
        if key in view.removed():
            there = NOTHING  # for this request it was gone already
        is_inside = view.shown.get(key, NOTHING) != view.seen.get(key, NOTHING) and key in view.shown
        if key in view.assigned or (is_inside and there is not NOTHING):
            assert taken == view.shown[key]
        else:
            assert taken == there
        for mapping in (view.shown, view.seen):
            mapping.pop(key, None)
        view.assigned.discard(key)
        if stored:
            stored.version += 1

    @precondition(lambda self: self.view.token is not None)
    @rule(key=keys, value=values, removed=keys)
    def transact(self, key: str, value: Any, removed: str) -> None:
        stored = self.found(self.view.token)

        def change(values: MutableMapping[str, Any]) -> list[str]:
            before = sorted(values)
            values.pop(removed, None)
            values[key] = deepcopy(value)
            return before

        if stored is None:
            self.lost(lambda: self.session.transact(change))
            self.reopen(self.view.token)
            return
        assert self.do(self.session.transact(change)) == sorted(stored.data)
        stored.change({key: value}, {removed} - {key})
        self.view.follow(stored.data)

    @rule()
    def destroy(self) -> None:
        self.session.destroy()
        self.do(self.session.save())
        self.end_what_is_left()
        self.view = View()
        self.check_session()

    @rule(value=values)
    def destroy_and_begin_again(self, value: Any) -> None:
        self.session.destroy()
        self.session["a"] = deepcopy(value)
        self.end_what_is_left()
        self.view = View(shown={"a": deepcopy(value)}, assigned={"a"})
        self.save()

    @rule(place=places)
    def open_again(self, place: int) -> None:
        self.reopen(self.pick(place))

    @rule(data=patches)
    def others_create(self, data: dict[str, Any]) -> None:
        self.began(self.do(self.store.create(data)), data)

    @rule(
        place=places,
        sets=patches,
        deletes=st.sets(keys, max_size=2),
        takes=st.sets(keys, max_size=2),
        expect=st.sampled_from([None, 0, 0, -1]),
        grace=graces,
        rotate=st.booleans(),
    )
    def others_save(
        self,
        place: int,
        sets: dict[str, Any],
        deletes: set[str],
        takes: set[str],
        expect: int | None,
        grace: int | None,
        rotate: bool,
    ) -> None:
        token = self.pick(place)
        if token is None:
            return
        stored = self.found(token)
        deletes, takes = deletes - sets.keys(), takes - deletes - sets.keys()
        patch = SessionPatch(sets, sorted(deletes), sorted(takes))
        version = None if expect is None else (stored.version if stored else 1) + expect
        how = {"expect": version, "rotate": rotate, "grace": grace if rotate else None}
        if stored is None or (rotate and token != stored.current):
            self.lost(lambda: self.store.save(token, patch, **how))
            return
        if version not in (None, stored.version):
            with pytest.raises(SessionConflictError):
                self.do(self.store.save(token, patch, **how))
            return

        saved = self.do(self.store.save(token, patch, **how))

        assert saved.taken == {key: stored.data[key] for key in takes if key in stored.data}
        stored.change(sets, deletes | takes)
        assert saved.version == stored.version
        if rotate:
            stored.replace(saved.token, grace)
            self.tokens.append(saved.token)
        assert (saved.token == token) != rotate

    @rule(place=places)
    def others_destroy(self, place: int) -> None:
        token = self.pick(place)
        if token is not None:
            self.do(self.store.destroy(token))
            self.end(token)

    @invariant()
    def what_each_token_opens_is_what_the_model_says(self) -> None:
        for token in self.tokens[-4:]:
            stored, found = self.found(token), self.do(self.store.load(token))
            if stored is None:
                assert found is None
            else:
                assert (found.data, found.version) == (stored.data, stored.version)
                assert found.is_retiring == (token != stored.current)


@pytest.fixture(params=["sync", "async"])
def world(request: pytest.FixtureRequest, addr: str, prefix: str) -> Iterator[type[Model]]:
    """The model with a store of one of the worlds."""
    if request.param == "sync":
        sessions = Sessions(addr, prefix)
        yield type("Model", (Model,), {"store": sessions.new(), "do": staticmethod(lambda result: result)})
        sessions.close()
        return
    with asyncio.Runner() as runner:
        others = AsyncSessions(addr, prefix)

        def do(result: Any) -> Any:
            return runner.run(result) if inspect.iscoroutine(result) else result

        yield type("AsyncModel", (Model,), {"store": others.new(), "do": staticmethod(do)})
        runner.run(others.aclose())


@pytest.mark.parametrize(
    ("examples", "steps"),
    [(25, 20), pytest.param(150, 40, marks=pytest.mark.slow)],
    ids=["few", "many"],
)
def test_sessions_are_what_the_model_says(world: type[Model], examples: int, steps: int) -> None:
    run_state_machine_as_test(world, settings=settings(max_examples=examples, stateful_step_count=steps))
