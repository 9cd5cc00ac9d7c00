"""The scripts by which the rate limiter decides."""

from __future__ import annotations

from typing import Final

from modkit_redis.client.executor import load_script

DECIDE: Final = load_script(__package__, "decide.lua")
REFUND: Final = load_script(__package__, "refund.lua")
