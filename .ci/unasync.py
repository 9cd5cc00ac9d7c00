"""Write the synchronous twin of every asynchronous source, or check that no twin has drifted.

Sources are ``modkit_redis/**/_async.py`` (twin: ``_sync.py`` beside it) and
``tests/integration/_async/**/*.py`` (twin: the same path below ``tests/integration/_sync``).
"""

import argparse
import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

Rules = tuple[tuple[str, str], ...]

# Applied in this order to the whole text: code, comments and docstrings. A rule is one line, and
# every one must fire somewhere: remove a line when its last use goes, add one when a leak is
# reported. What differs by nature (sleeping, locks) gets no rule but a hand-written file.
RULES: Rules = (
    (r"\basync def\b", r"def"),
    (r"\bawait ", r""),
    (r"\bAsync([A-Z]\w*)", r"\1"),
    (r"\basync_(\w+)", r"\1"),
    (r"\basync with\b", r"with"),
    (r"\bAbstractAsyncContextManager\b", r"AbstractContextManager"),
    (r"\bpush_async_callback\b", r"callback"),
    (r"\benter_async_context\b", r"enter_context"),
    (r"\basync for\b", r"for"),
    (r"\b__aenter__\b", r"__enter__"),
    (r"\b__aexit__\b", r"__exit__"),
    (r"\baclose\b", r"close"),
    (r"\bredis\.asyncio\b", r"redis"),
)

# Else ruff looks for the module, and sorts the import of a twin that is yet to be written wrongly.
FIRST_PARTY = "lint.isort.known-first-party = ['modkit_redis', 'tests']"
ASYNC_SYNTAX = (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.AsyncFunctionDef)
# "async" and "asynchronous" alone are plain English (replication is asynchronous); names are not.
LEAKED_WORD = re.compile(
    r"\b(?:(?!async(?:hronous\w*)?\b)\w*async\w*"
    r"|await\w*|__a(?:enter|exit|iter|next)__|aclos\w+|aiter|anext)\b",
    re.IGNORECASE,
)


class RefusedError(Exception):
    """A source that cannot become a twin; each argument is one reason."""


def main(argv: Sequence[str] | None = None, *, rules: Rules = RULES) -> int:
    """Run the command line and return its exit code: 1 when anything is wrong, else 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, report every drift")
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[1], metavar="DIR")
    options = parser.parse_args(argv)
    problems = list(process(options.root.resolve(), rules, write=not options.check))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def process(root: Path, rules: Rules, *, write: bool) -> Iterator[str]:
    """Generate all twins below *root*, write or compare them, and yield a line for each problem."""
    pairs = find_pairs(root)
    if not pairs:
        yield f"{root}: holds no source, neither in modkit_redis nor in tests/integration/_async"
    fired: set[int] = set()
    for source, twin in pairs.items():
        try:
            text = generate(source, twin, root, rules, fired)
        except RefusedError as refusal:
            yield from (f"{source.relative_to(root)}: {reason}" for reason in refusal.args)
            continue
        if write:
            twin.parent.mkdir(parents=True, exist_ok=True)
            twin.write_bytes(text.encode())
        elif not twin.is_file():
            yield f"{twin.relative_to(root)}: is missing; run .ci/unasync.py"
        elif twin.read_bytes() != text.encode():
            yield f"{twin.relative_to(root)}: is not what its source gives; run .ci/unasync.py"
    for orphan in find_orphans(root, pairs.values()):
        yield f"{orphan.relative_to(root)}: has no source; delete it"
    for number, (pattern, replacement) in enumerate(rules):
        if pairs and number not in fired:
            line = f'(r"{pattern}", r"{replacement}"),'
            yield f".ci/unasync.py: a rule never fires; remove this line from RULES: {line}"


def find_pairs(root: Path) -> dict[Path, Path]:
    """Return the twin of every source below *root*, whether or not the twin exists."""
    tests = root / "tests/integration"
    modules = (root / "modkit_redis").rglob("_async.py")
    pairs = {path: path.with_name("_sync.py") for path in modules}
    for path in (tests / "_async").rglob("*.py"):
        pairs[path] = tests / "_sync" / path.relative_to(tests / "_async")
    return dict(sorted(pairs.items()))


def find_orphans(root: Path, twins: Iterable[Path]) -> list[Path]:
    """Return the files in a twin's place that no source generates, of whatever type."""
    found = {path for path in (root / "tests/integration/_sync").rglob("*") if path.is_file()}
    found.update((root / "modkit_redis").rglob("_sync.py"))
    return sorted(path for path in found - {*twins} if path.parent.name != "__pycache__")


