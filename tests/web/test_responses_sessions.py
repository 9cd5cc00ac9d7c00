"""The response cache and the sessions of this library, whichever is outside."""

from __future__ import annotations

from typing import Any

import pytest

from modkit_redis.web import SessionCookie
from modkit_redis.web.asgi import SessionMiddleware
from tests.web.origin import Stores, site, told


class Reader:
    """An application that looks at the session, at some paths."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/mine":
            scope["session"].get("name")
        await self._app(scope, receive, send)


@pytest.mark.parametrize("is_inside", [True, False])
def test_what_looked_at_a_session_is_not_stored(addr: str, prefix: str, *, is_inside: bool) -> None:
    stores = Stores(addr, prefix, session={"idle_ttl": "5m", "absolute_ttl": "1h", "per_user_max": 5})
    cookie = SessionCookie(secure=False, name="sid")

    def sessions(app: Any) -> Any:
        return SessionMiddleware(app, store=stores.sessions, cookie=cookie)

    places: Any = (
        {"inside": lambda app: sessions(Reader(app))}
        if is_inside
        else {"inside": Reader, "outside": sessions}
    )
    with site(addr, prefix, closers=(stores.close,), **places) as here:
        for path in ("/mine", "/all"):
            here.origin.reply(path, ("cache-control", "public, max-age=9"))
        mine = [here.get("/mine") for _ in range(2)]
        everybody = [here.get("/all") for _ in range(2)]

    assert [told(each) for each in mine] == ["fwd=uri-miss", "fwd=uri-miss"]
    assert [told(each) for each in everybody] == ["fwd=uri-miss; stored", "hit"]
