"""What goes wrong outside: each is one clear line for who runs the proxy, and an ERR packet for the client."""

import contextlib
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pymysql
import pytest

from proxy.wire.packet import packets
from tests.raw import RawClient
from tests.wire.test_recordings import RECORDINGS

from .certificates import make_certificate
from .conftest import StartProxy, free_port
from .proxies import ROOT, Proxy, serving
from .servers import Server
from .upstreams import let_in, upstream


def connect(proxy: Proxy, server: Server) -> "pymysql.connections.Connection[pymysql.cursors.Cursor]":
    account = server.account
    return pymysql.connect(
        host=proxy.host, port=proxy.port, user=account.user, password=account.password, database=server.schema
    )


def serve(*options: str) -> tuple[int, str]:
    """Run `hushql serve` until it gives up; return its exit code and what it said."""
    command = [sys.executable, "-m", "proxy.cli", "serve", "--admin", "off", "--log", "off", *options]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert found.stdout == ""
    return found.returncode, found.stderr


def readiness(proxy: Proxy) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"{proxy.admin_url}/readyz", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


# ---- at the start: one line, exit code 2 ----


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = f"127.0.0.1:{port}: Address already in use\n"
        assert serve("--upstream", "db:3306", "--listen", f"127.0.0.1:{port}") == (2, f"hushql: --listen {line}")
        options = ("--upstream", "db", "--listen", "127.0.0.1:0", "--admin", f"127.0.0.1:{port}")
        assert serve(*options) == (2, f"hushql: --admin {line}")


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    yaml = tmp_path / "broken.yaml"
    yaml.write_text("upstream: [\n")
    for options, expected in (
        (("--tls-cert", str(broken)), f"--tls-cert {broken}: no certificate with its key"),
        (("--upstream-tls", "verify-ca", "--upstream-ca", str(broken)), f"--upstream-ca {broken}: no certificates"),
        (("--tls-cert", "/nowhere.pem"), "--tls-cert: '/nowhere.pem': there is no such file"),
        (("--log", "/nowhere/at/all.jsonl"), "--log /nowhere/at/all.jsonl: No such file or directory"),
        (("--listen", "unix:/nowhere/at/all.sock"), "--listen unix:/nowhere/at/all.sock: No such file or directory"),
        (("--config", str(yaml)), f"--config {yaml}: line 2: "),
        (("--max-connections", "9999999"), "--max-connections 9999999 needs 20000098 open files"),
        (("--bogus",), "No such option '--bogus'"),
    ):
        code, said = serve("--upstream", "db:3306", "--listen", "127.0.0.1:0", *options)
        assert code == 2
        assert said.startswith(f"hushql: {expected}"), said
        assert said.count("\n") == 1


# ---- later: the proxy goes on, the client is told ----


def test_a_server_that_is_down(short_folder: Path, server: Server) -> None:
    port = free_port()
    with serving(short_folder / "down", upstream=f"127.0.0.1:{port}") as proxy:
        proxy.expected_stderr = ("failed: upstream-unreachable",)
        with pytest.raises(pymysql.OperationalError) as caught:
            connect(proxy, server)
        assert caught.value.args == (
            1158,
            f"hushql: cannot connect to 127.0.0.1:{port}: Connection refused",
        )
        assert readiness(proxy) == (503, f"cannot connect to 127.0.0.1:{port}: Connection refused\n")


def test_a_host_that_is_not_there(short_folder: Path, server: Server) -> None:
    with serving(short_folder / "host", upstream="no-such-host.invalid:3306") as proxy:
        proxy.expected_stderr = ("failed: upstream-unreachable",)
        with pytest.raises(pymysql.OperationalError, match=r"1158.*no-such-host.invalid:3306: the host name cannot be"):
            connect(proxy, server)


