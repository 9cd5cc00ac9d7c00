"""Middleware for ASGI applications, for any framework."""
