"""Our rate limiter beside the popular ones, on one server in one run; see ``__main__``."""