def test_what_answers_is_no_mysql_server(short_folder: Path, server: Server) -> None:
    with (
        upstream(lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" * 3)) as address,
        serving(short_folder / "ssh", upstream=address) as proxy,
    ):
        proxy.expected_stderr = ("failed: (protocol|upstream-unreachable|timeout)",)
        with pytest.raises(pymysql.OperationalError):
            connect(proxy, server)
        assert readiness(proxy)[0] == 503


def test_a_certificate_that_nobody_vouches_for(hushql: StartProxy, server: Server, tmp_path: Path) -> None:
    other = make_certificate(tmp_path, "somebody else")
    proxy = hushql("--upstream-tls", "verify-ca", "--upstream-ca", str(other.ca))
    proxy.expected_stderr = ("failed: upstream-tls",)
    with pytest.raises(pymysql.OperationalError, match=r"1043, 'hushql: TLS with the server failed: .*certificate"):
        connect(proxy, server)


def test_a_certificate_with_another_name(hushql: StartProxy, server: Server) -> None:
    if not server.checks_name:
        pytest.skip("this server's certificate names no host at all")
    proxy = hushql(
        "--upstream-tls", "verify-identity", "--upstream-ca", str(server.ca), "--upstream-server-name", "db.example"
    )
    proxy.expected_stderr = ("failed: upstream-tls",)
    with pytest.raises(pymysql.OperationalError, match=r"1043, .*(?i:mismatch)"):
        connect(proxy, server)


def test_a_wrong_password_is_the_servers_to_refuse(hushql: StartProxy, server: Server) -> None:
    proxy = hushql()
    proxy.expected_stderr = (r"login of 'nobody' from 127\.0\.0\.1:\d+ failed: refused \(error 1045\)",)
    with pytest.raises(pymysql.OperationalError) as direct:
        pymysql.connect(host=server.host, port=server.port, user="nobody", password="wrong")
    with pytest.raises(pymysql.OperationalError) as proxied:
        pymysql.connect(host=proxy.host, port=proxy.port, user="nobody", password="wrong")
    assert proxied.value.args == direct.value.args
    assert "wrong" not in proxy.stderr_path.read_text()


def test_a_server_that_dies_in_mid_command_is_reported(short_folder: Path) -> None:
    """The client sees the end of the stream, as it would without the proxy; the log has the statement."""

    def die_in_the_reply(connection: socket.socket) -> None:
        let_in(connection)
        connection.recv(100)
        connection.sendall(packets(b"\1", 1))
        connection.close()

    with (
        upstream(die_in_the_reply) as address,
        serving(short_folder / "dies", upstream=address) as proxy,
        RawClient(proxy.host, proxy.port, "ann", "x") as client,
    ):
        client.query("SELECT 1")
        assert client.read() == (1, b"\1")
        with pytest.raises(EOFError):
            client.read()
        [line] = [line for line in proxy_lines(proxy, 1) if line["command"] == "COM_QUERY"]
        assert line["error"]["code"] == 2013


def proxy_lines(proxy: Proxy, count: int) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 5
    while len(proxy.log_lines()) < count and time.monotonic() < deadline:
        time.sleep(0.02)
    return proxy.log_lines()


def test_resets_and_silence_are_survived(hushql: StartProxy, server: Server) -> None:
    """Port probes, clients that reset, and ones that leave in the middle of a login or a command."""
    proxy = hushql()
    proxy.expected_stderr = ("failed: (client-gone|protocol)",)
    reset = socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
    for said in (b"", b"\1", b"GET / HTTP/1.0\r\n\r\n", bytes(100), packets(bytes(40), 1)):
        for option in (None, reset):
            with socket.create_connection((proxy.host, proxy.port), timeout=5) as probe:
                if option:
                    probe.setsockopt(socket.SOL_SOCKET, *option)
                    probe.recv(1)
                probe.sendall(said)
    with connect(proxy, server) as connection:
        connection.ping()
    deadline = time.monotonic() + 10
    while proxy.total("hushql_connections") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert proxy.total("hushql_connections") == 0
    assert proxy.total("hushql_internal_errors_total") == 0


def test_mutated_conversations_harm_nobody(hushql: StartProxy, server: Server) -> None:
    """Clients that send almost what clients send; seeded. Whatever the server makes of it, the proxy goes on."""
    proxy = hushql()
    proxy.expects_blind = True
    proxy.expected_stderr = ("^hushql: (login of|connection|\\d+ more lines)",)
    account = server.account
    chaos = random.Random(20_261)
    pymysql.connect(host=server.host, port=server.port, user=account.user, password=account.password).close()
    spoken = [[data for side, data in said[3:] if side == "client"] for said in RECORDINGS.values()]
    for _ in range(150):
        with (
            contextlib.suppress(OSError, EOFError),
            RawClient(proxy.host, proxy.port, account.user, account.password, server.schema) as client,
        ):
            client.socket.settimeout(0.02)
            for data in chaos.choice(spoken)[:5]:
                client.socket.sendall(mutated(data, chaos))
                with contextlib.suppress(TimeoutError):
                    client.socket.recv(1 << 16)
    assert proxy.total("hushql_internal_errors_total") == 0
    assert proxy.total("hushql_statements_total") > 100
    assert proxy.blind() > 0, "no mutation was bad enough"
    with contextlib.closing(connect(proxy, server)) as connection:
        connection.ping()


def mutated(data: bytes, chaos: random.Random) -> bytes:
    place = chaos.randrange(len(data))
    change = chaos.choice(
        [data[place : place + 1], b"", chaos.randbytes(1), chaos.randbytes(8), data[place:], bytes(4)]
    )
    return data[:place] + change + data[place + 1 :]


def test_opaque_commands_are_relayed_blindly(hushql: StartProxy, server: Server) -> None:
    """A replica's COM_BINLOG_DUMP: whatever the server answers arrives."""
    proxy = hushql()
    proxy.expects_blind = True
    proxy.expected_stderr = ("relayed blindly: opaque-command: COM_BINLOG_DUMP",)
    account = server.account
    pymysql.connect(host=server.host, port=server.port, user=account.user, password=account.password).close()
    replies = []
    for host, port in ((server.host, server.port), (proxy.host, proxy.port)):
        with RawClient(host, port, account.user, account.password) as client:
            client.send(b"\x12" + bytes(10))
            replies.append(client.read_all(quiet=0.5))
    assert replies[0] == replies[1]
    assert proxy.metrics()["hushql_blind_connections_total", frozenset({("reason", "opaque-command")})] == 1


# ---- draining ----


def test_sigterm_waits_for_transactions(server: Server, short_folder: Path) -> None:
    """Grace: all goes on and /readyz says so. Then idle connections end with 1053, the others after their COMMIT."""
    options = ("--drain-grace", "1s", "--drain-timeout", "8s")
    address = f"{server.host}:{server.port}"
    with serving(short_folder / "drain", *options, upstream=address) as proxy:
        proxy.expects_blind = True  # nothing goes blind, but there is nobody to ask at the end
        idle, busy = connect(proxy, server), connect(proxy, server)
        busy.begin()
        with busy.cursor() as cursor:
            cursor.execute("SELECT 1")
        assert readiness(proxy) == (200, "ok\n")
        proxy.process.terminate()
        time.sleep(0.3)
        assert readiness(proxy) == (503, "draining\n")
        late = connect(proxy, server)
        with late.cursor() as cursor:
            cursor.execute("SELECT 2")
            late.rollback()
        time.sleep(1.2)
        for connection in (idle, late):
            with pytest.raises(pymysql.OperationalError, match=r"2013|1053"):
                connection.query("SELECT 3")
        with busy.cursor() as cursor:
            cursor.execute("SELECT 4")
            assert cursor.fetchall() == ((4,),)
        assert proxy.process.poll() is None
        busy.commit()
        started = time.monotonic()
        assert proxy.process.wait(5) == 0
        assert time.monotonic() - started < 3
        for connection in (idle, late, busy):
            if connection.open:
                connection._force_close()


def test_new_connections_are_welcome_during_the_grace(server: Server, short_folder: Path) -> None:
    """Also where there was none: an application that is ending may still need one. Ctrl-C does without the grace."""
    address = f"{server.host}:{server.port}"
    for number, low, high in ((signal.SIGTERM, 0.9, 5.0), (signal.SIGINT, 0.0, 0.9)):
        with serving(short_folder / f"grace-{number}", "--drain-grace", "1s", upstream=address) as proxy:
            proxy.expects_blind = True
            started = time.monotonic()
            proxy.process.send_signal(number)
            if number == signal.SIGTERM:
                time.sleep(0.2)
                with connect(proxy, server) as connection:
                    connection.query("DO 1")
            assert proxy.process.wait(10) == 0
            assert low < time.monotonic() - started < high


def test_a_transaction_that_does_not_end_is_cut_off(server: Server, short_folder: Path) -> None:
    options = ("--drain-grace", "0s", "--drain-timeout", "1s")
    address = f"{server.host}:{server.port}"
    with serving(short_folder / "cut", *options, upstream=address) as proxy:
        proxy.expects_blind = True
        busy = connect(proxy, server)
        busy.begin()
        started = time.monotonic()
        proxy.process.terminate()
        assert proxy.process.wait(10) == 0
        assert 0.9 < time.monotonic() - started < 5
        busy._force_close()


def test_a_second_sigterm_is_at_once(server: Server, short_folder: Path) -> None:
    address = f"{server.host}:{server.port}"
    options = ("--drain-grace", "20s", "--drain-timeout", "20s")
    with serving(short_folder / "twice", *options, upstream=address) as proxy:
        proxy.expects_blind = True
        busy = connect(proxy, server)
        busy.begin()
        proxy.process.terminate()
        time.sleep(0.3)
        assert proxy.process.poll() is None
        proxy.process.terminate()
        assert proxy.process.wait(5) == 0
        busy._force_close()


def test_the_log_is_reopened_on_sighup(server: Server, hushql: StartProxy) -> None:
    proxy = hushql()
    with connect(proxy, server) as connection:
        connection.query("DO 1")
        moved = proxy.log_path.with_suffix(".1")
        assert [line["query"] for line in proxy_lines(proxy, 3)][-1] == "do ?"
        proxy.log_path.rename(moved)
        proxy.process.send_signal(1)
        deadline = time.monotonic() + 5
        while not proxy.log_path.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        connection.query("DO 2")
        assert proxy_lines(proxy, 1)[-1]["query"] == "do ?"
