"""`--mode suppress` in trouble: clients that do not wait, leave or reset, servers that refuse, lie or die.

What a client gets is compared, byte for byte, with what the server itself says to the same; what reaches the server is
seen by a man in the middle.
"""

import contextlib
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from proxy.wire.constants import (
    CLIENT_DEPRECATE_EOF,
    CLIENT_LOCAL_FILES,
    CLIENT_QUERY_ATTRIBUTES,
    CLIENT_SESSION_TRACK,
    COM_BINLOG_DUMP,
    COM_CHANGE_USER,
    COM_PING,
    COM_QUERY,
    COM_QUIT,
    COM_RESET_CONNECTION,
    COM_STMT_EXECUTE,
    COM_STMT_PREPARE,
    SERVER_QUERY_NO_INDEX_USED,
    SERVER_STATUS_AUTOCOMMIT,
    SERVER_STATUS_IN_TRANS,
)
from proxy.wire.fields import lenenc_bytes
from proxy.wire.handshake import AUTH_MORE_DATA, AUTH_SWITCH, AuthSwitch
from proxy.wire.packet import packets
from proxy.wire.replies import err, ok
from tests.raw import scramble

from .certificates import make_certificate
from .conftest import _ABSENT, StartProxy, free_port
from .drivers.mysqlclient import MYSQLCLIENT
from .drivers.pymysql import PYMYSQL
from .middleman import Middleman, Passage, man_in_the_middle, renamed, with_flags
from .proxies import Proxy, serving
from .servers import Server, outside_server, own_server
from .talk import CLOSED, Command, Packets, Talk, error_in, is_ok, talk, talk_after_full_login
from .test_bounds import MEGABYTE, resident, settled

SUPPRESS = ("--mode", "suppress", "--sample", "0", "--max-silence", "1m")
"""Nothing is forwarded only to verify it, or because a slow machine has been silent."""

SELECT = "SELECT n FROM kept WHERE id = 1"
OFF, ON = "SET autocommit=0", "SET autocommit=1"
SERIALIZABLE = "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE"
REPEATABLE = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"
POOL = (OFF, SELECT, "COMMIT", ON)
ROUTER = os.environ.get("HUSHQL_TEST_ROUTER", "")
"""mysql://user:password@host:port/schema?ca=/path/ca.pem of a MySQL Router."""
TOGGLE = (OFF, ON, OFF, ON)
LESSON = ("COMMIT", OFF, "BEGIN", "COMMIT", ON, "BEGIN", "COMMIT", SERIALIZABLE, REPEATABLE)
SETTLED = "SELECT 1 + 1"
"""Ends the lesson: what was promised until then has been sent ahead of it."""

Through = Callable[..., Proxy]
"""Starts a proxy with further options."""
Way = Callable[[Talk, tuple[Command, ...]], list[Packets]]
"""Sends commands and takes their replies."""


@pytest.fixture(scope="module", autouse=True)
def table(server: Server, pytestconfig: pytest.Config) -> Iterator[None]:
    """An InnoDB table `kept (id, n)` with the rows 1 to 9."""
    name = f"{server.schema}.kept"
    rows = ", ".join(f"({number}, {number * 10})" for number in range(1, 10))
    server.run(f"CREATE TABLE {name} (id int PRIMARY KEY, n int) ENGINE=InnoDB", f"INSERT INTO {name} VALUES {rows}")
    if not ROUTER:
        pytestconfig.stash[_ABSENT].append("suppress mode through MySQL Router: HUSHQL_TEST_ROUTER is not set")
    PYMYSQL.login(server.target(tls=True), server.account)  # a raw client knows only what sha2 does for who is known
    yield
    server.run(f"DROP TABLE {name}")


@pytest.fixture
def middleman(server: Server) -> Iterator[Middleman]:
    """In front of the server."""
    with man_in_the_middle(server) as middleman:
        yield middleman


@pytest.fixture
def through(middleman: Middleman, hushql: StartProxy) -> Through:
    """Starts `hushql serve` that suppresses, with further options, in front of the man in the middle."""

    def start(*options: str) -> Proxy:
        return hushql(*SUPPRESS, "--upstream-tls", "disabled", *options, upstream=middleman.address)

    return start


def taught(client: Talk) -> Talk:
    """Have hushql learn from the server, on this connection, what it needs for promises; none is left open."""
    client.play(*LESSON * 2, SETTLED)
    return client


def promise(client: Talk, passage: Passage, *texts: str) -> int:
    """Be promised these; return how many commands the server has been sent, none of which they are."""
    sent = len(passage.commands)
    for reply in client.play(*texts):
        assert is_ok(reply)
    assert passage.commands[sent:] == []
    return sent


def spared(proxy: Proxy) -> float:
    """How many statements were not sent when they came."""
    return sum(
        value
        for (name, labels), value in proxy.metrics().items()
        if name == "hushql_redundant_statements_total" and not labels.isdisjoint(_NOT_SENT)
    )


_NOT_SENT = {("action", "withheld"), ("action", "promised")}


def assert_same(
    server: Server,
    proxy: Proxy,
    play: Callable[[Talk], object],
    capabilities: int = CLIENT_DEPRECATE_EOF,
) -> None:
    """Twice through the proxy, which has learned something the second time, a client gets what it gets directly."""
    with talk(server, server, capabilities) as client:
        direct = play(client)
    for _ in range(2):
        with talk(proxy, server, capabilities) as client:
            assert play(client) == direct


