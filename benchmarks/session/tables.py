"""The tables that are printed."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median, quantiles

from benchmarks.session.contender import AsyncContender, Contender, Row
from benchmarks.session.footprint import Footprint
from benchmarks.session.requests import Measured, Place, Requests
from benchmarks.timing import ratios

Kind = type[Contender] | type[AsyncContender]
OURS, YARDSTICK = "modkit-redis", "redis"


def print_requests(world: str, requests: Requests) -> None:
    """Print what each row takes, beside the first of the row: redis-py."""
    print(f"\n{world:<20}{'':30}{'one caller':>11}  middle half{'CPU':>6}{'50 callers':>12}", end="")
    print(f"{'trips':>7}  commands")
    print(f"{'':50}{'× time':>11}{'':13}{'×':>6}{'× rate':>12}")
    for row in Row:
        of_row = {place: each for place, each in requests.items() if place.row is row}
        base = next(iter(of_row.values())).timings
        print(f"{row.value}")
        for place, each in of_row.items():
            wall = ratios(each.timings.wall, base.wall)
            low, _, high = quantiles(wall, n=4)
            print(f"  {place.distribution:18}{place.way:30}{median(wall):11.2f}", end="")
            print(f"{f'{low:.2f}-{high:.2f}':>13}{median(ratios(each.timings.cpu, base.cpu)):6.2f}", end="")
            print(f"{median(ratios(each.timings.rate, base.rate)):12.2f}", end="")
            print(f"{each.effort.trips:7.3g}  {' '.join(each.effort.commands)}")


def print_verdicts(world: str, requests: Requests) -> None:
    """Print whether each of our ways is ahead of every peer's best in its row: in time, rate and trips."""
    print(f"\n{world}: ahead of the best of the peers in")
    for place, ours in requests.items():
        if place.distribution == OURS:
            print(f"  {place.row.value:16}{place.way:20}{verdict(place.row, ours, requests)}")


def verdict(row: Row, ours: Measured, requests: Requests) -> str:
    """Return how one of our ways does; above 1, we are ahead."""
    rivals = {
        place: each
        for place, each in requests.items()
        if place.row is row and place.distribution not in (OURS, YARDSTICK)
    }
    if not rivals:
        return "no peer does it"
    time = {place: median(ratios(each.timings.wall, ours.timings.wall)) for place, each in rivals.items()}
    rate = {place: median(ratios(ours.timings.rate, each.timings.rate)) for place, each in rivals.items()}
    trips = min(each.effort.trips for each in rivals.values())
    return "; ".join(
        (
            f"time: {_led(time)}",
            f"rate: {_led(rate)}",
            f"trips: {'yes' if ours.effort.trips <= trips else 'NO'}, {ours.effort.trips:g} to {trips:g}",
        )
    )


def _led(leads: Mapping[Place, float]) -> str:
    lead, place = min((lead, place) for place, lead in leads.items())
    return f"{'yes' if lead > 1 else 'NO'}, {lead:.2f} × ({place.distribution} {place.way})"


def print_footprints(footprints: Mapping[tuple[str, Kind], Footprint], aim: int) -> None:
    """Print what a session costs, beside the first of *footprints*: bare JSON."""
    base = next(iter(footprints.values()))
    print(f"\n{'one session':27}{'keys':>6}{'MEMORY USAGE':>14}{'× bare JSON':>13}")
    for (world, kind), each in footprints.items():
        print(
            f"{world:7}{kind.distribution:20}{each.keys:6}{each.used:14}{each.used / base.used:13.2f}", end=""
        )
        if kind.distribution == OURS:
            print(f"   at most {aim}: {'yes' if each.used <= aim else 'NO'}", end="")
        print()
