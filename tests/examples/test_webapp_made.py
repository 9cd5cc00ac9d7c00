"""How the example application is made: who imports whom, and how long its files are."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

FEATURES = Path(__file__).parents[2] / "examples" / "webapp" / "features"


def test_features_know_the_contract_and_the_web_and_no_other_feature() -> None:
    allowed = ("modkit_redis.contract", "modkit_redis.web", "fastapi", "dependency_injector.wiring")
    foreign = {
        (path.name, name)
        for path in FEATURES.glob("*.py")
        if path.name != "__init__.py"
        for name in imported(path)
        if name.split(".")[0] in ("modkit_redis", "examples", "dependency_injector", "starlette", "redis")
        and not name.startswith((*allowed, "examples.webapp.clicks"))
    }

    assert foreign == set()


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


def test_its_files_are_short() -> None:
    lengths = {
        path.name: len(path.read_text(encoding="utf-8").splitlines())
        for path in FEATURES.parent.rglob("*")
        if path.suffix in (".py", ".html", ".js", ".css")
    }

    assert {name: lines for name, lines in lengths.items() if lines >= 200} == {}