# ---- what a client gets ----

CAPABILITIES = {
    "plain EOF": 0,
    "no EOF": CLIENT_DEPRECATE_EOF,
    "tracking": CLIENT_SESSION_TRACK,
    "tracking, no EOF": CLIENT_SESSION_TRACK | CLIENT_DEPRECATE_EOF,
    "attributes": CLIENT_QUERY_ATTRIBUTES | CLIENT_DEPRECATE_EOF,
}
TWENTY: tuple[Command, ...] = (
    OFF,
    "SELECT @@session.autocommit",
    "INSERT INTO kept VALUES (20, 1)",
    "SELECT ROW_COUNT()",
    "ROLLBACK",
    "ROLLBACK",
    ON,
    "SET NAMES utf8mb4",
    "SELECT 1 / 0",
    "SHOW WARNINGS",
    "BEGIN",
    bytes([COM_PING]),
    "INSERT INTO kept VALUES (1, 1)",
    "SHOW ERRORS",
    "COMMIT",
    SERIALIZABLE,
    "START TRANSACTION READ ONLY",
    "COMMIT",
    REPEATABLE,
    "SELECT 'last'",
)
WAYS: dict[str, Way] = {
    "one by one": lambda client, commands: client.play(*commands),
    "in one write": lambda client, commands: client.ask(*commands),
    "a byte a write": lambda client, commands: client.ask(*commands, chunk=1),
    "in pieces of seven bytes": lambda client, commands: client.ask(*commands, chunk=7),
}


@pytest.mark.parametrize("capabilities", CAPABILITIES.values(), ids=CAPABILITIES)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_replies_are_the_servers_own(server: Server, hushql: StartProxy, capabilities: int, way: Way) -> None:
    """Of a pool's unit of work, over and over, and of twenty commands of all sorts."""
    proxy = hushql(*SUPPRESS)
    assert_same(server, proxy, lambda client: [way(client, part) for part in (POOL, TOGGLE) * 5], capabilities)
    assert spared(proxy) >= 8
    assert_same(server, proxy, lambda client: [way(client, TWENTY) for _ in range(3)], capabilities)


@pytest.mark.parametrize("capabilities", [0, CLIENT_DEPRECATE_EOF])
def test_session_state_is_for_who_asked_for_it(server: Server, through: Through, capabilities: int) -> None:
    """Also in what hushql says itself, and though it has the server report more than the client's own list."""
    proxy = through()
    texts = (
        OFF,
        SELECT,
        "COMMIT",
        ON,
        "SET time_zone='+01:00'",
        SELECT,
        f"USE `{server.schema}`",
        SERIALIZABLE,
        SELECT,
    )
    with talk(proxy, server, capabilities) as client:
        replies = client.play(*texts * 3)
    assert not any(b"autocommit" in payload or b"isolation" in payload for reply in replies for _, payload in reply)
    tracking = capabilities | CLIENT_SESSION_TRACK
    with talk(proxy, server, tracking) as client:
        assert b"\x0aautocommit\x03OFF" in client.ask(OFF)[0][0][1]
    assert_same(server, proxy, lambda client: client.play(*texts * 3), tracking)


def test_attributes_of_a_statement_stay_with_it(server: Server, through: Through, middleman: Middleman) -> None:
    """A settlement ahead of it has none. Where the server knows no attributes, all is as without."""
    proxy = through()
    name_and_value = b"\xfe\0" + lenenc_bytes(b"traceparent") + lenenc_bytes(b"00-abc")

    def play(client: Talk) -> list[Packets]:
        client.attributes = b"\1\1\0\1" + name_and_value
        return client.play(*POOL * 3, SERIALIZABLE, REPEATABLE, SERIALIZABLE, "SELECT @@autocommit")

    assert_same(server, proxy, play, CLIENT_QUERY_ATTRIBUTES | CLIENT_DEPRECATE_EOF)
    settlement, reads = middleman.newest.commands[-2:]
    assert ("SERIALIZABLE" in settlement, reads) == (True, "SELECT @@autocommit")


def test_what_is_pipelined_behind_promises_waits_for_the_settlement(
    server: Server, through: Through, middleman: Middleman
) -> None:
    """Two commands are under way while one is hushql's own; then as many as the client has sent."""
    with taught(talk(through(), server)) as client:
        sent = promise(client, middleman.newest, SERIALIZABLE, "BEGIN")
        middleman.holding = True
        client.say(*[SELECT] * 20)
        [settlement, begin] = middleman.newest.wait_for(sent + 2)[sent:]
        assert "SERIALIZABLE" in settlement
        assert begin == "BEGIN"
        middleman.holding = False
        replies = [client.hear(SELECT) for _ in range(20)]
        assert replies == [replies[0]] * 20
        assert middleman.newest.commands[sent + 2 :] == [SELECT] * 20


def test_a_command_of_many_megabytes_behind_promises(server: Server, through: Through, middleman: Middleman) -> None:
    """Of more than one packet, where the server takes such; passed on as it comes, behind the settlement."""
    ((limit,),) = server.run("SELECT @@max_allowed_packet")
    large = f"SELECT LENGTH('{'x' * min(20 * MEGABYTE, int(limit) - MEGABYTE)}')"
    proxy = through()

    def play(client: Talk) -> list[Packets]:
        return [*taught(client).play(OFF, large, "COMMIT", ON), *client.ask(SERIALIZABLE, large, large, "DO 1")]

    before = resident(proxy)
    assert_same(server, proxy, play)
    assert "SERIALIZABLE" in middleman.newest.commands[-4]
    assert resident(proxy) - before < 6 * MEGABYTE


