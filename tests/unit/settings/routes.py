"""The ways by which settings reach the library, and what each calls a setting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from modkit_redis import RedisSettings
from modkit_redis.contract import ConfigError

ADDR = "localhost:6379"


@dataclass(frozen=True)
class Route:
    """One way to give settings.

    Attributes:
        name: What it is called in the output of a test run.
        label: What it calls a setting; ``{}`` stands for its field.
        read: Reads settings, given by their fields.
    """

    name: str
    label: str
    read: Callable[[Mapping[str, Any]], RedisSettings]

    def called(self, field: str) -> str:
        """Return what whoever uses this route wrote for *field*."""
        name = self.label.format(field)
        return name.upper() if self.label.startswith("REDIS") else name

    def __str__(self) -> str:
        return self.name


def environment(values: Mapping[str, Any], name: str = "") -> RedisSettings:
    above = f"REDIS_{name.upper()}_" if name else "REDIS_"
    return RedisSettings.from_env(
        {above + field.upper(): value for field, value in values.items()}, name=name
    )


ENVIRONMENT = Route("environment", "REDIS_{}", environment)
NAMED_ENVIRONMENT = Route("named environment", "REDIS_EU_{}", lambda values: environment(values, "eu"))
MAPPING = Route("mapping", "redis.{}", RedisSettings.from_mapping)
NAMED_MAPPING = Route(
    "named mapping", "redis.eu.{}", lambda values: RedisSettings.from_mapping(values, name="eu")
)
OBJECT = Route("object", "{}", lambda values: RedisSettings(**values))
ROUTES = (ENVIRONMENT, NAMED_ENVIRONMENT, MAPPING, NAMED_MAPPING, OBJECT)
each_route = pytest.mark.parametrize("route", ROUTES, ids=str)


def refusal(read: Callable[[], object]) -> ConfigError:
    """Return the error that *read* raises."""
    with pytest.raises(ConfigError) as caught:
        read()
    return caught.value


def texts(error: ConfigError) -> list[str]:
    """Return the text of each problem that *error* reports."""
    return [str(each) for each in error.problems]
