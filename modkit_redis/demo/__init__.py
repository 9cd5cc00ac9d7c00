"""A tour of the library on a real server: what ``python -m modkit_redis demo`` runs."""

from modkit_redis.demo.screen import Screen
from modkit_redis.demo.tour import run

__all__ = ["Screen", "run"]
