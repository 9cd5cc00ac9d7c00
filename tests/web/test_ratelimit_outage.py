"""What clients are told while Redis does not answer, and afterwards."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from modkit_redis.testing import EmbeddedServer
from tests.limiters import QUICK
from tests.support import wait_until
from tests.web.limited import Answer, World, both_worlds, layer, limited, of
from tests.web.structured import read_list

POLICIES: dict[str, list[int]] = {"closed": [503] * 4, "open": [200] * 4, "local": [200, 200, 503, 503]}
policies = pytest.mark.parametrize("on_outage", POLICIES)


def settings_of(on_outage: str, **more: Any) -> dict[str, Any]:
    replicas = {"replicas": 1} if on_outage == "local" else {}
    return {"on_outage": on_outage, **replicas, **more}


@both_worlds
@policies
def test_in_an_outage_the_settings_decide_and_no_numbers_are_told(
    world: World, closed_port: str, on_outage: str
) -> None:
    limit = layer("a=2/hour", settings=settings_of(on_outage, breaker="1m"), legacy_headers=True)
    with limited(world, closed_port, "", of(Answer(), world), limit, client=QUICK) as client:
        got = [client.get("/") for _ in range(4)]

    assert [each.status_code for each in got] == POLICIES[on_outage]
    for each in got:
        _check(each)


@both_worlds
def test_an_outage_is_no_fault_of_the_client(world: World, closed_port: str) -> None:
    limit = layer("a=2/hour", settings={"breaker": "5s"}, body="problem")
    with limited(world, closed_port, "", of(Answer(), world), limit, client=QUICK) as client:
        got = client.get("/")

    assert (got.status_code, got.headers["retry-after"]) == (503, "5")
    assert json.loads(got.content)["type"].endswith("#temporary-reduced-capacity")


@both_worlds
@policies
def test_a_server_that_was_killed_and_started_again_counts_again(
    world: World, private_server: EmbeddedServer, on_outage: str
) -> None:
    limit = layer("a=2/hour", settings=settings_of(on_outage, breaker="20ms"))
    app = of(Answer(), world)
    with limited(world, private_server.addr, "", app, limit, client=QUICK) as client:
        before = client.get("/")
        private_server.kill()
        down = [client.get("/") for _ in range(4)]
        private_server.restart()
        wait_until(lambda: "ratelimit" in client.get("/").headers, "it counts again")
        wait_until(lambda: client.get("/").status_code == 429, "its limit is enforced")

    assert read_list(before.headers["ratelimit"])["a"]["r"] == 1
    assert [each.status_code for each in down] == POLICIES[on_outage]
    for each in down:
        _check(each)


def _check(got: httpx.Response) -> None:
    assert "ratelimit" not in got.headers and "x-ratelimit-limit" not in got.headers
    assert read_list(got.headers["ratelimit-policy"]) == {"a": {"q": 2, "w": 3600}}
    assert ("retry-after" in got.headers) == (got.status_code == 503)
