"""A session's values: what counts as changed, what is in the way of nothing, and the limits."""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Iterator
from typing import Any, Final

import pytest

from modkit_redis import SessionSettings
from modkit_redis.contract import ArgumentError, SessionEvent, SessionPatch
from modkit_redis.session.codec import UndecodableError, encode
from modkit_redis.session.coder import Coder
from modkit_redis.session.telling import Teller
from modkit_redis.session.values import Changes, Values

HANDLE: Final = "A" * 22
KEY: Final = f"a:{b64encode(bytes(32)).decode()}"


class Bench:
    """Values as they are in Redis, and what is told of them."""

    def __init__(self, **settings: Any) -> None:
        self.seen: list[SessionEvent] = []
        given = {"idle_ttl": "30m", "absolute_ttl": "12h", **settings}
        self.coder = Coder(SessionSettings.from_mapping(given), Teller(self.seen.append))
        self.stored: dict[str, bytes] = {}

    def holding(self, **held: object) -> Values:
        """Return values that were loaded."""
        self.stored = dict(
            self.coder.sealed(HANDLE, {key: encode(each, key, 2**20) for key, each in held.items()})
        )
        return self.loaded()

    def loaded(self) -> Values:
        return Values(self.coder, HANDLE, self.stored)

    def save(self, values: Values) -> Changes:
        """Write what was changed, and have *values* know it."""
        changes = values.changes()
        stored = self.coder.sealed(HANDLE, changes.sets)
        self.stored.update(stored)
        for key in changes.deletes:
            self.stored.pop(key, None)
        values.settle(HANDLE, changes, stored)
        return changes


@pytest.fixture
def bench() -> Bench:
    return Bench()


def refusal(values: Values) -> str:
    with pytest.raises(ArgumentError) as refused:
        values.changes()
    return str(refused.value)


def test_what_was_only_read_is_not_changed(bench: Bench) -> None:
    values = bench.holding(a=1, b=[{"c": (1, [2])}], c={"d": b"x"}, d="text")

    assert dict(values) == {"a": 1, "b": [{"c": (1, [2])}], "c": {"d": b"x"}, "d": "text"}
    assert values.changes() == ({}, [])
    assert not values.changes()


def test_what_was_assigned_is_changed_also_if_it_is_equal(bench: Bench) -> None:
    values = bench.holding(a=1)

    values["a"] = 1
    values["b"] = "x"

    assert values.changes() == ({"a": b"1", "b": b'"x"'}, [])


@pytest.mark.parametrize(
    ("held", "change"),
    [
        ([1], lambda held: held.append(2)),
        ([1], lambda held: held.clear()),
        ([1, 2], lambda held: held.reverse()),
        ([1], lambda held: held.__setitem__(0, True)),
        ([1], lambda held: held.__setitem__(0, 1.0)),
        ({"a": 1}, lambda held: held.update(b=2)),
        ({"a": 1}, lambda held: held.__setitem__("a", "1")),
        ({"a": {"b": [()]}}, lambda held: held["a"]["b"].append(1)),
        (([1], {}), lambda held: held[0].append(2)),
        (([1], {}), lambda held: held[1].update(a=1)),
    ],
)
def test_what_was_changed_in_place_is_changed(bench: Bench, held: Any, change: Any) -> None:
    values = bench.holding(a=held, b=held)

    change(values["a"])

    assert list(values.changes().sets) == ["a"]
    assert bench.save(values)
    assert repr(bench.loaded()["a"]) == repr(values["a"]) != repr(bench.loaded()["b"])


def test_what_was_changed_in_place_and_back_is_not(bench: Bench) -> None:
    values = bench.holding(a=[1])

    values["a"].append(2)
    values["a"].pop()

    assert not values.changes()


def test_a_change_in_place_counts_again_after_each_save(bench: Bench) -> None:
    values = bench.holding()
    values["a"] = []
    saved = [list(bench.save(values).sets.values())]

    for n in range(2):
        values["a"].append(n)
        saved.append(list(bench.save(values).sets.values()))

    assert saved == [[b"[]"], [b"[0]"], [b"[0,1]"]]
    assert not values.changes()


