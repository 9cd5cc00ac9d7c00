"""The command line: ``python -m examples.webapp``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from examples.webapp.options import SWITCHES
from examples.webapp.serving import serve
from modkit_redis.contract import ModkitRedisError

_ABOUT = """\
Serve the demonstration of modkit-redis: sessions, a cache and rate limits in one web application, and what
each click costs in commands.
"""
_NOTES = """\
On a server of yours nothing is flushed: the application writes below a key prefix of its own, and deletes
that when it ends. It watches the server with MONITOR, which slows the server down; --without commands does
not. For a server that wants a password, set REDIS_USERNAME and REDIS_PASSWORD.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    options = _parser().parse_args(argv)
    if options.once:
        tour = [sys.executable, "-m", "modkit_redis", "demo", "--once"]
        os.execv(sys.executable, [*tour, *(["--addr", options.addr] if options.addr else [])])  # noqa: S606  # it is this Python
    try:
        serve(options.host, options.port, addr=options.addr, without=frozenset(options.without))
    except (ModkitRedisError, OSError) as error:
        print(f"webapp: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m examples.webapp",
        description=_ABOUT,
        epilog=_NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="where to listen; this machine alone by default")
    parser.add_argument("--port", type=int, default=0, help="where to listen; a free port by default")
    parser.add_argument("--addr", metavar="HOST:PORT", help="use this Redis server; else an embedded one")
    parser.add_argument(
        "--without",
        action="append",
        choices=SWITCHES,
        default=[],
        help="leave this out; may be repeated",
    )
    parser.add_argument("--once", action="store_true", help="run the tour in the terminal instead, and exit")
    return parser


if __name__ == "__main__":
    sys.exit(main())
