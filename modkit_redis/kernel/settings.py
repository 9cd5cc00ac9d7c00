"""Typed settings, read from the environment, an ``.env`` file, a mapping or an object.

A value that cannot be used is reported by name, never by content, and all of them at once. Each
function here that raises has dropped what it was given by then, so that no traceback with local
variables shows a secret.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypeVar, cast, dataclass_transform

from modkit_redis.contract.errors import ConfigError, InvalidNameError
from modkit_redis.kernel.given import FROM_ENVIRONMENT, EnvFile, Given, Source, env_prefix, or_raise
from modkit_redis.kernel.parsing import RefusedError, in_text

T = TypeVar("T")


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
            problem = self._fill(Given(given, str))
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
        given = cls._source().find(FROM_ENVIRONMENT, name, env_file, environ)
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
        given = cls._source().find(values, name, None)
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
        given = cls._source().find(config, name, env_file)
        del config
        return cls._made(given)

    @classmethod
    def describe(cls) -> tuple[SettingInfo, ...]:
        """Return what there is to know of each setting, in order."""
        return tuple(
            SettingInfo(
                env_prefix(cls.section) + each.name.upper(),
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
        meant = name.lower().removeprefix(env_prefix(cls.section).lower())
        if near := difflib.get_close_matches(meant, names, 1):
            return f"is no setting: did you mean {env_prefix(cls.section)}{near[0].upper()}?"
        return f"is no setting; there are {', '.join(names)}"

    def _contradictions(self, unusable: Set[str]) -> Iterator[tuple[str, str]]:
        """Yield a name and what is wrong for each setting that does not go with the others.

        Nothing can be said of those that are *unusable*, which are reported already.
        """
        yield from ()

    @classmethod
    def _source(cls) -> Source:
        return Source(cls.section, [each.name for each in _fields(cls)], cls.__name__)

    @classmethod
    def _one(
        cls, field_name: str, config: object, name: str = "", env_file: EnvFile = None
    ) -> Any | ConfigError | InvalidNameError:
        """Return one setting alone, whatever the others are, or the error for :func:`or_raise`."""
        if isinstance(config, cls) and env_file is None:
            return getattr(config, field_name)
        given = cls._source().find(config, name, env_file)
        if not isinstance(given, Given):
            return given
        [declared] = (each for each in _fields(cls) if each.name == field_name)
        try:
            return _parsed(declared, given)
        except RefusedError as refused:
            return cls._problem(given, field_name, refused.reason)

    @classmethod
    def _problem(cls, given: Given, name: str, reason: str) -> ConfigError:
        """Return the error for one setting, in the words of whoever wrote it."""
        names = {each.name for each in _fields(cls)}

        def in_their_words(found: re.Match[str]) -> str:
            other = found["name"].lower()
            return given.label(other) if other in names else found[0]

        pattern = rf"\b{env_prefix(cls.section)}(?P<name>[A-Z0-9_]+)"
        return ConfigError(given.label(name), re.sub(pattern, in_their_words, reason))

    @classmethod
    def _made(cls, given: Given | ConfigError | InvalidNameError) -> Self:
        given = or_raise(given)
        made = cls.__new__(cls)
        or_raise(made._fill(given))
        return made

    def _fill(self, given: Given) -> ConfigError | None:
        values = dict(given.values)
        problems = list(self._expand(values))
        known = {each.name: each for each in _fields(type(self))}
        for name, declared in known.items():
            try:
                object.__setattr__(self, name, _parsed(declared, Given(values, given.label)))
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


def _fields(cls: type[Settings]) -> tuple[Field[Any], ...]:
    return fields(cast(Any, cls))  # a dataclass: see Settings.__init_subclass__


def _parsed(declared: Field[Any], given: Given) -> object:
    if declared.name not in given.values:
        if declared.default is MISSING:
            raise RefusedError("is missing: " + declared.metadata["about"].replace("`", "'"))
        return declared.default
    value = given.values[declared.name]
    return None if value is None and declared.default is None else declared.metadata["parse"](value)
