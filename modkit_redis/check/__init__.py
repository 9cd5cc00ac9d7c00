"""Looks at the settings and at the server they lead to: what ``python -m modkit_redis check`` runs."""

from modkit_redis.check.command import HELP, add_arguments, main, run

__all__ = ["HELP", "add_arguments", "main", "run"]
