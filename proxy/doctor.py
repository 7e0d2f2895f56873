"""`hushql doctor`: is the server fit for the proxy, and what will the proxy do? One line for each finding.

    reach      can it be dialled, and is it a MySQL server
    server     which one it says that it is, and whether its word is trusted
    tls        what was agreed on, under the settings of serve
    plugin     the authentication plugin that it asks with
    login      whether the account that was given gets in
    tracking   which changes of a session it reports
    variable   a global variable of the server that matters to the rules; one a line
    rules      which are withheld, only observed, or off

Lines begin with ok, note (as it is, it costs something) or problem (as it is, it will not work).
"""

import socket
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import monotonic
from typing import Final, NamedTuple

import click

from proxy.client import CannotLogIn, Client, Refused
from proxy.config import ConfigError, Settings
from proxy.server import engine_for, upstream_context
from proxy.wire.constants import CLIENT_SESSION_TRACK, CLIENT_SSL
from proxy.wire.fields import Malformed
from rules.catalogue import REPORTING, RULES
from rules.dialect import MARIADB, Dialect
from rules.engine import Engine
from rules.verdict import OFF, SUPPRESS

OK: Final = "ok"
NOTE: Final = "note"
PROBLEM: Final = "problem"

PATIENCE: Final = 4
"""How many times --max-silence the server should wait for a quiet client."""

_FAILURES: Final = (OSError, Malformed, Refused, CannotLogIn)
_USUAL: Final = {
    "session_track_gtids": "OFF",
    "session_track_schema": "ON",
    "session_track_state_change": "OFF",
    "session_track_transaction_info": "OFF",
}
_IDLE_TIMEOUTS: Final = (
    "idle_transaction_timeout",
    "idle_write_transaction_timeout",
    "idle_readonly_transaction_timeout",
)
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
    context, engine = upstream_context(settings), engine_for(settings)
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


def _reason(error: Exception) -> str:
    """Say in a line what went wrong."""
    match error:
        case Malformed():
            return f"what answers is no MySQL server ({error})"
        case TimeoutError():
            return "no answer in time"
        case socket.gaierror():
            return "the host name cannot be resolved"
        case ssl.SSLError():
            return getattr(error, "verify_message", "") or error.reason or str(error)
    return getattr(error, "strerror", None) or str(error)


# ---- without an account ----


def _about_server(dialect: Dialect, engine: Engine, settings: Settings) -> Finding:
    if Dialect(dialect.version).is_trusted:
        name = "MariaDB" if dialect.kind == MARIADB else "MySQL"
        return Finding(OK, "server", f"{name} by its greeting, {dialect.version}: its word is trusted")
    what = f"{dialect.version} is neither MySQL from 5.7 nor MariaDB from 10.2 by its greeting"
    if settings.trust_server:
        return Finding(NOTE, "server", f"{what}; --trust-server vouches for it")
    level = PROBLEM if engine.suppresses else NOTE
    return Finding(level, "server", f"{what}: nothing is withheld for it unless --trust-server vouches for it")


def _about_tls(client: Client, context: ssl.SSLContext | None, settings: Settings) -> Finding:
    """Turn to TLS as serve would, and say how that went."""
    wish = f"--upstream-tls {settings.upstream_tls}"
    offered = client.greeting.capabilities & CLIENT_SSL != 0
    if settings.upstream.path:
        return Finding(OK, "tls", "not needed on a Unix socket")
    if context is None or (not offered and settings.upstream_tls == "preferred"):
        why = "offered and not used" if offered else "not offered"
        return Finding(NOTE, "tls", f"{why}: what clients say crosses the network in plain ({wish})")
    if not offered:
        return Finding(PROBLEM, "tls", f"not offered, and {wish} demands it")
    try:
        agreed = client.start_tls(context, settings.upstream_server_name or settings.upstream.host)
    except (OSError, Malformed) as error:
        return Finding(PROBLEM, "tls", f"failed: {_reason(error)} ({wish})")
    checked = context.verify_mode != ssl.CERT_NONE
    said = "is checked" if checked else "is not checked"
    return Finding(OK if checked else NOTE, "tls", f"{agreed}; the server's certificate {said} ({wish})")


def _about_rules(engine: Engine, dialect: Dialect, settings: Settings) -> Iterator[Finding]:
    """Say what becomes of the rules, under these settings and for this server."""
    withheld = [rule.name for rule in RULES if engine.mode(rule.name) == SUPPRESS and dialect.is_trusted]
    off = [rule.name for rule in RULES if engine.mode(rule.name) == OFF]
    observed = [rule.name for rule in RULES if rule.name not in withheld + off]
    reported = [rule.name for rule in REPORTING if rule.name in settings.reporting]
    off += [rule.name for rule in REPORTING if rule.name not in reported]
    for what, names in (("withheld", withheld), ("observed", observed), ("only reported", reported), ("off", off)):
        if names:
            yield Finding(OK, "rules", f"{what}: {', '.join(names)}")


