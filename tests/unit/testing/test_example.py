"""The test shown in the documentation of the package is one that passes."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from modkit_redis import testing

pytestmark = pytest.mark.once

SHOP = """
import redis
from dependency_injector import containers
from dependency_injector.wiring import Provide, inject

from modkit_redis import RedisBundle, mount


@inject
def visit(page, client=Provide["redis.client"], prefix=Provide["redis.key_prefix"]):
    return client.incr(f"{prefix}:visits:{page}")


class App(containers.DeclarativeContainer):
    redis = mount(RedisBundle)
"""


def test_the_example_runs(tmp_path: Path) -> None:
    block = inspect.cleandoc(testing.__doc__ or "").partition("::\n")[2]
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "test_shop.py").write_text(inspect.cleandoc(block))

    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-m",
            "pytest",
            "-q",
            "-pno:valkey",
            "-pno:asyncio",
            "-pno:cacheprovider",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
