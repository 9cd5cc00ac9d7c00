"""No two things share a key, and every key can be read back."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from redis.crc import key_slot

from modkit_redis.contract import ArgumentError, KeySpace
from modkit_redis.contract.keys import normalised_prefix
from modkit_redis.contract.names import CAPABILITIES

REFUSED = "%{}*?[]^\\\"'"
awkward = st.text("%:{}\0\n\x7f\x85 25A7BcachE", min_size=1, max_size=4)  # near collisions
anything = st.text(st.characters(codec="utf-8"), min_size=1)
parts = st.lists(awkward | anything | st.sampled_from(CAPABILITIES), min_size=1, max_size=4)
printable = st.characters(codec="utf-8", exclude_characters=REFUSED + ":").filter(
    lambda each: each.isprintable() and not each.isspace()
)
prefix_part = (st.text("abc", min_size=1, max_size=2) | st.text(printable, min_size=1)).filter(
    lambda each: each not in CAPABILITIES
)
prefix_parts = st.lists(prefix_part, max_size=3)
surrogates = st.text(st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF), min_size=1)
sections = st.sampled_from(CAPABILITIES)
own_sections = sections | awkward | anything


@given(prefix_parts, sections, parts)
def test_a_key_of_a_capability_says_its_prefix_section_and_parts(
    above: list[str], section: str, below: list[str]
) -> None:
    key = KeySpace(":".join(above), section).key(*below)

    segments = key.split(":")
    found = next(place for place, segment in enumerate(segments) if segment in CAPABILITIES)
    assert segments[:found] == above
    assert segments[found] == section
    assert [unquote(each, errors="strict") for each in segments[found + 1 :]] == below


@given(prefix_parts, own_sections, parts)
def test_below_one_prefix_a_key_says_its_section_and_parts(
    above: list[str], section: str, below: list[str]
) -> None:
    key = KeySpace(":".join(above), section).key(*below)

    segments = key.split(":")[len(above) :]
    assert [unquote(each, errors="strict") for each in segments] == [section, *below]


@given(*[st.tuples(st.lists(st.sampled_from(["a", "b"]), max_size=2), sections, parts)] * 2)
def test_distinct_things_never_share_a_key(
    one: tuple[list[str], str, list[str]], other: tuple[list[str], str, list[str]]
) -> None:
    keys = [KeySpace(":".join(above), section).key(*below) for above, section, below in (one, other)]

    assert (keys[0] == keys[1]) == (one == other)


@given(prefix_parts, own_sections, parts)
def test_a_key_has_no_brace_and_no_control_character(
    above: list[str], section: str, below: list[str]
) -> None:
    key = KeySpace(":".join(above), section).key(*below)

    assert not re.search(r"[{}\x00-\x1f\x7f-\x9f]", key)
    assert key.encode().decode() == key


@given(parts, surrogates, parts)
def test_a_part_that_cannot_be_encoded_is_refused_wherever_it_stands(
    before: list[str], bad: str, after: list[str]
) -> None:
    for whole in ([bad], [*before, bad], [bad, *after], [*before, before[0] + bad + after[0], *after]):
        with pytest.raises(ArgumentError):
            KeySpace("", "cache").key(*whole)


@given(st.lists(prefix_part | st.just(""), max_size=5))
@example(["", "a", "", "", "b", ""])
@example(["", ""])
def test_a_normalised_prefix_has_single_colons_and_none_around_it(written: list[str]) -> None:
    normalised = normalised_prefix(":".join(written))

    assert normalised == ":".join(each for each in written if each)
    assert "::" not in normalised
    assert normalised.strip(":") == normalised


@given(st.lists(prefix_part | st.just(""), max_size=5))
def test_normalising_a_prefix_twice_changes_nothing(written: list[str]) -> None:
    once = normalised_prefix(":".join(written))

    assert normalised_prefix(once) == once


@given(*[st.lists(st.sampled_from(["", "a", "b", "ab", "c"]), max_size=4)] * 2)
def test_distinct_prefixes_stay_distinct(one: list[str], other: list[str]) -> None:
    same = [each for each in one if each] == [each for each in other if each]

    assert (normalised_prefix(":".join(one)) == normalised_prefix(":".join(other))) == same


@given(st.text(), st.text())
def test_a_prefix_is_refused_for_any_character_that_means_something_else(before: str, after: str) -> None:
    for each in REFUSED:
        with pytest.raises(ArgumentError):
            normalised_prefix(before + each + after)


@given(st.text() | st.text(st.characters(categories=("Cc", "Cf", "Cs", "Zs", "Zl")), min_size=1))
def test_a_prefix_that_is_accepted_is_printable_and_names_no_capability(written: str) -> None:
    try:
        normalised = normalised_prefix(written)
    except ArgumentError:
        return

    assert not re.search(r"[\s%{}*?\[\]^\\\"']", normalised)
    assert normalised.isprintable()
    assert not set(normalised.split(":")) & set(CAPABILITIES)
    KeySpace(normalised, "cache").key("part").encode()


@given(prefix_parts, parts, parts)
def test_a_tagged_key_says_its_parts_and_its_tag(above: list[str], below: list[str], tag: list[str]) -> None:
    key = KeySpace(":".join(above), "ratelimit").tagged(*below, tag=tuple(tag))

    before, opened, after = key.partition(":{")
    assert (opened, after[-1:]) == (":{", "}")
    assert [unquote(each, errors="strict") for each in before.split(":")[len(above) + 1 :]] == below
    assert [unquote(each, errors="strict") for each in after[:-1].split(":")] == tag


@given(*[st.tuples(parts, parts)] * 2)
def test_distinct_tags_and_parts_never_share_a_key(
    one: tuple[list[str], list[str]], other: tuple[list[str], list[str]]
) -> None:
    keys = [KeySpace("shop", "ratelimit").tagged(*below, tag=tuple(tag)) for below, tag in (one, other)]

    assert (keys[0] == keys[1]) == (one == other)


@given(parts, parts, parts)
def test_keys_with_one_tag_are_in_one_slot(one: list[str], other: list[str], tag: list[str]) -> None:
    space = KeySpace("shop", "ratelimit")

    keys = [space.tagged(*below, tag=tuple(tag)).encode() for below in (one, other)]

    assert key_slot(keys[0]) == key_slot(keys[1])
