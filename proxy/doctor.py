"""`hushql doctor`: is the server fit for the proxy, and what will the proxy do? One line for each finding.

    reach      can it be dialled, and is it a MySQL server
    server     which one it says that it is, and whether its word is trusted
    tls        what was agreed on, under the settings of serve
    plugin     the authentication plugin that it asks with
    login      whether the account that was given gets in
    tracking   which changes of a session it reports
    variables  settings of the server that matter to the rules, one a line, under their own names
    rules      which are withheld, only observed, or off

Lines begin with ok, note (as it is, it costs something) or problem (as it is, it will not work).
"""

import errno
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import monotonic
from typing import Final, NamedTuple

import click

from proxy.client import CannotLogIn, Client, Refused
from proxy.config import ConfigError, Settings
from proxy.server import _engine as engine_for
from proxy.server import _upstream_context as context_for
from proxy.wire.constants import CLIENT_SESSION_TRACK, CLIENT_SSL
from proxy.wire.fields import Malformed
from rules.catalogue import REPORTING, RULES
from rules.dialect import MARIADB, Dialect
from rules.engine import Engine
from rules.verdict import OBSERVE, OFF, SUPPRESS

OK: Final = "ok"
NOTE: Final = "note"
PROBLEM: Final = "problem"

PATIENCE: Final = 4
"""How many times --max-silence the server should wait for a quiet client."""

_FAILURES: Final = (OSError, Malformed, Refused, CannotLogIn)
_USUAL: Final = {
    "session_track_gtids": ("OFF",),
    "session_track_schema": ("ON",),
    "session_track_state_change": ("OFF",),
    "session_track_transaction_info": ("OFF",),
}
_IDLE_TIMEOUTS: Final = ("idle_transaction_timeout", "idle_write_transaction_timeout", "idle_readonly_transaction_timeout")
_ASKED: Final = (
    "autocommit",
    "completion_type",
    "init_connect",
    "session_track_system_variables",
    "sql_mode",
    "wait_timeout",
    *_IDLE_TIMEOUTS,
    *_USUAL,
)
_ODD_MODES: Final = ("ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ORACLE")


class Finding(NamedTuple):
    """One line."""

    level: str
    about: str
    text: str


def run(settings: Settings, user: str, password: str) -> int:
    """Examine the server and print what is found; return the exit code, 1 where there is a problem.

    Without a `user` nothing is tried beyond the greeting and TLS.
    """
    found_problem = False
    for level, about, text in examine(settings, user, password):
        click.echo(f"{level:<8} {about:<9} {text}")
        found_problem = found_problem or level == PROBLEM
    return int(found_problem)


def read_password(path: str | None, environment: Mapping[str, str]) -> str:
    """Return the first line of a file, or HUSHQL_PASSWORD; raises ConfigError where the file cannot be read."""
    if path is None:
        return environment.get("HUSHQL_PASSWORD", "")
    try:
        return Path(path).read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except OSError as error:
        raise ConfigError(f"--password-file {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"--password-file {path}: not UTF-8 text") from None


def examine(settings: Settings, user: str, password: str) -> Iterator[Finding]:
    """Find out, step by step; raises ConfigError where a file that the settings name cannot be used."""
    context, engine = context_for(settings), engine_for(settings)
    started = monotonic()
    try:
        client = Client(settings.upstream, settings.connect_timeout)
    except _FAILURES as error:
        yield Finding(PROBLEM, "reach", f"{settings.upstream}: {_reason(error)}")
        return
    with client:
        took = f"{(monotonic() - started) * 1000:.1f} ms"
        yield Finding(OK, "reach", f"{settings.upstream} answers, its greeting came after {took}")
        dialect = engine.dialect(client.greeting.server_version.decode("latin-1"))
        yield _about_server(dialect, engine, settings)
        tls = _about_tls(client, context, settings)
        yield tls
        if tls.level != PROBLEM:
            yield from _about_session(client, engine, dialect, (user, password), settings)
        yield from _about_rules(engine, dialect, settings)


# ---- without an account ----


def _about_server(dialect: Dialect, engine: Engine, settings: Settings) -> Finding:
    known = dialect.release != (0, 0)
    name = "MariaDB" if dialect.kind == MARIADB else "MySQL"
    if known and not (settings.trust_server and not engine_for_strangers(dialect)):
        return Finding(OK, "server", f"{name} by its greeting ({dialect.version}): trusted")
    return Finding(OK, "server", "")


