"""Keys are public: they look as documented, and what cannot be a key is refused at once."""

from __future__ import annotations

from typing import Any, cast

import pytest

from modkit_redis.contract import ArgumentError, KeySpace
from modkit_redis.contract.keys import normalised_prefix

CHARACTERS = "must not hold spaces, quotes, control characters or any of % { } * ? [ ] ^ \\"


@pytest.mark.parametrize(
    ("prefix", "section", "parts", "key"),
    [
        ("", "cache", ("user",), "cache:user"),
        ("shop", "cache", ("user",), "shop:cache:user"),
        ("shop:eu", "session", ("a", "b", "c"), "shop:eu:session:a:b:c"),
        ("", "my:section", ("a",), "my%3Asection:a"),
    ],
)
def test_a_key_is_prefix_section_and_parts(
    prefix: str, section: str, parts: tuple[str, ...], key: str
) -> None:
    assert KeySpace(prefix, section).key(*parts) == key


@pytest.mark.parametrize(
    ("part", "escaped"),
    [
        ("a:b", "a%3Ab"),
        ("50%", "50%25"),
        ("%3A", "%253A"),
        ("{slot}", "%7Bslot%7D"),
        ("a\nb", "a%0Ab"),
        ("\x00\x1f", "%00%1F"),
        ("\x7f", "%7F"),
        ("\x85", "%C2%85"),
        ("a b*?", "a b*?"),
        ("Zürich 🎉", "Zürich 🎉"),
    ],
)
def test_what_separates_or_hashes_is_escaped_in_a_part(part: str, escaped: str) -> None:
    assert KeySpace("", "cache").key(part) == f"cache:{escaped}"


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ((), "key needs at least one part"),
        (("",), "key part must not be empty"),
        (("a", ""), "key part must not be empty"),
        ((5,), "key part must be text, not int"),
        ((b"a",), "key part must be text, not bytes"),
        ((None,), "key part must be text, not NoneType"),
        (("\ud800",), "key part must be text that UTF-8 can encode"),
        (("a\udfffb",), "key part must be text that UTF-8 can encode"),
    ],
)
def test_parts_that_make_no_key_are_refused(parts: tuple[Any, ...], text: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        KeySpace("", "cache").key(*parts)

    assert str(caught.value) == text
    assert caught.value.__context__ is None  # an encoding error would hold the part


@pytest.mark.parametrize(
    ("prefix", "section", "text"),
    [
        ("", "", "section must not be empty"),
        ("", None, "section must be text, not NoneType"),
        ("shop", "\ud800", "section must be text that UTF-8 can encode"),
        (None, "cache", "prefix must be text, not NoneType"),
        (b"shop", "cache", "prefix must be text, not bytes"),
        ("shop:", "cache", "prefix must be normalised; take it from redis.key_prefix"),
        ("a::b", "cache", "prefix must be normalised; take it from redis.key_prefix"),
        ("a b", "cache", f"prefix {CHARACTERS}"),
    ],
)
def test_a_space_of_keys_below_nothing_sensible_is_refused(prefix: Any, section: Any, text: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        KeySpace(prefix, section)

    assert str(caught.value) == text


def test_a_space_of_keys_shows_where_it_begins() -> None:
    assert repr(KeySpace("shop", "cache")) == "KeySpace('shop:cache:')"


@pytest.mark.parametrize(
    ("written", "normalised"),
    [
        ("", ""),
        (":", ""),
        ("shop", "shop"),
        (":shop:", "shop"),
        ("shop::eu", "shop:eu"),
        ("::shop:::eu::", "shop:eu"),
        ("Zürich", "Zürich"),
        ("a.b-c_d/e@f#g", "a.b-c_d/e@f#g"),
        ("caches:sessions", "caches:sessions"),
        ("Cache", "Cache"),
    ],
)
def test_a_prefix_has_single_colons_between_its_parts(written: str, normalised: str) -> None:
    assert normalised_prefix(written) == normalised


@pytest.mark.parametrize("character", [*" %{}*?[]^\\\"'\t\n\r\0\x1b\x7f\x85\xa0\u2028\u200b\ufeff\ud800"])
def test_a_prefix_with_a_character_that_means_something_else_is_refused(character: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        normalised_prefix(f"a{character}b")

    assert str(caught.value) == f"prefix {CHARACTERS}"


@pytest.mark.parametrize("part", ["cache", "session", "ratelimit"])
@pytest.mark.parametrize("prefix", ["{}", "shop:{}", "{}:shop", ":{}:", "a:{}:b"])
def test_a_prefix_cannot_reach_into_the_keys_of_a_capability(prefix: str, part: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        normalised_prefix(prefix.format(part))

    assert str(caught.value) == f"prefix must not hold the part '{part}': it names a section of the keys"


def test_a_prefix_that_is_no_text_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"^prefix must be text, not int$"):
        normalised_prefix(cast(Any, 5))


@pytest.mark.parametrize(
    ("parts", "tag", "key"),
    [
        (("g", "login"), ("ada",), "shop:ratelimit:g:login:{ada}"),
        (("g", "login"), ("ip", "192.0.2.1"), "shop:ratelimit:g:login:{ip:192.0.2.1}"),
        (("g", "a:b"), ("a:b", "c"), "shop:ratelimit:g:a%3Ab:{a%3Ab:c}"),
        (("g",), ("a}b{c",), "shop:ratelimit:g:{a%7Db%7Bc}"),
    ],
)
def test_a_tagged_key_ends_with_what_chooses_its_slot(
    parts: tuple[str, ...], tag: tuple[str, ...], key: str
) -> None:
    assert KeySpace("shop", "ratelimit").tagged(*parts, tag=tag) == key


@pytest.mark.parametrize(
    ("parts", "tag", "text"),
    [
        (("g",), (), "key needs at least one part"),
        ((), ("a",), "key needs at least one part"),
        (("g",), ("",), "key part must not be empty"),
        (("g",), ("a", ""), "key part must not be empty"),
        (("",), ("a",), "key part must not be empty"),
        (("g",), (5,), "key part must be text, not int"),
        (("g",), ("\ud800",), "key part must be text that UTF-8 can encode"),
    ],
)
def test_a_tag_that_makes_no_key_is_refused(parts: tuple[str, ...], tag: tuple[Any, ...], text: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        KeySpace("shop", "ratelimit").tagged(*parts, tag=tag)

    assert str(caught.value) == text
