"""Modules that show their exports and keep everything else to themselves.

The facade guards against accident, not attack: what a provider was given can still be found.
"""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, Self, TypeVar, cast

from dependency_injector import containers, providers
from dependency_injector.providers import Provider

from modkit_redis.contract.errors import DeclarationError, NotExportedError

P = ParamSpec("P")
T = TypeVar("T")


class _Exports(dict[str, Provider[Any]]):
    def __setitem__(self, name: str, provider: Provider[Any]) -> None:
        if name != "__self__":  # wire() plants it; a capability given this module would choke on it
            super().__setitem__(name, provider)


class FacadeContainer(containers.DynamicContainer):
    """A module as seen from outside: its exports and nothing else."""

    declarative_parent: type[Module] | None
    _hidden: dict[str, Provider[Any]]  # what the module keeps to itself
    _links: dict[str, Any]  # the keywords it was declared with, as they were given
    _declared: bool

    def __init__(self) -> None:
        vars(self).update(_hidden={}, _links={}, _declared=False)
        super().__init__()
        self.providers = _Exports()

    def __setattr__(self, name: str, value: Any) -> None:
        cls = self.__dict__.get("declarative_parent")
        public = name == "parent" or not isinstance(value, Provider) or isinstance(value, providers.Self)
        if public or cls is None or name in cls.exports:
            super().__setattr__(name, value)
            return
        self._hidden[name] = value
        if isinstance(value, providers.Dependency | providers.DependenciesContainer | providers.Container):
            value.assign_parent(self)

    def __getattr__(self, name: str) -> Provider[Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        raise not_exported(self.__dict__.get("declarative_parent"), name)

    def __deepcopy__(self, memo: dict[Any, Any]) -> FacadeContainer:  # type: ignore[override]  # the stub
        if id(self) not in memo:
            copied = super().__deepcopy__(memo)
            vars(copied).update(_declared=True, _links=providers.deepcopy(self._links, memo))
            for name, provider in providers.deepcopy(self._hidden, memo).items():
                copied.set_provider(name, provider)
        return cast(FacadeContainer, memo[id(self)])

    def __reduce_ex__(self, protocol: object) -> str:
        raise TypeError("a module holds connections: it cannot be pickled, nor copied shallowly")

    def resolve_provider_name(self, provider: Provider[Any]) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]  # the stub: a classmethod
        """Return what *provider* is called here, for dependency-injector's errors."""
        named = {**self.providers, **self._hidden}
        return next(name.removeprefix("_") for name, each in named.items() if each is provider)

    def override_providers(self, **given: Any) -> containers.ProvidersOverridingContext[Any]:
        """Link the keywords of a declaration; later, override exports.

        An input ``x`` is linked to the hidden ``_x``, where no ``reset_override()`` can cut it.

        Raises:
            NotExportedError: If a name is neither; nothing was overridden then.
        """
        cls = cast("type[Module]", self.declarative_parent)
        # While providers.Container.__init__ passes its keywords on, its own `overridden` is not set yet.
        declaring = not self._declared or getattr(self.parent, "overridden", ()) is None
        vars(self)["_declared"] = True
        new = {  # dependency-injector repeats a mount's keywords on each copy, and adds what wire() plants
            name: value
            for name, value in given.items()
            if name != "__self__" and not (name in self._links and self._links[name] is value)
        }
        targets: list[tuple[Provider[Any], Any]] = []
        for name, value in new.items():
            if declaring and name in cls.inputs:
                targets.append((self._hidden["_" + name], value))
            elif name in cls.exports:
                targets.append((self.providers[name], value))
            elif not _is_private_of_a_module(name, value):  # else: .override(SomeModule), given whole
                raise not_exported(cls, name)
        if declaring:
            self._links.update(new)
        for target, value in targets:
            target.override(value)
            if declaring:
                _unlist(target)
        return containers.ProvidersOverridingContext(self, [target for target, _ in targets])


def _unlist(target: Provider[Any]) -> None:
    """Take *target* off the list, kept by what it was linked to, of all that was linked to it.

    Only a Configuration uses that list. A copy of a class's provider takes along all that is on it, so
    each further instance of a bundle would double what a copy of the bundle costs.
    """
    near = target.providers.values() if isinstance(target, providers.DependenciesContainer) else ()
    for each in (target, *near):
        if each.last_overriding is not None and not isinstance(each, providers.Configuration):
            each.last_overriding.unregister_overrides(each)


def not_exported(cls: type[Module] | None, name: str) -> NotExportedError:
    """Return the error for asking a module of class *cls* for *name*."""
    if cls is None:
        return NotExportedError("container", name, "it is being built")
    if name in cls.reserved:
        return NotExportedError(cls.__name__, name, cls.reserved[name])
    inputs = f"; inputs: {', '.join(cls.inputs)}" if cls.inputs else ""
    return NotExportedError(cls.__name__, name, f"exports: {', '.join(cls.exports)}{inputs}")


