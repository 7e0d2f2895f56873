"""The servers of the tests: a private MariaDB of their own, or an outside one; schema and accounts made in it."""

import contextlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pymysql
import pytest

from .certificates import Certificate, make_certificate
from .targets import Account, Target, client_context

START_SECONDS = 60
STOP_SECONDS = 60

_OPTIONS = (
    "--no-defaults",
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--local-infile=1",
    "--max-connections=200",
    "--max-allowed-packet=64M",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=32M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--key-buffer-size=1M",
)


@dataclass(frozen=True)
class Server:
    """A running server, its administrator's login, and what the tests made in it."""

    host: str
    port: int
    socket: Path | None
    user: str
    password: str
    ca: Path | None
    kind: str
    version: str
    schema: str = ""
    accounts: tuple[Account, ...] = ()
    absent: tuple[str, ...] = field(default=(), compare=False)
    """Authentication plugins which cannot be tried on this server, each with the reason."""

    @property
    def checks_name(self) -> bool:
        """Whether its certificate names its host: those which MySQL makes by itself name none."""
        return self.kind == "mariadb"

    @property
    def account(self) -> Account:
        """The account of tests which are not about logins: the server's default plugin, all rights on the schema."""
        return self.accounts[0]

    def target(self, *, tls: bool = False, socket: bool = False) -> Target:
        """The server itself, for a client without the proxy."""
        return Target(
            self.host,
            self.port,
            self.schema,
            socket=str(self.socket) if socket else None,
            ca=str(self.ca) if tls else None,
            checks_name=self.checks_name,
        )

    def connect(self) -> Any:
        """A connection of the administrator, in autocommit mode."""
        return pymysql.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            ssl=client_context(self.target(tls=True)) if self.ca else None,
            autocommit=True,
        )

    def run(self, *statements: str) -> tuple[tuple[Any, ...], ...]:
        """Execute the statements as the administrator; the rows of the last one."""
        rows: tuple[tuple[Any, ...], ...] = ()
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
                rows = cursor.fetchall()
        return rows


@dataclass
class Mariadbd:
    """A private MariaDB on a data directory of its own; may be killed and started again on the same port."""

    folder: Path
    port: int
    certificate: Certificate
    process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        """The path of its unix socket."""
        return self.folder / "s"

    def start(self) -> None:
        """Run mariadbd on the data directory and wait until it answers; RuntimeError with its log if it does not."""
        options = [
            *_OPTIONS,
            *_user_option(),
            f"--datadir={self.folder / 'data'}",
            f"--socket={self.socket}",
            f"--pid-file={self.folder / 'pid'}",
            f"--port={self.port}",
            f"--ssl-ca={self.certificate.ca}",
            f"--ssl-cert={self.certificate.cert}",
            f"--ssl-key={self.certificate.key}",
        ]
        log = self.folder / "log"
        with log.open("ab") as output:
            self.process = subprocess.Popen([find_program("mariadbd"), *options], stdout=output, stderr=output)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"mariadbd did not start:\n{log.read_text()[-4000:]}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:  # PyMySQL leaves its own open where it cannot connect
            if probe.connect_ex(str(self.socket)):
                return False
        try:
            with contextlib.closing(pymysql.connect(unix_socket=str(self.socket), user="root")):
                return True
        except pymysql.OperationalError as error:
            if error.args[0] in (2003, 2013):
                return False
            # The administrator got a password: it is there.
            return bool(error.args[0] in (1045, 1698))

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(STOP_SECONDS)
            self.process = None


