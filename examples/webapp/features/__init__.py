"""What the application does; a feature knows the contract, the web package and FastAPI, and no other one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import APIRouter, Request

from examples.webapp.features import account, button, counter, devices, report
from examples.webapp.options import Options, Switch


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature, with a card on the page.

    Attributes:
        name: The name of the card and its template.
        switch: What it needs.
        module: The module that is wired.
        router: Its routes.
        show: Returns what its card shows; it has an attribute ``is_degraded``.
    """

    name: str
    switch: Switch
    module: str
    router: APIRouter
    show: Callable[[Request], Awaitable[object]]


FEATURES = (
    Feature("account", "sessions", account.__name__, account.router, account.show),
    Feature("counter", "sessions", counter.__name__, counter.router, counter.show),
    Feature("devices", "sessions", devices.__name__, devices.router, devices.show),
    Feature("report", "cache", report.__name__, report.router, report.show),
    Feature("button", "limits", button.__name__, button.router, button.show),
)


def features_of(options: Options) -> tuple[Feature, ...]:
    """Return the features that are not left out."""
    return tuple(each for each in FEATURES if options.has(each.switch))
