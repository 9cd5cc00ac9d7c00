"""The narrow way by which stores talk to Redis; a faster transport can take its place."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import NamedTuple, Protocol, TypeAlias

from modkit_redis.contract.values import Duration

Argument: TypeAlias = bytes | str | int | float
"""What one part of a command may be."""

Command: TypeAlias = Sequence[Argument]
"""The name of a command and its arguments."""

Reply: TypeAlias = bytes | int | list["Reply"] | None
"""A reply as Redis sent it: nothing is decoded."""


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script, sent whole only to a server that does not know it yet.

    Attributes:
        name: Its name in errors.
        source: Its text.
        sha: The hash by which the server knows it.
    """

    name: str
    source: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha", digest)


class ScriptCall(NamedTuple):
    """A script with what it is given, to be sent alone or among other commands.

    Attributes:
        script: What to run.
        keys: Its ``KEYS``.
        args: Its ``ARGV``.
    """

    script: Script
    keys: Sequence[str] = ()
    args: Sequence[Argument] = ()

    def known(self) -> Command:
        """Return the command for a server that knows the script."""
        return ("EVALSHA", self.script.sha, len(self.keys), *self.keys, *self.args)

    def whole(self) -> Command:
        """Return the command for a server that does not."""
        return ("EVAL", self.script.source, len(self.keys), *self.keys, *self.args)


@cache
def load_script(package: str, filename: str) -> Script:
    """Return the script in the file *filename* of *package*; it is read once."""
    source = files(package).joinpath(filename).read_text(encoding="utf-8")
    return Script(filename.removesuffix(".lua"), source)


def packed(command: Command | ScriptCall) -> Command:
    """Return *command* as it is sent first."""
    return command.known() if isinstance(command, ScriptCall) else command


def named(command: Command | ScriptCall) -> str:
    """Return what errors call *command*: never its arguments."""
    return command.script.name if isinstance(command, ScriptCall) else str(command[0])


class Executor(Protocol):
    """Sends commands to Redis, each at most once.

    Every method takes a *deadline*: a bound on the whole call, over waiting for a connection, connecting,
    sending and reading. Without one, the client's own timeouts bound each of these.
    """

    def execute(self, *command: Argument, deadline: Duration | None = None) -> Reply:
        """Send one command and return its reply.

        Raises:
            StoreUnavailableError: If there was no reply in time; the command may have been carried out.
            CommandRefusedError: If Redis answered that it will not do it.
        """

    def execute_many(
        self, commands: Sequence[Command | ScriptCall], *, deadline: Duration | None = None
    ) -> list[Reply]:
        """Send *commands* in one round trip and return their replies in order; not atomic.

        Scripts that the server does not know yet are run in a second round trip, after the rest.

        Raises:
            StoreUnavailableError: If a reply did not come in time; any of them may have been carried out.
            CommandRefusedError: If Redis refused one; the others were carried out.
        """
        ...

    def run(
        self,
        script: Script,
        keys: Sequence[str] = (),
        args: Sequence[Argument] = (),
        *,
        deadline: Duration | None = None,
    ) -> Reply:
        """Run *script* once, in one round trip; in two where the server does not know it yet.

        Raises:
            StoreUnavailableError: If there was no reply in time; the script may have run.
            CommandRefusedError: If Redis answered that it will not run it.
        """


class AsyncExecutor(Protocol):
    """Sends commands to Redis, each at most once, for asyncio.

    Every method takes a *deadline*: a bound on the whole call, over waiting for a connection, connecting,
    sending and reading. Without one, the client's own timeouts bound each of these.
    """

    async def execute(self, *command: Argument, deadline: Duration | None = None) -> Reply:
        """Send one command and return its reply.

        Raises:
            StoreUnavailableError: If there was no reply in time; the command may have been carried out.
            CommandRefusedError: If Redis answered that it will not do it.
        """

    async def execute_many(
        self, commands: Sequence[Command | ScriptCall], *, deadline: Duration | None = None
    ) -> list[Reply]:
        """Send *commands* in one round trip and return their replies in order; not atomic.

        Scripts that the server does not know yet are run in a second round trip, after the rest.

        Raises:
            StoreUnavailableError: If a reply did not come in time; any of them may have been carried out.
            CommandRefusedError: If Redis refused one; the others were carried out.
        """
        ...

    async def run(
        self,
        script: Script,
        keys: Sequence[str] = (),
        args: Sequence[Argument] = (),
        *,
        deadline: Duration | None = None,
    ) -> Reply:
        """Run *script* once, in one round trip; in two where the server does not know it yet.

        Raises:
            StoreUnavailableError: If there was no reply in time; the script may have run.
            CommandRefusedError: If Redis answered that it will not run it.
        """
