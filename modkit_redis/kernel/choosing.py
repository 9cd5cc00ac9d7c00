"""What decorators of injected functions need: the store among the arguments, and what to choose from them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final, TypeVar

from modkit_redis.contract.errors import DeclarationError

T = TypeVar("T")

_BY_NAME: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Chooser:
    """Finds the store among the arguments of a call, and chooses something from the others."""

    def __init__(
        self,
        function: Callable[..., Any],
        choose: Callable[..., Any],
        *,
        called: str,
        store: str,
        on_yield: str,
    ) -> None:
        """Check that it can.

        Args:
            function: What is decorated.
            choose: Chooses; it is given the arguments that its parameters name, defaults included.
            called: The argument of the decorator that *choose* is.
            store: Name of the parameter that takes the store.
            on_yield: What is wrong with a function that yields.

        Raises:
            DeclarationError: If *function* has not the parameters that *store* and *choose* name, or yields.
        """
        self._signature = inspect.signature(function)
        self._choose, self._store = choose, store
        name = getattr(function, "__qualname__", repr(function))
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise DeclarationError(name, on_yield)
        if store not in self._signature.parameters:
            raise DeclarationError(
                name, f"has no parameter {store!r} for the store: add it, or name it by store="
            )
        self._named = self._names(name, called)

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        """Return the store of a call, and what was chosen."""
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.arguments[self._store], self._choose(
            **{name: bound.arguments[name] for name in self._named}
        )

    def _names(self, function: str, called: str) -> list[str]:
        """Return the names of the arguments that are given on."""
        if not callable(self._choose):
            raise DeclarationError(
                function, f"has a {called}= that is no function: write a lambda that returns the {called}"
            )
        try:
            wanted = inspect.signature(self._choose).parameters
        except (TypeError, ValueError) as error:
            raise DeclarationError(
                function, f"has a {called}= whose parameters Python cannot tell: write a lambda"
            ) from error
        parameters = self._signature.parameters
        for name, parameter in wanted.items():
            if parameter.kind not in _BY_NAME:
                raise DeclarationError(
                    function, f"has a {called}= that takes any arguments: name those that it needs"
                )
            if parameter.default is parameter.empty and (name not in parameters or name == self._store):
                raise DeclarationError(
                    function, f"has a {called}= that wants {name!r}, which the function does not take"
                )
        return [name for name in wanted if name in parameters and name != self._store]
