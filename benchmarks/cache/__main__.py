"""Our cache beside redis-py's GET, cashews, aiocache, dogpile.cache and fastapi-redis-sdk.

Run, in an environment of its own::

    pip install -e '.[embedded,hiredis,msgspec]' -r benchmarks/requirements-cache.txt
    python -m benchmarks.cache [--quick]

All are measured in turns in one run, so that whatever else the machine does hits all of them; read the
ratios: each is the median over the turns of the ratio to redis-py's GET in the same turn. They share one
embedded server, hiredis, and a value of 154 bytes of JSON, and a hit includes decoding it, except in the bare
GET. Every answer is checked, and runs of the loader are counted.
Peers that are not installed are left out. It takes one to two minutes, with ``--quick`` twenty seconds.

Aims: a hit takes one caller at most 1.15 times what redis-py's GET takes, and less than with any peer; a cold
key is loaded once.
"""

from __future__ import annotations

import argparse
import asyncio
import gc

import redis

from benchmarks.cache import async_contenders, sync_contenders
from benchmarks.cache.contender import AsyncContender, Contender
from benchmarks.cache.hits import Hits, async_measure, measure
from benchmarks.cache.memory import Footprint, async_footprint, footprint
from benchmarks.cache.stampede import Onslaught, async_attack, attack, stampede
from benchmarks.cache.tables import (
    Kind,
    print_footprints,
    print_hits,
    print_stampedes,
    print_verdict,
)
from benchmarks.installed import endpoint, print_legend, version
from benchmarks.timing import Plan
from modkit_redis.testing import EmbeddedServer

AIM = 1.15
FULL = Plan(turns=120, calls=100, crowds=15, each=30)
QUICK = Plan(turns=20, calls=50, crowds=3, each=10)

Footprints = dict[tuple[str, Kind], Footprint]


def run(kinds: list[type[Contender]], admin: redis.Redis, addr: str, plan: Plan) -> tuple[Hits, Footprints]:
    """Measure hits and entries in the sync world."""
    contenders = [kind(addr) for kind in kinds]
    hits = measure(contenders, plan)
    entries: Footprints = {("sync", type(each)): footprint(each, admin) for each in contenders}
    for each in contenders:
        each.close()
    return hits, entries


async def async_run(
    kinds: list[type[AsyncContender]], admin: redis.Redis, addr: str, plan: Plan
) -> tuple[Hits, Footprints]:
    """Measure hits and entries in the asyncio world."""
    contenders = [kind(addr) for kind in kinds]
    hits = await async_measure(contenders, plan)
    entries: Footprints = {("async", type(each)): await async_footprint(each, admin) for each in contenders}
    for each in contenders:
        await each.aclose()
    return hits, entries


def main() -> None:
    """Measure both worlds and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of it, for a first look")
    plan, rounds = (QUICK, 1) if parser.parse_args().quick else (FULL, 5)
    kinds = [kind for kind in sync_contenders.CONTENDERS if version(kind.distribution)]
    async_kinds = [kind for kind in async_contenders.CONTENDERS if version(kind.distribution)]
    with EmbeddedServer() as server:
        host, port = endpoint(server.addr)
        with redis.Redis(host=host, port=port) as admin:
            gc.collect()
            gc.freeze()  # what the peers import is no burden for those measured after them
            hits, entries = run(kinds, admin, server.addr, plan)
            print_hits("sync", hits)
            async_hits, async_entries = asyncio.run(async_run(async_kinds, admin, server.addr, plan))
            print_hits("async", async_hits)
            print_verdict("sync", hits, AIM)
            print_verdict("async", async_hits, AIM)
            stampedes: dict[tuple[str, Kind], list[Onslaught]] = {}
            for kind in kinds:
                if kind.protection:
                    stampedes["sync", kind] = stampede(kind, attack, admin, server.addr, rounds)
            for async_kind in async_kinds:
                if async_kind.protection:
                    stampedes["async", async_kind] = stampede(
                        async_kind, async_attack, admin, server.addr, rounds
                    )
            print_stampedes(stampedes)
            print_footprints(entries | async_entries)
            print_legend([*kinds, *async_kinds], admin.info("server"))


if __name__ == "__main__":
    main()