def find_program(name: str) -> str:
    """The path of a program of Debian's mariadb packages; fails the test, saying what to install."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        pytest.fail(f"these tests need {name}: apt-get install mariadb-server mariadb-client", pytrace=False)
    return path


def _user_option() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []


@contextlib.contextmanager
def own_mariadbd(folder: Path, port: int) -> Iterator[Mariadbd]:
    """A new MariaDB in `folder`, whose path must be short enough for a unix socket; stopped at the end."""
    install = [
        find_program("mariadb-install-db"),
        "--no-defaults",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        "--skip-name-resolve",
        f"--datadir={folder / 'data'}",
        *_user_option(),
    ]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"mariadb-install-db failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    mariadbd = Mariadbd(folder, port, make_certificate(folder, "server"))
    mariadbd.start()
    try:
        yield mariadbd
    finally:
        mariadbd.stop()


@contextlib.contextmanager
def own_server(folder: Path, port: int) -> Iterator[tuple[Server, Mariadbd]]:
    """A private MariaDB with the tests' schema and accounts."""
    with own_mariadbd(folder, port) as mariadbd:
        password = secrets.token_hex(8)
        root = pymysql.connect(unix_socket=str(mariadbd.socket), user="root", autocommit=True)
        with contextlib.closing(root), root.cursor() as cursor:
            cursor.execute(f"CREATE USER 'admin'@'%' IDENTIFIED BY '{password}'")
            cursor.execute("GRANT ALL ON *.* TO 'admin'@'%' WITH GRANT OPTION")
        ca = mariadbd.certificate.ca
        server = _recognized("127.0.0.1", port, mariadbd.socket, "admin", password, ca)
        with _furnished(server) as furnished:
            yield furnished, mariadbd


@contextlib.contextmanager
def outside_server(dsn: str) -> Iterator[Server]:
    """The server of mysql://user:password@host:port/schema?ca=/path/ca.pem[&socket=/path/mysql.sock].

    What is made in it is dropped again.
    """
    url = urlsplit(dsn)
    if url.scheme != "mysql" or not url.hostname or not url.username:
        raise ValueError("HUSHQL_TEST_SERVER is not mysql://user:password@host:port/schema?ca=/path/ca.pem")
    options = parse_qs(url.query)
    if "ca" not in options:
        raise ValueError("HUSHQL_TEST_SERVER names no ?ca=: the tests verify the server's certificate")
    user, password = unquote(url.username), unquote(url.password or "")
    socket = Path(options["socket"][0]) if "socket" in options else None
    server = _recognized(url.hostname, url.port or 3306, socket, user, password, Path(options["ca"][0]))
    with _furnished(server) as furnished:
        yield furnished


def _recognized(host: str, port: int, socket: Path | None, user: str, password: str, ca: Path) -> Server:
    server = Server(host, port, socket, user, password, ca, "mysql", "")
    ((version,),) = server.run("SELECT VERSION()")
    return replace(server, kind="mariadb" if "MariaDB" in version else "mysql", version=version)


@contextlib.contextmanager
def _furnished(server: Server) -> Iterator[Server]:
    suffix = secrets.token_hex(4)
    schema = f"hushql_{suffix}"
    with contextlib.ExitStack() as undo:
        undo.callback(server.run, f"DROP DATABASE IF EXISTS {schema}")
        server.run(f"CREATE DATABASE {schema} CHARACTER SET utf8mb4", *_contents(schema))
        plugins, absent = _plugins(server, undo)
        accounts = []
        for plugin, identified, password, needs in plugins:
            user = f"{re.sub('[^a-z0-9]+', '_', plugin)[:20]}_{suffix}"
            undo.callback(server.run, f"DROP USER IF EXISTS '{user}'@'%'")
            server.run(f"CREATE USER '{user}'@'%' {identified}", f"GRANT ALL ON {schema}.* TO '{user}'@'%'")
            accounts.append(Account(plugin, user, password, needs))
        first = accounts[0]
        accounts.append(replace(first, plugin="wrong password", password="not the password"))
        # For a name which it does not know, a server asks with any plugin, the same each time from one host.
        accounts.append(replace(first, plugin="unknown user", user=f"nobody_{suffix}", needs="one host"))
        yield replace(server, schema=schema, accounts=tuple(accounts), absent=tuple(absent))


