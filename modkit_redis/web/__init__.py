"""Sessions and rate limits in web frameworks: middleware, and integrations for those with ways of their own.

Nothing here imports a framework, but ``starlette``, ``fastapi`` and ``flask``, each of which needs its extra.
"""
