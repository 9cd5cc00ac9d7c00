"""The generator of synchronous twins fails on every kind of drift, and says where."""

import importlib.util
import io
import shutil
import subprocess
import sys
from contextlib import redirect_stderr
from pathlib import Path
from typing import Protocol, cast

import pytest

pytestmark = pytest.mark.once

SCRIPT = Path(__file__).parents[2] / ".ci" / "unasync.py"

Rules = tuple[tuple[str, str], ...]

# Not the script's own: those change with the sources, and each must fire in every tree.
RULES: Rules = (
    (r"\basync def\b", r"def"),
    (r"\bawait ", r""),
    (r"\bAsync([A-Z]\w*)", r"\1"),
)
SOURCE = '''\
"""Uses AsyncThing."""

from elsewhere import AsyncZebra, Monkey


async def use(thing: AsyncZebra) -> Monkey:
    """Return ``await thing.get()``."""
    return await thing.get()
'''
TWIN = '''\
# Generated from _async.py by .ci/unasync.py; do not edit.
"""Uses Thing."""

from elsewhere import Monkey, Zebra


def use(thing: Zebra) -> Monkey:
    """Return ``thing.get()``."""
    return thing.get()
'''
MODULE = "modkit_redis/cache/_async.py"
MODULE_TWIN = "modkit_redis/cache/_sync.py"
TEST = "tests/integration/_async/cache/test_store.py"
TEST_TWIN = "tests/integration/_sync/cache/test_store.py"
PACKAGE = "tests/integration/_async/__init__.py"
PACKAGE_TWIN = "tests/integration/_sync/__init__.py"


class Script(Protocol):
    """What these tests use of the script."""

    RULES: Rules

    def main(self, argv: list[str], *, rules: Rules) -> int: ...


