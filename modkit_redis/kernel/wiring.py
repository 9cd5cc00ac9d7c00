"""Wiring that fails on a token nobody provides, where dependency-injector leaves a bare marker."""

from __future__ import annotations

import difflib
import inspect
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from dependency_injector import providers, wiring

from modkit_redis.contract.errors import NotExportedError, Unresolved, UnresolvedTokenError


def wire_strict(
    container: Any,
    *,
    modules: Iterable[types.ModuleType | str] | None = None,
    packages: Iterable[types.ModuleType | str] | None = None,
    from_package: str | None = None,
) -> None:
    """Wire as ``container.wire()`` does; if that fails or leaves an injection unresolved, undo it and raise.

    Args:
        container: The application's container.
        modules: Modules to wire, or their names.
        packages: Packages to wire with all that is below them, or their names.
        from_package: Where relative names begin; dependency-injector would guess from this frame.

    Raises:
        UnresolvedTokenError: If an id resolves to no provider; what was wired before stays wired.
    """
    undo = _undoing(container)
    try:
        container.wire(modules=modules, packages=packages, from_package=from_package)
        check_wiring(container)
    except BaseException:
        undo()
        raise


def check_wiring(container: Any) -> None:
    """Check whatever *container* is wired to, by ``wire()`` or by its ``wiring_config``.

    Raises:
        UnresolvedTokenError: If an injection is unresolved; it names the function, the id and the
            nearest tokens.
    """
    fetch = cast("Callable[[Any], list[types.ModuleType]]", wiring._fetch_modules)
    wired = {*container.wired_to_modules, *(each for p in container.wired_to_packages for each in fetch(p))}
    if found := [each for module in wired for each in _unresolved(container, module)]:
        raise UnresolvedTokenError(container.parent_name or "container", tuple(sorted(found, key=str)))


def token_ids(container: Any, above: str = "") -> list[str]:
    """Return every string id that *container* resolves."""
    ids = []
    for name, provider in container.providers.items():
        if name != "__self__":
            nested = isinstance(provider, providers.Container)
            ids += [above + name, *(token_ids(provider, f"{above}{name}.") if nested else ())]
    return ids


def _undoing(container: Any) -> Callable[[], None]:
    """Return what restores the present wiring; ``unwire()`` would end what others have wired, too."""
    registry: Any = wiring._patched_registry
    wired = list(container.wired_to_modules), list(container.wired_to_packages)
    bound = {each: (dict(each.injections), dict(each.closing)) for each in registry._callables.values()}
    attributes = set(registry._attributes)

    def undo() -> None:
        for each in registry._callables.values():
            each.injections, each.closing = bound.get(each, ({}, {}))
        for each in registry._attributes - attributes:
            setattr(each.member, each.name, each.marker)
        registry._attributes &= attributes
        container.wired_to_modules, container.wired_to_packages = wired

    return undo


def _unresolved(container: Any, module: types.ModuleType) -> Iterator[Unresolved]:
    registry, members = wiring._patched_registry, list(vars(module).values())
    own_classes = (each for each in members if inspect.isclass(each) and each.__module__ == module.__name__)
    owners: dict[str, Any] = {module.__name__: module}
    owners |= {f"{each.__module__}.{each.__qualname__}": each for each in own_classes}
    for where, owner in owners.items():
        for attribute, member in {**_annotated(owner), **vars(owner)}.items():
            if _is_marker(member):
                yield _facts(container, where, attribute, member)
    imported = (each for each in members if inspect.isfunction(each) and registry.has_callable(each))
    functions: set[Any] = {*registry.get_callables_from_module(module), *imported}
    for function in functions:
        patched = registry.get_callable(function)
        for parameter, marker in patched.reference_injections.items():
            if not providers.is_provider(patched.injections.get(parameter)):
                yield _facts(container, f"{function.__module__}.{function.__qualname__}", parameter, marker)


def _annotated(owner: Any) -> dict[str, Any]:
    """Return the markers in ``name: Annotated[T, Provide[…]]``, which may leave no attribute behind."""
    hints = inspect.get_annotations(owner)
    beside = {name: getattr(hint, "__metadata__", ()) for name, hint in hints.items()}
    return {name: each for name, data in beside.items() for each in data if _is_marker(each)}


def _is_marker(member: object) -> bool:
    # Of its type: what asks a proxy of a web framework is passed on to a request that is not there.
    return getattr(type(member), "__IS_MARKER__", False) is True


def _facts(container: Any, owner: str, parameter: str, marker: Any) -> Unresolved:
    wanted = marker.provider
    if not isinstance(wanted, str):
        return Unresolved(owner, parameter, repr(wanted), "not an exported provider of this container")
    node, reason, reserved = container, "not a provider", False
    for segment in wanted.split("."):
        try:
            node = getattr(node, segment)
        except NotExportedError as error:
            reason, reserved = str(error), segment in node.declarative_parent.reserved
            break
        except AttributeError:
            reason = f"nothing called {segment!r}"
            break
    ids, tail = token_ids(container), "." + wanted.partition(".")[2]
    elsewhere = [each for each in ids if len(tail) > 1 and each.endswith(tail)]  # mounted under another name
    close = [] if reserved else difflib.get_close_matches(wanted, ids)
    matches = tuple(dict.fromkeys([*elsewhere, *close]))[:3]
    return Unresolved(owner, parameter, wanted, reason, matches)
