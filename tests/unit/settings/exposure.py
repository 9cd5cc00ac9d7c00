"""Everything that an error could show to whoever logs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from traceback import TracebackException

TESTS = str(Path(__file__).parents[2])


def failure(read: Callable[[], object]) -> Exception:
    """Return what *read* raises."""
    try:
        read()
    except Exception as error:  # noqa: BLE001  # whatever it is, it is looked into
        return error
    raise AssertionError("nothing was raised")


def exposed(error: BaseException) -> str:
    """Return all that *error* shows: texts, attributes, what is behind it, and the locals of all frames.

    The frames of the tests themselves are left out: they hold what they gave.
    """
    return "\n".join(_shown(error, set()))


def _shown(error: BaseException, seen: set[int]) -> Iterator[str]:
    if id(error) in seen:
        return
    seen.add(id(error))
    yield from (str(error), repr(error), repr(error.args), repr(vars(error)))
    yield from getattr(error, "__notes__", ())
    for name in ("object", "filename", "doc", "obj"):  # what some of Python's errors keep elsewhere
        yield repr(getattr(error, name, None))
    for frame in TracebackException.from_exception(error, capture_locals=True).stack:
        if not frame.filename.startswith(TESTS):
            yield f"{frame.name}: {frame.locals}"
    behind = (
        error.__cause__,
        error.__context__,
        *getattr(error, "also", ()),
        *getattr(error, "exceptions", ()),
    )
    for each in behind:
        if each is not None:
            yield from _shown(each, seen)