def test_a_local_file_behind_promises(server: Server, through: Through, middleman: Middleman) -> None:
    load = "LOAD DATA LOCAL INFILE 'any' INTO TABLE kept (id, n)"
    proxy = through()

    def play(client: Talk) -> list[Packets]:
        client.file = b"30\t1\n31\t2\n"
        count = "SELECT COUNT(*) FROM kept"
        seen = taught(client).play(OFF, load, count, "ROLLBACK", count, "BEGIN", load, count, "ROLLBACK", count)
        return [*seen, *client.play(ON, OFF), *client.ask(load), *client.play("ROLLBACK", ON)]

    assert_same(server, proxy, play, CLIENT_LOCAL_FILES | CLIENT_DEPRECATE_EOF)
    commands = middleman.newest.commands
    assert [commands[at - 1] for at, text in enumerate(commands) if text == load] == [OFF, "BEGIN", OFF]


@pytest.mark.parametrize("capabilities", [0, CLIENT_DEPRECATE_EOF, CLIENT_SESSION_TRACK | CLIENT_DEPRECATE_EOF])
@pytest.mark.parametrize("way", [WAYS["one by one"], WAYS["in one write"]], ids=["one by one", "in one write"])
def test_prepared_statements(server: Server, hushql: StartProxy, capabilities: int, way: Way) -> None:
    """SET, COMMIT and SELECT of a variable, which answers in the binary form of a row."""
    isolation = "@@session.transaction_isolation"
    if server.kind == "mariadb" and server.version.startswith("10."):
        isolation = "@@session.tx_isolation"
    proxy = hushql(*SUPPRESS)

    def play(client: Talk) -> list[list[Packets]]:
        off, on, commit, reads, variables = (
            prepared(client, text) for text in (OFF, ON, "COMMIT", SELECT, f"SELECT {isolation}, @@autocommit")
        )
        parts = [(off, reads, commit, on)] * 4 + [(off,), (on,), (off, variables, variables, variables, commit, on)] * 3
        return [way(client, part) for part in parts]

    assert_same(server, proxy, play, capabilities)
    assert spared(proxy) >= 8


def prepared(client: Talk, text: str) -> bytes:
    """Have a statement prepared; the command that executes it."""
    [reply] = client.ask(bytes([COM_STMT_PREPARE]) + text.encode())
    return bytes([COM_STMT_EXECUTE]) + reply[0][1][1:5] + b"\0\1\0\0\0"


# ---- who leaves, or begins anew ----


@pytest.mark.parametrize("says", [b"", packets(bytes([COM_QUIT]), 0)], ids=["nothing", "COM_QUIT"])
def test_who_leaves_with_promises_open_has_done_nothing(
    server: Server, through: Through, middleman: Middleman, says: bytes
) -> None:
    with taught(talk(through(), server)) as client:
        passage = middleman.newest
        sent = promise(client, passage, SERIALIZABLE, OFF, "BEGIN")
        client.socket.sendall(says)
    assert passage.ended.wait(10)
    assert passage.commands[sent:] == (["COM_QUIT"] if says else [])


def test_a_reset_drops_promises(server: Server, through: Through, middleman: Middleman) -> None:
    proxy = through()
    reset = bytes([COM_RESET_CONNECTION])

    def play(client: Talk) -> list[Packets]:
        assert [is_ok(reply) for reply in taught(client).play(SERIALIZABLE, OFF, "BEGIN")] == [True] * 3
        replies = client.ask(reset, "SELECT @@autocommit", SELECT)
        return [*replies, *client.play(*POOL * 2, OFF, reset, "INSERT INTO kept VALUES (40, 1)", "ROLLBACK")]

    try:
        assert_same(server, proxy, lambda client: (play(client), client.ask("DELETE FROM kept WHERE id = 40")))
    finally:
        server.run(f"DELETE FROM {server.schema}.kept WHERE id = 40")
    commands = middleman.newest.commands
    at = commands.index("COM_RESET_CONNECTION")
    assert commands[at - 1 : at + 2] == [SETTLED, "COM_RESET_CONNECTION", "SELECT @@autocommit"]


def change_user(client: Talk, server: Server, password: str) -> bytes:
    """Log in again as the same user; the first byte of what the server says at last."""
    account, plugin = server.account, client.greeting.plugin
    names = account.user.encode() + b"\0\0" + server.schema.encode() + b"\0"
    client.send(bytes([COM_CHANGE_USER]) + names + b"\x2d\0" + plugin + b"\0")
    sequence_id, payload = client.read()
    while payload[0] in (AUTH_SWITCH, AUTH_MORE_DATA):
        if payload[0] == AUTH_SWITCH:
            switch = AuthSwitch(payload)
            client.send(scramble(switch.plugin, password.encode(), switch.nonce), sequence_id + 1)
        elif payload[1] != 3:  # more than it knows is wanted of who has not the right password
            client.send(b"\0", sequence_id + 1)
        sequence_id, payload = client.read()
    return payload[:1]


