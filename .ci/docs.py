"""Write the tables of the documentation that are made from the code, or check that none has drifted.

A table stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``, in ``docs/`` or in the README.
"""

import argparse
import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import modkit_redis
import modkit_redis.testing
import modkit_redis.web.asgi
import modkit_redis.web.fastapi
import modkit_redis.web.flask
import modkit_redis.web.starlette
import modkit_redis.web.wsgi
from modkit_redis import CacheSettings, RateLimitSettings, RedisSettings, SessionSettings, contract
from modkit_redis.client.errors import REASONS
from modkit_redis.contract import ModkitRedisError, errors, named_tokens
from modkit_redis.contract.events import CACHE_MEANINGS, SESSION_MEANINGS
from modkit_redis.kernel.settings import Settings

MARKED = re.compile(r"<!-- generated: (?P<name>[\w-]+) -->\n(?P<table>.*?)<!-- end -->", re.DOTALL)
UNCLOSED = re.compile(r"<!-- (?:generated:|end)")

Rows = Iterator[tuple[str, ...]]


def settings(described: type[Settings]) -> Callable[[], Rows]:
    """Return a function that gives each setting of one module."""

    def rows() -> Rows:
        yield "name", "default", "meaning"
        for each in described.describe():
            default = each.default if each.default in ("", "required") else f"`{each.default}`"
            yield f"`{each.name}`", default, each.about

    return rows


def tokens() -> Rows:
    """Each token, in the default instance and in a named one."""
    yield "constant", "default instance", "instance `analytics`"
    constants = {value: name for name, value in vars(contract).items() if name.startswith("TOKEN_")}
    default, named = named_tokens(), named_tokens("analytics")
    for each in fields(default):
        id_ = getattr(default, each.name)
        yield f"`{constants.pop(id_)}`", f"`{id_}`", f"`{getattr(named, each.name)}`"
    if constants:
        raise SystemExit(f"named_tokens() lacks {constants}")


def error_classes() -> Rows:
    """Each error that has a public name."""
    yield "error", "also a", "attributes", "meaning"
    packages = (contract, modkit_redis.testing)
    for each in (getattr(package, name) for package in packages for name in package.__all__):
        if inspect.isclass(each) and issubclass(each, ModkitRedisError):
            above = [base for base in each.__mro__[1:] if base is not object and not is_private(base)]
            near = [base for base in above if not any(base in other.__mro__[1:] for other in above)]
            documented = re.findall(r"^    (\w+): ", inspect.getdoc(each) or "", re.MULTILINE)
            yield (
                f"`{each.__name__}`",
                ", ".join(f"`{base.__name__}`" for base in near if base is not ModkitRedisError),
                ", ".join(f"`{name}`" for name in documented),
                summary(each),
            )


def reasons(above: type[Exception]) -> Callable[[], Rows]:
    """Return a function that gives each word that errors below *above* carry."""

    def rows() -> Rows:
        yield "reason", "also a", "when"
        for each in REASONS.values():
            if issubclass(each.error, above):
                base = next(base for base in each.error.__mro__ if base.__module__ == "redis.exceptions")
                yield f"`{each.word}`", f"`redis.{base.__name__}`", each.about

    return rows


def events(meanings: Mapping[Any, str]) -> Callable[[], Rows]:
    """Return a function that gives each kind of event that a store tells of."""

    def rows() -> Rows:
        yield "kind", "when"
        for kind, meaning in meanings.items():
            yield f"`{kind}`", as_cell(meaning)

    return rows


def is_private(cls: type) -> bool:
    """Tell whether *cls* is a step between public classes that no user names."""
    return cls.__name__.startswith("_") or (
        cls.__module__ == errors.__name__ and cls.__name__ not in contract.__all__
    )


