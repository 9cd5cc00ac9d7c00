"""Each example runs as a newcomer would run it, and prints what it should."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import TestServer

pytestmark = pytest.mark.once

EXAMPLES = Path(__file__).parents[2] / "examples"

OUTPUTS = {
    "quickstart.py": "home: visit 1\ncart: visit 1\nhome: visit 2\n",
    "quickstart_async.py": "home: visits [1, 2, 3]\n",
    "named_instances.py": (
        "order 1 of tea: {prefix}:orders:tea\n"
        "event 1 of tea: {prefix}:analytics:events:tea\n"
        "order 2 of tea: {prefix}:orders:tea\n"
        "event 2 of tea: {prefix}:analytics:events:tea\n"
    ),
    "modules_one_by_one.py": "remembered b'green'\nthe module shows client, key_prefix\n",
    "cached_repository.py": (
        "(asking the database for tea)\ntea: 350\ntea: 350\n"
        "(asking the database for pie)\npie: None\npie: None\n"
        "(asking the database for tea)\ntea: 380\n"
    ),
    "cached_function_async.py": (
        "(asking the database for user 1)\n"
        "50 times User(name='Ada', roles=('author',))\n"
        "(asking the database for user 1)\n"
        "now User(name='Augusta', roles=('author',))\n"
    ),
    "session_sign_in.py": (
        "a visitor: user None, cart ['tea', 'cake'], says None\n"
        "signed in: user ada, cart ['tea', 'cake'], says Welcome, ada!\n"
        "once more: user ada, cart ['tea', 'cake'], says None\n"
        "with the old token: user None, cart None, says None\n"
        "signed out: None\n"
        "after that: user None, cart None, says None\n"
    ),
    "session_devices_async.py": (
        "ending curl: True\n"
        "signed out on 2 other devices, 1 left\n"
        "{{'created': 4, 'bound': 4, 'revoked': 4, 'rotated': 1}}\n"
    ),
    "rate_limited_sign_in.py": (
        "401: wrong, 2 more\n"
        "401: wrong, 1 more\n"
        "200: hello ada\n"
        "401: wrong, 2 more\n"
        "401: wrong, 1 more\n"
        "401: wrong, 0 more\n"
        "429: too many for this user, try again in 20 minutes\n"
        "a link is on its way to ada\n"
        "a link is on its way to ada\n"
        "('mail',)\n"
    ),
    "rate_limited_api_async.py": (
        "200, left: burst 4, day 999\n"
        "200, left: burst 3, day 998\n"
        "200, left: burst 2, day 997\n"
        "200, left: burst 1, day 996\n"
        "200, left: burst 0, day 995\n"
        "429, left: burst 0, day 995, Retry-After: 12\n"
        "tokens left: 750\n"
        "a report is refused by reports\n"
        "after that it is made\n"
    ),
    "response_cache_app.py": (
        "(asking the database for all prices)\n"
        "(asking the database for all prices)\n"
        '200 {{"tea":350,"cake":420}} (modkit-redis; fwd=uri-miss; stored)\n'
        '200 {{"tea":350,"cake":420}} (modkit-redis; hit)\n'
        "304 what you have (modkit-redis; hit)\n"
        '200 {{"tea":380,"cake":420}} (modkit-redis; fwd=uri-miss; stored)\n'
    ),
    "fastapi_app.py": (
        "at first [200, 401]\n"
        'POST /sign-in 403 "sign-in";r=2\n'
        'POST /sign-in 200 "sign-in";r=1\n'
        'POST /sign-in 403 "sign-in";r=0\n'
        'POST /sign-in 429 "sign-in";r=0\n'
        "GET /me Hello, ada! Before you came nobody.\n"
        "DELETE /me 200\n"
    ),
    "flask_app.py": (
        "tea - tea, cake\n"
        '401 "all";r=97\n'
        '200 "all";r=96\n'
        '401 "all";r=95\n'
        '429 "all";r=94\n'
        "user ada, cart ['tea', 'cake']\n"
        "sessions ended: 1 - user None, cart None\n"
    ),
    "bring_your_own_client.py": "Hello, Ada!\nafter the shutdown it still answers: True\n",
}
TESTS = ("overriding_in_a_test.py",)


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run an interpreter in which warnings are errors."""
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=EXAMPLES.parent,
        env={**os.environ, **environ},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_example_prints_what_it_should(name: str, server: TestServer, prefix: str) -> None:
    done = run(
        f"examples/{name}",
        REDIS_ADDR=server.addr,
        REDIS_KEY_PREFIX=prefix,
        REDIS_CACHE_DEFAULT_TTL="5m",
        REDIS_SESSION_IDLE_TTL="30m",
        REDIS_SESSION_ABSOLUTE_TTL="12h",
        REDIS_SESSION_PER_USER_MAX="10",
        REDIS_RATELIMIT_LIMIT="burst=5/minute, day=1000/day",
        REDIS_ANALYTICS_ADDR=server.addr,
        REDIS_ANALYTICS_KEY_PREFIX=f"{prefix}:analytics",
    )

    assert (done.stderr, done.stdout, done.returncode) == ("", OUTPUTS[name].format(prefix=prefix), 0)


@pytest.mark.parametrize("name", OUTPUTS)
def test_without_an_address_an_example_says_what_to_do(name: str) -> None:
    done = run(f"examples/{name}")

    assert (done.stdout, done.returncode) == ("", 1)
    assert "ADDR is missing" in done.stderr
    assert re.search(
        rf"For example: REDIS_ADDR=localhost:6379 (REDIS_\w+=\S+ )*python examples/{name}", done.stderr
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", TESTS)
def test_an_example_of_tests_passes(name: str, server: TestServer) -> None:
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", f"examples/{name}", REDIS_ADDR=server.addr)

    assert "3 passed" in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize("name", TESTS)
def test_without_an_address_an_example_of_tests_says_what_to_do(name: str) -> None:
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", f"examples/{name}")

    assert "REDIS_ADDR is missing. For example: REDIS_ADDR=localhost:6379" in done.stdout
    assert done.returncode == 1


def test_every_example_is_run_and_short() -> None:
    lengths = {
        path.name: len(path.read_text(encoding="utf-8").splitlines())
        for path in EXAMPLES.glob("*.py")
        if path.name != "__init__.py"
    }

    assert sorted(lengths) == sorted({*OUTPUTS, *TESTS})
    assert {name: lines for name, lines in lengths.items() if lines >= 80} == {}