@pytest.mark.parametrize("password", ["right", "wrong"])
def test_a_change_of_user_with_promises_open(
    server: Server, through: Through, middleman: Middleman, password: str
) -> None:
    """Refused, MariaDB goes on with the session as it was, and MySQL hangs up."""
    proxy = through()
    said = server.account.password if password == "right" else "wrong"

    def play(client: Talk) -> list[Any]:
        taught(client).play(SERIALIZABLE, OFF, "BEGIN")
        outcome = change_user(client, server, said)
        return [outcome, *client.play("SELECT @@autocommit", SELECT)]

    assert_same(server, proxy, play)
    assert middleman.newest.commands.count("COM_CHANGE_USER") == 1


@pytest.mark.parametrize("upstream_tls", [False, True], ids=["plain server", "TLS server"])
@pytest.mark.parametrize("client_tls", [False, True], ids=["plain client", "TLS client"])
def test_a_change_of_user_where_hushql_mediates(
    server: Server, hushql: StartProxy, short_folder: Path, client_tls: bool, upstream_tls: bool
) -> None:
    """Where one side has TLS and the other not: as where they are alike."""
    certificate = make_certificate(short_folder, "change")
    cert = ("--tls-cert", str(certificate.cert), "--tls-key", str(certificate.key))
    to_server = ("--upstream-tls", "required" if upstream_tls else "disabled")
    proxy = hushql(*SUPPRESS, *cert, *to_server, ca=certificate.ca)
    target = proxy.target(server.target(), tls=client_tls)
    if not client_tls:  # the library then needs the server to know the account already
        PYMYSQL.login(server.target(tls=True), server.account)
    with contextlib.closing(MYSQLCLIENT.connect(target, server.account)) as session:
        connection = session.connection
        for text in ("COMMIT", *(SERIALIZABLE, OFF, "BEGIN", "COMMIT", ON, REPEATABLE) * 3):
            session.run(text)
        before = spared(proxy)
        for text in (SERIALIZABLE, OFF, "BEGIN"):
            session.run(text)
        assert spared(proxy) == before + 3
        connection.change_user(server.account.user, server.account.password, server.schema)
        [result] = cast("list[Any]", session.run("SELECT @@autocommit"))
        assert result[1] == ((1,),)
        session.run("INSERT INTO kept VALUES (41, 1)")
    kept = f"{server.schema}.kept"
    assert server.run(f"SELECT COUNT(*) FROM {kept}") == ((10,),)
    server.run(f"DELETE FROM {kept} WHERE id = 41")


# ---- kills, deadlocks, timeouts, crashes ----


SELECT_ID = "SELECT CONNECTION_ID()"


def thread_of(client: Talk) -> str:
    return client.value(SELECT_ID)


def kill(server: Server, what: str, thread: str, running: str = "") -> None:
    """KILL QUERY or CONNECTION, once the session runs a statement that begins so."""
    found = f"SELECT COUNT(*) FROM information_schema.processlist WHERE id = {thread} AND info LIKE '{running}%'"
    deadline = time.monotonic() + 10
    while running and server.run(found) != ((1,),) and time.monotonic() < deadline:
        time.sleep(0.02)
    server.run(f"KILL {what} {thread}")


@pytest.mark.parametrize("what", ["QUERY", "CONNECTION"])
def test_a_kill_with_promises_open(server: Server, through: Through, middleman: Middleman, what: str) -> None:
    proxy = through()

    def play(client: Talk) -> list[Packets]:
        thread = thread_of(taught(client))
        client.play(SERIALIZABLE, OFF, "BEGIN")
        kill(server, what, thread)
        if what == "CONNECTION":
            return [client.rest()]
        return client.play(SELECT, "COMMIT", *POOL * 2)

    assert_same(server, proxy, play)
    last = {"QUERY": "COMMIT", "CONNECTION": SELECT_ID}[what]
    assert middleman.newest.commands[-1] == last


@pytest.mark.parametrize("what", ["QUERY", "CONNECTION"])
def test_a_kill_right_behind_a_settlement(server: Server, through: Through, middleman: Middleman, what: str) -> None:
    proxy = through()
    sleeps = "SELECT n, SLEEP(20) FROM kept"

    def play(client: Talk) -> list[Packets]:
        thread = thread_of(taught(client))
        client.play(SERIALIZABLE, OFF, "BEGIN")
        client.say(sleeps)
        kill(server, what, thread, running="SELECT n, SLEEP")
        killed = client.hear(sleeps)
        return [killed, client.rest()] if what == "CONNECTION" else [killed, *client.play("COMMIT", *POOL * 2)]

    assert_same(server, proxy, play)
    commands = middleman.newest.commands
    assert commands[commands.index(sleeps) - 1] == "BEGIN"


def test_a_deadlock_in_a_deferred_transaction(server: Server, through: Through, middleman: Middleman) -> None:
    """It ends the transaction, and ERR does not say so: a SET that changes nothing is sent, for its flags."""
    proxy = through()
    victims = "UPDATE kept SET n = 1 WHERE id = 2"

    def play(client: Talk) -> list[Packets]:
        with talk(server, server) as other:
            other.play("BEGIN", "UPDATE kept SET n = 0 WHERE id > 4", "UPDATE kept SET n = 0 WHERE id = 2")
            taught(client).play("BEGIN", "UPDATE kept SET n = 1 WHERE id = 1")
            other.say("UPDATE kept SET n = 0 WHERE id = 1")
            time.sleep(0.3)
            [failed] = client.ask(victims)
            assert error_in(failed[0]).code == 1213
            assert is_ok(other.hear("UPDATE"))
            other.ask("ROLLBACK")
        return [failed, *client.play(ON, "BEGIN", SELECT, "COMMIT", *POOL * 2)]

    assert_same(server, proxy, play)
    commands = middleman.newest.commands
    at = commands.index(victims)
    assert commands[at - 2 : at + 2] == ["BEGIN", "UPDATE kept SET n = 1 WHERE id = 1", victims, ON]


