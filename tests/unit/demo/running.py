"""Running the demo as a process."""

from __future__ import annotations

import redis

from tests.unit.testing.processes import Program

DONE = "\nEverything was as it should be.\n"
PREFIX = "modkit-demo-"


def demo(*arguments: str, env: dict[str, str] | None = None) -> Program:
    """Return the demo, to be run."""
    return Program("-m", "modkit_redis", "demo", *arguments, env=env)


def traces(admin: redis.Redis, mine: str = PREFIX) -> list[object]:
    """Return the keys and connections whose names begin with *mine*: those of any tour by default."""
    names = [each["name"] for each in admin.client_list() if each["name"].startswith(mine)]
    return [*admin.scan_iter(match=f"{mine}*", count=1000), *names]
