"""The pages of the documentation, taken apart: blocks, prose, links and anchors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
INDEX = ROOT / "docs" / "index.md"
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(r"( *)```(\w*) *")
_FILE = re.compile(r"# ([\w./]*\.\w+)")
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]\[]*\]\(([^()\s]+)\)")
_OUTPUT = re.compile(r"(?:^|\s)# -> ?(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: Where it stands.
        heading: What it stands below.
        line: Number of its first line.
        language: What follows the fence.
        text: What it holds.
    """

    page: Path
    heading: str
    line: int
    language: str
    text: str

    @property
    def where(self) -> str:
        """Its place, for messages."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def file(self) -> str | None:
        """Name of the file that it shows, if its first line is a comment with one."""
        found = _FILE.fullmatch(self.text.partition("\n")[0])
        return found[1] if found and self.language in ("python", "dotenv") else None

    @property
    def runs_files(self) -> bool:
        """Whether it runs Python on files that stand before it."""
        return self.language == "console" and bool(re.search(r"(?m)^\$ python (?!-m pip)", self.text))


@cache
def blocks(page: Path) -> list[Block]:
    """Return all fenced blocks of *page*."""
    found: list[Block] = []
    heading, language, opened, collected = "", "", 0, list[str]()
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence = _FENCE.fullmatch(line)
        if fence and not opened:
            assert not fence[1], f"{page}:{number}: a fence is indented"
            language, opened, collected = fence[2], number + 1, []
        elif fence:
            found.append(Block(page, heading, opened, language, "\n".join(collected) + "\n"))
            opened = 0
        elif opened:
            collected.append(line)
        elif title := _HEADING.fullmatch(line):
            heading = title[1]
    assert not opened, f"{page}:{opened}: a block is never closed"
    return found


def expected_output(text: str) -> str:
    """Return what the comments of a Python block say that it prints."""
    return "".join(f"{line}\n" for line in _OUTPUT.findall(text))


def prose(page: Path) -> str:
    """Return *page* without its fenced blocks."""
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """Return where the links of *page* lead."""
    return _LINK.findall(prose(page))


def headings(page: Path) -> list[str]:
    """Return the headings of *page*."""
    return _HEADING.findall(prose(page))


def slug(heading: str) -> str:
    """Return the anchor of a heading, as repository hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
