"""Our middleware and dependencies beside the popular ones, on one server in one run; see ``__main__``."""
