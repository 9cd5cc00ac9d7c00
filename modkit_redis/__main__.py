"""The command line: ``python -m modkit_redis``."""
