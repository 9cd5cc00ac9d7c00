"""Where the values of settings come from: the environment, an ``.env`` file, or a mapping.

Nothing here raises: an error is returned, for :func:`or_raise`, so that whoever holds the values can drop
them first. A traceback with local variables shows no secret then.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from modkit_redis.contract.errors import ConfigError, InvalidNameError
from modkit_redis.contract.names import checked_name

T = TypeVar("T")

EnvFile = str | os.PathLike[str] | None


class FromEnvironment:
    """The configuration of a module that was given none; ``None`` would be a section that is missing."""

    def __repr__(self) -> str:
        return "<the environment>"


FROM_ENVIRONMENT: Final = FromEnvironment()


@dataclass(frozen=True, slots=True, repr=False)
class Given:
    """Values as they were given; it shows none of them.

    Attributes:
        values: They, by the names of the fields.
        label: Returns what whoever wrote it calls a field.
    """

    values: Mapping[str, object]
    label: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Source:
    """Finds the values for one class of settings.

    Attributes:
        section: Part of the settings' names between ``REDIS_`` and their own.
        names: The names of the fields.
        kind: Name of the class, for errors.
    """

    section: str
    names: Iterable[str]
    kind: str

    def find(
        self, config: object, name: str, env_file: EnvFile, environ: Mapping[str, str] = os.environ
    ) -> Given | ConfigError | InvalidNameError:
        """Return the values in *config* for the instance *name*, or what is wrong with it."""
        try:
            above = checked_name(name) if name else ""
        except InvalidNameError as error:
            return error.with_traceback(None)
        if config is FROM_ENVIRONMENT:
            return self._variables(environ, above, env_file)
        where = ".".join(["redis", *filter(None, (above, self.section))])
        if env_file is not None:
            return ConfigError("env_file", f"cannot be used with a config ({where}): leave one of them out")
        if isinstance(config, Mapping):
            return Given(config, lambda field_name: f"{where}.{field_name}")
        if config is None:
            return ConfigError(
                where, "is missing or empty: fill it, or give no config at all to read the environment"
            )
        return ConfigError(where, f"must be a mapping or a {self.kind}, not {type(config).__name__}")

    def _variables(self, environ: Mapping[str, str], name: str, env_file: EnvFile) -> Given | ConfigError:
        """Take the variables of the instance *name*; no other is looked at."""
        prefix = env_prefix(self.section, name)
        from_file = {} if env_file is None else _read_variables(env_file, prefix)
        if isinstance(from_file, ConfigError):
            return from_file
        both = {**from_file, **environ}
        names = {prefix + each.upper(): each for each in self.names}
        values = {names[key]: value for key, value in both.items() if key in names}
        return Given(values, lambda field_name: prefix + field_name.upper())


def or_raise(outcome: T | ConfigError | InvalidNameError) -> T:
    """Return *outcome*, or raise it if it is an error; whoever calls this has dropped its secrets."""
    if isinstance(outcome, ConfigError | InvalidNameError):
        raise outcome
    return outcome


def env_prefix(section: str, name: str = "") -> str:
    """Return what the environment names of a section's settings begin with."""
    return "_".join(["REDIS", *filter(None, (name.upper(), section.upper())), ""])


def _read_variables(env_file: str | os.PathLike[str], prefix: str) -> dict[str, str] | ConfigError:
    """Return what is written in a file in ``.env`` format, literally."""
    if not isinstance(env_file, str | os.PathLike):
        return ConfigError("env_file", f"must be a path, not {type(env_file).__name__}")
    try:
        written = Path(env_file).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        why = "no UTF-8 text" if isinstance(error, UnicodeError) else type(error).__name__
        return ConfigError("env_file", f"must name a file that can be read: {os.fspath(env_file)!r} ({why})")
    from dotenv.parser import parse_stream  # noqa: PLC0415  # few ask for it

    found = list(parse_stream(io.StringIO(written)))
    # dotenv itself leaves out what it does not understand; a setting would become its default.
    if broken := [str(each.original.line) for each in found if each.error and prefix in each.original.string]:
        why = f"cannot be understood at line {', '.join(broken)}: write {prefix}…=value, and close all quotes"
        return ConfigError("env_file", why)
    return {each.key: each.value or "" for each in found if each.key is not None}
