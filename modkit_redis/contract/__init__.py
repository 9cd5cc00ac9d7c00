"""What application code may depend on: tokens, errors, keys, values and protocols.

This package imports the standard library only.
"""

from modkit_redis.contract.cache import AsyncCacheStore, CacheStore
from modkit_redis.contract.errors import (
    ArgumentError,
    BuildError,
    CloseError,
    CommandRefusedError,
    ConfigError,
    DeclarationError,
    InvalidNameError,
    ModkitRedisError,
    NotExportedError,
    StoreUnavailableError,
    Unresolved,
    UnresolvedTokenError,
)
from modkit_redis.contract.events import CacheEvent, CacheEventKind, CacheEvents
from modkit_redis.contract.keys import KeySpace
from modkit_redis.contract.names import (
    TOKEN_CACHE_STORE,
    TOKEN_CLIENT,
    TOKEN_KEY_PREFIX,
    TOKEN_RATELIMIT_STORE,
    TOKEN_SESSION_STORE,
    Tokens,
    named_tokens,
)
from modkit_redis.contract.protocols import (
    AsyncRateLimitStore,
    AsyncSessionStore,
    RateLimitStore,
    SessionStore,
)
from modkit_redis.contract.sentinels import MISS, NO_EXPIRY, Lifetime, Miss, NoExpiry
from modkit_redis.contract.values import Duration

__all__ = [
    "MISS",
    "NO_EXPIRY",
    "TOKEN_CACHE_STORE",
    "TOKEN_CLIENT",
    "TOKEN_KEY_PREFIX",
    "TOKEN_RATELIMIT_STORE",
    "TOKEN_SESSION_STORE",
    "ArgumentError",
    "AsyncCacheStore",
    "AsyncRateLimitStore",
    "AsyncSessionStore",
    "BuildError",
    "CacheEvent",
    "CacheEventKind",
    "CacheEvents",
    "CacheStore",
    "CloseError",
    "CommandRefusedError",
    "ConfigError",
    "DeclarationError",
    "Duration",
    "InvalidNameError",
    "KeySpace",
    "Lifetime",
    "Miss",
    "ModkitRedisError",
    "NoExpiry",
    "NotExportedError",
    "RateLimitStore",
    "SessionStore",
    "StoreUnavailableError",
    "Tokens",
    "Unresolved",
    "UnresolvedTokenError",
    "named_tokens",
]
