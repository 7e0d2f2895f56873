"""Each bound, pushed: what one connection can cost, and that the others do not notice."""

import contextlib
import os
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pymysql
import pytest

from tests.raw import RawClient

from .conftest import StartProxy
from .proxies import Proxy, serving
from .servers import Server
from .upstreams import let_in, upstream

MEGABYTE = 1 << 20


def resident(proxy: Proxy) -> int:
    """Return the proxy's memory in bytes."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{proxy.pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def settled(measure: Callable[[], int], seconds: float = 15.0) -> int:
    """Return a figure once it has not moved for a second."""
    deadline = time.monotonic() + seconds
    last, since = measure(), time.monotonic()
    while time.monotonic() < deadline and time.monotonic() - since < 1.0:
        time.sleep(0.1)
        now = measure()
        if now != last:
            last, since = now, time.monotonic()
    return last


def client(proxy: Proxy, server: Server, capabilities: int = 0) -> RawClient:
    account = server.account
    return RawClient(proxy.host, proxy.port, account.user, account.password, server.schema, capabilities)


def warm(server: Server) -> None:
    """Log in once directly: a raw client knows only the fast part of caching_sha2_password."""
    account = server.account
    pymysql.connect(host=server.host, port=server.port, user=account.user, password=account.password).close()


def test_a_client_that_does_not_read_costs_about_a_megabyte(server: Server, hushql: StartProxy) -> None:
    """A result of 1 GB stays on the server, which is stopped in turn."""
    warm(server)
    proxy = hushql()
    with client(proxy, server) as other:
        before = resident(proxy)
        with client(proxy, server) as slow:
            slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
            slow.query(f"{rows} SELECT REPEAT('x', {MEGABYTE}) FROM n")
            grown = settled(lambda: resident(proxy)) - before
            assert grown < 2 * MEGABYTE
            started = time.monotonic()
            other.query("DO 1")
            other.read()
            assert time.monotonic() - started < 0.5


def test_a_server_that_does_not_read_costs_about_a_megabyte(short_folder: Path) -> None:
    with upstream(let_in) as address, serving(short_folder / "deaf", upstream=address) as proxy:
        before = resident(proxy)
        with RawClient(proxy.host, proxy.port, "ann", "x") as eager:
            eager.socket.settimeout(1.0)
            sent = 0
            chunk = bytes(MEGABYTE)
            eager.socket.send(b"\xff\xff\xff\0\x03")
            with contextlib.suppress(TimeoutError):
                while sent < 200 * MEGABYTE:
                    sent += eager.socket.send(chunk)
            assert sent < 30 * MEGABYTE, "the kernel's buffers, and little of the proxy's"
            assert resident(proxy) - before < 2 * MEGABYTE


def test_a_client_that_dribbles_is_served(server: Server, hushql: StartProxy) -> None:
    warm(server)
    proxy = hushql()
    with client(proxy, server) as slow:
        for byte in b"\x09\0\0\0\x03SELECT 1":
            slow.socket.sendall(bytes([byte]))
            time.sleep(0.01)
        assert [slow.read()[1] for _ in range(4)]
    assert proxy.blind() == 0


def test_a_log_that_blocks_stops_no_statement(server: Server, hushql: StartProxy, short_folder: Path) -> None:
    """Nobody reads the pipe: its buffer fills, then the queue, then lines are dropped and counted."""
    warm(server)
    fifo = short_folder / "full.fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        proxy = hushql("--log", str(fifo), "--log-literals")
        proxy.expected_stderr = (r"statement log",)
        with client(proxy, server) as busy:
            filler = "x" * 15_000
            before = resident(proxy)
            for number in range(1000):
                busy.query(f"DO {number} /* */ + '{filler}'")
                busy.read()
        deadline = time.monotonic() + 10
        while not proxy.total("hushql_log_dropped_total") and time.monotonic() < deadline:
            time.sleep(0.1)
        assert proxy.total("hushql_log_dropped_total") > 100
        assert proxy.total("hushql_statements_total") >= 1000
        assert resident(proxy) - before < 24 * MEGABYTE
    finally:
        os.close(reader)


def test_an_idle_process_is_light(server: Server, hushql: StartProxy) -> None:
    """It has served statements, metrics and readiness, and imported no more than that took."""
    warm(server)
    proxy = hushql("--upstream-tls", "disabled")
    with client(proxy, server) as one:
        for _ in range(100):
            one.query("DO 1")
            one.read()
    assert proxy.total("hushql_statements_total") >= 100
    assert resident(proxy) < 48 * MEGABYTE


def test_two_thousand_idle_connections(short_folder: Path) -> None:
    """Each has a server connection of its own; memory is small and the proxy goes on."""
    with (
        upstream(let_in) as address,
        serving(short_folder / "idle", upstream=address) as proxy,
        contextlib.ExitStack() as stack,
    ):
        before = resident(proxy)
        for _ in range(2000):
            stack.enter_context(RawClient(proxy.host, proxy.port, "ann", "x"))
        assert proxy.metrics()["hushql_connections", frozenset({("state", "idle")})] == 2000
        each = (resident(proxy) - before) / 2000
        assert each < 24 * 1024
        with pytest.raises(ConnectionError, match="1040"):
            RawClient(proxy.host, proxy.port, "ann", "x")
        proxy.expected_stderr = ("too-many-connections",)


def test_a_client_that_never_logs_in_is_let_go(server: Server, hushql: StartProxy) -> None:
    proxy = hushql("--login-timeout", "500ms", "--connect-timeout", "500ms")
    proxy.expected_stderr = ("failed: timeout",)
    with socket.create_connection((proxy.host, proxy.port), timeout=10) as silent:
        heard = b""
        while data := silent.recv(4096):
            heard += data
    assert b"login took too long" in heard
    assert proxy.metrics()["hushql_login_failures_total", frozenset({("reason", "timeout")})] == 1


def test_a_server_that_never_greets_is_given_up(short_folder: Path) -> None:
    with (
        upstream(lambda _: None) as address,
        serving(short_folder / "mute", "--connect-timeout", "500ms", upstream=address) as proxy,
    ):
        proxy.expected_stderr = ("failed: upstream-unreachable",)
        with pytest.raises(ConnectionError, match=r"1159 .*no greeting"):
            RawClient(proxy.host, proxy.port, "ann", "x")


def test_max_connections(server: Server, hushql: StartProxy) -> None:
    warm(server)
    proxy = hushql("--max-connections", "2")
    proxy.expected_stderr = ("too-many-connections",)
    with client(proxy, server), client(proxy, server), pytest.raises(ConnectionError, match="1040"):
        client(proxy, server)
    deadline = time.monotonic() + 5
    while proxy.total("hushql_connections") and time.monotonic() < deadline:
        time.sleep(0.02)
    with client(proxy, server):
        pass