def test_a_value_is_the_same_object_each_time_it_is_read(bench: Bench) -> None:
    values = bench.holding(a=[1])

    assert values["a"] is values["a"]
    assert values.get("a") is next(iter(values.values()))


def test_what_was_removed_is_changed_and_gone(bench: Bench) -> None:
    values = bench.holding(a=1, b=2)

    del values["a"]

    assert "a" not in values and list(values) == ["b"] and len(values) == 1
    assert values.changes() == ({}, ["a"])
    with pytest.raises(KeyError):
        values["a"]
    with pytest.raises(KeyError):
        del values["a"]


def test_what_was_assigned_and_removed_before_it_was_saved_is_no_change(bench: Bench) -> None:
    values = bench.holding()

    values["a"] = 1
    del values["a"]

    assert not values.changes()


def test_what_was_removed_and_assigned_again_is_set_alone(bench: Bench) -> None:
    values = bench.holding(a=1)

    del values["a"]
    values["a"] = 2

    assert values.changes() == ({"a": b"2"}, [])


def test_a_value_that_cannot_be_stored_is_refused_and_nothing_is_forgotten(bench: Bench) -> None:
    values = bench.holding(a=[1])
    values["b"] = 2
    values["a"].append({3})
    assert refusal(values).startswith("session['a'] holds a set: ")

    values["a"].pop()

    assert values.changes() == ({"b": b"2"}, [])


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("", "key must have 1 to 64 bytes (REDIS_SESSION_MAX_KEY_BYTES)"),
        ("x" * 65, "key must have 1 to 64 bytes (REDIS_SESSION_MAX_KEY_BYTES)"),
        ("ä" * 33, "key must have 1 to 64 bytes (REDIS_SESSION_MAX_KEY_BYTES)"),
        ("\ud800", "key must be text that UTF-8 can encode"),
        (5, "key must be text, not int"),
        (None, "key must be text, not NoneType"),
        (b"k", "key must be text, not bytes"),
    ],
)
def test_what_cannot_be_a_key_is_refused_when_it_is_assigned(bench: Bench, key: Any, text: str) -> None:
    values = bench.holding(a=1)

    with pytest.raises(ArgumentError) as refused:
        values[key] = 2

    assert str(refused.value) == text
    assert (refused.value.__context__, refused.value.__cause__) == (None, None)
    assert not values.changes() and key not in values


def test_a_key_may_have_as_many_bytes_as_the_settings_say() -> None:
    bench = Bench(max_key_bytes=4)
    values = bench.holding()

    values["ää"] = 1

    assert bench.save(values)
    with pytest.raises(ArgumentError, match=r"^key must have 1 to 4 bytes "):
        values["äää"] = 1


MOST: Final = "session holds more than the 3 values that REDIS_SESSION_MAX_KEYS allows"


def test_there_is_a_limit_on_the_number_of_values() -> None:
    bench = Bench(max_keys=3)
    values = bench.holding(a=1, b=2)
    values["c"] = 3
    assert values.changes()

    values["d"] = 4

    assert refusal(values) == MOST
    del values["a"]
    assert values.changes() == ({"c": b"3", "d": b"4"}, ["a"])


def test_there_is_a_limit_on_the_bytes_of_one_value() -> None:
    bench = Bench(max_value_bytes=64)
    values = bench.holding(a=[])
    values["a"].append("x" * 60)
    assert values.changes()

    values["a"][0] += "x"

    allowed = "that REDIS_SESSION_MAX_VALUE_BYTES allows"
    assert refusal(values) == f"session['a'] is more than the 64 bytes {allowed}"


