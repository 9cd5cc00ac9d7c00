"""Typed settings, read from the environment, an ``.env`` file, a mapping or an object.

A value that cannot be used is reported by name, never by content, and all of them at once. Each
function here that raises has dropped what it was given by then, so that no traceback with local
variables shows a secret.
"""

from __future__ import annotations

import difflib
import io
import os
import re
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypeVar, cast, dataclass_transform

from modkit_redis.contract.errors import ConfigError, InvalidNameError
from modkit_redis.contract.names import checked_name
from modkit_redis.kernel.parsing import RefusedError, in_text

T = TypeVar("T")

EnvFile = str | os.PathLike[str] | None


class FromEnvironment:
    """The configuration of a module that was given none; ``None`` would be a section that is missing."""

    def __repr__(self) -> str:
        return "<the environment>"


FROM_ENVIRONMENT: Final = FromEnvironment()


class _Required:
    """Stands for the default of a setting that has none."""


REQUIRED: Final = _Required()


def setting(
    parse: Callable[[object], T], about: str, *, default: T | _Required = REQUIRED, secret: bool = False
) -> T:
    """Declare one setting of a :class:`Settings` class.

    Args:
        parse: Turns text, or a value that has the right type already, into the value.
        about: What it means, for the generated documentation.
        default: Value when it is not given; without one the setting is required.
        secret: Whether its value is masked wherever settings are shown.
    """
    metadata = {"parse": parse, "about": about, "secret": secret}
    given: dict[str, Any] = {} if default is REQUIRED else {"default": default}
    return cast(T, field(metadata=metadata, **given))


