"""The command line: ``python -m modkit_redis``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from types import FrameType

import redis

from modkit_redis import check, demo
from modkit_redis.client.config import Address
from modkit_redis.contract import ModkitRedisError
from modkit_redis.kernel.parsing import RefusedError

_ABOUT = "Redis as dependency-injector modules."
_DEMO = """\
Run a tour of the library on a real server, in sync and in async. Each step shows its results and the
commands that reached the server, and fails if a result is not what it must be.
"""
_DEMO_NOTES = """\
On a server of yours nothing is flushed: the tour writes a few keys below a prefix of its own, and deletes
them. While it runs, about a second, it watches the server with MONITOR, which slows the server down.

exit status: 0 all went well; 1 something did not, stderr says what; 2 wrong arguments
"""
_HINTS = {
    "auth": "; the server asks for REDIS_PASSWORD, and for REDIS_USERNAME if it has users",
    "noperm": "; the tour needs MONITOR, CLIENT LIST, INFO, SCAN and SCRIPT LOAD",
}


def main(argv: Sequence[str] | None = None, *, checkpoint: Callable[[], None] = lambda: None) -> int:
    """Run the command line and return its exit code.

    Args:
        argv: The arguments; those of this process by default.
        checkpoint: Called wherever a command may be left; what it raises ends the command.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    if options.command == "demo":
        return _demo(options.addr, checkpoint)
    if options.command == "check":
        return check.run(options)
    parser.print_help()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m modkit_redis", description=_ABOUT)
    parser.add_argument("--version", action="version", version=f"modkit-redis {version('modkit-redis')}")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    tour = commands.add_parser(
        "demo",
        help="a tour of the library on a real server",
        description=_DEMO,
        epilog=_DEMO_NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    tour.add_argument(
        "--addr",
        metavar="HOST:PORT",
        type=_addr,
        help="use this server, and the environment's REDIS_USERNAME and REDIS_PASSWORD; else an embedded one",
    )
    tour.add_argument(
        "--once",
        action="store_true",
        help="run the tour and exit, as it does in any case; `make demo` in a checkout serves an application",
    )
    check.add_arguments(commands.add_parser("check", help=check.HELP))
    return parser


def _addr(written: str) -> str:
    try:
        address = Address.parse(written)
    except RefusedError as refused:
        raise argparse.ArgumentTypeError(refused.reason) from None
    if address.path:
        raise argparse.ArgumentTypeError("must be HOST:PORT: the server cannot be watched at a unix socket")
    return str(address)


def _demo(addr: str | None, checkpoint: Callable[[], None]) -> int:
    try:
        demo.run(addr, demo.Screen.of_terminal(checkpoint))
    except (ModkitRedisError, redis.RedisError) as error:
        hint = _HINTS.get(getattr(error, "reason", ""), "")
        print(" ".join(f"modkit-redis demo: {error}{hint}".split()), file=sys.stderr)
        return 1
    return 0


class _Interruption:
    """Lets Ctrl-C and SIGTERM end a command at its next checkpoint, and the second of them at once.

    Raised just anywhere, an exception may end up in a ``__del__``, where it is lost, or keep something
    from being closed.
    """

    def __init__(self) -> None:
        self.signal = 0
        for each in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(each) != signal.SIG_IGN:  # as for a job in the background
                signal.signal(each, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        again, self.signal = self.signal, number
        if again:
            raise KeyboardInterrupt

    def check(self) -> None:
        """Raise if a signal came."""
        if self.signal:
            raise KeyboardInterrupt


def _program() -> int:
    interruption = _Interruption()
    try:
        return main(checkpoint=interruption.check)
    except KeyboardInterrupt:
        print("modkit-redis: interrupted", file=sys.stderr)
        return 128 + interruption.signal
    except BrokenPipeError:  # as in `… demo | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    finally:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)  # nothing is left to be stopped


if __name__ == "__main__":
    sys.exit(_program())
