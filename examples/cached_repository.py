"""Cache a query in a repository: it is asked once, and again after each write.

export REDIS_ADDR=localhost:6379 REDIS_KEY_PREFIX=shop REDIS_CACHE_DEFAULT_TTL=5m
python examples/cached_repository.py
"""

from __future__ import annotations

import sys
from datetime import timedelta

from dependency_injector import containers, providers
from dependency_injector.wiring import Provide, inject

from modkit_redis import RedisBundle, mount, wire_strict
from modkit_redis.contract import CacheStore, ConfigError


class Prices:
    """The prices of all products; a dict stands for the database."""

    def __init__(self, cache: CacheStore) -> None:
        self._cache = cache
        self._database = {"tea": 350, "cake": 420}

    def of(self, product: str) -> int | None:
        """Return the price in cents; ``None`` if there is no such product, which is cached as well."""
        return self._cache.get_or_set(
            f"price:{product}",
            lambda: self._query(product),
            ttl=timedelta(hours=1),
            negative_ttl=timedelta(seconds=10),
        )

    def change(self, product: str, cents: int) -> None:
        """Change a price: first the database, then the cache, so that no reader can put the old one back."""
        self._database[product] = cents
        self._cache.delete(f"price:{product}")

    def _query(self, product: str) -> int | None:
        print(f"(asking the database for {product})")
        return self._database.get(product)


class App(containers.DeclarativeContainer):
    """The application; the repository is given the store like anything else."""

    redis = mount(RedisBundle)
    prices = providers.Singleton(Prices, cache=redis.cache.store)


@inject
def show(product: str, prices: Prices = Provide["prices"]) -> None:
    print(f"{product}: {prices.of(product)}")


def main() -> None:
    app = App()
    wire_strict(app, modules=[__name__])
    app.init_resources()
    try:
        for product in ("tea", "tea", "pie", "pie"):
            show(product)
        app.prices().change("tea", 380)
        show("tea")
        app.redis.cache.store().clear()  # this run leaves nothing behind
    finally:
        app.shutdown_resources()
        app.unwire()


if __name__ == "__main__":
    try:
        main()
    except ConfigError as error:
        example = "REDIS_ADDR=localhost:6379 REDIS_CACHE_DEFAULT_TTL=5m"
        sys.exit(f"{error}\nFor example: {example} python {sys.argv[0]}")
