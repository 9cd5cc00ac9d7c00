"""The tables that are printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median, quantiles

from benchmarks.cache.contender import AsyncContender, Contender
from benchmarks.cache.hits import Hits
from benchmarks.cache.memory import Footprint
from benchmarks.cache.stampede import LOADING_S, PROCESSES, Onslaught
from benchmarks.timing import CALLERS, ratios

Kind = type[Contender] | type[AsyncContender]


def print_hits(world: str, hits: Hits) -> None:
    """Print what a hit takes, beside the first of *hits*: redis-py's GET."""
    base = next(iter(hits.values()))
    print(f"\n{world:<20}{'one caller':24}{'µs':>6}{'× GET':>8}  middle half{'CPU × GET':>12}", end="")
    print(f"{'50 callers: hits/s':>21}{'× GET':>8}")
    for (name, way), timings in hits.items():
        wall = ratios(timings.wall, base.wall)
        low, _, high = quantiles(wall, n=4)
        print(f"{name:20}{way:24}{median(timings.wall):6.0f}{median(wall):8.2f}", end="")
        print(f"   {low:.2f}-{high:.2f}{median(ratios(timings.cpu, base.cpu)):13.2f}", end="")
        print(f"{median(timings.rate):21,.0f}{median(ratios(timings.rate, base.rate)):8.2f}")


def print_verdict(world: str, hits: Hits, limit: float) -> None:
    """Print whether each of our ways is within *limit* of GET, and ahead of every peer's fastest."""
    base = next(iter(hits.values()))
    slowness = {each: median(ratios(timings.wall, base.wall)) for each, timings in hits.items()}
    rivals = [(slow, key) for key, slow in slowness.items() if key[0] not in ("redis", "modkit-redis")]
    fastest, peer = min(rivals, default=(float("inf"), ("no peer is installed",)))
    for (name, way), slow in slowness.items():
        if name == "modkit-redis":
            within, ahead = ("yes" if slow <= limit else "NO"), ("yes" if slow < fastest else "NO")
            print(f"{world}, {way}: {slow:.2f} × GET; at most {limit}: {within}", end="; ")
            print(f"ahead of the fastest peer ({' '.join(peer)}, {fastest:.2f}): {ahead}")


def print_stampedes(onslaughts: Mapping[tuple[str, Kind], Sequence[Onslaught]]) -> None:
    """Print what became of the stampedes; the best there can be is one run of the loader."""
    print(
        f"\nstampede: {PROCESSES} × {CALLERS} callers, one cold key, loading takes {LOADING_S * 1000:.0f} ms"
    )
    print(f"{'world':7}{'':20}{'with':40}{'loads':>10}{'all served':>12}{'commands':>10}{'keys left':>11}")
    for (world, kind), rounds in onslaughts.items():
        loads = sorted(each.loads for each in rounds)
        span = f"{loads[0]}" if loads[0] == loads[-1] else f"{loads[0]}-{loads[-1]}"
        took, keys = median(each.took_s for each in rounds), max(each.keys for each in rounds)
        commands = median(each.commands for each in rounds)
        print(f"{world:7}{kind.distribution:20}{kind.protection:40}{span:>10}{took * 1000:9.0f} ms", end="")
        print(f"{commands:10,.0f}{keys:11}")


def print_footprints(footprints: Mapping[tuple[str, Kind], Footprint]) -> None:
    """Print what an entry costs, beside the first of *footprints*: bare JSON."""
    base = next(iter(footprints.values()))
    print(f"\n{'one entry':27}{'keys':>6}{'bytes stored':>14}{'MEMORY USAGE':>14}{'× bare JSON':>13}")
    for (world, kind), each in footprints.items():
        print(f"{world:7}{kind.distribution:20}{each.keys:6}{each.stored:14}{each.used:14}", end="")
        print(f"{each.used / base.used:13.2f}")
