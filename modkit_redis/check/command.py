"""The command line of the check, alone or as a command of a larger one."""

from __future__ import annotations

import argparse
import ssl
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import redis

from modkit_redis.check._core import BAD_SETTINGS, Finding, exit_code, judge
from modkit_redis.check.facts import Facts
from modkit_redis.check.probe import probe
from modkit_redis.check.report import in_json, settings_in_text, summary, table
from modkit_redis.client.config import RedisSettings
from modkit_redis.client.errors import reason_of
from modkit_redis.contract.errors import ConfigError, InvalidNameError, ModkitRedisError
from modkit_redis.contract.names import checked_name
from modkit_redis.kernel.given import FROM_ENVIRONMENT
from modkit_redis.kernel.parsing import RefusedError, duration, in_text

HELP: Final = "look at the settings and at the server they lead to"
DESCRIPTION: Final = """\
Read the settings, connect, and say what an application would meet: the server and its latency, encryption,
the rights of the user, and what may be lost. Nothing is written, and no secret is shown.
"""
EPILOG: Final = """\
exit status: 0 nothing is wrong; 1 there is no connection, or an error was found (with --strict: or a
warning); 2 wrong settings or arguments
"""
WITHIN: Final = timedelta(seconds=10)

HINTS: Final = {
    "refused": "nobody listens there; is the server running?",
    "dns": "the host's name is not known",
    "dial-timeout": "no connection in time; is a firewall in between?",
    "read-timeout": "it does not answer in time; is it a Redis, and does it want TLS?",
    "deadline": "it did not answer in time",
    "tls": "no TLS connection",
    "protocol": "it is no Redis, or wants TLS",
    "auth": "the user or the password is wrong or missing",
    "max-clients": "the server has no room for another client",
    "loading": "the server is still loading its data",
    "no-db": "the server has no database of this number",
    "noperm": "the user may not even run PING and CLIENT SETNAME",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give *parser* the description and the arguments of the check; ``run()`` takes what it parses."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--env-file", metavar="FILE", help="further variables; the environment wins over it")
    parser.add_argument("--name", default="", help="instance to check: ANALYTICS reads REDIS_ANALYTICS_…")
    parser.add_argument(
        "--timeout",
        metavar="DURATION",
        type=_duration,
        default=WITHIN,
        help=f"longest time for all of it, as 500ms or 5s; {in_text(WITHIN)} if not given",
    )
    parser.add_argument("--strict", action="store_true", help="warnings count as errors")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the check as a program of its own and return its exit code.

    Args:
        argv: The arguments; those of this process by default.
    """
    parser = argparse.ArgumentParser("python -m modkit_redis check")
    add_arguments(parser)
    return run(parser.parse_args(argv))


def run(options: argparse.Namespace) -> int:
    """Check, print what was found, and return the exit code."""
    name: str = options.name.lower()
    try:
        settings = RedisSettings.load(FROM_ENVIRONMENT, checked_name(name) if name else "", options.env_file)
    except (ConfigError, InvalidNameError) as error:
        return _end(options, None, None, _bad(error), BAD_SETTINGS)
    if not options.json:
        _print(settings_in_text(settings, name))
    try:
        facts = probe(settings, options.timeout)
    except ConfigError as error:
        return _end(options, settings, None, _bad(error), BAD_SETTINGS)
    except (ModkitRedisError, redis.RedisError) as error:
        findings = [Finding("connection", "error", _why(settings, error))]
        return _end(options, settings, None, findings, 1)
    findings = list(judge(settings, facts, datetime.now(UTC)))
    return _end(options, settings, facts, findings, exit_code(findings, strict=options.strict))


def _end(
    options: argparse.Namespace,
    settings: RedisSettings | None,
    facts: Facts | None,
    findings: Sequence[Finding],
    code: int,
) -> int:
    if options.json:
        _print(in_json(settings, facts, findings, code))
    else:
        _print(f"{table(findings)}\n\n{summary(findings)}")
    return code


def _bad(error: ConfigError | InvalidNameError) -> list[Finding]:
    problems = error.problems if isinstance(error, ConfigError) else [error]
    return [Finding("settings", "error", str(each)) for each in problems]


def _why(settings: RedisSettings, error: Exception) -> str:
    reason = reason_of(error) or type(error).__name__
    hint = HINTS.get(reason, "see the list of reasons in the documentation")
    detail = f" ({said})" if (said := _said_by_tls(error)) else ""
    return f"{settings.addr} is of no use ({reason}): {hint}{detail}"


def _said_by_tls(error: BaseException | None) -> str:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return getattr(error, "verify_message", "") or (error.reason or "").replace("_", " ").lower()
        error = error.__cause__ or error.__context__
    return ""


def _duration(written: str) -> timedelta:
    try:
        return duration(written)
    except RefusedError as refused:
        raise argparse.ArgumentTypeError(refused.reason) from None


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