def test_a_lock_wait_timeout_in_a_deferred_transaction(server: Server, through: Through, middleman: Middleman) -> None:
    """It leaves the transaction open, and ERR does not say so: the COMMIT is sent, and what was done is kept."""
    proxy = through()
    waits = "UPDATE kept SET n = 1 WHERE id = 1"

    def play(client: Talk) -> list[Packets]:
        with talk(server, server) as other:
            other.play("BEGIN", "UPDATE kept SET n = 0 WHERE id = 1")
            taught(client).play("SET innodb_lock_wait_timeout=1", OFF, "INSERT INTO kept VALUES (50, 1)")
            [failed] = client.ask(waits)
            assert error_in(failed[0]).code == 1205
        replies = client.play(OFF, "COMMIT", ON, *POOL)
        with talk(server, server) as other:
            [deleted] = other.ask("DELETE FROM kept WHERE id = 50")
        return [failed, *replies, deleted]

    assert_same(server, proxy, play)
    commands = middleman.newest.commands
    at = commands.index(waits)
    assert commands[at - 2 : at + 3] == [OFF, "INSERT INTO kept VALUES (50, 1)", waits, OFF, "COMMIT"]


@pytest.mark.parametrize("moment", ["idle", "settling"])
def test_a_server_that_is_killed_and_comes_back(short_folder: Path, moment: str) -> None:
    """The client sees the stream end; its promises are nothing to anybody. The next one is served as ever."""
    folder = Path(tempfile.mkdtemp(dir=short_folder))
    with (
        own_server(folder, free_port()) as (server, mariadbd),
        serving(folder / "proxy", *SUPPRESS, upstream=f"{server.host}:{server.port}") as proxy,
    ):
        server.run(f"CREATE TABLE {server.schema}.kept (id int PRIMARY KEY, n int) ENGINE=InnoDB")
        insert = "INSERT INTO kept VALUES (1, 1)"
        assert mariadbd.process is not None
        with taught(talk(proxy, server)) as client:
            before = spared(proxy)
            client.play(SERIALIZABLE, OFF, "BEGIN")
            assert spared(proxy) == before + 3
            if moment == "settling":
                stop(mariadbd.process.pid)
                client.say(insert)
                time.sleep(0.2)
            mariadbd.kill()
            assert client.rest() == [CLOSED]
        mariadbd.start()
        with taught(talk(proxy, server)) as client:
            assert client.value("SELECT COUNT(*) FROM kept") == "0"
            before = spared(proxy)
            client.play(*POOL * 5)
            assert spared(proxy) == before + 10
        assert proxy.total("hushql_settlement_failures_total") == 0


def stop(pid: int) -> None:
    """Have a process do nothing more, none of its threads."""
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + 5
    stats = [task / "stat" for task in Path(f"/proc/{pid}/task").iterdir()]
    while not all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in stats):
        assert time.monotonic() < deadline, "it goes on"
        time.sleep(0.01)


@pytest.mark.parametrize("begun", [True, False], ids=["BEGIN promised", "SET promised"])
def test_draining_waits_for_a_transaction_that_was_only_promised(
    server: Server, middleman: Middleman, short_folder: Path, begun: bool
) -> None:
    """And for nothing less: a connection with another promise is between transactions."""
    folder = Path(tempfile.mkdtemp(dir=short_folder))
    options = (*SUPPRESS, "--upstream-tls", "disabled", "--drain-timeout", "8s")
    with serving(folder, *options, upstream=middleman.address) as proxy:
        proxy.expects_blind = True  # nothing goes blind, but there is nobody to ask at the end
        with taught(talk(proxy, server)) as client:
            sent = promise(client, middleman.newest, *(["BEGIN"] if begun else [SERIALIZABLE, OFF]))
            proxy.process.terminate()
            if begun:
                time.sleep(0.5)
                assert proxy.process.poll() is None
                assert [is_ok(reply) for reply in client.play("DO 1", "COMMIT")] == [True, True]
            [shutdown, closed] = client.rest()
            assert (error_in(shutdown).code, closed) == (1053, CLOSED)
        assert proxy.process.wait(5) == 0
        assert middleman.newest.commands[sent:] == (["BEGIN", "DO 1", "COMMIT"] if begun else [])


# ---- settlements that fail ----

REFUSED = err(1235, "42000", "not today")


@dataclass(frozen=True)
class Failing:
    """A promise, the settlement by which it is known, what the server says to that, and what stderr has of it."""

    promised: str
    settlement: str
    reply: bytes
    detail: str


FAILING = {
    "SET refused": Failing(OFF, "autocommit=0", REFUSED, "error 1235"),
    "BEGIN refused": Failing("BEGIN", "BEGIN", REFUSED, "error 1235"),
    "SET without effect": Failing(OFF, "autocommit=0", ok(SERVER_STATUS_AUTOCOMMIT), "status flags 0x0002, not 0x0000"),
    "BEGIN without effect": Failing("BEGIN", "BEGIN", ok(SERVER_STATUS_AUTOCOMMIT), "status flags 0x0002, not 0x0003"),
}


