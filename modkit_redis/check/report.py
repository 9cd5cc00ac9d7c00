"""How findings and settings are written: in aligned text, or as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final, get_args

from modkit_redis.check._core import Finding, Level
from modkit_redis.check.facts import Facts
from modkit_redis.client.config import RedisSettings

_FACTS: Final = ("server", "latency", "tls", "acl", "memory", "persistence")


def settings_in_text(settings: RedisSettings, name: str) -> str:
    """Return all settings by the names of their variables, secrets masked."""
    above = "_".join(["REDIS", *filter(None, (name.upper(),))])
    rows = [(f"{above}_{field.upper()}", value or "-") for field, value in settings.shown().items()]
    return "settings\n" + _aligned(rows) + "\n"


def table(findings: Sequence[Finding]) -> str:
    """Return the findings, a line each."""
    return "findings\n" + _aligned([(each.level, each.about, each.text) for each in findings])


def summary(findings: Sequence[Finding]) -> str:
    """Return how many findings there are of each level."""
    counted = Counter(each.level for each in findings)
    return ", ".join(f"{counted[level]} {level}" for level in get_args(Level) if counted[level])


def in_json(
    settings: RedisSettings | None, facts: Facts | None, findings: Sequence[Finding], code: int
) -> str:
    """Return one JSON object that always has the same keys; ``null`` for what is not known."""
    known = asdict(facts) if facts else dict.fromkeys(_FACTS)
    whole = {
        "exit_code": code,
        "settings": {name: value or None for name, value in settings.shown().items()} if settings else None,
        **{each: known[each] for each in _FACTS},
        "findings": [asdict(each) for each in findings],
    }
    return json.dumps(whole, indent=2, default=_time)


def _time(value: object) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"no JSON for {type(value).__name__}")
    return value.isoformat()


def _aligned(rows: Iterable[tuple[str, ...]]) -> str:
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
    return "\n".join(f"  {line}" for line in lines)
