"""Laws of a session's values: they behave as a dictionary, and no change of them goes unnoticed."""

from __future__ import annotations

import random
from copy import deepcopy
from typing import Any, Final

from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from modkit_redis import SessionSettings
from modkit_redis.session.codec import decode, encode
from modkit_redis.session.coder import Coder
from modkit_redis.session.telling import Teller
from modkit_redis.session.values import Values

HANDLE: Final = "A" * 22
CODER: Final = Coder(SessionSettings.from_mapping({"idle_ttl": "30m", "absolute_ttl": "12h"}), Teller(None))
keys = st.sampled_from("abcde")
values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from([0.0, -0.0, 1.0, "", "x", b"x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=2).map(tuple)
        | st.dictionaries(st.sampled_from(["a", "$t"]), inner, max_size=2)
    ),
    max_leaves=6,
)


def containers_in(value: object) -> list[Any]:
    """Return the parts of *value* that can be changed in place, itself included."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    found = [each for part in inside for each in containers_in(part)]
    return [value, *found] if isinstance(value, list | dict) else found


def change_in_place(value: object, seed: int, new: Any) -> bool:
    """Change a part of *value*, chosen by *seed*; return whether there was one."""
    dice = random.Random(seed)
    if not (found := containers_in(value)):
        return False
    chosen, way = dice.choice(found), dice.randrange(3)
    if way == 0:
        chosen.clear()
    elif isinstance(chosen, list):
        chosen.insert(0 if way == 1 else len(chosen), new)
    elif way == 1:
        chosen["a"] = new
    else:
        chosen.pop("a", None)
    return True


def encoded(held: dict[str, Any]) -> dict[str, bytes]:
    return {key: encode(each, key, 2**20) for key, each in held.items()}


class Laws(RuleBasedStateMachine):
    """Values beside a plain dictionary, and what is in Redis beside what should be."""

    @initialize(held=st.dictionaries(keys, values, max_size=4))
    def load(self, held: dict[str, Any]) -> None:
        self.redis = encoded(held)
        self.mine, self.model = Values(CODER, HANDLE, self.redis), deepcopy(held)
        self.saved = deepcopy(held)  # what Redis holds, as far as this session knows

    @rule(key=keys, value=values)
    def assign(self, key: str, value: Any) -> None:
        self.mine[key], self.model[key] = value, deepcopy(value)

    @rule(key=keys)
    def remove(self, key: str) -> None:
        assert (key in self.mine) == (key in self.model)
        if key in self.model:
            del self.mine[key], self.model[key]

    @rule(key=keys, value=values)
    def pop_and_default(self, key: str, value: Any) -> None:
        assert repr(self.mine.pop(key, "none")) == repr(self.model.pop(key, "none"))
        assert repr(self.mine.setdefault(key, value)) == repr(self.model.setdefault(key, deepcopy(value)))

    @rule(key=keys, seed=st.integers(0, 2**16), new=st.integers(0, 3) | st.just([]))
    def change(self, key: str, seed: int, new: Any) -> None:
        changed = change_in_place(self.model.get(key), seed, deepcopy(new))
        assert change_in_place(self.mine.get(key), seed, deepcopy(new)) == changed

    @rule(held=st.dictionaries(keys, values, max_size=2))
    def update(self, held: dict[str, Any]) -> None:
        self.mine.update(held)
        self.model.update(deepcopy(held))

    @rule()
    def clear(self) -> None:
        self.mine.clear()
        self.model.clear()

    @rule()
    def save(self) -> None:
        self._write()
        assert not self.mine.changes()
        assert {key: repr(decode(each)) for key, each in self.redis.items()} == self._shown()
        self.saved = deepcopy(self.model)

    @rule(key=keys, value=values)
    def save_and_change_meanwhile(self, key: str, value: Any) -> None:
        changes, saved = self.mine.changes(), deepcopy(self.model)
        self.mine.send(changes)
        self.assign(key, value)
        self._settle(changes)
        self.saved = saved

    @rule(key=keys)
    def save_and_remove_meanwhile(self, key: str) -> None:
        changes, saved = self.mine.changes(), deepcopy(self.model)
        self.mine.send(changes)
        self.remove(key)
        self._settle(changes)
        self.saved = saved

    @rule()
    def give_up(self) -> None:
        self.mine.forget_changes()
        self.model = deepcopy(self.saved)

    @rule(held=st.dictionaries(keys, values, max_size=3), removed=st.sets(keys, max_size=2))
    def follow(self, held: dict[str, Any], removed: set[str]) -> None:
        """Somebody else writes, and this session hears of it: its own changes win, else the other's."""
        mine = {key for key in "abcde" if repr(self.model.get(key, ...)) != repr(self.saved.get(key, ...))}
        # What was assigned and is equal is still this session's own; the model does not tell it apart.
        assume(not self.mine.changes() or mine == {*self.mine.changes().sets, *self.mine.changes().deletes})
        for key in removed:
            self.redis.pop(key, None)
            self.saved.pop(key, None)
        self.redis.update(encoded(held))
        self.saved.update(deepcopy(held))
        self.mine.follow(self.redis)
        own = {key: self.model[key] for key in mine & self.model.keys()}
        gone = mine - self.model.keys()
        self.model = deepcopy({key: each for key, each in self.saved.items() if key not in gone} | own)

    @invariant()
    def they_are_equal_to_a_dictionary(self) -> None:
        if hasattr(self, "mine"):
            assert {key: repr(each) for key, each in self.mine.items()} == self._shown()
            assert (len(self.mine), sorted(self.mine)) == (len(self.model), sorted(self.model))
            assert self.mine == self.model

    @invariant()
    def what_is_different_is_changed(self) -> None:
        if hasattr(self, "mine"):
            sets, deletes = self.mine.changes()
            would_be = {**self.redis, **sets}
            for key in deletes:
                would_be.pop(key, None)
            assert {key: repr(decode(each)) for key, each in would_be.items()} == self._shown()
            assert not {*sets} & {*deletes}

    def _shown(self) -> dict[str, str]:
        return {key: repr(each) for key, each in self.model.items()}

    def _write(self) -> None:
        self._settle(self.mine.changes())

    def _settle(self, changes: Any) -> None:
        self.redis.update(changes.sets)
        for key in changes.deletes:
            self.redis.pop(key, None)
        self.mine.settle(HANDLE, changes, changes.sets)


TestLaws = Laws.TestCase
TestLaws.settings = settings(max_examples=30, stateful_step_count=25)
