"""The scripts by which slots are taken and kept."""

from __future__ import annotations

from typing import Final

from modkit_redis.client.executor import load_script

ENTER: Final = load_script(__package__, "enter.lua")
RENEW: Final = load_script(__package__, "renew.lua")
