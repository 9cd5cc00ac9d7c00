"""The scripts by which sessions are begun, touched, changed and ended."""

from __future__ import annotations

from typing import Final

from modkit_redis.client.executor import load_script

CREATE: Final = load_script(__package__, "create.lua")
TOUCH: Final = load_script(__package__, "touch.lua")
SAVE: Final = load_script(__package__, "save.lua")
DESTROY: Final = load_script(__package__, "destroy.lua")
REMOVE: Final = load_script(__package__, "remove.lua")
