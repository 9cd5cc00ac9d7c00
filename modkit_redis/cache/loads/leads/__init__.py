"""Whoever leads a flight loads the value under a lease."""

from modkit_redis.cache.loads.leads._async import AsyncLeads
from modkit_redis.cache.loads.leads._sync import Leads

__all__ = ["AsyncLeads", "Leads"]