@pytest.mark.parametrize("failing", FAILING.values(), ids=FAILING)
@pytest.mark.parametrize("behind", [1, 3])
def test_a_settlement_that_fails_closes_the_connection(
    server: Server, through: Through, middleman: Middleman, failing: Failing, behind: int
) -> None:
    """The client has been told what is not so: it gets one ERR, and the end. Nobody else is concerned."""
    proxy = through()
    line = rf"^hushql: connection 2 from 127\.0\.0\.1:\d+ was closed: a promise failed: {failing.detail}$"
    proxy.expected_stderr = (line,)
    with taught(talk(proxy, server)) as bystander, taught(talk(proxy, server)) as client:
        passage = middleman.newest
        sent = promise(client, passage, failing.promised)
        middleman.answer = lambda text: failing.reply if text.endswith(failing.settlement) else None
        client.say(*[SELECT] * behind)
        [(sequence_id, said), closed] = client.rest()
        assert (sequence_id, closed) == (1, CLOSED)
        error = error_in((sequence_id, said))
        assert (error.code, error.sqlstate) == (1158, "08S01")
        assert b"hushql: " in error.message
        assert passage.ended.wait(10)
        assert passage.commands[sent + 1 :] == [SELECT]
        middleman.answer = lambda _: None
        assert bystander.play(*POOL * 2)[-1][0][1] == ok(SERVER_STATUS_AUTOCOMMIT)
    assert proxy.total("hushql_settlement_failures_total") == 1
    assert len(lines_of(proxy, 1)) == 1


def lines_of(proxy: Proxy, count: int) -> list[str]:
    """What stands on stderr beside the first line, once there are so many."""
    deadline = time.monotonic() + 5
    while len(lines := proxy.stderr_path.read_text().splitlines()[1:]) < count and time.monotonic() < deadline:
        time.sleep(0.02)
    return lines


def test_a_list_to_track_that_is_refused_harms_nobody(server: Server, through: Through, middleman: Middleman) -> None:
    """It is hushql's own wish, and not asked for again on a server that has refused it."""
    middleman.answer = lambda text: REFUSED if "session_track_system_variables" in text else None
    proxy = through()
    assert_same(server, proxy, lambda client: client.play(*POOL * 5, *TWENTY))
    asked = [text for passage in middleman.passages for text in passage.commands if "session_track" in text]
    assert len(asked) == 1
    assert spared(proxy) >= 16


# ---- predictions that fail ----


@dataclass(frozen=True)
class Lie:
    """A statement that a rule withholds, and how the server's reply to it changes once hushql has learned it."""

    rule: str
    text: str
    on: int = 0
    off: int = 0
    warnings: int | None = None

    def tell(self, text: str, payload: bytes) -> bytes:
        """The packet as the server says it from now on."""
        return with_flags(payload, on=self.on, off=self.off, warnings=self.warnings) if text == self.text else payload


LIES = {
    "a warning": Lie("redundant-autocommit", ON, warnings=1),
    "a flag that is on": Lie("redundant-autocommit", ON, on=SERVER_QUERY_NO_INDEX_USED),
    "a flag that is off": Lie("redundant-autocommit", ON, off=SERVER_STATUS_AUTOCOMMIT),
    "a transaction": Lie("empty-commit", "COMMIT", on=SERVER_STATUS_IN_TRANS),
}


def rules(proxy: Proxy, metric: str, **labels: str) -> dict[str, float]:
    """A metric's values that are not 0, by rule, where the other labels are these."""
    found = {}
    for (name, present), value in proxy.metrics().items():
        have = dict(present)
        if name == metric and value and labels.items() <= have.items():
            found[have["rule"]] = value
    return found


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_wrong_prediction_switches_its_rule_off(
    server: Server, through: Through, middleman: Middleman, lie: Lie
) -> None:
    """In the sample that is forwarded after all; for all connections, until a restart. The others stay on."""
    proxy = through("--sample", "2")
    proxy.expected_stderr = (f"{lie.rule} predicted a wrong reply",)
    with lied_to(proxy, server, lie) as client:
        sent = len(middleman.newest.commands)
        middleman.alter = lie.tell
        while middleman.newest.commands[sent:] == []:
            [reply] = client.ask(lie.text)
        middleman.alter = lambda _, payload: payload
        said = reply[0][1]
        assert lie.tell(lie.text, said) == said, "what the server said was for the client"
        assert rules(proxy, "hushql_rule_disabled") == {lie.rule: 1}
        assert rules(proxy, "hushql_predictions_total", result="mismatch") == {lie.rule: 1}
        [line] = lines_of(proxy, 1)
        assert "the rule is off from now on; predicted 0000000" in line
        assert line.endswith(f", the server said {said.hex()}")
    with lied_to(proxy, server, lie) as client:
        sent = len(middleman.newest.commands)
        client.play(*[lie.text] * 20)
        assert middleman.newest.commands[sent:] == [lie.text] * 20
        withheld = spared(proxy)
        client.play(*[f"USE `{server.schema}`"] * 50)
        assert spared(proxy) > withheld
    again = through()
    with lied_to(again, server, lie) as client:
        promise(client, middleman.newest, *[lie.text] * 20)


@contextlib.contextmanager
def lied_to(proxy: Proxy, server: Server, lie: Lie) -> Iterator[Talk]:
    """A client that knows the truth, in a transaction where autocommit cannot be deferred instead."""
    with taught(talk(proxy, server)) as client:
        client.play(lie.text, *(["BEGIN", SELECT] if lie.text == ON else []))
        yield client