def generate(source: Path, twin: Path, root: Path, rules: Rules, fired: set[int]) -> str:
    """Return the whole text of *twin*, adding to *fired* the numbers of the rules that matched.

    Raises:
        RefusedError: If the source is broken, has no ``async def``, leaks or fails in ruff.
    """
    try:
        original = source.read_text(encoding="utf-8")
        text = rewrite(original, rules, fired)
        tree = ast.parse(original, source.name)
    except (SyntaxError, ValueError) as error:  # ValueError: not UTF-8, or a null byte
        raise RefusedError(f"cannot be read as Python: {error}") from error
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)]
    if not functions and not is_exempt(source, tree):
        raise RefusedError("has no async def; move what both worlds share to a module of its own")
    text = tidy(text, twin, root)
    if leaks := find_leaks(text):
        raise RefusedError(*(f"its twin would still say: {line}" for line in leaks))
    # Only now, because a comment above an import moves along when imports are sorted.
    origin = Path(os.path.relpath(source, twin.parent)).as_posix()
    return f"# Generated from {origin} by .ci/unasync.py; do not edit.\n{text}"


def rewrite(text: str, rules: Rules, fired: set[int]) -> str:
    """Return *text* with all rules applied, adding to *fired* the numbers of those that matched."""
    for number, (pattern, replacement) in enumerate(rules):
        text, count = re.subn(pattern, replacement, text)
        if count:
            fired.add(number)
    return text


def is_exempt(source: Path, tree: ast.Module) -> bool:
    """Tell whether *source* only makes a folder a package: an ``__init__.py`` without any code."""
    docstrings = 0 if ast.get_docstring(tree) is None else 1
    return source.name == "__init__.py" and len(tree.body) == docstrings


def tidy(text: str, twin: Path, root: Path) -> str:
    """Return *text* sorted and formatted by ruff under the settings that apply to *twin*.

    Raises:
        RefusedError: If ruff fails, with all it said on one line.
    """
    config = root / "pyproject.toml"
    settings = ["--config", str(config)] if config.is_file() else ["--isolated"]
    settings += ["--config", FIRST_PARTY, "--stdin-filename", str(twin), "-"]
    for command in (["check", "--select", "I", "--fix"], ["format"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *settings],
            input=text,
            capture_output=True,
            encoding="utf-8",
            cwd=root,  # where ruff looks for first-party modules when it is given --config
            check=False,
        )
        if done.returncode:
            raise RefusedError(f"ruff {command[0]} failed: {' '.join(done.stderr.split())}")
        text = done.stdout
    return text


def find_leaks(text: str) -> list[str]:
    """Return the lines that still hold asynchronous syntax, or a name that tells of it."""
    lines = text.split("\n")  # as ast counts them; splitlines() also splits at form feeds
    numbers = {number for number, line in enumerate(lines, 1) if LEAKED_WORD.search(line)}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ASYNC_SYNTAX):
            numbers.add(node.lineno)
        elif isinstance(node, ast.comprehension) and node.is_async:
            numbers.add(node.target.lineno)
    return [lines[number - 1].strip() for number in sorted(numbers)]


if __name__ == "__main__":
    raise SystemExit(main())
