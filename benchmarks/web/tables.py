"""The tables that are printed."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median, quantiles

from benchmarks.timing import ratios
from benchmarks.web.contender import Row
from benchmarks.web.measuring import Measured, Measurements, Place

OURS = "modkit-redis"


def print_measurements(framework: str, found: Measurements) -> None:
    """Print what each row takes, beside the first: the framework alone."""
    base = next(iter(found.values())).timings
    print(
        f"\n{framework:<30}{'one caller':>11}  middle half{'CPU':>7}{'50 callers':>12}{'trips':>7}  commands"
    )
    print(f"{'':30}{'× time':>11}{'':13}{'×':>7}{'× rate':>12}")
    for row in Row:
        print(row.value)
        for place, each in found.items():
            if place.row is row:
                _print_line(place, each, ratios(each.timings.wall, base.wall), found)
    wall, cpu = median(base.wall), median(base.cpu)
    print(
        f"alone, a request took {wall:.0f} µs, {cpu:.0f} µs of them CPU, which is {1e6 / wall:.0f} a second"
    )


def _print_line(place: Place, each: Measured, wall: list[float], found: Measurements) -> None:
    base = next(iter(found.values())).timings
    low, _, high = quantiles(wall, n=4)
    print(f"  {place.name:28}{median(wall):11.1f}{f'{low:.1f}-{high:.1f}':>13}", end="")
    print(f"{median(ratios(each.timings.cpu, base.cpu)):7.1f}", end="")
    print(f"{median(ratios(each.timings.rate, base.rate)):12.3f}", end="")
    print(f"{each.effort.trips:7.3g}  {' '.join(each.effort.commands)}")


def print_verdicts(framework: str, found: Measurements) -> None:
    """Print whether we are ahead of every peer's best in each row: in time, CPU, rate and trips."""
    print(f"\n{framework}: ahead of the best of the peers in")
    for place, ours in found.items():
        if place.name == OURS:
            print(f"  {place.row.value:20}{verdict(place.row, ours, found)}")


def verdict(row: Row, ours: Measured, found: Measurements) -> str:
    """Return how we do in one row; above 1, we are ahead."""
    rivals = {place.name: each for place, each in found.items() if place.row is row and place.name != OURS}
    if not rivals:
        return "no peer does it"
    mine = ours.timings
    time = {name: median(ratios(each.timings.wall, mine.wall)) for name, each in rivals.items()}
    cpu = {name: median(ratios(each.timings.cpu, mine.cpu)) for name, each in rivals.items()}
    rate = {name: median(ratios(mine.rate, each.timings.rate)) for name, each in rivals.items()}
    trips = min(each.effort.trips for each in rivals.values())
    return "; ".join(
        (
            f"time: {_led(time)}",
            f"CPU: {_led(cpu)}",
            f"rate: {_led(rate)}",
            f"trips: {'yes' if ours.effort.trips <= trips else 'NO'}, {ours.effort.trips:g} to {trips:g}",
        )
    )


def _led(leads: Mapping[str, float]) -> str:
    lead, name = min((lead, name) for name, lead in leads.items())
    return f"{'yes' if lead > 1 else 'NO'}, {lead:.2f} × ({name})"


def print_served(rates: Mapping[str, list[float]]) -> None:
    """Print requests a second through a server, beside the first: the framework alone."""
    base = next(iter(rates.values()))
    print(f"\n{'session and limit, uvicorn':40}{'× rate':>9}  middle half{'a second':>11}")
    for name, found in rates.items():
        each = ratios(found, base)
        low, _, high = quantiles(each, n=4)
        print(f"  {name:38}{median(each):9.2f}{f'{low:.2f}-{high:.2f}':>13}{median(found):11.0f}")
