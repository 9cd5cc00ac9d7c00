"""Tools for tests: a real server to run against, and a view of what reaches it."""

from modkit_redis.testing.embedded import EmbeddedServer, EmbeddedUnavailableError
from modkit_redis.testing.watch import ServerWatch

__all__ = ["EmbeddedServer", "EmbeddedUnavailableError", "ServerWatch"]