def test_in_observe_mode_a_wrong_prediction_is_only_counted(
    server: Server, through: Through, middleman: Middleman
) -> None:
    lie = LIES["a warning"]
    proxy = through("--mode", "observe")
    proxy.expected_stderr = (f"{lie.rule} predicted a wrong reply, nothing was withheld; predicted 0000", "more lines")
    with lied_to(proxy, server, lie) as client:
        middleman.alter = lie.tell
        client.play(*[lie.text] * 3)
        middleman.alter = lambda _, payload: payload
        assert rules(proxy, "hushql_predictions_total", result="mismatch")[lie.rule] >= 1
        assert rules(proxy, "hushql_rule_disabled") == {}
        matched = rules(proxy, "hushql_predictions_total", result="match").get(lie.rule, 0)
        client.play(*[lie.text] * 5)
        assert rules(proxy, "hushql_predictions_total", result="match")[lie.rule] >= matched + 3
        assert len(lines_of(proxy, 1)) >= 1
    assert spared(proxy) == 0


# ---- servers of other makes ----

OTHERS = ("8.0.11-TiDB-v7.5.1", "5.6.51", "5.5.5-10.1.48-MariaDB", "8.0.30-Vitess", "5.7.25-OceanBase-v4.2.1", "9.9")
KNOWN = ("5.7.44-log", "8.0.36-28", "9.7.4-2", "5.5.5-10.2.44-MariaDB", "11.8.6-MariaDB-ubu2404")
AUTOCOMMIT_WORK = (*POOL, "COMMIT", "ROLLBACK")


@pytest.mark.parametrize("version", OTHERS)
def test_nothing_is_withheld_for_a_server_of_another_make(
    server: Server, through: Through, middleman: Middleman, version: str
) -> None:
    """Unless the user vouches for it."""
    middleman.greet = lambda greeting: renamed(greeting, version)
    proxy = through()
    with talk(proxy, server) as client:
        assert client.greeting.server_version.decode() == version
        client.play(*AUTOCOMMIT_WORK * 10)
        assert middleman.newest.commands == [*AUTOCOMMIT_WORK * 10]
    assert spared(proxy) == 0
    assert rules(proxy, "hushql_predictions_total", result="match")["empty-commit"] > 10
    trusting = through("--trust-server")
    with talk(trusting, server) as client:
        client.play(*AUTOCOMMIT_WORK * 10)
        assert middleman.newest.commands[-2:] == [SELECT, "COMMIT"]
    assert spared(trusting) > 30


@pytest.mark.parametrize("version", KNOWN)
def test_mysql_and_mariadb_are_known_by_their_greeting(
    server: Server, through: Through, middleman: Middleman, version: str
) -> None:
    middleman.greet = lambda greeting: renamed(greeting, version)
    proxy = through()
    with talk(proxy, server) as client:
        client.play(*AUTOCOMMIT_WORK * 10)
    assert spared(proxy) > 30


# ---- bounds ----


