"""Another feature of an application, in both worlds: its users and their sessions."""

from modkit_redis.demo.accounts import _async as async_accounts
from modkit_redis.demo.accounts import _sync as accounts

__all__ = ["accounts", "async_accounts"]