def _contents(schema: str) -> list[str]:
    several = (
        f"BEGIN SELECT d FROM {schema}.digits WHERE d < few ORDER BY d; "
        f"SELECT d, NULL AS nothing FROM {schema}.digits WHERE d < 0; "
        f"SELECT COUNT(*) INTO total FROM {schema}.digits WHERE d < few; SELECT 'last' AS word; END"
    )
    fails = "BEGIN SELECT 1 AS one; SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 3999, MESSAGE_TEXT = 'as asked'; END"
    return [
        f"CREATE TABLE {schema}.digits (d INT PRIMARY KEY)",
        f"INSERT INTO {schema}.digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)",
        f"CREATE PROCEDURE {schema}.several (IN few INT, OUT total INT) {several}",
        f"CREATE PROCEDURE {schema}.fails () {fails}",
    ]


_Plugin = tuple[str, str, str, str]
"""The name, what follows CREATE USER, the password, and what the account needs."""


def _plugins(server: Server, undo: contextlib.ExitStack) -> tuple[list[_Plugin], list[str]]:
    if server.kind == "mysql":
        return _mysql_plugins(server)
    return _mariadb_plugins(server, undo)


def _mysql_plugins(server: Server) -> tuple[list[_Plugin], list[str]]:
    active = _active_plugins(server)
    made: list[_Plugin] = []
    absent = []
    for plugin in ("caching_sha2_password", "sha256_password", "mysql_native_password"):
        if plugin in active:
            made.append((plugin, f"IDENTIFIED WITH {plugin} BY 'pass {plugin}'", f"pass {plugin}", ""))
        else:
            absent.append(f"{plugin}: not in MySQL {server.version}")
    default = "IDENTIFIED WITH caching_sha2_password"
    made += [
        ("long password", f"{default} BY '{'long' * 20}'", "long" * 20, ""),
        ("no password", default, "", ""),
        ("requires tls", f"{default} REQUIRE SSL", "", "tls"),
        ("expired", f"{default} BY 'old' PASSWORD EXPIRE", "old", ""),
    ]
    return made, absent


def _mariadb_plugins(server: Server, undo: contextlib.ExitStack) -> tuple[list[_Plugin], list[str]]:
    native = "VIA mysql_native_password USING PASSWORD"
    made: list[_Plugin] = [("mysql_native_password", f"IDENTIFIED {native}('pass')", "pass", "")]
    absent = []
    for plugin, word in (("ed25519", "client_ed25519"), ("parsec", "parsec")):
        if problem := _install(server, f"auth_{plugin}", plugin, undo):
            absent.append(f"{word}: {problem}")
            continue
        made.append((word, f"IDENTIFIED VIA {plugin} USING PASSWORD('pass {word}')", f"pass {word}", ""))
        either = f"IDENTIFIED VIA {plugin} USING PASSWORD('other') OR mysql_native_password USING PASSWORD('second')"
        made.append((f"{word} or native", either, "second", ""))
    made += [
        ("no password", "", "", ""),
        ("requires tls", "REQUIRE SSL", "", "tls"),
        ("expired", f"IDENTIFIED {native}('old') PASSWORD EXPIRE", "old", ""),
    ]
    return made, absent


def _active_plugins(server: Server) -> set[str]:
    rows = server.run("SELECT plugin_name FROM information_schema.plugins WHERE plugin_status = 'ACTIVE'")
    return {str(name) for (name,) in rows}


def _install(server: Server, library: str, plugin: str, undo: contextlib.ExitStack) -> str:
    """Load the plugin unless it is there, and unload it at the end; why it could not be, or nothing."""
    if plugin in _active_plugins(server):
        return ""
    try:
        server.run(f"INSTALL SONAME '{library}'")
    except pymysql.Error as error:
        return str(error.args[1])
    undo.callback(server.run, f"UNINSTALL SONAME '{library}'")
    return ""