def flood(client: Talk, command: bytes, limit: int) -> int:
    """Send a command over and over until nothing more is taken for a second, or `limit` bytes were; return how many."""
    many = command * max(1, MEGABYTE // len(command))
    total = 0
    client.socket.settimeout(1.0)
    with contextlib.suppress(TimeoutError):
        while total < limit:
            total += client.socket.send(many[total % len(command) :])
    client.socket.settimeout(30)
    return total


def test_a_client_that_floods_while_a_settlement_waits_is_not_read_from(
    server: Server, through: Through, middleman: Middleman
) -> None:
    """And once the server goes on, all that it has said is answered, in order."""
    proxy = through()
    text = "SELECT n, '%s' FROM kept WHERE id = 1" % ("x" * 4000)
    command = packets(bytes([COM_QUERY]) + text.encode(), 0)
    with taught(talk(proxy, server)) as client:
        sent = promise(client, middleman.newest, OFF)
        before = resident(proxy)
        middleman.holding = True
        client.say(SELECT)
        total = flood(client, command, 100 * MEGABYTE)
        assert total < 20 * MEGABYTE, "the kernel's buffers, and little of the proxy's"
        assert resident(proxy) - before < 2 * MEGABYTE
        assert len(middleman.newest.commands[sent:]) == 2
        middleman.holding = False
        assert client.hear(SELECT)[2] == (3, b"\x0210")
        client.socket.sendall(command[total % len(command) :] if total % len(command) else b"")
        for _ in range(-(-total // len(command))):
            assert client.hear(text)[3][1].startswith(b"\x0210")


def test_a_client_that_floods_and_reads_no_answer_is_not_read_from(server: Server, hushql: StartProxy) -> None:
    """Where hushql answers by itself, the server is no brake."""
    proxy = hushql(*SUPPRESS)
    reads = "SELECT @@session.autocommit"
    with talk(proxy, server) as other, talk(proxy, server) as client:
        client.play(*[reads] * 3)
        withheld = spared(proxy)
        client.play(reads)
        assert spared(proxy) == withheld + 1
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        before = resident(proxy)
        total = flood(client, packets(bytes([COM_QUERY]) + reads.encode(), 0), 20 * MEGABYTE)
        grown = settled(lambda: resident(proxy)) - before
        assert is_ok(other.ask("DO 1")[0])
    assert total < 20 * MEGABYTE, "the kernel's buffers, and little of the proxy's"
    assert grown < 24 * MEGABYTE, "what the kernel's buffers held in commands, as events and as lines of the log"


def test_a_client_that_does_not_read_a_result_behind_promises(server: Server, hushql: StartProxy) -> None:
    """A result of 1 GB stays on the server; who else is there gets answers and results at once."""
    proxy = hushql(*SUPPRESS)
    rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
    with taught(talk(proxy, server)) as other, taught(talk(proxy, server)) as slow:
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.play(SERIALIZABLE, OFF, "BEGIN")
        before = resident(proxy)
        slow.say(f"{rows} SELECT REPEAT('x', {MEGABYTE}) FROM n")
        assert settled(lambda: resident(proxy)) - before < 2 * MEGABYTE
        started = time.monotonic()
        other.play(*POOL)
        assert time.monotonic() - started < 0.5


# ---- going blind ----


@pytest.mark.parametrize("ahead", [(), (SELECT, SELECT)], ids=["alone", "behind others in one write"])
def test_before_an_opaque_command_promises_are_settled(
    server: Server, through: Through, middleman: Middleman, ahead: tuple[str, ...]
) -> None:
    """A replica's COM_BINLOG_DUMP: hushql follows no further, and whatever comes is passed on."""
    proxy = through()
    proxy.expects_blind = True
    proxy.expected_stderr = ("is relayed blindly: opaque-command: COM_BINLOG_DUMP",)
    dump = bytes([COM_BINLOG_DUMP]) + bytes(10)

    def play(client: Talk) -> list[Packets]:
        taught(client).play(SERIALIZABLE, OFF, "BEGIN")
        client.say(*ahead, dump)
        return [*[client.hear(command) for command in ahead], [client.read()], *client.ask(SELECT)]

    assert_same(server, proxy, play)
    assert proxy.blind() == 2
    sent = middleman.newest.commands
    at = sent.index("COM_BINLOG_DUMP")
    own = sent[sent.index(SETTLED) + 1 : at - len(ahead)]
    *settlements, begin = [text for text in own if "session_track_schema=0" not in text]  # what ends the tracker's word
    assert all(any(part in text for text in settlements) for part in ("SERIALIZABLE", "autocommit=0"))
    assert (begin, sent[at - len(ahead) : at]) == ("BEGIN", [*ahead])


@pytest.mark.parametrize("malformed", [b"", b"\x03\xff"], ids=["empty", "query attributes without end"])
@pytest.mark.parametrize("tracking", [CLIENT_SESSION_TRACK, 0], ids=["tracking", "not tracking"])
def test_before_a_malformed_command_promises_are_settled(
    server: Server, through: Through, middleman: Middleman, malformed: bytes, tracking: int
) -> None:
    """The server says what it thinks of it, and the session is as the client knows it."""
    proxy = through()
    proxy.expects_blind = True
    proxy.expected_stderr = ("is relayed blindly: malformed: ",)

    def play(client: Talk) -> list[Packets]:
        taught(client).play(SERIALIZABLE, OFF)
        client.say(malformed, "SELECT @@autocommit")
        return [client.hear(b"\x99"), client.hear("SELECT"), *client.play("COMMIT", *POOL)]

    assert_same(server, proxy, play, tracking | CLIENT_QUERY_ATTRIBUTES | CLIENT_DEPRECATE_EOF)
    if malformed and server.kind == "mariadb":  # which knows no query attributes: it is a text like any other
        assert proxy.blind() == 0
    else:
        assert middleman.newest.commands[-6:] == ["SELECT @@autocommit", "COMMIT", *POOL]
        assert proxy.blind() == 2


# ---- through a router ----

EXPOSED = (
    REPEATABLE,
    "SET SESSION TRANSACTION READ ONLY",
    OFF,
    SELECT,
    "COMMIT",
    "SET SESSION TRANSACTION READ WRITE",
    ON,
)

if ROUTER:

    @pytest.fixture(scope="module")
    def router() -> Iterator[Server]:
        """MySQL Router, with a table `kept` as the server has it."""
        with outside_server(ROUTER) as router:
            name = f"{router.schema}.kept"
            router.run(f"CREATE TABLE {name} (id int PRIMARY KEY, n int)", f"INSERT INTO {name} VALUES (1, 10)")
            yield router

    @pytest.mark.parametrize("capabilities", [0, CLIENT_DEPRECATE_EOF, CLIENT_SESSION_TRACK | CLIENT_DEPRECATE_EOF])
    @pytest.mark.parametrize(
        ("tls", "way"), [("disabled", "one by one"), *[("required", way) for way in WAYS]], ids=str
    )
    def test_through_mysql_router(router: Server, hushql: StartProxy, capabilities: int, tls: str, way: str) -> None:
        """On a plain connection it cuts the second of two commands in one write where that is the longer one.

        Who sends such is on his own; hushql, whose settlements are short, must not.
        """
        proxy = hushql(*SUPPRESS, "--trust-server", "--upstream-tls", tls, upstream=f"{router.host}:{router.port}")
        pieces = (EXPOSED[:2], EXPOSED[2:5], EXPOSED[5:], (OFF, SELECT, SELECT, "COMMIT", ON), (ON, "BEGIN", SELECT))

        with talk_after_full_login(router, router, capabilities) as client:
            direct = [client.play(*piece, "COMMIT") for piece in pieces * 5]
        for _ in range(2):
            with talk_after_full_login(proxy, router, capabilities) as client:
                assert [WAYS[way](client, (*piece, "COMMIT")) for piece in pieces * 5] == direct
        assert spared(proxy) > 20
