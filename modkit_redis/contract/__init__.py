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
    SessionConflictError,
    SessionLostError,
    StoreUnavailableError,
    Unresolved,
    UnresolvedTokenError,
)
from modkit_redis.contract.events import (
    CacheEvent,
    CacheEventKind,
    CacheEvents,
    SessionEvent,
    SessionEventKind,
    SessionEvents,
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
from modkit_redis.contract.protocols import AsyncRateLimitStore, RateLimitStore
from modkit_redis.contract.sentinels import MISS, NO_EXPIRY, Lifetime, Miss, NoExpiry
from modkit_redis.contract.session import (
    AsyncSession,
    AsyncSessionStore,
    BaseSession,
    SavedSession,
    Session,
    SessionInfo,
    SessionPatch,
    SessionStore,
    SessionToken,
    StoredSession,
)
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
    "AsyncSession",
    "AsyncSessionStore",
    "BaseSession",
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
    "SavedSession",
    "Session",
    "SessionConflictError",
    "SessionEvent",
    "SessionEventKind",
    "SessionEvents",
    "SessionInfo",
    "SessionLostError",
    "SessionPatch",
    "SessionStore",
    "SessionToken",
    "StoreUnavailableError",
    "StoredSession",
    "Tokens",
    "Unresolved",
    "UnresolvedTokenError",
    "named_tokens",
]
