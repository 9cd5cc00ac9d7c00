"""Each block of the documentation runs against a real server and prints what it says.

The conventions are described in ``docs/index.md``. What stands below one heading is one test.
"""

from __future__ import annotations

import doctest
import gc
import os
import re
import shlex
import subprocess
import sys
import tomllib
import types
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from modkit_redis import CacheSettings, RateLimitSettings, RedisSettings, SessionSettings
from modkit_redis.testing import EmbeddedUnavailableError
from tests.examples.pages import PAGES, ROOT, Block, blocks, expected_output, headings, slug
from tests.support import TestServer

LANGUAGES = ("python", "console", "dotenv")


def programs() -> list[Any]:
    """Return a page and a heading for each program."""
    return [
        pytest.param(
            page,
            heading,
            id=f"{page.stem}-{slug(heading)}",
            marks=[] if page.stem == "README" else [pytest.mark.once],
        )
        for page in PAGES
        for heading in dict.fromkeys(each.heading for each in blocks(page))
    ]


@dataclass(frozen=True)
class StandIns:
    """What takes the place of the server and of the key prefix that a page names."""

    addr: str
    prefix: str

    def put_into(self, text: str) -> str:
        """Return *text* with them."""
        return re.sub(r"\bshop\b", self.prefix, text.replace("localhost:6379", self.addr))


@pytest.mark.parametrize(("page", "heading"), programs())
def test_the_blocks_below_a_heading_run(
    page: Path,
    heading: str,
    server: TestServer,
    prefix: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = types.ModuleType(f"docs_{page.stem}_{slug(heading)}".replace("-", "_"))
    monkeypatch.setitem(sys.modules, program.__name__, program)  # wiring looks for it there
    monkeypatch.chdir(tmp_path)
    try:
        with patch.dict(os.environ):
            run_program(program, page, heading, StandIns(server.addr, prefix))
    except EmbeddedUnavailableError as error:
        if server.kind == "embedded":
            raise
        pytest.skip(str(error))
    finally:
        gc.collect()  # what was left open warns here, not in another test


def run_program(program: types.ModuleType, page: Path, heading: str, stand_ins: StandIns) -> None:
    """Run what stands below *heading* here, with the files and variables that *page* gives before it."""
    last = max(each.line for each in blocks(page) if each.heading == heading)
    for block in blocks(page):
        mine = block.heading == heading
        if block.line > last:
            break
        if block.file:
            Path(block.file).write_text(stand_ins.put_into(block.text), encoding="utf-8")
        elif block.language == "python" and mine:
            run_python(block, program, stand_ins)
        elif block.language == "console":
            run_console(block, stand_ins, only_exports=not mine)


def run_python(block: Block, program: types.ModuleType, stand_ins: StandIns) -> None:
    """Run *block* as the next part of *program* and compare what it prints with its comments."""
    text = stand_ins.put_into(block.text)
    code = compile("\n" * (block.line - 1) + text, str(block.page), "exec", dont_inherit=True)
    with redirect_stdout(StringIO()) as printed:
        exec(code, vars(program))  # noqa: S102  # it is written in the page
    compare(block, expected_output(text), stand_ins.put_into(printed.getvalue()))


def run_console(block: Block, stand_ins: StandIns, *, only_exports: bool = False) -> None:
    """Run the commands of *block*, or check those that a test does not run."""
    before, *parts = re.split(r"(?m)^\$ ", stand_ins.put_into(block.text))
    assert not before, f"{block.where}: begins with output"
    for part in parts:
        command, _, output = part.partition("\n")
        match shlex.split(command):
            case ["export", *assignments]:
                for each in assignments:
                    name, _, value = each.partition("=")
                    assert name.replace("_ANALYTICS_", "_") in settings(), f"{block.where}: {name}"
                    os.environ[name] = value
            case _ if only_exports:
                pass
            case ["make", target, *arguments]:
                assert target in make_targets(), f"{block.where}: {target}"
                for argument in arguments:
                    name, _, value = argument.partition("=")
                    assert name in ("ARGS", "PYTHON"), f"{block.where}: {argument}"
                    if target == "demo" and name == "ARGS":
                        check_options(block, shlex.split(value))
            case ["python", "-m", "modkit_redis", "demo", *arguments]:
                check_options(block, arguments)
            case ["python", "-m", "pip", "install", *requirements]:
                for extra in re.findall(r"\[(.*?)\]", " ".join(requirements)):
                    assert set(extra.split(",")) <= extras(), f"{block.where}: {extra}"
            case ["python", *arguments]:
                run_interpreter(block, arguments, output, stand_ins)
            case _:
                pytest.fail(f"{block.where}: no test runs or checks {command!r}")


def run_interpreter(block: Block, arguments: list[str], output: str, stand_ins: StandIns) -> None:
    """Run Python with *arguments* and compare what it prints, on either stream, with *output*."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # a newcomer has no plugins
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    if "EmbeddedUnavailableError" in done.stdout:
        raise EmbeddedUnavailableError(done.stdout)
    compare(block, output.rstrip() + "\n", stand_ins.put_into(done.stdout.rstrip()) + "\n")


def compare(block: Block, wanted: str, got: str) -> None:
    """Compare two texts; ``...`` in the first stands for anything."""
    checker = doctest.OutputChecker()
    if not checker.check_output(wanted, got, doctest.ELLIPSIS):
        difference = checker.output_difference(doctest.Example("", wanted), got, doctest.ELLIPSIS)
        pytest.fail(f"{block.where}: {difference}", pytrace=False)


@cache
def settings() -> set[str]:
    """Return the names of all settings."""
    described = (RedisSettings, CacheSettings, SessionSettings, RateLimitSettings)
    return {each.name for settings in described for each in settings.describe()}


@cache
def make_targets() -> set[str]:
    """Return what ``make help`` lists."""
    return set(re.findall(r"(?m)^([\w-]+):.* ##", (ROOT / "Makefile").read_text(encoding="utf-8")))


@cache
def extras() -> set[str]:
    """Return the extras that can be installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return set(project["optional-dependencies"])


@cache
def demo_help() -> str:
    """Return what the demo says of its options."""
    command = [sys.executable, "-m", "examples.webapp", "--help"]
    return subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout


def check_options(block: Block, arguments: list[str]) -> None:
    """Check that the demo knows the options among *arguments*."""
    for each in arguments:
        assert not each.startswith("-") or each in demo_help(), f"{block.where}: {each}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_block_is_left_out(page: Path) -> None:
    wrong = [f"{each.where}: {each.language!r}" for each in blocks(page) if each.language not in LANGUAGES]
    for each in blocks(page):
        in_program = each.language == "python" and not each.file
        if expected_output(each.text) and not in_program:
            wrong.append(f"{each.where}: expects what nothing prints")
        if each.file and each.file.endswith(".py"):
            later = (other for other in blocks(page) if other.line > each.line)
            if not any(other.runs_files for other in later):
                wrong.append(f"{each.where}: nothing runs this file")
        if each.language == "dotenv" and not each.file:
            wrong.append(f"{each.where}: must begin with the name of its file")

    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_two_programs_of_a_page_have_the_same_heading(page: Path) -> None:
    assert len(headings(page)) == len({*map(slug, headings(page))})
