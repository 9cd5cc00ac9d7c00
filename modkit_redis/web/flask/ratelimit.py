"""Rate limits of a Flask application, a blueprint or a view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial, wraps
from typing import Any, Final, TypeAlias, TypeVar, cast
from wsgiref.types import WSGIEnvironment

from flask import Blueprint, Flask, Response, after_this_request, current_app, g, request

from modkit_redis.contract.errors import ArgumentError, ConfigError, DeclarationError
from modkit_redis.contract.ratelimit import (
    DEFAULT_NAME,
    Decision,
    Limit,
    Limits,
    RateLimitStore,
    Subject,
    parse_limits,
)
from modkit_redis.web.checking import LIMITER, check_store
from modkit_redis.web.flask.refused import error_of
from modkit_redis.web.given import Given
from modkit_redis.web.headers import Draft, merged, rate_limit_headers, retry_after
from modkit_redis.web.limiting import (
    KEY,
    Applies,
    Limiting,
    Unidentified,
    check_callable,
    with_decision,
)
from modkit_redis.web.refusals import Form
from modkit_redis.web.wsgi.ratelimit import decide

View = TypeVar("View", bound=Callable[..., Any])
Cost: TypeAlias = int | Callable[[WSGIEnvironment], int]
Identify: TypeAlias = Callable[[WSGIEnvironment], Subject | None]


class RateLimits:
    """Limits requests to an application, a blueprint or a view; each limit that stands is one round trip.

    The decisions about a request are ``flask.g.rate_limits``, a tuple, in the order in which they were made:
    application, blueprint, view. What was charged stays charged, also if a later limit refuses.

    A refusal raises ``RateLimitedError`` (429), or ``LimitsUnavailableError`` (503) if Redis does not answer
    and the settings refuse then; an ``errorhandler`` may answer it, and its answer is given the headers too.
    """

    def __init__(
        self,
        app: Flask | Blueprint | None = None,
        *,
        store: Given[RateLimitStore],
        identify: Identify,
        limit: Limits | None = None,
        cost: Cost = 1,
        applies: Applies | None = None,
        unidentified: Unidentified = "refuse",
        headers: Draft | None = "draft-11",
        legacy_headers: bool = False,
        body: Form = "auto",
    ) -> None:
        """Take the settings, and limit *app* if there is one; nothing is sent.

        Args:
            app: The application or blueprint whose requests are limited; ``init_app`` takes further ones.
            store: The limiter, or a provider of it, which is asked at each request.
            identify: Who is limited, as of ``wsgi.RateLimitMiddleware``, like all that follow.
            limit: What limits applications and blueprints.
            cost: What a request to them costs.
            applies: Which of their requests are limited.
            unidentified: What becomes of a request whose sender is not known.
            headers: Which draft the headers follow.
            legacy_headers: Whether to send ``X-RateLimit-*`` as well.
            body: Whether refusals are problem details.

        Raises:
            ArgumentError: If an argument cannot be used.
        """
        check_callable("identify", identify)
        check_store(store, LIMITER, is_async=False)
        self._store, self._identify = store, identify
        self._limiting = Limiting(
            limit=limit,
            cost=cost,
            applies=applies,
            unidentified=unidentified,
            headers=headers,
            legacy_headers=legacy_headers,
            body=body,
        )
        self._apps: list[Flask] = []
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask | Blueprint) -> None:
        """Limit the requests to *app*.

        Raises:
            ConfigError: If these limits stand there already: each request would be charged twice.
        """
        if self._decide_all in app.before_request_funcs.get(None, ()):
            raise ConfigError("RateLimits", "stand at this application already: drop app= or init_app()")
        app.before_request(self._decide_all)
        if isinstance(app, Flask):
            self._apps.append(app)

    def __call__(
        self,
        limit: Limits,
        *,
        name: str | None = None,
        cost: Cost = 1,
        identify: Identify | None = None,
    ) -> Callable[[View], View]:
        """Return what limits a view; it stands below ``@app.route``.

        Args:
            limit: The limit, or several. Views that name the same one share what was used of it.
            name: Its name, where the limit has none, as in ``"10/minute"``.
            cost: What a request costs.
            identify: Who is limited here, if that is somebody else.

        Raises:
            ArgumentError: If an argument cannot be used, or a limit has no name.
            DeclarationError: If it stands above ``@app.route``, where it would limit nothing.
        """
        if identify is not None:
            check_callable("identify", identify)
        limiting = replace(self._limiting, limit=_named(limit, name), cost=cost, applies=None)
        who = identify or self._identify

        def decorate(view: View) -> View:
            if any(view in app.view_functions.values() for app in self._apps):
                raise DeclarationError(view.__name__, "is a route already: the limit stands below @app.route")

            @wraps(view)
            def limited(*args: Any, **kwargs: Any) -> Any:
                self._decide(limiting, who)
                return current_app.ensure_sync(view)(*args, **kwargs)

            return cast(View, limited)

        return decorate

    def _decide_all(self) -> None:
        path = request.root_path + request.path
        if self._limiting.applies_to(request.method, path):
            self._decide(self._limiting, self._identify)

    def _decide(self, limiting: Limiting, identify: Identify) -> None:
        decision = decide(request.environ, self._store, identify, limiting)
        accept = request.headers.get("Accept", "")
        if decision is None:
            refusal = limiting.unknown(accept)
        else:
            self._remember(decision)
            refusal = None if decision.allowed else limiting.refusal(decision, accept)
        if refusal is not None:
            raise error_of(refusal, decision)

    def _remember(self, decision: Decision) -> None:
        environ = request.environ
        environ[KEY] = with_decision(environ, decision)
        g.rate_limits = (*environ.get(_ALL, ()), decision)
        environ[_ALL] = g.rate_limits
        mine: list[Decision] = environ.setdefault(f"{_ALL}.{id(self)}", [])
        if not mine:
            after_this_request(partial(self._tell, mine))
        mine.append(decision)

    def _tell(self, decisions: Sequence[Decision], response: Response) -> Response:
        told = self._limiting
        added = rate_limit_headers(decisions, draft=told.headers, legacy=told.legacy_headers)
        refused = [each for each in decisions if not each.allowed]
        wait = retry_after(refused)
        if refused and wait is not None and response.status_code in (429, 503):
            added.append(("Retry-After", str(wait)))
        headers = merged(response.headers.items(), added)
        response.headers.clear()
        response.headers.extend(headers)
        return response


_ALL: Final = "modkit_redis.flask.ratelimit"


def _named(limit: Limits, name: str | None) -> Limits:
    if name is None:
        return limit
    limits = (
        parse_limits(limit) if isinstance(limit, str) else (limit,) if isinstance(limit, Limit) else limit
    )
    if len(limits) != 1 or limits[0].name not in (DEFAULT_NAME, name):
        raise ArgumentError(
            "name", "is for a limit that has none: of several, each brings its own in the text"
        )
    return (replace(limits[0], name=name),)
