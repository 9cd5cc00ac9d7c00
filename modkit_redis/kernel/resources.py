"""Resources that are built once under a lock of their own, in the right world, and closed in order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Generic, Self, TypeVar

from dependency_injector import providers
from dependency_injector.providers import Provider

from modkit_redis.contract.errors import BuildError
from modkit_redis.kernel.closing import CLOSE_REPORT, AsyncMode, reported
from modkit_redis.kernel.forks import mend_after_fork

T = TypeVar("T")


class OrderedResource(providers.Resource[T], Generic[T]):
    """A native resource that is shut down before everything it depends on, however indirectly.

    For an application's own workers. dependency-injector orders the shutdown of resources by what
    they are given directly; behind a ``Singleton`` a worker may see its store closed first.
    """

    @property
    def related(self) -> Iterator[Provider[Any]]:
        """All that this depends on."""
        near = list(super().related)
        yield from near
        yield from providers.traverse(*near, types=[providers.BaseResource])


class Lazy(providers.Resource[T]):
    """A value built once, on first use, and closed once.

    Unlike a native resource it is locked (threads that race for the first use get one value), and a
    factory inside builds the value (a native resource would enter a context manager, or make an
    awaitable a task). Overriding works as for any provider, but with a plain value only: a coroutine
    or Future would turn all that depends on it asynchronous, for good.
    """

    parts: ClassVar[tuple[str, ...]] = ("_factory", "_name")  # the providers inside; copies take them along

    def __init__(
        self,
        provides: Callable[..., T] | None = None,
        *args: Any,
        member: str = "",
        name: Provider[str] | None = None,
        **kwargs: Any,
    ) -> None:
        """Declare what to build.

        Args:
            provides: Builds the value.
            args: What it is given; of providers, what they provide.
            member: Last part of the token, for errors.
            name: The instance's name, for errors.
            kwargs: What it is given by name.
        """
        self._factory = providers.Factory(provides, *args, **kwargs)
        self._name, self._member = name, member
        self._built: dict[object, tuple[T, object]] = {}
        self._lock = threading.RLock()
        mend_after_fork(self)
        super().__init__()
        self.disable_async_mode()

    def __deepcopy__(self, memo: dict[Any, Any]) -> Self:  # type: ignore[override]  # the stub says BaseResource
        if id(self) not in memo:
            copied: Self = super().__deepcopy__(memo)  # type: ignore[assignment]  # likewise; not built
            copied._member = self._member
            for part in self.parts:
                setattr(copied, part, providers.deepcopy(getattr(self, part), memo))
        found: Self = memo[id(self)]
        return found

    @property
    def token(self) -> str:
        """The id under which this is found in an application that mounts it as ``redis``."""
        return ".".join(filter(None, ("redis", self._name() if self._name else "", self._member)))

    @property
    def initialized(self) -> bool:
        """Whether there is something to close."""
        return bool(self._built)

    @property
    def related(self) -> Iterator[Provider[Any]]:
        """All that this depends on, so that it is shut down first."""
        inside = (getattr(self, part) for part in self.parts)
        near = [*super().related, *(each for each in inside if each is not None)]
        yield from near
        yield from providers.traverse(*near, types=[providers.BaseResource])  # past Singletons and the like
        yield CLOSE_REPORT

    # dependency-injector's own __call__ and _provide take 300 ns more.
    def __call__(self, *args: Any, **kwargs: Any) -> T:  # type: ignore[override]  # the stub: or awaitable
        """Return the value, or what an override gives."""
        if self.last_overriding is not None:
            return plain(super().__call__(*args, **kwargs), self.token)
        found = self._built.get(None)
        return found[0] if found else self._build()

    def _build(self, key: object = None, kept: object = None, **given: Any) -> T:
        with self._lock:
            if key not in self._built:
                self._built[key] = self._factory(**given), kept
            return self._built[key][0]

    def after_fork(self) -> None:
        """Take a new lock: a thread that held the old one does not exist here."""
        self._lock = threading.RLock()

    def _take(self) -> list[T]:
        with self._lock:
            taken, self._built = list(self._built.values()), {}
        return [value for value, _ in taken]

    def init(self) -> Any:
        """Do nothing: what nobody uses is not built and demands no settings."""

    def shutdown(self) -> Any:
        """Close what was built; an error is reported when all others are closed."""
        for value in self._take():
            with reported(self.token, CLOSE_REPORT.pending()):
                if close := getattr(value, "close", None):
                    close()


class AsyncLazy(Lazy[T]):
    """Built the same way, without awaiting; closed by an awaitable, always."""

    @property
    def related(self) -> Iterator[Provider[Any]]:
        """All that this depends on, so that it is shut down first."""
        yield from super().related
        yield AsyncMode()

    def shutdown(self) -> Any:
        """Return an awaitable that closes what was built."""
        # Idle resources are shut down too, and their coroutines may be dropped.
        return self._close_built(CLOSE_REPORT.pending()) if self._built else _Done()

    async def _close_built(self, failures: list[Exception]) -> None:
        # Taken only now: what is cancelled before it runs leaves them to the next shutdown.
        await self._close(self._take(), failures)

    async def _close(self, values: list[T], failures: list[Exception]) -> None:
        if not values:
            return
        first, *others = values
        try:
            with reported(self.token, failures):
                if aclose := getattr(first, "aclose", None):
                    await aclose()
        finally:  # also when whoever shuts down is cancelled
            await self._close(others, failures)


class PerClient(Lazy[T]):
    """A store, built once per client and key prefix.

    An override of either reaches it at once, and so does its end: the same store comes back.
    """

    parts = (*Lazy.parts, "_client", "_prefix")
    _client: Any = None
    _prefix: Any = None

    def __init__(self, provides: Callable[..., T] | None = None, base: Any = None, **kwargs: Any) -> None:
        """Declare what to build.

        Args:
            provides: Builds the store from ``client=``, ``key_prefix=`` and what *kwargs* give.
            base: The base module, which exports both.
            kwargs: Further arguments, as for :class:`Lazy`.
        """
        if base is not None:
            self._client, self._prefix = base.client, base.key_prefix
        super().__init__(provides, **kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> T:  # type: ignore[override]  # the stub: or awaitable
        """Return the store for the present client and prefix, or what an override gives."""
        if self.last_overriding is not None:
            return super().__call__(*args, **kwargs)
        # Past the Dependency: it costs 700 ns, and one awaitable would turn it asynchronous for good.
        client = (self._client.last_overriding or self._client)()
        prefix = (self._prefix.last_overriding or self._prefix)()
        found = self._built.get((id(client), prefix))
        return found[0] if found else self._build_for(client, prefix)

    def _build_for(self, client: Any, prefix: str) -> T:
        plain(client, self.token)
        # The client is kept as well, or its id could pass to another one.
        return self._build((id(client), prefix), client, client=client, key_prefix=prefix)


class AsyncPerClient(PerClient[T], AsyncLazy[T]):
    """The same store, closed by an awaitable."""


def plain(value: T, token: str) -> T:
    """Return *value*, unless it is one for those who await it.

    Raises:
        BuildError: If it is a coroutine or a Future.
    """
    if asyncio.iscoroutine(value) or asyncio.isfuture(value):
        (value.close if asyncio.iscoroutine(value) else value.cancel)()
        raise BuildError(token, "using an override") from TypeError(
            "it gave a coroutine or a Future: give the value itself"
        )
    return value


class _Done:
    def __await__(self) -> Iterator[None]:
        return iter(())
