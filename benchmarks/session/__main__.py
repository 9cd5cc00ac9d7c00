"""Our sessions beside redis-py's GET and SET, Flask-Session, starsessions and fastapi-redis-sdk.

Run, in an environment of its own::

    pip install -e '.[embedded,hiredis]' -r benchmarks/requirements-session.txt
    python -m benchmarks.session [--quick]

All are measured in turns in one run, so that whatever else the machine does hits all of them; read the
ratios: each is the median over the turns of the ratio to redis-py in the same row and turn. They share one
embedded server, hiredis, and a session of 129 bytes of JSON, and all but the bare GET decode it. Every answer
is checked: each save finds what the last one stored. Commands and round trips are the server's own count.
Peers that are not installed are left out. It takes a few minutes, with ``--quick`` half a minute.

Aims: in each row, no more round trips than any peer, and less time; a session costs at most 400 bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import gc

import redis

from benchmarks.installed import endpoint, print_legend, version
from benchmarks.session import async_contenders, sync_contenders
from benchmarks.session.contender import AsyncContender, Contender
from benchmarks.session.footprint import Footprint, async_footprint, footprint
from benchmarks.session.requests import Requests, async_measure, measure
from benchmarks.session.tables import Kind, print_footprints, print_requests, print_verdicts
from benchmarks.timing import Plan
from modkit_redis.testing import EmbeddedServer

AIM_BYTES = 400
FULL = Plan(turns=60, calls=60, crowds=12, each=20)
QUICK = Plan(turns=15, calls=30, crowds=3, each=10)

Footprints = dict[tuple[str, Kind], Footprint]


def run(
    kinds: list[type[Contender]], admin: redis.Redis, addr: str, plan: Plan
) -> tuple[Requests, Footprints]:
    """Measure the sync world."""
    contenders = [kind(addr) for kind in kinds]
    requests = measure(contenders, plan, addr)
    footprints: Footprints = {("sync", type(each)): footprint(each, admin) for each in contenders}
    for each in contenders:
        each.close()
    return requests, footprints


async def async_run(
    kinds: list[type[AsyncContender]], admin: redis.Redis, addr: str, plan: Plan
) -> tuple[Requests, Footprints]:
    """Measure the asyncio world."""
    contenders = [kind(addr) for kind in kinds]
    requests = await async_measure(contenders, plan, addr)
    footprints: Footprints = {
        ("async", type(each)): await async_footprint(each, admin) for each in contenders
    }
    for each in contenders:
        await each.aclose()
    return requests, footprints


def main() -> None:
    """Measure both worlds and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of it, for a first look")
    plan = QUICK if parser.parse_args().quick else FULL
    kinds = [kind for kind in sync_contenders.CONTENDERS if version(kind.distribution)]
    async_kinds = [kind for kind in async_contenders.CONTENDERS if version(kind.distribution)]
    with EmbeddedServer() as server:
        host, port = endpoint(server.addr)
        with redis.Redis(host=host, port=port) as admin:
            gc.collect()
            gc.freeze()  # what the peers import is no burden for those measured after them
            requests, footprints = run(kinds, admin, server.addr, plan)
            print_requests("sync", requests)
            async_requests, async_footprints = asyncio.run(async_run(async_kinds, admin, server.addr, plan))
            print_requests("async", async_requests)
            print_verdicts("sync", requests)
            print_verdicts("async", async_requests)
            print_footprints(footprints | async_footprints, AIM_BYTES)
            print_legend([*kinds, *async_kinds], admin.info("server"))


if __name__ == "__main__":
    main()
