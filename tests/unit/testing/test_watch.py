"""A watch sees what others send, and nothing of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import redis

from modkit_redis.contract import StoreUnavailableError
from modkit_redis.testing import EmbeddedServer, ServerWatch
from tests.support import connections_named, stock_client

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def quiet() -> Iterator[EmbeddedServer]:
    """A server that only the tests of this module use, one after the other."""
    with EmbeddedServer() as server:
        yield server


@pytest.fixture
def client(quiet: EmbeddedServer) -> Iterator[redis.Redis]:
    """A client that is connected before anybody watches."""
    with stock_client(quiet.addr) as client:
        client.flushdb()
        yield client


@pytest.fixture
def watch(client: redis.Redis, quiet: EmbeddedServer) -> Iterator[ServerWatch]:
    with ServerWatch(quiet.addr) as watch:
        yield watch


def test_commands_are_seen_in_order_and_once(client: redis.Redis, watch: ServerWatch) -> None:
    client.set("key", 1)
    client.get("key")

    assert watch.commands() == ["SET key 1", "GET key"]
    assert watch.commands() == []


def test_each_command_of_a_pipeline_is_seen_and_its_round_trip_counts_once(
    client: redis.Redis, watch: ServerWatch
) -> None:
    with client.pipeline(transaction=False) as pipeline:
        for key in "abc":
            pipeline.get(key)
        pipeline.execute()

    assert watch.commands() == ["GET a", "GET b", "GET c"]
    assert watch.round_trips() == 1


def test_a_transaction_is_one_round_trip(client: redis.Redis, watch: ServerWatch) -> None:
    with client.pipeline() as pipeline:
        pipeline.get("a")
        pipeline.get("b")
        pipeline.execute()

    assert watch.commands() == ["MULTI", "GET a", "GET b", "EXEC"]
    assert watch.round_trips() == 1


def test_what_a_script_does_is_left_out(client: redis.Redis, watch: ServerWatch) -> None:
    source = "redis.call('SET', KEYS[1], 1) return redis.call('GET', KEYS[1])"

    client.eval(source, 1, "key")

    assert watch.commands() == [f"EVAL {source} 1 key"]
    assert watch.round_trips() == 1


def test_round_trips_of_several_connections_add_up(quiet: EmbeddedServer, watch: ServerWatch) -> None:
    for _ in range(3):
        with stock_client(quiet.addr) as other:
            other.ping()
    sent = watch.commands()

    assert sent.count("PING") == 3
    assert watch.round_trips() == len(sent)
    assert watch.round_trips() == 0


def test_its_own_commands_and_those_of_other_watches_are_left_out(
    quiet: EmbeddedServer, client: redis.Redis, watch: ServerWatch
) -> None:
    watch.connections()
    watch.round_trips()
    client.ping()
    with ServerWatch(quiet.addr) as other:
        other.connections()
        assert other.commands() == []

    assert watch.commands() == ["PING"]


def test_it_can_look_at_one_client_alone(quiet: EmbeddedServer, client: redis.Redis) -> None:
    with (
        redis.Redis(port=quiet.port, client_name="early", protocol=2) as early,
        redis.Redis(port=quiet.port, client_name="late", protocol=2) as late,
    ):
        early.ping()
        with ServerWatch(quiet.addr, client_name="early") as of_early:
            with ServerWatch(quiet.addr, client_name="late") as of_late:
                client.get("key")
                late.get("late")
                early.get("early")

                seen = of_late.commands()
                assert seen[0] == "CLIENT SETNAME late"
                assert seen[-1] == "GET late"
                assert of_late.connections() == 1
            assert of_early.commands() == ["GET early"]
            assert of_early.connections() == 1


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("two words", "two words"),
        ('say "hi"', 'say "hi"'),
        ("back\\slash\\", "back\\slash\\"),
        ('"', '"'),
        ("", ""),
        ("a\r\nb", "a\\r\\nb"),
        (b"\x00\xff", "\\x00\\xff"),
        ('] "GET"', '] "GET"'),
    ],
)
def test_a_command_is_one_line(
    client: redis.Redis, watch: ServerWatch, value: str | bytes, shown: str
) -> None:
    client.set("key", value)
    client.ping()

    assert watch.commands() == [f"SET key {shown}", "PING"]


def test_connections_that_were_closed_are_not_counted(
    quiet: EmbeddedServer, client: redis.Redis, watch: ServerWatch
) -> None:
    others = [stock_client(quiet.addr) for _ in range(5)]
    for each in others:
        each.ping()
    assert watch.connections() == 6

    for each in others:
        each.close()

    assert watch.connections() == 1


def test_closing_it_leaves_no_connection(quiet: EmbeddedServer, client: redis.Redis) -> None:
    watch = ServerWatch(quiet.addr)
    assert connections_named(client, "modkit-redis-watch") == 2

    watch.close()
    watch.close()

    client.ping()
    assert connections_named(client, "modkit-redis-watch") == 0
    for ask in (watch.commands, watch.round_trips, watch.connections):
        with pytest.raises(StoreUnavailableError, match="closed"):
            ask()


def test_it_can_be_asked_from_several_threads(quiet: EmbeddedServer, watch: ServerWatch) -> None:
    seen: list[str] = []

    def work(number: int) -> None:
        with stock_client(quiet.addr) as own:
            for each in range(50):
                own.get(f"{number}:{each}")
                seen.extend(watch.commands())
                assert watch.connections() >= 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen.extend(watch.commands())

    assert sorted(each for each in seen if each.startswith("GET")) == sorted(
        f"GET {number}:{each}" for number in range(4) for each in range(50)
    )
