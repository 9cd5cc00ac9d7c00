# Generated from _async.py by .ci/unasync.py; do not edit.
"""The steps of the tour; whatever is to be shown as well gets a line in ``STEPS``."""

from __future__ import annotations

from modkit_redis import wire_strict
from modkit_redis.contract import StoreUnavailableError, UnresolvedTokenError
from modkit_redis.demo import misspelled
from modkit_redis.demo.accounts import accounts
from modkit_redis.demo.app import App
from modkit_redis.demo.feature import visits
from modkit_redis.demo.stage import Stage, Step


def run(app: App, stage: Stage) -> None:
    """Take all steps; whatever happens, *app* is closed when this ends."""
    try:
        for number, step in enumerate(STEPS, 1):
            stage.begin(number, step)
            step.run(app, stage)
            stage.end(step)
    finally:
        app.unwire()
        app.redis.shutdown_resources()


def mounted(app: App, stage: Stage) -> None:
    """The application's container holds the bundle. That connects nothing."""
    stage.check("app.redis.key_prefix()", app.redis.key_prefix(), app.settings().key_prefix)
    stage.check_connections(0)


def wired(app: App, stage: Stage) -> None:
    """Modules of the application are given what their tokens stand for."""
    wire_strict(app, modules=[visits, accounts])
    stage.done("wire_strict(app, modules=[visits, accounts])")


def misspelt(app: App, stage: Stage) -> None:
    """It is an error here; dependency-injector alone would inject a bare marker."""
    with stage.raises("wire_strict(app, modules=[misspelled])", UnresolvedTokenError, "mean 'redis.client'"):
        wire_strict(app, modules=[misspelled])


def opened(app: App, stage: Stage) -> None:
    """With REDIS_PING_TIMEOUT set, this connects and pings; else the first command connects."""
    app.redis.init_resources()
    stage.done("app.redis.init_resources()")
    stage.check_connections(1)


def called(app: App, stage: Stage) -> None:
    """Whoever calls them needs to know nothing of clients and prefixes."""
    stage.check("visits.count('home')", visits.count("home"), 1)
    stage.check("visits.count('home')", visits.count("home"), 2)
    stage.check("visits.of('home', 'cart')", visits.of("home", "cart"), {"home": 2, "cart": 0})


def overridden(app: App, stage: Stage) -> None:
    """A stand-in takes its place and nothing reaches the server, until the context ends."""
    with app.redis.client.override(StandIn()):
        stage.check("overridden: visits.count('home')", visits.count("home"), 1000)
    stage.check("visits.count('home')", visits.count("home"), 3)


def cached(app: App, stage: Stage) -> None:
    """The first call runs it and stores what it gives; the next ones cost a GET, until it is deleted."""
    stage.check("visits.report()", visits.report(), {"home": 3, "cart": 0})
    stage.check("visits.count('home')", visits.count("home"), 4)
    stage.check("visits.report()", visits.report(), {"home": 3, "cart": 0})
    stage.check("visits.outdate()", visits.outdate(), 1)
    stage.check("visits.report()", visits.report(), {"home": 4, "cart": 0})


def kept(app: App, stage: Stage) -> None:
    """Redis holds a hash of the token. Signing in replaces it, and nothing opens what was ended."""
    visitor = accounts.add(None, "tea")
    stage.done("visitor = accounts.add(None, 'tea')")
    ada = accounts.sign_in(visitor, "ada")
    stage.done("ada = accounts.sign_in(visitor, 'ada')")
    stage.check("accounts.show(ada)", accounts.show(ada), ("ada", ["tea"]))
    stage.check("accounts.show(visitor)", accounts.show(visitor), (None, []))
    accounts.sign_out(ada)
    stage.done("accounts.sign_out(ada)")
    stage.check("accounts.show(ada)", accounts.show(ada), (None, []))


def ended(app: App, stage: Stage) -> None:
    """No session that was signed in before is left, though nobody shows its token."""
    phone = accounts.sign_in(None, "ada")
    stage.done("phone = accounts.sign_in(None, 'ada')")
    everywhere = accounts.sign_out_everywhere("ada")
    stage.check("accounts.sign_out_everywhere('ada')", everywhere, 1)
    stage.check("accounts.show(phone)", accounts.show(phone), (None, []))


def limited(app: App, stage: Stage) -> None:
    """Each decision is one round trip, by the server's clock; what is refused is not charged."""
    stage.check("accounts.try_password('ada')", accounts.try_password("ada"), (True, 1))
    stage.check("accounts.try_password('ada')", accounts.try_password("ada"), (True, 0))
    stage.check("accounts.try_password('ada')", accounts.try_password("ada"), (False, 0))
    stage.check("accounts.try_password('bob')", accounts.try_password("bob"), (True, 1))
    for user in ("ada", "bob"):
        accounts.forgive(user)
        stage.done(f"accounts.forgive({user!r})")
    looked = app.redis.ratelimit.store().peek(("user", "ada"))
    stage.check("(app.redis.ratelimit.store().peek(('user', 'ada'))).remaining", looked.remaining, 2)


def cleaned(app: App, stage: Stage) -> None:
    """What the steps wrote is deleted."""
    stage.check("visits.forget('home')", visits.forget("home"), True)
    stage.check("visits.outdate()", visits.outdate(), 1)


def closed(app: App, stage: Stage) -> None:
    """The server loses the connection, and a closed client never connects again."""
    client = app.redis.client()
    app.redis.shutdown_resources()
    stage.done("app.redis.shutdown_resources()")
    stage.check_connections(0)
    with stage.raises("client.ping()", StoreUnavailableError, "closed"):
        client.ping()


class StandIn:
    """What a test may use instead of a client."""

    def incr(self, key: str) -> int:
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
