"""A name gives valid tokens or is refused, and no two names share anything."""

from __future__ import annotations

import dataclasses

from hypothesis import assume, given
from hypothesis import strategies as st

from modkit_redis import RedisSettings
from modkit_redis.contract import InvalidNameError, named_tokens

FIELDS = [each.name.removeprefix("REDIS_").lower() for each in RedisSettings.describe()]
names = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True) | st.sampled_from(["a", "a_b", "a_tls", "b"])


def tokens(name: str) -> set[str]:
    """Return the tokens of an instance; skip the example if it can have no such name."""
    try:
        return set(dataclasses.astuple(named_tokens(name)))
    except InvalidNameError:
        assume(False)  # hypothesis: skip this example
        raise


@given(names, names)
def test_distinct_names_share_no_token_and_no_setting(one: str, other: str) -> None:
    assume(one != other)

    assert tokens(one).isdisjoint(tokens(other))
    assert tokens(one).isdisjoint(tokens_of_default())
    settings = {f"REDIS_{each}{field}" for each in (f"{one}_", f"{other}_", "") for field in FIELDS}
    assert len(settings) == 3 * len(FIELDS)


def tokens_of_default() -> set[str]:
    """Return the tokens of the default instance."""
    return set(dataclasses.astuple(named_tokens()))


@given(st.text() | names)
def test_a_name_gives_dotted_lower_case_identifiers_or_is_refused(name: str) -> None:
    for token in tokens(name):
        assert all(each.isidentifier() and each.isascii() for each in token.split("."))
        assert token == token.lower()