def test_there_is_a_limit_on_the_bytes_of_all_values_and_keys_together() -> None:
    bench = Bench(max_bytes=100, max_value_bytes=100)
    values = bench.holding(a="x" * 47)  # 50 with its key
    values["ä"] = "x" * 46
    assert values.changes()

    values["ä"] += "x"

    assert refusal(values) == "session holds more than the 100 bytes that REDIS_SESSION_MAX_BYTES allows"
    values["a"] = "x" * 46
    assert values.changes()


def test_the_limit_is_on_values_as_they_are_before_they_are_encrypted() -> None:
    bench = Bench(max_bytes=100, max_value_bytes=100, encryption_keys=KEY)
    values = bench.holding()
    values["a"], values["b"] = "x" * 47, "y" * 47
    assert bench.save(values)

    values["b"] = "z" * 47

    assert bench.save(values)
    later = bench.loaded()
    later["a"] = "x" * 47
    assert later.changes()


def test_limits_that_were_lowered_are_in_the_way_of_no_other_change() -> None:
    bench = Bench(max_value_bytes=64)
    values = bench.holding(cart=[1] * 50, a=1)  # it was stored when more was allowed
    assert len(values["cart"]) == 50
    assert not values.changes()

    values["a"] = 2

    assert values.changes() == ({"a": b"2"}, [])
    values["cart"].append(1)
    assert refusal(values).startswith("session['cart'] is more than the 64 bytes ")
    values["cart"] = [1]
    assert values.changes() == ({"a": b"2", "cart": b"[1]"}, [])


def test_reading_and_removing_is_possible_in_a_session_that_holds_more_than_is_allowed() -> None:
    bench = Bench(max_keys=1)
    values = bench.holding(a=[1], b=[2], c=[3])
    assert dict(values) and not values.changes()

    del values["a"]

    assert values.changes() == ({}, ["a"])


UNREADABLE: Final = {"torn": b"[1", "fine": b"[2]"}


def test_what_cannot_be_read_is_absent_and_stays_where_it_is(bench: Bench) -> None:
    bench.stored = dict(UNREADABLE)
    values = bench.loaded()

    assert dict(values) == {"fine": [2]}
    assert ("torn" in values, values.get("torn", 0), len(values)) == (False, 0, 1)
    with pytest.raises(KeyError):
        values["torn"]
    with pytest.raises(KeyError):
        del values["torn"]
    assert values.setdefault("fine") == [2]
    assert not values.changes()
    assert bench.stored == UNREADABLE


