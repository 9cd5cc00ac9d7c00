"""The tables that are printed."""

from __future__ import annotations

from statistics import median, quantiles
from typing import Final

from benchmarks.ratelimit.contender import Row
from benchmarks.ratelimit.decisions import HITS, Decisions, Measured
from benchmarks.timing import ratios

OURS, RIVAL = "modkit-redis", "limits"
AIM_OF_BARE: Final = 1.3
AIM_OF_RIVAL: Final = 0.5
AIM_OF_TRIP: Final = 1 / 50


def print_decisions(world: str, decisions: Decisions) -> None:
    """Print what each row takes, beside the first of the row: a script that decides nothing."""
    print(f"\n{world:<20}{'':22}{'one caller':>11}  middle half{'CPU':>7}{'50 callers':>12}", end="")
    print(f"{'trips':>7}{'':3}{'bytes after hits':18}commands")
    print(f"{'':42}{'× time':>11}{'':13}{'×':>7}{'× rate':>12}{'':10}{' / '.join(map(str, HITS))}")
    for row in Row:
        of_row = {place: each for place, each in decisions.items() if place.row is row}
        base = next(iter(of_row.values())).timings
        print(f"{row.value}")
        for place, each in of_row.items():
            wall = ratios(each.timings.wall, base.wall)
            low, _, high = quantiles(wall, n=4)
            print(f"  {place.distribution:18}{place.way:22}{median(wall):11.3f}", end="")
            print(f"{f'{low:.2f}-{high:.2f}':>13}{median(ratios(each.timings.cpu, base.cpu)):7.2f}", end="")
            print(f"{median(ratios(each.timings.rate, base.rate)):12.2f}{each.effort.trips:7.3g}", end="")
            print(f"{'':3}{' / '.join(map(str, each.bytes)):18}{' '.join(each.effort.commands)}")


def print_aims(world: str, decisions: Decisions) -> None:
    """Print whether our aims are met."""
    print(f"\n{world}: aims")
    for row in Row:
        of_row = {place: each for place, each in decisions.items() if place.row is row}
        base = next(iter(of_row.values()))
        for place, ours in of_row.items():
            if place.distribution != OURS:
                continue
            of_bare = _ratio(ours, base)
            if not ours.effort.trips:
                print(f"  {row.value:8} {place.way:18} {_met(of_bare, AIM_OF_TRIP)} of an EVALSHA")
                continue
            print(f"  {row.value:8} {place.way:18} {_met(of_bare, AIM_OF_BARE)} of an EVALSHA", end="")
            rivals = [_ratio(ours, each) for other, each in of_row.items() if other.distribution == RIVAL]
            if rivals:
                print(f"; {_met(max(rivals), AIM_OF_RIVAL)} of the best of {RIVAL}", end="")
            print()


def _ratio(one: Measured, other: Measured) -> float:
    return median(ratios(one.timings.wall, other.timings.wall))


def _met(ratio: float, aim: float) -> str:
    return f"{ratio:.3f} {'<=' if ratio <= aim else 'NOT <='} {aim:g}"
