"""Decisions of response caching, by RFC 9110 (HTTP), 9111 (caching) and 9211 (``Cache-Status``); no I/O."""

__all__: list[str] = []