def public(package: ModuleType) -> Callable[[], Rows]:
    """Return a function that gives all public names of *package*."""

    def rows() -> Rows:
        yield "name", "meaning"
        for name in package.__all__:
            member = getattr(package, name)
            described = inspect.isclass(member) or inspect.isfunction(member)
            if described:
                meaning = summary(member)
            elif isinstance(member, str):
                meaning = f"`{member}`"
            else:
                meaning = attribute_summary(package, name)
            yield f"`{name}`", meaning

    return rows


def summary(member: object) -> str:
    """Return the first paragraph of what the docstring of *member* says, as Markdown."""
    return as_cell(inspect.getdoc(member) or "")


def attribute_summary(package: ModuleType, name: str) -> str:
    """Return what the string below the assignment of *name* says, wherever *package* has it from."""
    for each in sorted(module for module in sys.modules if f"{module}.".startswith(f"{package.__name__}.")):
        body = ast.parse(inspect.getsource(sys.modules[each])).body
        for node, after in pairwise(body):
            assigned = isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == name
            said = after.value if assigned and isinstance(after, ast.Expr) else None
            if isinstance(said, ast.Constant) and isinstance(said.value, str):
                return as_cell(inspect.cleandoc(said.value))
    raise SystemExit(f"{package.__name__}.{name} has no docstring")


def as_cell(docstring: str) -> str:
    """Return the first paragraph of *docstring* on one line; it must not be empty."""
    first = " ".join(docstring.partition("\n\n")[0].split())
    if not first:
        raise SystemExit("a public name has no docstring")
    first = re.sub(r":\w+:`([^`]+)`", r"`\1`", first)
    return first.replace("``", "`").replace("|", r"\|")


TABLES = MappingProxyType(
    {
        "settings": settings(RedisSettings),
        "cache-settings": settings(CacheSettings),
        "cache-events": events(CACHE_MEANINGS),
        "session-settings": settings(SessionSettings),
        "session-events": events(SESSION_MEANINGS),
        "ratelimit-settings": settings(RateLimitSettings),
        "tokens": tokens,
        "errors": error_classes,
        "unavailable": reasons(contract.StoreUnavailableError),
        "refused": reasons(contract.CommandRefusedError),
        "modkit_redis": public(modkit_redis),
        "contract": public(contract),
        "testing": public(modkit_redis.testing),
        "web": public(modkit_redis.web),
        "web-asgi": public(modkit_redis.web.asgi),
        "web-wsgi": public(modkit_redis.web.wsgi),
        "web-starlette": public(modkit_redis.web.starlette),
        "web-fastapi": public(modkit_redis.web.fastapi),
        "web-flask": public(modkit_redis.web.flask),
    }
)


def as_table(rows: Rows) -> str:
    """Return *rows* as a Markdown table; the first is its head."""
    head, *body = rows
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ("---",) * len(head), *body))


def process(root: Path, *, write: bool) -> Iterator[str]:
    """Write or compare all tables below *root*, and yield a line for each problem."""
    used: set[str] = set()
    for page in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        here = page.relative_to(root)
        names = [found["name"] for found in MARKED.finditer(text)]
        if len(UNCLOSED.findall(text)) != 2 * len(names):
            yield f"{here}: a marker has no partner"
        if unknown := sorted({*names} - {*TABLES}):
            yield f"{here}: there is no table called {', '.join(unknown)}"
            continue
        used.update(names)
        made = MARKED.sub(lambda found: whole(found["name"]), text)
        if made != text and write:
            page.write_text(made, encoding="utf-8")
        elif made != text:
            yield f"{here}: a table is not what the code gives; run .ci/docs.py"
    for name in sorted({*TABLES} - used):
        yield f".ci/docs.py: no page shows the table {name}"


def whole(name: str) -> str:
    """Return the table called *name* between its markers."""
    return f"<!-- generated: {name} -->\n{as_table(TABLES[name]())}<!-- end -->"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 1 when anything is wrong, else 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, report every drift")
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[1], metavar="DIR")
    options = parser.parse_args(argv)
    problems = list(process(options.root.resolve(), write=not options.check))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
