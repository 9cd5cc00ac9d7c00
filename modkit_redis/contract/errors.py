"""Every error that modkit-redis raises, below one root."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class ModkitRedisError(Exception):
    """Root of all errors raised by this library."""


class ConfigError(ModkitRedisError, ValueError):
    """Settings are missing or unusable; raised before any connection is made.

    All problems of one configuration are reported at once. The value that was given is
    never part of the text: it may be a secret.

    Attributes:
        setting: Name of the first bad setting as the user wrote it, e.g. ``REDIS_DB``.
        reason: What is wrong with it and what to write instead, phrased to follow the name.
        also: The further problems, one error each.
    """

    def __init__(self, setting: str, reason: str, also: tuple[ConfigError, ...] = ()) -> None:
        super().__init__(setting, reason, also)  # args == the signature, so the error pickles
        self.setting = setting
        self.reason = reason
        self.also = also

    @classmethod
    def of(cls, problems: Sequence[ConfigError]) -> ConfigError:
        """Return one error that reports all *problems*, which must not be empty."""
        first, *others = problems
        return cls(first.setting, first.reason, tuple(others))

    @property
    def problems(self) -> tuple[ConfigError, ...]:
        """Each problem as an error of its own."""
        return (ConfigError(self.setting, self.reason), *self.also)

    def __str__(self) -> str:
        lines = [f"{each.setting} {each.reason}" for each in (self, *self.also)]
        return lines[0] if len(lines) == 1 else "\n  ".join((f"{len(lines)} settings are wrong:", *lines))


class ArgumentError(ModkitRedisError, ValueError):
    """An argument cannot be used; nothing was sent to Redis.

    Attributes:
        argument: Name of the argument.
        reason: What is wrong with it, phrased to follow the name.
    """

    def __init__(self, argument: str, reason: str) -> None:
        super().__init__(argument, reason)
        self.argument = argument
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.argument} {self.reason}"


class InvalidNameError(ModkitRedisError, ValueError):
    """A name that cannot be part of a token.

    Attributes:
        name: The refused instance name.
        reason: Why, phrased to follow the name.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"instance name {self.name!r} {self.reason}"


class DeclarationError(ModkitRedisError, TypeError):
    """A module class cannot work as it is written; raised when it is declared.

    Attributes:
        member: The class and its member, e.g. ``MyBundle.client``.
        reason: What is wrong with it, phrased to follow the member.
    """

    def __init__(self, member: str, reason: str) -> None:
        super().__init__(member, reason)
        self.member = member
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.member} {self.reason}"


class BuildError(ModkitRedisError):
    """What a token stands for could not be made ready; the cause says why.

    Attributes:
        token: The token, e.g. ``redis.client``.
        stage: What was being done, e.g. ``ping``.
    """

    def __init__(self, token: str, stage: str) -> None:
        super().__init__(token, stage)
        self.token = token
        self.stage = stage

    def __reduce__(self) -> tuple[object, ...]:  # pickle would drop the cause, and the text needs it
        return type(self), self.args, {**self.__dict__, "__cause__": self.__cause__}

    def __str__(self) -> str:
        cause = f": {self.__cause__}" if self.__cause__ else ""
        return f"{self.token}: {self.stage} failed{cause}"


class CloseError(ExceptionGroup[Exception], ModkitRedisError):
    """Some resources did not close; all the others did.

    The exceptions are what each close raised, in order; the last note of each is its token.
    """

    def derive(self, excs: Sequence[Exception]) -> CloseError:  # type: ignore[override]  # typeshed
        """Return the same group for a part of its exceptions."""
        return CloseError(self.message, excs)


class NotExportedError(ModkitRedisError, AttributeError):
    """Something was asked for that a module keeps to itself, or does not have.

    Attributes:
        module: Name of the module's class.
        name: What was asked for.
        hint: What the module does show.
    """

    def __init__(self, module: str, name: str, hint: str) -> None:
        super().__init__(module, name, hint)
        self.module = module
        self.name = name
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.module} has no {self.name!r}; {self.hint}"


@dataclass(frozen=True, slots=True)
class Unresolved:
    """One injection without a provider.

    Attributes:
        function: Dotted name of the function, class or module.
        parameter: Name of the parameter or attribute.
        id: The token that was asked for.
        reason: Why there is no provider for it.
        matches: Tokens of the container that are spelled similarly, the nearest first.
    """

    function: str
    parameter: str
    id: str
    reason: str
    matches: tuple[str, ...] = ()

    def __str__(self) -> str:
        hint = f"; did you mean {' or '.join(map(repr, self.matches))}?" if self.matches else ""
        return f"{self.function}({self.parameter}) wants {self.id!r}: {self.reason}{hint}"


class UnresolvedTokenError(ModkitRedisError):
    """Injections that dependency-injector would have left as bare markers, silently.

    Attributes:
        container: Name of the container that was wired.
        unresolved: What it could not resolve.
    """

    def __init__(self, container: str, unresolved: tuple[Unresolved, ...]) -> None:
        super().__init__(container, unresolved)
        self.container = container
        self.unresolved = unresolved

    def __str__(self) -> str:
        return "\n  ".join((f"{self.container} cannot resolve", *map(str, self.unresolved)))


class _OperationError(ModkitRedisError):
    def __init__(self, operation: str, reason: str) -> None:
        super().__init__(operation, reason)
        self.operation = operation
        self.reason = reason


class StoreUnavailableError(_OperationError):
    """Redis did not answer; the operation may or may not have taken effect.

    Attributes:
        operation: What was attempted, e.g. ``SET``; never its arguments.
        reason: A word for programs: ``refused``, ``read-timeout``, ``closed``, …
    """

    def __str__(self) -> str:
        return f"{self.operation}: Redis is unavailable ({self.reason})"


class CommandRefusedError(_OperationError):
    """Redis answered that it will not do it; nothing was changed.

    Attributes:
        operation: What was attempted, e.g. ``SET``; never its arguments.
        reason: A word for programs: ``oom``, ``noperm``, ``readonly``, …
    """

    def __str__(self) -> str:
        return f"{self.operation}: refused by Redis ({self.reason})"


class SessionLostError(ModkitRedisError):
    """Changes were not saved: the session had ended, or its token was replaced. They are dropped.

    Attributes:
        handle: The session's public handle.
        reason: A word for programs: ``gone``, or ``retired`` for the token that was replaced last, and for
            one in its grace that was to be replaced again.
    """

    def __init__(self, handle: str, reason: str) -> None:
        super().__init__(handle, reason)
        self.handle = handle
        self.reason = reason

    def __str__(self) -> str:
        why = "its token was replaced" if self.reason == "retired" else "it has ended"
        return f"session {self.handle}: nothing was saved, {why} ({self.reason})"


class SessionConflictError(ModkitRedisError):
    """Somebody else changed the session first; nothing was saved, and it may be tried again.

    Attributes:
        handle: The session's public handle.
    """

    def __init__(self, handle: str) -> None:
        super().__init__(handle)
        self.handle = handle

    def __str__(self) -> str:
        return f"session {self.handle}: nothing was saved, another request changed it first"
