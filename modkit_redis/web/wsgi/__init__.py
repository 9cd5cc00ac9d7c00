"""Middleware for WSGI applications, for any framework."""