# ---- with one ----


def _about_session(
    client: Client, engine: Engine, dialect: Dialect, account: tuple[str, str], settings: Settings
) -> Iterator[Finding]:
    """Log in, and look at what a session is told and can ask for."""
    yield Finding(OK, "plugin", f"the server asks with {client.plugin.decode('latin-1')}")
    tracks = client.capabilities & CLIENT_SESSION_TRACK != 0
    if not tracks:
        yield Finding(NOTE, "tracking", "not offered: what a variable is, only a SET of it tells")
    user, password = account
    if not user:
        yield Finding(NOTE, "login", "not tried without --user: neither tracking nor variables were looked at")
        return
    login = _about_login(client, user, password)
    yield login
    if login.level != OK:
        return
    try:
        if tracks:
            yield _about_tracking(client, engine, dialect)
        yield from _about_variables(client, engine, settings)
    except _FAILURES as error:
        yield Finding(PROBLEM, "login", f"of little use: {_reason(error)}")


def _about_login(client: Client, user: str, password: str) -> Finding:
    try:
        client.log_in(user, password)
    except CannotLogIn as error:
        return Finding(NOTE, "login", f"not tried as {user!r}: {error}; hushql passes on what its clients say")
    except _FAILURES as error:
        return Finding(PROBLEM, "login", f"as {user!r}: {_reason(error)}")
    return Finding(OK, "login", f"as {user!r}, with {client.plugin.decode('latin-1')}")


def _about_tracking(client: Client, engine: Engine, dialect: Dialect) -> Finding:
    """Ask for what suppress mode asks for in each session."""
    try:
        client.query(b"SET " + engine.tracking(dialect, with_work=True))
        [[names]] = client.query(b"SELECT @@session.session_track_system_variables")
    except Refused as error:
        return Finding(NOTE, "tracking", f"the list of variables is not taken, less can be withheld: {error}")
    count = len((names or b"").split(b","))
    return Finding(OK, "tracking", f"the server reports changes of {count} variables, once it is asked to")


def _about_variables(client: Client, engine: Engine, settings: Settings) -> Iterator[Finding]:
    names = ", ".join(f"'{name}'" for name in _ASKED)
    rows = client.query(f"SHOW GLOBAL VARIABLES WHERE variable_name IN ({names})".encode())
    values = {(name or b"").decode().lower(): (value or b"").decode("utf-8", "replace") for name, value in rows}
    for name in _ASKED:
        if name in values:
            level, remark = _judged(name, values[name], engine, settings)
            shown = "set" if name == "init_connect" and values[name] else values[name] or "empty"
            yield Finding(level, "variable", f"{name} is {shown}: {remark}" if remark else f"{name} is {shown}")


def _judged(name: str, value: str, engine: Engine, settings: Settings) -> tuple[str, str]:
    """Say of a global variable's value what it means for the rules."""
    if name == "wait_timeout":
        return _judged_timeout(float(value), engine, settings)
    remark = ""
    if name == "autocommit" and value != "ON":
        remark = "sessions begin without it"
    elif name == "completion_type" and value != "NO_CHAIN":
        remark = "a COMMIT opens a transaction or ends the connection: none is withheld"
    elif name == "init_connect" and value:
        remark = "what it did to a session is not known before its first COMMIT"
    elif name == "sql_mode" and (odd := sorted(set(_ODD_MODES) & set(value.split(",")))):
        remark = f"with {', '.join(odd)} only plain texts are recognised"
    elif name == "session_track_system_variables" and "*" in value:
        remark = "each OK has a number of its own for clients that ask for session state: for them little is withheld"
    elif name in _IDLE_TIMEOUTS and float(value):
        remark = "of a BEGIN that is withheld it begins to run when the first statement is sent"
    elif name in _USUAL and value != _USUAL[name]:
        remark = "replies say more than usual to clients that ask for session state"
    return NOTE if remark else OK, remark


def _judged_timeout(seconds: float, engine: Engine, settings: Settings) -> tuple[str, str]:
    """Say whether a server has the patience for sessions that hushql speaks for."""
    if not engine.suppresses or seconds >= PATIENCE * settings.max_silence:
        return OK, ""
    remark = f"it counts as quiet while hushql answers, up to --max-silence {settings.max_silence:g}s"
    return PROBLEM if seconds <= settings.max_silence else NOTE, remark
