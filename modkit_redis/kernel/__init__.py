"""What modules are made of: facade, resources, settings and wiring. It knows no Redis."""

from modkit_redis.kernel.facade import Module, mount
from modkit_redis.kernel.resources import OrderedResource
from modkit_redis.kernel.wiring import check_wiring, token_ids, wire_strict

__all__ = ["Module", "OrderedResource", "check_wiring", "mount", "token_ids", "wire_strict"]
