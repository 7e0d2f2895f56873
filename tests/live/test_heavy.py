"""What is large, rude or long: a million rows, kills in the middle, servers that die, sixteen busy clients.

The minute of load by hand, against a database of one's own with a schema `sbtest`:

    hushql serve --upstream HOST:3306 --listen 127.0.0.1:3307 --log off &
    sysbench oltp_read_write --mysql-host=127.0.0.1 --mysql-port=3307 --mysql-user=USER --mysql-password=PASSWORD \
        --tables=8 --table-size=20000 prepare
    sysbench oltp_read_write ... --threads=16 --time=60 run
"""

import contextlib
import hashlib
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .conftest import LENIENT, StartProxy, free_port
from .drivers import Driver
from .drivers.asynchronous import AIOMYSQL, ASYNCMY
from .drivers.command_line import COMMAND_LINE
from .drivers.connector_j import CONNECTOR_J
from .drivers.dbapi import DbApiSession, PythonDriver
from .drivers.every import DRIVERS
from .drivers.mysql_connector import MYSQL_CONNECTOR
from .drivers.mysqlclient import MYSQLCLIENT
from .drivers.pymysql import PYMYSQL
from .servers import Mariadbd, Server, own_server
from .targets import Account, Target

pytestmark = LENIENT

PYTHON_DRIVERS = (PYMYSQL, AIOMYSQL, ASYNCMY, MYSQLCLIENT, MYSQL_CONNECTOR)
STREAMING_DRIVERS = (PYMYSQL, MYSQLCLIENT)

TABLES = "digits a STRAIGHT_JOIN digits b STRAIGHT_JOIN digits c STRAIGHT_JOIN digits d STRAIGHT_JOIN digits e"
NUMBERS = "a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d + 100000 * f.d"
# Without MySQL's hash joins, which read everything before the first row.
MILLION = f"SELECT /*+ NO_BNL() */ {NUMBERS} AS n, CONCAT('row ', {NUMBERS}) FROM {TABLES} STRAIGHT_JOIN digits f"
ENDLESS = f"{MILLION} STRAIGHT_JOIN digits g STRAIGHT_JOIN digits h STRAIGHT_JOIN digits i"

UNREACHABLE = r"^hushql: login of .* failed: upstream-unreachable"
LOST = {1053, 1927, 2006, 2013, 2055}
"""Codes of a lost connection: a server that shuts down, a killed one, and what drivers find out by themselves."""

HARMLESS = {"1213", "1205", "1020", "1295"}
"""What sysbench itself repeats (deadlock, lock wait timeout, MariaDB 11's record changed since last read) or sends
unprepared (MySQL's prepared statements cannot BEGIN)."""


def million_by_mysqlclient(target: Target, account: Account) -> tuple[int, str]:
    session = MYSQLCLIENT.connect(target, account)
    digest, count = hashlib.sha256(), 0
    with contextlib.closing(session), contextlib.closing(session.connection.cursor(session.streaming)) as cursor:
        cursor.execute(MILLION)
        while rows := cursor.fetchmany(10_000):
            digest.update(repr(rows).encode())
            count += len(rows)
    return count, digest.hexdigest()


def million_by_command_line(target: Target, account: Account) -> tuple[int, str]:
    return COMMAND_LINE.rows(target, account, MILLION)


def million_by_connector_j(target: Target, account: Account) -> tuple[int, str]:
    count, digest = CONNECTOR_J.rows(target, account, MILLION)["rows"]
    return count, digest


@pytest.mark.parametrize("read", [million_by_mysqlclient, million_by_command_line, million_by_connector_j])
def test_reads_a_million_rows(
    server: Server, hushql: StartProxy, read: Callable[[Target, Account], tuple[int, str]]
) -> None:
    proxy = hushql()
    direct, proxied = read(server.target(), server.account), read(proxy.target(server.target()), server.account)
    assert direct == proxied
    assert direct[0] == 1_000_000


@pytest.mark.parametrize("how", ["QUERY", "CONNECTION"])
@pytest.mark.parametrize("driver", STREAMING_DRIVERS, ids=lambda driver: driver.name)
def test_sees_a_kill_in_the_middle_of_a_result(
    server: Server, hushql: StartProxy, driver: PythonDriver, how: str
) -> None:
    proxy = hushql()
    direct = killed_while_reading(driver, server, server.target(), how)
    proxied = killed_while_reading(driver, server, proxy.target(server.target()), how)
    assert direct == proxied


def killed_while_reading(driver: PythonDriver, server: Server, target: Target, how: str) -> Any:
    """The error which ends the result, and whether the connection lives on."""
    session = driver.connect(target, server.account)
    number = identity(session)
    cursor = session.connection.cursor(session.streaming)
    cursor.execute(ENDLESS)
    cursor.fetchmany(1000)
    server.run(f"KILL {how} {number}")
    error = failure_of(driver, lambda: read_on(cursor))
    alive = failure_of(driver, lambda: session.run("SELECT 1")) is None
    # Closing is only polite: the connection may be gone.
    failure_of(driver, session.close)
    return error, alive


