"""The steps of the tour; whatever is to be shown as well gets a line in ``STEPS``."""

from __future__ import annotations

from modkit_redis import wire_strict
from modkit_redis.contract import StoreUnavailableError, UnresolvedTokenError
from modkit_redis.demo import misspelled
from modkit_redis.demo.app import AsyncApp
from modkit_redis.demo.feature import async_visits
from modkit_redis.demo.stage import Stage, Step


async def run(app: AsyncApp, stage: Stage) -> None:
    """Take all steps; whatever happens, *app* is closed when this ends."""
    try:
        for number, step in enumerate(STEPS, 1):
            stage.begin(number, step)
            await step.run(app, stage)
            stage.end(step)
    finally:
        app.unwire()
        await app.redis.shutdown_resources()


async def mounted(app: AsyncApp, stage: Stage) -> None:
    """The application's container holds the bundle. That connects nothing."""
    stage.check("app.redis.key_prefix()", app.redis.key_prefix(), app.settings().key_prefix)
    stage.check_connections(0)


async def wired(app: AsyncApp, stage: Stage) -> None:
    """A module of the application is given what its tokens stand for."""
    wire_strict(app, modules=[async_visits])
    stage.done("wire_strict(app, modules=[visits])")


async def misspelt(app: AsyncApp, stage: Stage) -> None:
    """It is an error here; dependency-injector alone would inject a bare marker."""
    with stage.raises("wire_strict(app, modules=[misspelled])", UnresolvedTokenError, "mean 'redis.client'"):
        wire_strict(app, modules=[misspelled])


async def opened(app: AsyncApp, stage: Stage) -> None:
    """With REDIS_PING_TIMEOUT set, this connects and pings; else the first command connects."""
    await app.redis.init_resources()
    stage.done("await app.redis.init_resources()")
    stage.check_connections(1)


async def called(app: AsyncApp, stage: Stage) -> None:
    """Whoever calls them needs to know nothing of clients and prefixes."""
    stage.check("await visits.count('home')", await async_visits.count("home"), 1)
    stage.check("await visits.count('home')", await async_visits.count("home"), 2)
    stage.check(
        "await visits.of('home', 'cart')", await async_visits.of("home", "cart"), {"home": 2, "cart": 0}
    )


async def overridden(app: AsyncApp, stage: Stage) -> None:
    """A stand-in takes its place and nothing reaches the server, until the context ends."""
    with app.redis.client.override(AsyncStandIn()):
        stage.check("overridden: await visits.count('home')", await async_visits.count("home"), 1000)
    stage.check("await visits.count('home')", await async_visits.count("home"), 3)


async def cached(app: AsyncApp, stage: Stage) -> None:
    """The first call runs it and stores what it gives; the next ones cost a GET, until it is deleted."""
    stage.check("await visits.report()", await async_visits.report(), {"home": 3, "cart": 0})
    stage.check("await visits.count('home')", await async_visits.count("home"), 4)
    stage.check("await visits.report()", await async_visits.report(), {"home": 3, "cart": 0})
    stage.check("await visits.outdate()", await async_visits.outdate(), 1)
    stage.check("await visits.report()", await async_visits.report(), {"home": 4, "cart": 0})


async def cleaned(app: AsyncApp, stage: Stage) -> None:
    """What the steps wrote is deleted."""
    stage.check("await visits.forget('home')", await async_visits.forget("home"), True)
    stage.check("await visits.outdate()", await async_visits.outdate(), 1)


async def closed(app: AsyncApp, stage: Stage) -> None:
    """The server loses the connection, and a closed client never connects again."""
    client = app.redis.client()
    await app.redis.shutdown_resources()
    stage.done("await app.redis.shutdown_resources()")
    stage.check_connections(0)
    with stage.raises("await client.ping()", StoreUnavailableError, "closed"):
        await client.ping()


class AsyncStandIn:
    """What a test may use instead of a client."""

    async def incr(self, key: str) -> int:
        """Return what no counter of the tour has reached."""
        return 1000


MISS = ("GET", "EVALSHA", "MGET", "EVALSHA")  # look, take the lease, run the query, store what it gave
STEPS = (
    Step("Mount the bundle in a container", mounted),
    Step("Wire a module of @inject functions", wired),
    Step("Misspell a token", misspelt),
    Step("Open the resources", opened, sends=("CLIENT SETNAME", "PING")),
    Step("Call the functions", called, sends=("INCRBY", "INCRBY", "MGET")),
    Step("Override the client, as a test would", overridden, sends=("INCRBY",)),
    Step("Cache a slow query", cached, sends=(*MISS, "INCRBY", "GET", "UNLINK", *MISS)),
    Step("Clean up", cleaned, sends=("DEL", "UNLINK")),
    Step("Shut down", closed),
)
