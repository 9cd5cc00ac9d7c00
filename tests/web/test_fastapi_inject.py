"""``Inject`` gives a route what the wired container provides, as it is then."""

from __future__ import annotations

import threading
from typing import Annotated, Any

import pytest
import redis
from dependency_injector import containers, providers
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from websockets.sync.client import connect

from modkit_redis import RedisBundle, mount, wire_strict
from modkit_redis.contract import (
    ArgumentError,
    AsyncCacheStore,
    ConfigError,
    UnresolvedTokenError,
)
from modkit_redis.web.fastapi import Inject
from tests.support import delete_below, feature
from tests.web.applications import App, NewContainer, calling, settings, wired
from tests.web.serving import serving_asgi

FORMS = {
    "a default": "store: AsyncCacheStore = Inject['redis.cache.store']",
    "Annotated": "store: Annotated[AsyncCacheStore, Inject['redis.cache.store']]",
    "Depends": "store: AsyncCacheStore = Depends(Inject['redis.cache.store'])",
    "Annotated with Depends": "store: Annotated[AsyncCacheStore, Depends(Inject['redis.cache.store'])]",
    "a provider": "store: AsyncCacheStore = Inject[App.redis.cache.store]",
}

ROUTE = """
app = FastAPI()

@app.get("/")
async def put({form}) -> bool:
    return await store.set("greeting", b"hello")
"""

ROUTE_OF_A_ROUTER = """
router = APIRouter()

@router.get("/")
async def put({form}) -> bool:
    return await store.set("greeting", b"hello")

app = FastAPI()
app.include_router(router)
"""

NAMES = {
    "APIRouter": APIRouter,
    "FastAPI": FastAPI,
    "Depends": Depends,
    "Inject": Inject,
    "Annotated": Annotated,
    "App": App,
}
FUTURE = "from __future__ import annotations\n"


def page(source: str) -> Any:
    """Return a module of routes."""
    return feature(source, **NAMES, AsyncCacheStore=AsyncCacheStore)