def read_on(cursor: Any) -> None:
    while cursor.fetchmany(10_000):
        pass


def identity(session: DbApiSession) -> int:
    """The number of the connection, in the server."""
    with contextlib.closing(session.connection.cursor()) as cursor:
        cursor.execute("SELECT CONNECTION_ID()")
        return int(cursor.fetchone()[0])


def failure_of(driver: PythonDriver, step: Callable[[], object]) -> tuple[str, object] | None:
    """The class and the code of the driver's error, if there was one."""
    try:
        step()
    except driver.errors as error:
        return type(error).__name__, error.args[0]
    return None


@dataclass
class Mortal:
    """A server of this module's own which may be killed."""

    server: Server
    mariadbd: Mariadbd


@pytest.fixture(scope="module")
def mortal(short_folder: Path) -> Iterator[Mortal]:
    folder = Path(tempfile.mkdtemp(dir=short_folder))
    with own_server(folder, free_port()) as (server, mariadbd):
        yield Mortal(server, mariadbd)


@pytest.mark.parametrize("driver", PYTHON_DRIVERS, ids=lambda driver: driver.name)
@pytest.mark.parametrize("busy", [True, False], ids=["in a statement", "idle"])
def test_server_is_killed_and_comes_back(mortal: Mortal, hushql: StartProxy, driver: PythonDriver, busy: bool) -> None:
    server = mortal.server
    proxy = hushql(upstream=f"{server.host}:{server.port}", expected_stderr=(UNREACHABLE,))
    targets = [server.target(), proxy.target(server.target())]
    sessions = [driver.connect(target, server.account) for target in targets]
    seen = killed_beneath(mortal, driver, sessions, busy=busy)
    down = failure_of(driver, lambda: driver.connect(targets[1], server.account))
    mortal.mariadbd.start()
    codes = [failure and failure[1] for failure in seen]
    assert seen[0] is not None, "a killed server went unnoticed"
    assert seen[0] == seen[1] or set(codes) <= LOST, f"directly and through the proxy: {seen}"
    assert down is not None
    with contextlib.closing(driver.connect(targets[1], server.account)) as session:
        assert "1" in repr(session.run("SELECT 1"))


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
def test_hears_that_the_server_is_down(server: Server, hushql: StartProxy, driver: Driver) -> None:
    proxy = hushql(upstream=f"127.0.0.1:{free_port()}", expected_stderr=(UNREACHABLE,))
    heard = repr(driver.login(proxy.target(server.target()), server.account))
    assert "hushql: cannot connect to 127.0.0.1" in heard, heard


def killed_beneath(
    mortal: Mortal, driver: PythonDriver, sessions: list[DbApiSession], *, busy: bool
) -> list[tuple[str, object] | None]:
    """What each session sees when its server dies."""
    seen: list[tuple[str, object] | None] = [None] * len(sessions)
    statement = "SELECT SLEEP(30)" if busy else "SELECT 1"

    def run(place: int) -> None:
        seen[place] = failure_of(driver, lambda: sessions[place].run(statement))
        failure_of(driver, sessions[place].close)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(sessions))]
    if busy:
        for thread in threads:
            thread.start()
        wait_until(lambda: sleeping(mortal.server) == len(sessions))
        mortal.mariadbd.kill()
    else:
        mortal.mariadbd.kill()
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a client still waits for a dead server"
    return seen


def sleeping(server: Server) -> int:
    """How many statements are asleep in the server."""
    ((count,),) = server.run("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'")
    return int(count)


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_sysbench_runs_without_an_error(server: Server, hushql: StartProxy) -> None:
    proxy = hushql("--max-connections", "64")
    sysbench(server.target(), server.account, "prepare")
    try:
        report = sysbench(proxy.target(server.target()), server.account, "--threads=16", "--time=10", "run")
    finally:
        sysbench(server.target(), server.account, "cleanup")
    assert re.search(r"reconnects: +0 ", report), report
    transactions = re.search(r"transactions: +(\d+)", report)
    assert transactions is not None
    assert int(transactions[1]) > 100, report
    errors = {
        dict(labels)["code"]
        for (name, labels), value in proxy.metrics().items()
        if name == "hushql_statement_errors_total" and value
    }
    assert errors <= HARMLESS
    assert proxy.total("hushql_statements_total") >= 18 * int(transactions[1])


def sysbench(target: Target, account: Account, *command: str) -> str:
    """Run sysbench's oltp_read_write on this account's schema; its report."""
    program = shutil.which("sysbench")
    if program is None:
        pytest.fail("this test needs sysbench: apt-get install sysbench", pytrace=False)
    options = [
        f"--mysql-host={target.host}",
        f"--mysql-port={target.port}",
        f"--mysql-user={account.user}",
        f"--mysql-password={account.password}",
        f"--mysql-db={target.schema}",
        "--tables=8",
        "--table-size=5000",
    ]
    done = subprocess.run(
        [program, "oltp_read_write", *options, *command], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
