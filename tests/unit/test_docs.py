"""The documentation leads somewhere, leaves nothing out, and says what the code says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from modkit_redis import contract
from tests.examples.pages import INDEX, PAGES, README, ROOT, headings, links, prose, slug

pytestmark = pytest.mark.once


@pytest.mark.parametrize("page", sorted({*ROOT.glob("*.md"), *PAGES}), ids=lambda page: page.stem)
def test_each_link_leads_somewhere(page: Path) -> None:
    dead = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        is_alive = there.is_relative_to(ROOT) and (there.is_file() or any(there.rglob("*.py")))
        if anchor and is_alive:
            is_alive = anchor in map(slug, headings(there))
        if not is_alive and "://" not in path:
            dead.append(target)

    assert dead == []


def test_every_page_and_example_can_be_found() -> None:
    linked = {
        (page.parent / each.partition("#")[0]).resolve() for page in (INDEX, README) for each in links(page)
    }
    examples = [path for path in (ROOT / "examples").glob("*.py") if path.name != "__init__.py"]

    assert [path for path in (*PAGES, *examples) if path not in {INDEX, README, *linked}] == []


def test_the_readme_says_of_each_token_whether_it_works() -> None:
    tokens = [value for name, value in vars(contract).items() if name.startswith("TOKEN_")]
    rows = [line for line in prose(README).splitlines() if line.startswith("|")]

    assert [token for token in tokens if not any(f"`{token}`" in row for row in rows)] == []


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_script", ROOT / ".ci" / "docs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_are_what_the_code_gives(script: ModuleType) -> None:
    assert list(script.process(ROOT, write=False)) == []


@pytest.fixture
def tree(script: ModuleType, tmp_path: Path) -> Path:
    """A documentation that shows each table, all of them up to date."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("# No table here\n", encoding="utf-8")
    page = "\n".join(f"<!-- generated: {name} -->\n<!-- end -->" for name in script.TABLES)
    (tmp_path / "docs" / "all.md").write_text(page, encoding="utf-8")
    assert list(script.process(tmp_path, write=True)) == []
    return tmp_path


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("`5s`", "`6s`", "docs/all.md: a table is not what the code gives"),
        ("| `REDIS_DB` |", "| `REDIS_DATABASE` |", "docs/all.md: a table is not what the code gives"),
        ("<!-- end -->", "", "docs/all.md: a marker has no partner"),
        ("generated: settings", "generated: nothing", "docs/all.md: there is no table called nothing"),
        ("generated: settings", "generated: tokens", ".ci/docs.py: no page shows the table settings"),
    ],
)
def test_the_generator_says_what_has_drifted(
    script: ModuleType, tree: Path, old: str, new: str, problem: str
) -> None:
    page = tree / "docs" / "all.md"
    text = page.read_text(encoding="utf-8")
    assert list(script.process(tree, write=False)) == []
    page.write_text(text.replace(old, new, 1), encoding="utf-8")

    problems = list(script.process(tree, write=False))

    assert any(each.startswith(problem) for each in problems)
    assert page.read_text(encoding="utf-8") == text.replace(old, new, 1)
