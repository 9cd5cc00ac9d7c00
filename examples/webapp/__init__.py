"""One application that shows all capabilities: sessions, a cache, rate limits, and what each click costs.

``python -m examples.webapp`` serves it on an embedded server. Read it in this order: ``container.py`` says
what there is, ``features/`` what it is used for, ``application.py`` puts both together, and ``serving.py``
serves it.
"""
