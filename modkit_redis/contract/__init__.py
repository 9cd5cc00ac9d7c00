"""What application code may depend on: tokens, errors, keys, values and protocols.

This package imports the standard library only.
"""

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
    AsyncCacheStore,
    AsyncRateLimitStore,
    AsyncSessionStore,
    CacheStore,
    RateLimitStore,
    SessionStore,
)
from modkit_redis.contract.values import Duration

__all__ = [
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
    "CacheStore",
    "CloseError",
    "CommandRefusedError",
    "ConfigError",
    "DeclarationError",
    "Duration",
    "InvalidNameError",
    "KeySpace",
    "ModkitRedisError",
    "NotExportedError",
    "RateLimitStore",
    "SessionStore",
    "StoreUnavailableError",
    "Tokens",
    "Unresolved",
    "UnresolvedTokenError",
    "named_tokens",
]