@dataclass(frozen=True, slots=True)
class SettingInfo:
    """What the documentation says of one setting.

    Attributes:
        name: Its environment name in the default instance, e.g. ``REDIS_DB``.
        default: Its default as one would write it, ``required``, or empty for none.
        about: What it means.
    """

    name: str
    default: str
    about: str


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(setting,))
class Settings:
    """Base of the settings of one module: a frozen dataclass whose fields check themselves.

    Attributes:
        section: Part of the settings' names between ``REDIS_`` and their own: empty, or ``cache``, …
    """

    section: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True, init=False, repr=False)(cls)

    if not TYPE_CHECKING:

        def __init__(self, **given: object) -> None:
            problem = self._fill(_Given(given, str))
            del given
            or_raise(problem)

    @classmethod
    def from_env(
        cls, environ: Mapping[str, str] = os.environ, *, name: str = "", env_file: EnvFile = None
    ) -> Self:
        """Read the settings from environment variables.

        Args:
            environ: The variables; the process's own by default.
            name: Instance whose settings to read: ``analytics`` reads ``REDIS_ANALYTICS_ADDR`` and so on.
            env_file: A file of further variables in ``.env`` format. It is read only when named here,
                literally (no ``${…}`` is expanded), and *environ* wins over it.

        Raises:
            ConfigError: If settings are missing or unusable, or *env_file* cannot be read.
            InvalidNameError: If there can be no instance called *name*.
        """
        given = cls._given(FROM_ENVIRONMENT, name, env_file, environ)
        del environ
        return cls._made(given)

    @classmethod
    def from_mapping(cls, values: Mapping[str, object], *, name: str = "") -> Self:
        """Read the settings from a mapping such as a section of a configuration file.

        Args:
            values: Lower-case setting names without ``REDIS_``; text, or values of the right type.
            name: Instance they are for; used in errors.

        Raises:
            ConfigError: If settings are missing, unknown or unusable.
            InvalidNameError: If there can be no instance called *name*.
        """
        given = cls._given(values, name, None)
        del values
        return cls._made(given)

    @classmethod
    def load(cls, config: object, name: str = "", env_file: EnvFile = None) -> Self:
        """Read the settings from whatever a module was given as its ``config``.

        Raises:
            ConfigError: If settings are missing or unusable, or *config* is nothing to read them from.
            InvalidNameError: If there can be no instance called *name*.
        """
        if isinstance(config, cls) and env_file is None:
            return config
        given = cls._given(config, name, env_file)
        del config
        return cls._made(given)

    @classmethod
    def describe(cls) -> tuple[SettingInfo, ...]:
        """Return what there is to know of each setting, in order."""
        return tuple(
            SettingInfo(
                _env_prefix(cls.section, "") + each.name.upper(),
                "required" if each.default is MISSING else in_text(each.default),
                each.metadata["about"],
            )
            for each in _fields(cls)
        )

    def shown(self) -> dict[str, str]:
        """Return every setting as text, secrets masked."""
        own = vars(self)  # empty if they were refused
        values = {each: own[each.name] for each in _fields(type(self)) if each.name in own}
        return {
            each.name: "***" if each.metadata["secret"] and value is not None else in_text(value)
            for each, value in values.items()
        }

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={text!r}" for name, text in self.shown().items() if text)
        return f"{type(self).__name__}({shown})"

    @classmethod
    def _expand(cls, values: dict[str, object]) -> Iterator[tuple[str, str]]:
        """Replace settings that stand for others, in place; yield names and what is wrong with them.

        Here and below, what is wrong with one setting calls others by their names in the environment of
        the default instance, and is shown with the names of whoever wrote them.
        """
        yield from ()

    @classmethod
    def _unknown(cls, name: str) -> str:
        """Return what to say of a setting called *name*, which does not exist."""
        names = [each.name for each in _fields(cls)]
        meant = name.lower().removeprefix(_env_prefix(cls.section, "").lower())
        if near := difflib.get_close_matches(meant, names, 1):
            return f"is no setting: did you mean {_env_prefix(cls.section, '')}{near[0].upper()}?"
        return f"is no setting; there are {', '.join(names)}"

    def _contradictions(self, unusable: Set[str]) -> Iterator[tuple[str, str]]:
        """Yield a name and what is wrong for each setting that does not go with the others.

        Nothing can be said of those that are *unusable*, which are reported already.
        """
        yield from ()

    @classmethod
    def _given(
        cls, config: object, name: str, env_file: EnvFile, environ: Mapping[str, str] = os.environ
    ) -> _Given | ConfigError | InvalidNameError:
        try:
            above = checked_name(name) if name else ""
        except InvalidNameError as error:
            return error.with_traceback(None)
        if config is FROM_ENVIRONMENT:
            return cls._given_variables(environ, above, env_file)
        where = ".".join(["redis", *filter(None, (above, cls.section))])
        if env_file is not None:
            return ConfigError("env_file", f"cannot be used with a config ({where}): leave one of them out")
        if isinstance(config, Mapping):
            return _Given(config, lambda field_name: f"{where}.{field_name}")
        if config is None:
            return ConfigError(
                where, "is missing or empty: fill it, or give no config at all to read the environment"
            )
        return ConfigError(where, f"must be a mapping or a {cls.__name__}, not {type(config).__name__}")

    @classmethod
    def _given_variables(
        cls, environ: Mapping[str, str], name: str, env_file: EnvFile
    ) -> _Given | ConfigError:
        """Take the variables of the instance *name*; no other is looked at."""
        prefix = _env_prefix(cls.section, name)
        from_file = {} if env_file is None else _read_variables(env_file, prefix)
        if isinstance(from_file, ConfigError):
            return from_file
        both = {**from_file, **environ}
        names = {prefix + each.name.upper(): each.name for each in _fields(cls)}
        values = {names[key]: value for key, value in both.items() if key in names}
        return _Given(values, lambda field_name: prefix + field_name.upper())

    @classmethod
    def _one(
        cls, field_name: str, config: object, name: str = "", env_file: EnvFile = None
    ) -> Any | ConfigError | InvalidNameError:
        """Return one setting alone, whatever the others are, or the error for :func:`or_raise`."""
        if isinstance(config, cls) and env_file is None:
            return getattr(config, field_name)
        given = cls._given(config, name, env_file)
        if not isinstance(given, _Given):
            return given
        [declared] = (each for each in _fields(cls) if each.name == field_name)
        try:
            return _parsed(declared, given)
        except RefusedError as refused:
            return cls._problem(given, field_name, refused.reason)

    @classmethod
    def _problem(cls, given: _Given, name: str, reason: str) -> ConfigError:
        """Return the error for one setting, in the words of whoever wrote it."""
        names = {each.name for each in _fields(cls)}

        def in_their_words(found: re.Match[str]) -> str:
            other = found["name"].lower()
            return given.label(other) if other in names else found[0]

        pattern = rf"\b{_env_prefix(cls.section, '')}(?P<name>[A-Z0-9_]+)"
        return ConfigError(given.label(name), re.sub(pattern, in_their_words, reason))

    @classmethod
    def _made(cls, given: _Given | ConfigError | InvalidNameError) -> Self:
        given = or_raise(given)
        made = cls.__new__(cls)
        or_raise(made._fill(given))
        return made

    def _fill(self, given: _Given) -> ConfigError | None:
        values = dict(given.values)
        problems = list(self._expand(values))
        known = {each.name: each for each in _fields(type(self))}
        for name, declared in known.items():
            try:
                object.__setattr__(self, name, _parsed(declared, _Given(values, given.label)))
            except RefusedError as refused:
                problems.append((name, refused.reason))
        problems += self._contradictions({name for name, _ in problems})
        in_order = [*known, *sorted(map(str, values.keys() - known.keys()))]
        problems += [(name, self._unknown(name)) for name in in_order[len(known) :]]
        problems.sort(key=lambda problem: in_order.index(problem[0]))
        if not problems:
            return None
        vars(self).clear()  # a traceback may show this object
        return ConfigError.of([self._problem(given, *each) for each in problems])


def or_raise(outcome: T | ConfigError | InvalidNameError) -> T:
    """Return *outcome*, or raise it if it is an error; whoever calls this has dropped its secrets."""
    if isinstance(outcome, ConfigError | InvalidNameError):
        raise outcome
    return outcome


@dataclass(frozen=True, slots=True, repr=False)
class _Given:
    """Values as they were given; it shows none of them.

    Attributes:
        values: They, by the names of the fields.
        label: Returns what whoever wrote it calls a field.
    """

    values: Mapping[str, object]
    label: Callable[[str], str]


def _fields(cls: type[Settings]) -> tuple[Field[Any], ...]:
    return fields(cast(Any, cls))  # a dataclass: see Settings.__init_subclass__


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


def _parsed(declared: Field[Any], given: _Given) -> object:
    if declared.name not in given.values:
        if declared.default is MISSING:
            raise RefusedError("is missing: " + declared.metadata["about"].replace("`", "'"))
        return declared.default
    value = given.values[declared.name]
    return None if value is None and declared.default is None else declared.metadata["parse"](value)


def _env_prefix(section: str, name: str) -> str:
    return "_".join(["REDIS", *filter(None, (name.upper(), section.upper())), ""])