def _is_private_of_a_module(name: str, value: object) -> bool:
    classes = [Module]
    for cls in classes:
        classes += cls.__subclasses__()
    return any(name not in cls.exports and cls.providers.get(name) is value for cls in classes)


if TYPE_CHECKING:

    class Module:
        """A module as type checkers see it, mounted or alone; no ``__getattr__`` hides a typo."""

        exports: ClassVar[tuple[str, ...]]
        inputs: ClassVar[tuple[str, ...]]
        reserved: ClassVar[Mapping[str, str]]
        providers: ClassVar[dict[str, Provider[Any]]]
        container: FacadeContainer

        def __init__(self, **inputs: Any) -> None: ...
        def __call__(self) -> Self:
            """Return the module behind a mount."""
            ...

        def override(self, overriding: object) -> AbstractContextManager[object]:
            """Put another module in its place, until the context ends."""
            ...

        def override_providers(self, **exports: object) -> AbstractContextManager[object]:
            """Put others in the place of exports, until the context ends."""
            ...

        def reset_last_overriding(self) -> None:
            """End the newest override."""

        def reset_override(self) -> None:
            """End all overrides."""

        def check_dependencies(self) -> None:
            """Check that every dependency was given."""

        def init_resources(self) -> Awaitable[None] | None:
            """Load the base settings; connect and ping if they say so."""

        def shutdown_resources(self) -> Awaitable[None] | None:
            """Close what was opened, the client last."""

        def wire(self, modules: Iterable[types.ModuleType | str] | None = None) -> None:
            """Inject into *modules*; prefer ``wire_strict``."""

        def unwire(self) -> None:
            """End the injecting."""

    class Blocking(Module):
        """A module whose life is ruled by plain calls."""

        def init_resources(self) -> None:
            """Load the base settings; connect and ping if they say so."""

        def shutdown_resources(self) -> None:
            """Close what was opened, the client last."""

    class Awaited(Module):
        """A module whose life is ruled by awaited calls."""

        def init_resources(self) -> Awaitable[None]:
            """Load the base settings; connect and ping if they say so."""
            ...

        def shutdown_resources(self) -> Awaitable[None]:
            """Close what was opened, the client last."""
            ...

else:

    class Module(containers.DeclarativeContainer):
        """Base of all modules: only *exports* can be seen; *inputs* are its keywords.

        Attributes:
            exports: Names of the providers that are shown.
            inputs: Names of the keywords; input ``x`` is linked to the hidden provider ``_x``.
            reserved: Names that will be exports one day, with what to say until then.
        """

        instance_type = FacadeContainer
        exports = inputs = ()
        reserved = types.MappingProxyType({})

        def __init_subclass__(cls) -> None:
            super().__init_subclass__()
            cls.providers.pop("__self__", None)  # a parent class that was wired leaves its own there
            for name in cls.exports:
                if name not in cls.providers or name in dir(providers.Container):
                    raise DeclarationError(
                        f"{cls.__name__}.{name}", "is exported, but no provider or a taken name"
                    )
            for name in cls.inputs:
                if f"_{name}" not in cls.providers:
                    raise DeclarationError(
                        f"{cls.__name__}.{name}", f"is an input, but there is no provider _{name}"
                    )
            reached = set(providers.traverse(*(cls.providers[name] for name in cls.exports)))
            for name, provider in cls.providers.items():
                if isinstance(provider, providers.BaseResource) and provider not in reached:
                    raise DeclarationError(
                        f"{cls.__name__}.{name}", "would never be closed: no export reaches it"
                    )
                inherited = (vars(base).get("providers", {}).get(name) for base in cls.__mro__[1:])
                if any(old is not provider and old in reached for old in inherited):
                    raise DeclarationError(f"{cls.__name__}.{name}", "replaces what its siblings still use")

    Blocking = Awaited = Module  # they differ in what type checkers see


def mount(module: Callable[P, T], *args: P.args, **inputs: P.kwargs) -> T:
    """Return ``providers.Container(module, **inputs)``, with the module's own types.

    Args:
        module: The module's class.
        args: None: a module takes keywords only.
        inputs: The module's inputs: providers, or plain values.
    """
    if args:
        raise TypeError("mount() takes the module's class and keywords")
    exports, accepted = getattr(module, "exports", ()), getattr(module, "inputs", ())
    for name in inputs:
        if name not in (*exports, *accepted):
            raise not_exported(cast("type[Module]", module), name)
    given = {name: v if providers.is_provider(v) else providers.Object(v) for name, v in inputs.items()}
    return cast(T, providers.Container(cast("type[Any]", module), **given))
