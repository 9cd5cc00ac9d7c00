"""Whether a secret can be found in an error, in what it was caused by, or in what was logged.

The frames of the tests themselves do not count: they know the secret.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from traceback import TracebackException, walk_tb
from types import TracebackType
from typing import Final


def leaks(secret: str, error: BaseException, records: Iterable[logging.LogRecord] = ()) -> list[str]:
    """Return every place where *secret* shows."""
    everything = [*_said(error), *_formatted(error)]
    for record in records:
        everything += [("log", record.getMessage()), ("log record", repr(vars(record)))]
        everything.append(("formatted log", logging.Formatter().format(record)))
    return [f"{where}: {text[:300]}" for where, text in everything if secret in text]


def said_by(error: BaseException) -> list[str]:
    """Return the texts of *error* and of all behind it, without the frames they came through."""
    return [text for _, text in _said(error, frames=False)]


def chain(error: BaseException) -> list[BaseException]:
    """Return *error* and all that can be reached from it."""
    found: dict[int, BaseException] = {}
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in found:
            continue
        found[id(each)] = each
        waiting += [each.__cause__, each.__context__]
        waiting += [held for held in (*each.args, *vars(each).values()) if isinstance(held, BaseException)]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
    return list(found.values())


def _said(error: BaseException, *, frames: bool = True) -> Iterator[tuple[str, str]]:
    for each in chain(error):
        name = type(each).__name__
        yield f"str of {name}", str(each)
        yield f"repr of {name}", repr(each)
        yield f"args of {name}", repr(each.args)
        yield f"__dict__ of {name}", repr(vars(each))
        for attribute in ("object", "doc", "string"):  # of a UnicodeError, a JSONDecodeError, …
            yield f"{attribute} of {name}", repr(getattr(each, attribute, None))
        if frames:
            for frame, line in walk_tb(_below_the_tests(each.__traceback__)):
                for local, value in frame.f_locals.items():
                    where = f"{frame.f_code.co_filename}:{line} {local}"
                    yield f"{name} at {where}", _shown(value)


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001  # TracebackException does not care either
        return f"no repr: {error}"


def _formatted(error: BaseException) -> Iterator[tuple[str, str]]:
    for each in chain(error):
        frames = _below_the_tests(each.__traceback__)
        shown = TracebackException(type(each), each, frames, capture_locals=True)
        yield f"traceback of {type(each).__name__}", "".join(shown.format(chain=False))


def _below_the_tests(frames: TracebackType | None) -> TracebackType | None:
    while frames is not None and Path(frames.tb_frame.f_code.co_filename).is_relative_to(_TESTS):
        frames = frames.tb_next
    return frames


_TESTS: Final = Path(__file__).parent
