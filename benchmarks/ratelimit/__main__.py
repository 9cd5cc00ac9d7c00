"""Our rate limiter beside a bare EVALSHA, limits, throttled-py, pyrate-limiter and fastapi-redis-sdk.

Run, in an environment of its own::

    pip install -e '.[embedded,hiredis]' -r benchmarks/requirements-ratelimit.txt
    python -m benchmarks.ratelimit [--quick]

All are measured in turns in one run, so that whatever else the machine does hits all of them; read the
ratios: each is the median over the turns of the ratio to redis-py's EVALSHA of ``return 1`` in the same row
and turn. They share one embedded server and hiredis. Each decision tells what headers need: whether it is
allowed, what remains, when all is allowed again, and when to retry; where a peer needs a second call for
that, it is part of the decision. Every verdict is checked. Commands and round trips are the server's own
count, and so is what one subject of 32 bytes takes. Peers that are not installed are left out. It takes a few
minutes, with ``--quick`` half a minute.

Aims: a decision takes at most 1.3 × an EVALSHA, and half the time of limits with its window stats; a denial
that is remembered takes a fiftieth of an EVALSHA.
"""

from __future__ import annotations

import argparse
import asyncio
import gc

import redis

from benchmarks.installed import endpoint, print_legend, version
from benchmarks.ratelimit import async_contenders, sync_contenders
from benchmarks.ratelimit.contender import AsyncContender, Contender
from benchmarks.ratelimit.decisions import Decisions, async_measure, measure
from benchmarks.ratelimit.tables import print_aims, print_decisions
from benchmarks.timing import Plan
from modkit_redis.testing import EmbeddedServer

FULL = Plan(turns=60, calls=60, crowds=12, each=20)
QUICK = Plan(turns=15, calls=30, crowds=3, each=10)


def run(kinds: list[type[Contender]], admin: redis.Redis, addr: str, plan: Plan) -> Decisions:
    """Measure the sync world."""
    contenders = [kind(addr) for kind in kinds]
    decisions = measure(contenders, plan, admin, addr)
    for each in contenders:
        each.close()
    return decisions


async def async_run(
    kinds: list[type[AsyncContender]], admin: redis.Redis, addr: str, plan: Plan
) -> Decisions:
    """Measure the asyncio world."""
    contenders = [kind(addr) for kind in kinds]
    decisions = await async_measure(contenders, plan, admin, addr)
    for each in contenders:
        await each.aclose()
    return decisions


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
            decisions = run(kinds, admin, server.addr, plan)
            print_decisions("sync", decisions)
            print_aims("sync", decisions)
            admin.flushdb()
            decisions = asyncio.run(async_run(async_kinds, admin, server.addr, plan))
            print_decisions("async", decisions)
            print_aims("async", decisions)
            print_legend([*kinds, *async_kinds], admin.info("server"))


if __name__ == "__main__":
    main()
