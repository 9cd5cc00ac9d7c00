"""The application's container: Redis as a module, and what features need besides."""

from __future__ import annotations

from datetime import timedelta

from dependency_injector import containers, providers

from examples.webapp.features import report
from modkit_redis import AsyncRedisBundle, BundleSettings, mount


class App(containers.DeclarativeContainer):
    """Features ask it for the stores of ``redis``, and for ``sales``."""

    settings = providers.Dependency(instance_of=BundleSettings)
    query_takes = providers.Dependency(instance_of=timedelta)
    redis = mount(AsyncRedisBundle, config=settings, cache_events=providers.Object(report.hear))
    sales = providers.Singleton(report.Sales, takes=query_takes)
