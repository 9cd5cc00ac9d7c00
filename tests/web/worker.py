"""A worker process: serves an application with a limit until its standard input ends, and prints its URL.

python -m tests.web.worker asgi localhost:6379 prefix
"""

from __future__ import annotations

import sys

from tests.web.limited import Answer, World, layer, limited, of

LIMIT = "a=7/hour"


def main(name: str, addr: str, prefix: str) -> None:
    """Serve."""
    world: World = "asgi" if name == "asgi" else "wsgi"
    with limited(world, addr, prefix, of(Answer(), world), layer(LIMIT)) as client:
        sys.stdout.write(f"{client.base_url}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
