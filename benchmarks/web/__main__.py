"""Our middleware and dependencies beside starsessions, slowapi, fastapi-redis-sdk and two of Flask.

Run, in an environment of its own::

    pip install -e '.[embedded,hiredis]' -r benchmarks/requirements-web.txt
    python -m benchmarks.web [--quick]

All are measured in turns in one run, so that whatever else the machine does hits all of them; read the
ratios: each is the median over the turns of the ratio to the bare framework in the same turn. They share one
embedded server, hiredis, and a session of 129 bytes of JSON, and each request is answered by JSON, and
checked. Commands and round trips are the server's own count. Peers that are not installed are left out.
Applications are called in this process, without a server, so that CPU is that of the application alone; the
last table is of uvicorn in a process of its own. It takes a few minutes, with ``--quick`` half a minute.

Aims: in each row, no more round trips than any peer, and more requests a second.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
from collections.abc import Sequence
from itertools import chain

import redis

from benchmarks.installed import endpoint, print_server, version
from benchmarks.timing import Plan
from benchmarks.web import fastapis, flasks, starlettes
from benchmarks.web.contender import Contender, Row
from benchmarks.web.measuring import async_measure, measure
from benchmarks.web.serving import served
from benchmarks.web.tables import print_measurements, print_served, print_verdicts
from modkit_redis.testing import EmbeddedServer

FULL = Plan(turns=60, calls=40, crowds=12, each=8)
QUICK = Plan(turns=15, calls=20, crowds=3, each=5)
FRAMEWORKS = {"Starlette": starlettes.CONTENDERS, "FastAPI": fastapis.CONTENDERS, "Flask": flasks.CONTENDERS}


def installed(kinds: Sequence[type[Contender]]) -> list[type[Contender]]:
    """Return those that can be measured here."""
    return [kind for kind in kinds if all(map(version, kind.distributions))]


def main() -> None:
    """Measure all frameworks and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of it, for a first look")
    parser.add_argument("--only", choices=FRAMEWORKS, help="one framework, and no server")
    options = parser.parse_args()
    plan = QUICK if options.quick else FULL
    with EmbeddedServer() as server:
        host, port = endpoint(server.addr)
        gc.collect()
        gc.freeze()  # what the peers import is no burden for those measured after them
        for framework, kinds in FRAMEWORKS.items():
            if options.only in (None, framework):
                wsgi = framework == "Flask"
                found = (
                    measure(installed(kinds), plan, server.addr)
                    if wsgi
                    else asyncio.run(async_measure(installed(kinds), plan, server.addr))
                )
                print_measurements(framework, found)
                print_verdicts(framework, found)
        if options.only is None:
            asgi = [*installed(starlettes.CONTENDERS), *installed(fastapis.CONTENDERS)]
            chosen = [kind for kind in asgi if {Row.BARE, Row.BOTH} & set(kind.rows)]
            print_served(served(chosen, server.addr, turns=5 if options.quick else 40))
        with redis.Redis(host=host, port=port) as admin:
            print_server(admin.info("server"))
        for kind in installed([*chain.from_iterable(FRAMEWORKS.values())]):
            of = ", ".join(f"{each} {version(each)}" for each in kind.distributions)
            print(f"  {kind.__module__.rpartition('.')[2]}, {of}: {kind.configured}")


if __name__ == "__main__":
    main()