@pytest.mark.parametrize("route", [ROUTE, ROUTE_OF_A_ROUTER], ids=["application", "router"])
@pytest.mark.parametrize("future", ["", FUTURE], ids=["annotations", "text"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
async def test_a_route_gets_the_store_of_the_container(
    form: str, future: str, route: str, container: Any, admin: redis.Redis, prefix: str
) -> None:
    module = page(future + route.format(form=form))
    wired(container, module)

    async with calling(module.app) as client:
        answer = await client.get("/")

    assert answer.status_code == 200
    assert admin.exists(f"{prefix}:cache:greeting") == 1


async def test_it_stands_beside_what_is_injected_by_others(container: Any) -> None:
    module = page("""
app = FastAPI()

@app.get("/")
@inject
async def both(
    store: AsyncCacheStore = Inject["redis.cache.store"], prefix: str = Depends(Provide["redis.key_prefix"])
) -> list[str]:
    return [type(store).__name__, prefix]
""")
    wired(container, module)

    async with calling(module.app) as client:
        answer = await client.get("/")

    assert answer.json() == ["AsyncRedisCacheStore", container.redis.key_prefix()]


async def test_it_is_resolved_in_the_event_loop(container: Any) -> None:
    app = FastAPI()

    @app.get("/")
    async def threads(mine: Any = Inject["redis.cache.store"]) -> list[int]:
        return [mine, threading.get_ident()]

    wired(container, __name__)
    with container.redis.cache.store.override(providers.Callable(threading.get_ident)):
        async with calling(app) as client:
            answer = await client.get("/")

    resolved_in, called_in = answer.json()
    assert resolved_in == called_in == threading.get_ident()


async def test_an_override_of_the_container_reaches_the_next_request_and_so_does_its_end(
    container: Any,
) -> None:
    app = FastAPI()

    @app.get("/")
    async def kind(store: object = Inject["redis.cache.store"]) -> str:
        return type(store).__name__

    wired(container, __name__)
    async with calling(app) as client:
        with container.redis.cache.store.override({}):
            during = await client.get("/")
        after = await client.get("/")

    assert (during.json(), after.json()) == ("dict", "AsyncRedisCacheStore")


STORE = Inject["redis.cache.store"]


async def test_an_override_of_the_application_is_fastapis_own(container: Any) -> None:
    app = FastAPI()

    @app.get("/")
    async def kind(store: object = STORE) -> str:
        return type(store).__name__

    wired(container, __name__)
    overrides: Any = app.dependency_overrides
    overrides[STORE] = lambda: {}  # noqa: PIE807  # FastAPI cannot read the signature of dict
    async with calling(app) as client:
        answer = await client.get("/")

    assert answer.json() == "dict"


async def test_a_module_that_is_not_wired_is_named(container: Any) -> None:
    module = page(ROUTE.format(form=FORMS["a default"]))

    async with calling(module.app) as client:
        with pytest.raises(ConfigError) as caught:
            await client.get("/")

    assert str(caught.value) == (
        "Inject['redis.cache.store'] is not wired: "
        f"call wire_strict(container, modules=['{module.__name__}']) "
        "when the module is loaded and before the first request"
    )


async def test_what_was_unwired_is_not_used_any_more(container: Any) -> None:
    module = page(ROUTE.format(form=FORMS["Annotated"]))
    wired(container, module)
    container.unwire()

    async with calling(module.app) as client:
        with pytest.raises(ConfigError, match="is not wired"):
            await client.get("/")


@pytest.mark.parametrize("token", ["redis.cahce.store", "redis.cache._settings"])
def test_wiring_strictly_refuses_a_token_that_is_not_there(token: str, new_container: NewContainer) -> None:
    module = page(ROUTE.format(form=f"store: AsyncCacheStore = Inject[{token!r}]"))

    with pytest.raises(UnresolvedTokenError, match=f"wants '{token}'") as caught:
        wire_strict(new_container(), modules=[module])

    assert module.__name__ in str(caught.value)


async def test_modules_that_are_wired_apart_get_stores_apart(
    new_container: NewContainer, admin: redis.Redis, prefix: str
) -> None:
    first, second = page(ROUTE.format(form=FORMS["Annotated"])), page(ROUTE.format(form=FORMS["Annotated"]))
    wired(new_container(prefix=f"{prefix}:one"), first)
    wired(new_container(prefix=f"{prefix}:two"), second)

    for module in (first, second):
        async with calling(module.app) as client:
            await client.get("/")

    found = sorted(key.decode() for key in admin.scan_iter(f"{prefix}*"))
    delete_below(admin, prefix)
    assert found == [f"{prefix}:one:cache:greeting", f"{prefix}:two:cache:greeting"]


async def test_what_an_asynchronous_provider_gives_is_awaited() -> None:
    async def opened() -> str:
        return "opened"

    class Own(containers.DeclarativeContainer):
        own = providers.Resource(opened)

    module = page("""
app = FastAPI()

@app.get("/")
async def own(value: str = Inject["own"]) -> str:
    return value
""")
    wired(Own(), module)

    async with calling(module.app) as client:
        answer = await client.get("/")

    assert answer.json() == "opened"


async def test_a_sync_route_gets_the_store_of_a_sync_container(
    addr: str, admin: redis.Redis, prefix: str
) -> None:
    class Blocking(containers.DeclarativeContainer):
        redis = mount(RedisBundle, config=settings(addr, prefix))

    module = feature(
        """
app = FastAPI()

@app.get("/")
def put(store = Inject[App.redis.cache.store]) -> bool:
    return store.set("greeting", b"hello")
""",
        **{**NAMES, "App": Blocking},
    )
    container = Blocking()
    wired(container, module)

    async with calling(module.app) as client:
        answer = await client.get("/")

    container.unwire()
    container.shutdown_resources()
    assert answer.status_code == 200
    assert admin.exists(f"{prefix}:cache:greeting") == 1


def test_a_websocket_gets_it_as_well(container: Any) -> None:
    app = FastAPI()

    @app.websocket("/")
    async def tell(websocket: WebSocket, prefix: str = Inject["redis.key_prefix"]) -> None:
        await websocket.accept()
        await websocket.send_text(prefix)
        await websocket.close()

    wired(container, __name__)

    with serving_asgi(app) as url, connect(url.replace("http", "ws")) as connection:
        assert connection.recv() == container.redis.key_prefix()


async def test_it_adds_nothing_to_the_openapi_document() -> None:
    with_it, without = FastAPI(), FastAPI()

    @with_it.get("/")
    async def route(store: object = Inject["redis.cache.store"]) -> str:
        return ""

    @without.get("/")
    async def route_() -> str:
        return ""

    described, plain = (each.openapi()["paths"]["/"]["get"] for each in (with_it, without))
    assert described["responses"].keys() == plain["responses"].keys()
    assert described.keys() == plain.keys()


def test_what_is_no_token_is_refused_at_once() -> None:
    with pytest.raises(ArgumentError, match=r"Inject must be given a token, as in Inject\['redis.cache"):
        Inject[5]  # type: ignore[call-overload]  # the mistake


def test_it_says_what_it_is() -> None:
    assert repr(STORE) == "Inject['redis.cache.store']"
