"""Tokens: the ids by which modules and their users find each other."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from typing import Final

from modkit_redis.contract.errors import InvalidNameError

TOKEN_CLIENT: Final = "redis.client"
TOKEN_KEY_PREFIX: Final = "redis.key_prefix"
TOKEN_CACHE_STORE: Final = "redis.cache.store"
TOKEN_SESSION_STORE: Final = "redis.session.store"
TOKEN_RATELIMIT_STORE: Final = "redis.ratelimit.store"

CAPABILITIES: Final = ("cache", "session", "ratelimit")
"""The sections of the key space, of the settings and of a bundle that belong to capabilities."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one instance; each is a valid ``Provide["…"]`` id."""

    client: str
    key_prefix: str
    cache_store: str
    session_store: str
    ratelimit_store: str


def named_tokens(name: str = "") -> Tokens:
    """Return the tokens of the instance called *name*, or of the default one.

    Raises:
        InvalidNameError: If *name* cannot be part of a token.
    """
    above = f"redis.{checked_name(name)}" if name else "redis"
    return Tokens(
        client=f"{above}.client",
        key_prefix=f"{above}.key_prefix",
        cache_store=f"{above}.cache.store",
        session_store=f"{above}.session.store",
        ratelimit_store=f"{above}.ratelimit.store",
    )


def checked_name(name: str) -> str:
    """Return *name* if tokens and environment names made from it cannot collide.

    Raises:
        InvalidNameError: If it is no lower-case identifier, or is taken.
    """
    if not isinstance(name, str) or not _SPELLING.fullmatch(name):
        raise InvalidNameError(name, "must be lower-case letters, digits and '_', beginning with a letter")
    if name in SETTING_WORDS or name.startswith(tuple(f"{each}_" for each in CAPABILITIES)):
        raise InvalidNameError(name, f"is reserved: REDIS_{name.upper()}_… begins the name of a setting")
    if name in ATTRIBUTES or keyword.iskeyword(name):
        raise InvalidNameError(name, "is reserved: containers and modules use it")
    return name


_SPELLING: Final = re.compile(r"[a-z][a-z0-9_]*")

# Both are literals, because the contract knows neither the settings nor dependency-injector;
# tests compare them with the settings and with the attributes of real containers.
SETTING_WORDS: Final = frozenset(
    """
    cache client dial key password ping pool ratelimit read sentinel session tls tls_ca tls_cert
    tls_key tls_min tls_server write
    """.split()
)
ATTRIBUTES: Final = frozenset(
    """
    cache client config env_file events exports inputs instance key_prefix name named names ratelimit redis
    reserved session store
    apply_container_providers_overridings apply_overridings assign_parent async_ auto_load_config
    check_dependencies cls_providers container containers declarative_parent delegate dependencies
    disable_async_mode enable_async_mode from_json_schema from_schema from_yaml_schema
    inherited_providers init_resources instance_type is_async_mode_disabled is_async_mode_enabled
    is_async_mode_undefined is_auto_wiring_enabled last_overriding load_config overridden override
    override_providers overrides overriding_lock parent parent_name provided provider provider_type
    providers register_overrides related reset_async_mode reset_last_overriding reset_override
    reset_singletons resolve_provider_name set_provider set_providers shutdown_resources traverse
    unregister_overrides unwire wire wired_to_modules wired_to_packages wiring_config
    """.split()
)
