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
    """Wire as ``container.wire()`` does; if an injection is left unresolved, undo this call and raise.

    Args:
        container: The application's container.
        modules: Modules to wire, or their names.
        packages: Packages to wire with all that is below them, or their names.
        from_package: Where relative names begin; dependency-injector would guess from this frame.

    Raises:
        UnresolvedTokenError: If an id resolves to no provider; what was wired before stays wired.
    """
    before = list(container.wired_to_modules), list(container.wired_to_packages)
    container.wire(modules=modules, packages=packages, from_package=from_package)
    try:
        check_wiring(container)
    except UnresolvedTokenError:
        wiring.unwire(
            modules=[each for each in container.wired_to_modules if each not in before[0]],
            packages=[each for each in container.wired_to_packages if each not in before[1]],
        )
        container.wired_to_modules, container.wired_to_packages = before
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


def _unresolved(container: Any, module: types.ModuleType) -> Iterator[Unresolved]:
    registry, members = wiring._patched_registry, list(vars(module).values())
    own_classes = (each for each in members if inspect.isclass(each) and each.__module__ == module.__name__)
    owners: list[Any] = [module, *own_classes]
    for owner in owners:
        for attribute, member in vars(owner).items():
            if getattr(member, "__IS_MARKER__", False) is True and not inspect.isclass(member):
                yield _facts(container, owner.__name__, attribute, member)
    imported = (each for each in members if inspect.isfunction(each) and registry.has_callable(each))
    functions: set[Any] = {*registry.get_callables_from_module(module), *imported}
    for function in functions:
        patched = registry.get_callable(function)
        for parameter, marker in patched.reference_injections.items():
            if not providers.is_provider(patched.injections.get(parameter)):
                yield _facts(container, f"{function.__module__}.{function.__qualname__}", parameter, marker)


def _facts(container: Any, owner: str, parameter: str, marker: Any) -> Unresolved:
    wanted = marker.provider
    if not isinstance(wanted, str):
        return Unresolved(owner, parameter, repr(wanted), "not an exported provider of this container")
    node, reason = container, "not a provider"
    for segment in wanted.split("."):
        try:
            node = getattr(node, segment)
        except AttributeError as error:
            reason = str(error) if isinstance(error, NotExportedError) else f"nothing called {segment!r}"
            break
    ids, tail = token_ids(container), "." + wanted.partition(".")[2]
    elsewhere = [each for each in ids if len(tail) > 1 and each.endswith(tail)]  # mounted under another name
    matches = dict.fromkeys([*elsewhere, *difflib.get_close_matches(wanted, ids)])
    return Unresolved(owner, parameter, wanted, reason, tuple(matches)[:3])
