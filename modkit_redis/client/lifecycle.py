"""From settings to a client: how it is made and signed in. Making one does no I/O."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Final

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from modkit_redis.client.async_connections import AsyncTcpConnection, AsyncTlsConnection, AsyncUnixConnection
from modkit_redis.client.clients import AsyncClient, Client
from modkit_redis.client.config import RedisSettings
from modkit_redis.client.connections import TcpConnection, TlsConnection, UnixConnection
from modkit_redis.client.errors import AuthenticationUnavailableError
from modkit_redis.client.guard import Guard
from modkit_redis.client.pools import AsyncPool, Pool
from modkit_redis.contract.errors import ConfigError

_TLS_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def open_client(settings: RedisSettings) -> redis.Redis:
    """Return a client that obeys *settings*; it connects on first use."""
    kind = UnixConnection if settings.address.path else TlsConnection if settings.tls else TcpConnection
    retry = Retry(NoBackoff(), 0)
    return Client.from_pool(Pool(connection_class=kind, retry=retry, **_pool_arguments(settings)))


def open_async_client(settings: RedisSettings) -> redis.asyncio.Redis:
    """Return a client for asyncio that obeys *settings*; it connects on first use."""
    plain = AsyncUnixConnection if settings.address.path else AsyncTcpConnection
    kind = AsyncTlsConnection if settings.tls else plain
    retry = AsyncRetry(NoBackoff(), 0)
    return AsyncClient.from_pool(AsyncPool(connection_class=kind, retry=retry, **_pool_arguments(settings)))


class PasswordFile(CredentialProvider):
    """Reads the password from a mounted file at each sign-in, so that it can be rotated."""

    def __init__(self, username: str | None, path: Path) -> None:
        self._username, self._path = username, path

    def get_credentials(self) -> Any:
        """Return the password, after the user if there is one.

        Raises:
            StoreUnavailableError: If the file cannot be read.
        """
        try:
            password = self._path.read_bytes().rstrip(b"\r\n")
        except OSError as error:
            raise AuthenticationUnavailableError("read the password file", "auth") from error
        return (self._username, password) if self._username else (password,)

    async def get_credentials_async(self) -> Any:
        """Return the same."""
        return self.get_credentials()


def _pool_arguments(settings: RedisSettings) -> dict[str, Any]:
    """Return everything that redis-py is told; nothing is left to its defaults."""
    address, read_timeout = settings.address, settings.read_timeout.total_seconds()
    write_timeout = (settings.write_timeout or settings.read_timeout).total_seconds()
    guard = Guard(
        write_timeout=write_timeout,
        retries=settings.retries,
        tls=_tls_context(settings) if settings.tls else None,
        server_name=settings.tls_server_name or address.host,
    )
    where = (
        {"path": address.path}
        if address.path
        else {"host": address.host, "port": address.port, "socket_keepalive": True}
    )
    credentials = PasswordFile(settings.username, settings.password_file) if settings.password_file else None
    return {
        **where,
        "guard": guard,
        "wait": settings.pool_timeout.total_seconds(),
        "max_connections": settings.pool_size,
        "db": settings.db,
        "username": settings.username,
        "password": settings.password,
        "credential_provider": credentials,
        "socket_timeout": read_timeout,
        "socket_connect_timeout": settings.dial_timeout.total_seconds(),
        "client_name": settings.client_name,
        "driver_info": None,  # CLIENT SETINFO: two more commands for each connection
        "protocol": 2,  # with RESP3, pushes of the server could re-point the pool and hide unread replies
        "legacy_responses": True,
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        "health_check_interval": 0,
        "retry_on_error": [],
        "encoding": "utf-8",
        "encoding_errors": "strict",
        "decode_responses": False,
    }


def _tls_context(settings: RedisSettings) -> ssl.SSLContext:
    """Return the one context of a client; making it is costly."""
    authorities = settings.tls_ca_file
    try:
        context = ssl.create_default_context(cafile=authorities and str(authorities))
        if settings.tls_cert_file:
            context.load_cert_chain(settings.tls_cert_file, settings.tls_key_file)
    except OSError as error:
        reason = f"(or the files beside it) cannot be loaded: {type(error).__name__}; PEM is expected"
        raise ConfigError("tls_ca_file" if authorities else "tls_cert_file", reason) from None
    context.minimum_version = _TLS_VERSIONS[settings.tls_min_version]
    return context