def load_script() -> Script:
    spec = importlib.util.spec_from_file_location("unasync", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return cast("Script", module)


script = load_script()


def run(root: Path, *flags: str, rules: Rules = RULES) -> tuple[int, list[str]]:
    """Return the exit code, and the lines that were printed as problems."""
    with redirect_stderr(io.StringIO()) as said:
        code = script.main([*flags, "--root", str(root)], rules=rules)
    return code, said.getvalue().splitlines()


def put(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def snapshot(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def assert_refused(result: tuple[int, list[str]], name: str, reason: str) -> None:
    """Assert that exactly one problem was reported, about *name*."""
    code, problems = result
    assert code == 1
    assert len(problems) == 1, problems
    assert problems[0].startswith(f"{name}: ")
    assert reason in problems[0]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tree of a module, a test and an empty ``__init__.py``, all with good twins."""
    root = tmp_path_factory.mktemp("written")
    put(root, MODULE, SOURCE)
    put(root, TEST, SOURCE)
    put(root, PACKAGE, "")
    assert run(root) == (0, [])
    return root


@pytest.fixture
def tree(written: Path, tmp_path: Path) -> Path:
    """Return a copy of the tree with good twins, to be spoilt."""
    return shutil.copytree(written, tmp_path / "tree")


def test_a_tree_passes_the_check_once_it_is_written(tree: Path) -> None:
    assert run(tree, "--check") == (0, [])


def test_a_twin_is_a_header_and_the_rewritten_formatted_and_sorted_source(tree: Path) -> None:
    assert (tree / MODULE_TWIN).read_text() == TWIN


def test_a_header_names_the_source_as_seen_from_the_twin(tree: Path) -> None:
    header = (tree / TEST_TWIN).read_text().splitlines()[0]

    expected = "../../_async/cache/test_store.py"
    assert header == f"# Generated from {expected} by .ci/unasync.py; do not edit."


def test_a_header_stays_first_when_the_first_import_moves(tree: Path) -> None:
    put(tree, MODULE, "import AsyncZebra\nimport Monkey\n\n\nasync def use() -> None: ...\n")

    assert run(tree) == (0, [])

    lines = (tree / MODULE_TWIN).read_text().splitlines()
    assert lines[0] == TWIN.splitlines()[0]
    assert lines[1:3] == ["import Monkey", "import Zebra"]


def test_the_settings_of_the_tree_format_its_twins(tree: Path) -> None:
    put(tree, "pyproject.toml", '[tool.ruff.format]\nquote-style = "single"\n')
    put(tree, MODULE, f'{SOURCE}\n\nNAME = "text"\n')

    assert run(tree) == (0, [])

    assert "NAME = 'text'" in (tree / MODULE_TWIN).read_text()


def test_settings_above_the_tree_are_ignored(tmp_path: Path) -> None:
    put(tmp_path, "pyproject.toml", '[tool.ruff.format]\nquote-style = "single"\n')
    put(tmp_path, f"tree/{MODULE}", f'{SOURCE}\n\nNAME = "text"\n')

    assert run(tmp_path / "tree") == (0, [])

    assert 'NAME = "text"' in (tmp_path / "tree" / MODULE_TWIN).read_text()


@pytest.mark.parametrize("settings", [None, "[tool.ruff]\n"])
def test_first_party_imports_are_told_by_the_tree_and_not_by_the_current_folder(
    tree: Path, settings: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tree / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    if settings is not None:
        put(tree, "pyproject.toml", settings)
    put(tree, "examples/__init__.py", "")
    put(tree, MODULE, "import redis\nimport examples\n\n\nasync def use() -> None: ...\n")

    assert run(tree) == (0, [])

    assert "import redis\n\nimport examples\n" in (tree / MODULE_TWIN).read_text()


@pytest.mark.parametrize("settings", [None, "[tool.ruff]\n"])
@pytest.mark.parametrize(
    ("name", "imported"),
    [(MODULE, "modkit_redis.session._async"), (TEST, "tests.integration._async.later")],
)
def test_an_import_of_a_twin_that_is_yet_to_be_written_is_sorted_rightly(
    tree: Path, name: str, imported: str, settings: str | None
) -> None:
    if settings is not None:
        put(tree, "pyproject.toml", settings)
    put(tree, imported.replace(".", "/") + ".py", SOURCE)
    put(tree, name, f"import redis\n\nfrom {imported} import A\n\n\nasync def use() -> A: ...\n")
    rules = (*RULES, (r"_async\b", r"_sync"))

    assert run(tree, rules=rules) == (0, [])

    assert run(tree, "--check", rules=rules) == (0, [])


def test_writing_twice_changes_nothing(tree: Path) -> None:
    before = snapshot(tree)

    assert run(tree) == (0, [])

    assert snapshot(tree) == before


def test_writing_repairs_a_stale_twin(tree: Path) -> None:
    put(tree, MODULE_TWIN, "stale")

    assert run(tree) == (0, [])

    assert (tree / MODULE_TWIN).read_text() == TWIN


def test_the_check_writes_nothing(tree: Path) -> None:
    (tree / MODULE_TWIN).unlink()
    put(tree, TEST_TWIN, "stale")
    before = snapshot(tree)

    code, problems = run(tree, "--check")

    assert (code, len(problems)) == (1, 2)
    assert snapshot(tree) == before


@pytest.mark.parametrize("name", [MODULE_TWIN, TEST_TWIN, PACKAGE_TWIN])
def test_a_missing_twin_fails_the_check(tree: Path, name: str) -> None:
    (tree / name).unlink()

    assert_refused(run(tree, "--check"), name, "missing")


@pytest.mark.parametrize("name", [MODULE_TWIN, TEST_TWIN])
def test_a_stale_twin_fails_the_check(tree: Path, name: str) -> None:
    put(tree, name, (tree / name).read_text().replace("Monkey", "Donkey"))

    assert_refused(run(tree, "--check"), name, "not what its source gives")


def test_a_truncated_twin_fails_the_check(tree: Path) -> None:
    put(tree, MODULE_TWIN, "".join(TWIN.splitlines(keepends=True)[:-1]))

    assert_refused(run(tree, "--check"), MODULE_TWIN, "not what its source gives")


@pytest.mark.parametrize("appended", ["print()\n", "\n", "# café\n"])
def test_a_twin_with_text_appended_fails_the_check(tree: Path, appended: str) -> None:
    put(tree, MODULE_TWIN, TWIN + appended)

    assert_refused(run(tree, "--check"), MODULE_TWIN, "not what its source gives")


def test_a_twin_without_its_header_fails_the_check(tree: Path) -> None:
    put(tree, MODULE_TWIN, TWIN.partition("\n")[2])

    assert_refused(run(tree, "--check"), MODULE_TWIN, "not what its source gives")


@pytest.mark.parametrize("flags", [[], ["--check"]])
@pytest.mark.parametrize(
    "name",
    [
        "modkit_redis/session/_sync.py",
        "tests/integration/_sync/test_gone.py",
        "tests/integration/_sync/cache/data.json",
    ],
)
def test_an_orphan_is_reported_and_kept(tree: Path, name: str, flags: list[str]) -> None:
    put(tree, name, TWIN)

    assert_refused(run(tree, *flags), name, "delete it")

    assert (tree / name).read_text() == TWIN


def test_compiled_twins_are_no_orphans(tree: Path) -> None:
    put(tree, "tests/integration/_sync/__pycache__/test_store.cpython-311.pyc", "")

    assert run(tree, "--check") == (0, [])


@pytest.mark.parametrize("flags", [[], ["--check"]])
def test_a_rule_that_never_fires_is_shown_for_removal(tree: Path, flags: list[str]) -> None:
    rules = (*RULES, (r"\bunheard_(\w+)", r"\1"))

    result = run(tree, *flags, rules=rules)

    assert_refused(result, ".ci/unasync.py", r'from RULES: (r"\bunheard_(\w+)", r"\1"),')


def test_a_rule_that_an_earlier_one_leaves_nothing_never_fires(tree: Path) -> None:
    result = run(tree, "--check", rules=(*RULES, RULES[0]))

    assert_refused(result, ".ci/unasync.py", r'(r"\basync def\b", r"def"),')


def test_a_rule_need_not_fire_in_every_source(tree: Path) -> None:
    put(tree, MODULE, "async def use() -> None: ...\n")

    assert run(tree) == (0, [])


def test_every_rule_of_the_script_is_one_line_as_reported() -> None:
    lines = [line.strip() for line in SCRIPT.read_text().splitlines()]

    for pattern, replacement in script.RULES:
        assert f'(r"{pattern}", r"{replacement}"),' in lines


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (MODULE, "def use() -> None: ...\n"),
        (MODULE, ""),
        (TEST, '"""Has no async def."""\n'),
        (PACKAGE, "NAME = 1\n"),
    ],
)
def test_a_source_without_async_def_is_refused(tree: Path, name: str, text: str) -> None:
    put(tree, name, text)

    assert_refused(run(tree, "--check"), name, "has no async def")


def test_an_init_of_the_tests_may_be_a_docstring_only(tree: Path) -> None:
    put(tree, PACKAGE, '"""Tests that run in both worlds."""\n')

    assert run(tree) == (0, [])

    assert (tree / PACKAGE_TWIN).read_text().endswith('"""Tests that run in both worlds."""\n')


@pytest.mark.parametrize("flags", [[], ["--check"]])
def test_a_leaked_await_is_refused_and_nothing_is_written(tree: Path, flags: list[str]) -> None:
    put(tree, MODULE, SOURCE.replace("return await thing", "return (await(thing))"))
    before = snapshot(tree)

    result = run(tree, *flags)

    assert_refused(result, MODULE, "its twin would still say: return (await thing).get()")
    assert snapshot(tree) == before


@pytest.mark.parametrize(
    "code",
    [
        "async with thing:\n        ...",
        "async for _ in thing:\n        ...",
        "names = [name async for name in thing]",
        "@asynccontextmanager\n    def inner() -> None: ...",
        "import asyncio",
        "import redis.asyncio",
        "name = async_thing",
        "from modkit_redis.cache._async import name",
        "thing.aclose()",
        "def __aenter__(self) -> None: ...",
        "name = 1  # awaited by nobody",
        '"""Ends with StopAsyncIteration."""',
    ],
)
def test_a_leak_is_refused_and_shown(tree: Path, code: str) -> None:
    put(tree, MODULE, f"{SOURCE}\n\nasync def leak() -> None:\n    {code}\n")
    shown = code.splitlines()[0]

    assert_refused(run(tree, "--check"), MODULE, f"its twin would still say: {shown}")


def test_a_leaked_async_def_is_refused(tree: Path) -> None:
    rules = ((r"\basync def use\b", r"def use"), *RULES[1:])
    put(tree, MODULE, f"{SOURCE}\n\nasync def leak() -> None: ...\n")

    assert_refused(run(tree, "--check", rules=rules), MODULE, "async def leak() -> None: ...")


def test_each_leaking_line_is_reported_once(tree: Path) -> None:
    leak = "async def leak() -> None:\n    async with a.aclose():\n        b.aclose()\n"
    put(tree, MODULE, f"{SOURCE}\n\n{leak}")

    code, problems = run(tree, "--check")

    assert code == 1
    assert problems == [
        f"{MODULE}: its twin would still say: async with a.aclose():",
        f"{MODULE}: its twin would still say: b.aclose()",
    ]


def test_a_leak_below_a_form_feed_is_shown(tree: Path) -> None:
    leak = 'async def leak() -> None:\n    """A\f."""\n    async with thing: ...\n'
    put(tree, MODULE, f"{SOURCE}\n\n{leak}")

    assert_refused(run(tree, "--check"), MODULE, "async with thing:")


def test_plain_english_is_no_leak(tree: Path) -> None:
    put(tree, MODULE, f"{SOURCE}\n# Replication is asynchronous, for sync and async clients.\n")

    assert run(tree) == (0, [])


def test_a_source_that_is_not_python_is_named(tree: Path) -> None:
    put(tree, MODULE, "async def (\n")

    assert_refused(run(tree, "--check"), MODULE, "cannot be read as Python")


def test_a_source_that_is_not_utf_8_is_named(tree: Path) -> None:
    (tree / MODULE).write_bytes(b'async def use() -> str:\n    return "\xff"\n')

    assert_refused(run(tree, "--check"), MODULE, "cannot be read as Python")


def test_a_rule_that_breaks_the_syntax_names_the_source(tree: Path) -> None:
    put(tree, MODULE, f"{SOURCE}\n\nbroken = 1\n")

    result = run(tree, "--check", rules=(*RULES, (r"broken", r"(")))

    assert_refused(result, MODULE, "ruff check failed: invalid-syntax")
    assert MODULE_TWIN in result[1][0]


def test_a_failure_of_ruff_names_every_source(tree: Path) -> None:
    put(tree, "pyproject.toml", '[tool.ruff]\nline-length = "long"\n')

    code, problems = run(tree, "--check")

    assert code == 1
    assert [problem.partition(" failed: ")[0] for problem in problems] == [
        f"{MODULE}: ruff check",
        f"{PACKAGE}: ruff check",
        f"{TEST}: ruff check",
    ]


@pytest.mark.parametrize("flags", [[], ["--check"]])
def test_a_folder_without_sources_fails_with_one_line(tmp_path: Path, flags: list[str]) -> None:
    command = [sys.executable, str(SCRIPT), *flags, "--root", str(tmp_path)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert_refused((done.returncode, done.stderr.splitlines()), str(tmp_path), "holds no source")
