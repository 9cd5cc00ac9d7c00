"""Tools for tests: a real server to run against, and a view of what reaches it.

A test of an application, with ``App`` and a function ``visit`` in its module ``shop``::

    import secrets

    import pytest
    import shop

    from modkit_redis import wire_strict
    from modkit_redis.testing import EmbeddedServer, ServerWatch


    @pytest.fixture(scope="session")
    def server():
        with EmbeddedServer() as server:
            yield server


    @pytest.fixture
    def app(server, monkeypatch):
        monkeypatch.setenv("REDIS_ADDR", server.addr)
        monkeypatch.setenv("REDIS_KEY_PREFIX", f"test-{secrets.token_hex(4)}")  # nothing needs flushing
        app = shop.App()
        wire_strict(app, modules=[shop])
        yield app
        app.unwire()
        app.shutdown_resources()


    def test_a_visit_is_one_round_trip(app, server):
        app.redis.client().ping()  # connects
        with ServerWatch(server.addr) as watch:
            shop.visit("home")

            assert watch.round_trips() == 1


    def test_visits_go_on_after_redis_was_restarted(app, server):
        shop.visit("home")

        server.restart()

        assert shop.visit("home") == 1
"""

from modkit_redis.testing.embedded import EmbeddedServer
from modkit_redis.testing.launch import EmbeddedUnavailableError
from modkit_redis.testing.watch import ServerWatch

__all__ = ["EmbeddedServer", "EmbeddedUnavailableError", "ServerWatch"]
