"""The scripts by which users' indexes are kept."""

from __future__ import annotations

from typing import Final

from modkit_redis.client.executor import load_script

LIST_IN: Final = load_script(__package__, "list_in.lua")
DRAIN: Final = load_script(__package__, "drain.lua")
