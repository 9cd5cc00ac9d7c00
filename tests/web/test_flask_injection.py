"""Stores are injected into Flask's views, blueprints and hooks like anywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dependency_injector import containers, providers
from flask import Flask

from modkit_redis import RedisBundle, mount, wire_strict
from modkit_redis.contract import UnresolvedTokenError
from tests.support import feature
from tests.web.flasks import served

VIEWS = """
from flask import Blueprint, Flask, current_app, g, request, session  # proxies outside of a request
from flask.views import MethodView
from modkit_redis.contract import TOKEN_CLIENT, TOKEN_KEY_PREFIX
from modkit_redis.web.flask import RateLimits

app = Flask("app")
pages = Blueprint("pages", __name__)
limits = RateLimits(store=lambda: limiter(), identify=lambda environ: "all")


@app.before_request
@inject
def first(client=Provide[TOKEN_CLIENT]):
    client.ping()


@app.get("/view/<name>")
@limits("9/hour", name="view")
@inject
def view(name, client=Provide[TOKEN_CLIENT], prefix=Provide[TOKEN_KEY_PREFIX]):
    return str(client.incr(f"{prefix}:{name}"))


@pages.get("/page")
@inject
def page(prefix=Provide[TOKEN_KEY_PREFIX]):
    return prefix


class Item(MethodView):
    @inject
    def get(self, prefix=Provide[TOKEN_KEY_PREFIX]):
        return prefix


app.register_blueprint(pages)
app.add_url_rule("/item", view_func=Item.as_view("item"))
"""


class App(containers.DeclarativeContainer):
    """The application of the tests."""

    config = providers.Configuration()
    redis = mount(RedisBundle, config=config)


@pytest.fixture
def container(addr: str, prefix: str) -> Iterator[App]:
    container = App(config={"addr": addr, "key_prefix": prefix, "ratelimit": {"algorithm": "gcra"}})
    yield container
    container.unwire()
    container.shutdown_resources()


def test_views_blueprints_and_hooks_are_injected_though_they_are_routes_before_they_are_wired(
    container: App, prefix: str
) -> None:
    views = feature(VIEWS)
    views.limiter = container.redis.ratelimit.store
    wire_strict(container, modules=[views])
    app: Flask = views.app

    with served(app) as client:
        answers = [client.get(path) for path in ("/view/tea", "/view/tea", "/page", "/item")]

    assert [each.text for each in answers] == ["1", "2", prefix, prefix]
    assert answers[1].headers["RateLimit"].startswith('"view";r=7')


def test_a_token_that_a_view_misspells_is_an_error_before_the_first_request(container: App) -> None:
    views = feature(
        VIEWS.replace(
            "prefix=Provide[TOKEN_KEY_PREFIX]):\n    return prefix",
            "prefix=Provide['redis.prefix']):\n    return prefix",
        )
    )

    with pytest.raises(UnresolvedTokenError, match=r"redis\.prefix"):
        wire_strict(container, modules=[views])


def test_an_override_reaches_the_next_request(container: App, prefix: str) -> None:
    views = feature(VIEWS)
    wire_strict(container, modules=[views])
    other: Any = providers.Object("other")

    with views.app.test_client() as client:
        before = client.get("/page").text
        with container.redis.override_providers(key_prefix=other):
            during = client.get("/page").text

    assert (before, during) == (prefix, "other")