def test_what_cannot_be_read_is_told_once_with_its_key_and_no_content(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.stored = dict(UNREADABLE)
    values = bench.loaded()

    with caplog.at_level(logging.DEBUG):
        for _ in range(3):
            assert "torn" not in values

    assert bench.seen == [SessionEvent("undecodable", HANDLE, "torn")]
    assert caplog.messages == [f"session {HANDLE}: 'torn' cannot be read"]


def test_what_cannot_be_read_is_replaced_by_who_assigns_it(bench: Bench) -> None:
    bench.stored = dict(UNREADABLE)
    values = bench.loaded()
    assert "torn" not in values

    values["torn"] = 3

    assert values["torn"] == 3 and set(values) == {"torn", "fine"}
    assert bench.save(values).sets == {"torn": b"3"}
    assert bench.loaded()["torn"] == values["torn"] == 3


def test_what_cannot_be_read_can_be_assigned_and_then_removed(bench: Bench) -> None:
    bench.stored = dict(UNREADABLE)
    values = bench.loaded()

    values["torn"] = None
    del values["torn"]

    assert bench.save(values).deletes == ["torn"]
    assert bench.stored == {"fine": b"[2]"}


def test_what_cannot_be_read_is_absent_again_when_its_new_value_is_given_up(bench: Bench) -> None:
    bench.stored = dict(UNREADABLE)
    values = bench.loaded()
    assert "torn" not in values
    values["torn"] = 3

    values.forget_changes()

    assert dict(values) == {"fine": [2]} and not values.changes()


def test_forgetting_changes_is_as_if_nothing_had_been_done(bench: Bench) -> None:
    values = bench.holding(a=[1], b=2, c=3)
    values["a"].append(2)
    values["b"] = 4
    values["d"] = 5
    del values["c"]

    values.forget_changes()

    assert dict(values) == {"a": [1], "b": 2, "c": 3}
    assert not values.changes()


def test_a_change_made_while_a_save_is_under_way_is_saved_by_the_next(bench: Bench) -> None:
    values = bench.holding(kept=[1], removed=1)
    values["kept"].append(2)
    values["new"] = "old"
    values["later"] = 1
    del values["removed"]
    changes = values.changes()
    values.send(changes)

    values["kept"].append(3)
    values["new"] = "new"
    values["removed"] = 2
    del values["later"]
    values.settle(HANDLE, changes, changes.sets)

    assert values.changes() == ({"kept": b"[1,2,3]", "new": b'"new"', "removed": b"2"}, ["later"])
    assert dict(values) == {"kept": [1, 2, 3], "new": "new", "removed": 2}


def test_only_what_was_assigned_and_not_saved_is_unsaved(bench: Bench) -> None:
    values = bench.holding(a=1)
    values["b"] = None
    unsaved = [values.unsaved(key, "no", also_inside=False) for key in "abc"]
    assert unsaved == ["no", None, "no"]

    bench.save(values)

    assert values.unsaved("b", "no", also_inside=True) == "no"


def test_what_is_dropped_is_gone_and_no_change(bench: Bench) -> None:
    values = bench.holding(a=[1], b=2, c=3)
    values["a"].append(2)
    values["b"] = 3
    del values["c"]

    for key in ("a", "b", "c", "never there"):
        values.drop(key)

    assert dict(values) == {} == values.stored
    assert not values.changes()


def test_following_takes_what_others_wrote_and_keeps_what_is_not_saved(bench: Bench) -> None:
    values = bench.holding(a=[1], b=[1], c=1, d=1, e=1, gone=1)
    values["a"].append(2)
    assert (values["b"], values["c"], values["gone"]) == ([1], 1, 1)
    values["d"] = 2
    values["mine"] = 1
    del values["e"]

    values.follow({"a": b"[9]", "b": b"[9]", "c": b"9", "d": b"9", "e": b"9", "theirs": b"9"})

    assert dict(values) == {"a": [1, 2], "b": [9], "c": 9, "d": 2, "mine": 1, "theirs": 9}
    assert values.changes() == ({"a": b"[1,2]", "d": b"2", "mine": b"1"}, ["e"])


def test_following_leaves_alone_what_nobody_changed(bench: Bench) -> None:
    values = bench.holding(a=[1], b=1)
    mine = values["a"]

    values.follow({"a": b"[1]", "b": b"2"})
    mine.append(2)

    assert values["a"] is mine
    assert values.changes() == ({"a": b"[1,2]"}, [])


def test_following_forgets_to_remove_what_others_have_removed(bench: Bench) -> None:
    values = bench.holding(a=1)
    del values["a"]

    values.follow({})

    assert not values.changes()


def test_following_reads_again_what_could_not_be_read(bench: Bench) -> None:
    bench.stored = dict(UNREADABLE)
    values = bench.loaded()
    assert "torn" not in values

    values.follow({"torn": b"[1]", "fine": b"[2"})

    assert dict(values) == {"torn": [1]}


def test_following_keeps_a_value_that_cannot_be_stored_for_the_next_save_to_refuse(bench: Bench) -> None:
    values = bench.holding(a=[1])
    values["a"].append({2})

    values.follow({"a": b"[9]"})

    assert values["a"] == [1, {2}]
    assert refusal(values).startswith("session['a'] holds a set: ")


def test_values_show_their_session_and_nothing_else(bench: Bench) -> None:
    values = bench.holding(secret="hunter2")  # a value
    values["secret"] = "hunter2"

    assert repr(values) == f"Values('{HANDLE}')"
    assert repr(values.changes()) == f"{values.changes()!s}" == "Changes(…)"


@pytest.mark.parametrize(
    ("patch", "text"),
    [
        (SessionPatch(sets=[("a", 1)]), "data must be a mapping of keys to values, not list"),  # type: ignore[arg-type]  # the point
        (SessionPatch(sets=None), "data must be a mapping of keys to values, not NoneType"),  # type: ignore[arg-type]  # likewise
        (SessionPatch(sets={"": 1}), "key must have 1 to 64 bytes (REDIS_SESSION_MAX_KEY_BYTES)"),
        (SessionPatch(sets={5: 1}), "key must be text, not int"),  # type: ignore[dict-item]  # likewise
        (SessionPatch(deletes="ab"), "patch must name keys in a list, a tuple or a set"),
        (SessionPatch(takes=b"ab"), "patch must name keys in a list, a tuple or a set"),  # type: ignore[arg-type]  # likewise
        (SessionPatch(takes=iter("ab")), "patch must name keys in a list, a tuple or a set"),  # type: ignore[arg-type]  # likewise
        (SessionPatch(deletes=None), "patch must name keys in a list, a tuple or a set"),  # type: ignore[arg-type]  # likewise
        (SessionPatch(deletes=[5]), "key must be text, not int"),  # type: ignore[list-item]  # likewise
        (SessionPatch(takes=[""]), "key must have 1 to 64 bytes (REDIS_SESSION_MAX_KEY_BYTES)"),
        (SessionPatch(sets={"a": 1}, deletes=["a"]), "patch names a key more than once"),
        (SessionPatch(sets={"a": 1}, takes=["a"]), "patch names a key more than once"),
        (SessionPatch(deletes=["a"], takes={"a"}), "patch names a key more than once"),
        (SessionPatch(deletes=["a", "a"]), "patch names a key more than once"),
        (SessionPatch(sets=dict.fromkeys("abcd", 1)), MOST),
    ],
)
def test_a_patch_that_cannot_be_meant_is_refused(patch: SessionPatch, text: str) -> None:
    with pytest.raises(ArgumentError) as refused:
        Bench(max_keys=3).coder.payloads(patch)

    assert str(refused.value) == text
    assert (refused.value.__context__, refused.value.__cause__) == (None, None)


def test_a_patch_is_the_values_that_it_sets(bench: Bench) -> None:
    patch = SessionPatch(sets={"a": 1, "b": [2]}, deletes={"c"}, takes=("d",))

    assert bench.coder.payloads(patch) == {"a": b"1", "b": b"[2]"}
    assert (bench.coder.keys(patch.deletes), bench.coder.keys(patch.takes)) == (["c"], ["d"])


def frames(error: BaseException) -> Iterator[str]:
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame.f_code.co_name
        trace = trace.tb_next


def test_the_traceback_of_a_refused_patch_shows_no_frame_that_holds_a_value(bench: Bench) -> None:
    with pytest.raises(ArgumentError) as refused:
        bench.coder.payloads(SessionPatch(sets={"a": {"hunter2"}}))

    assert not {"simple", "encode", "payload"} & {*frames(refused.value)}


def test_values_are_read_only_in_their_own_session() -> None:
    bench = Bench(encryption_keys=KEY)
    values = bench.holding(a=[1])
    assert values["a"] == [1]
    assert b"[1]" not in bench.stored["a"]

    elsewhere = Values(bench.coder, "B" * 22, bench.stored)

    assert "a" not in elsewhere
    assert bench.seen == [SessionEvent("undecodable", "B" * 22, "a")]


def test_all_values_that_can_be_read_are_read(bench: Bench) -> None:
    assert bench.coder.data(HANDLE, UNREADABLE) == {"fine": [2]}
    assert bench.coder.read(HANDLE, "fine", b"[2]") == (b"[2]", [2])
    with pytest.raises(UndecodableError):
        bench.coder.read(HANDLE, "torn", b"[1")
    assert [each.field for each in bench.seen] == ["torn", "torn"]
