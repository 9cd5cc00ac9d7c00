"""The steps of the tour; whatever is to be shown as well gets a line in ``STEPS``."""

from __future__ import annotations

from modkit_redis import wire_strict
from modkit_redis.contract import StoreUnavailableError, UnresolvedTokenError
from modkit_redis.demo import misspelled
from modkit_redis.demo.accounts import async_accounts
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
    """Modules of the application are given what their tokens stand for."""
    wire_strict(app, modules=[async_visits, async_accounts])
    stage.done("wire_strict(app, modules=[visits, accounts])")


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


async def kept(app: AsyncApp, stage: Stage) -> None:
    """Redis holds a hash of the token. Signing in replaces it, and nothing opens what was ended."""
    visitor = await async_accounts.add(None, "tea")
    stage.done("visitor = await accounts.add(None, 'tea')")
    ada = await async_accounts.sign_in(visitor, "ada")
    stage.done("ada = await accounts.sign_in(visitor, 'ada')")
    stage.check("await accounts.show(ada)", await async_accounts.show(ada), ("ada", ["tea"]))
    stage.check("await accounts.show(visitor)", await async_accounts.show(visitor), (None, []))
    await async_accounts.sign_out(ada)
    stage.done("await accounts.sign_out(ada)")
    stage.check("await accounts.show(ada)", await async_accounts.show(ada), (None, []))


async def ended(app: AsyncApp, stage: Stage) -> None:
    """No session that was signed in before is left, though nobody shows its token."""
    phone = await async_accounts.sign_in(None, "ada")
    stage.done("phone = await accounts.sign_in(None, 'ada')")
    everywhere = await async_accounts.sign_out_everywhere("ada")
    stage.check("await accounts.sign_out_everywhere('ada')", everywhere, 1)
    stage.check("await accounts.show(phone)", await async_accounts.show(phone), (None, []))


async def limited(app: AsyncApp, stage: Stage) -> None:
    """Each decision is one round trip, by the server's clock; what is refused is not charged."""
    stage.check("await accounts.try_password('ada')", await async_accounts.try_password("ada"), (True, 1))
    stage.check("await accounts.try_password('ada')", await async_accounts.try_password("ada"), (True, 0))
    stage.check("await accounts.try_password('ada')", await async_accounts.try_password("ada"), (False, 0))
    stage.check("await accounts.try_password('bob')", await async_accounts.try_password("bob"), (True, 1))
    for user in ("ada", "bob"):
        await async_accounts.forgive(user)
        stage.done(f"await accounts.forgive({user!r})")
    looked = await app.redis.ratelimit.store().peek(("user", "ada"))
    stage.check("(await app.redis.ratelimit.store().peek(('user', 'ada'))).remaining", looked.remaining, 2)


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
READ = ("HGETALL",)
FIRST_READ = ("TIME", *READ)  # the server's time is known then for a while
SIGN_IN = ("EVALSHA", "EVALSHA")  # list the session among the user's, then have it say whose it is
KEPT = ("EVALSHA", *FIRST_READ, *SIGN_IN, *READ, *READ, "EVALSHA", *READ, "EVALSHA", *READ)
ENDED = ("EVALSHA", *SIGN_IN, "ZRANGE", "EVAL", "EVAL", "ZREM", *READ)
STEPS = (
    Step("Mount the bundle in a container", mounted),
    Step("Wire modules of @inject functions", wired),
    Step("Misspell a token", misspelt),
    Step("Open the resources", opened, sends=("CLIENT SETNAME", "PING")),
    Step("Call the functions", called, sends=("INCRBY", "INCRBY", "MGET")),
    Step("Override the client, as a test would", overridden, sends=("INCRBY",)),
    Step("Cache a slow query", cached, sends=(*MISS, "INCRBY", "GET", "UNLINK", *MISS)),
    Step("Keep a session", kept, sends=KEPT),
    Step("Sign out everywhere", ended, sends=ENDED),
    Step("Limit a subject", limited, sends=(*["EVALSHA"] * 4, "UNLINK", "UNLINK", "EVALSHA")),
    Step("Clean up", cleaned, sends=("DEL", "UNLINK")),
    Step("Shut down", closed),
)
