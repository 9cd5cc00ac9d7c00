"""Sessions and rate limits in web frameworks: middleware, and thin integrations for those that have their own ways.

Nothing here imports a framework, but ``starlette``, ``fastapi`` and ``flask``, each of which needs its extra.
"""
