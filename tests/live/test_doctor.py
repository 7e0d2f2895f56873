"""`hushql doctor`, of real servers and of what is none: what it finds, how it ends, and that it keeps secrets."""

import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pymysql
import pytest

from proxy.config import ConfigError, load
from proxy.doctor import read_password, run
from proxy.wire.packet import packets
from proxy.wire.replies import err
from rules.catalogue import ALL

from .certificates import make_certificate
from .conftest import free_port
from .middleman import man_in_the_middle, renamed
from .servers import Server, own_server
from .targets import Account
from .upstreams import GREETING, let_in, upstream


@dataclass
class Examination:
    """What the doctor found: the exit code, and each line's level, subject and text."""

    code: int
    lines: list[tuple[str, str, str]]
    output: str

    def level(self, about: str, containing: str = "") -> str:
        """The level of the one line about something."""
        [level] = [level for level, subject, text in self.lines if subject == about and containing in text]
        return level

    def text(self, about: str, containing: str = "") -> str:
        """Its text."""
        [text] = [text for _, subject, text in self.lines if subject == about and containing in text]
        return text


class Doctor:
    """Runs `hushql doctor` in this process; options by their names in the file."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def examine(self, address: str, user: str = "", password: str = "", **options: str) -> Examination:
        code = run(load({"upstream": address, **options}, None, {}), user, password)
        output = self._capsys.readouterr()
        assert output.err == ""
        lines = [(line[:8].rstrip(), line[9:18].rstrip(), line[19:]) for line in output.out.splitlines()]
        assert {level for level, _, _ in lines} <= {"ok", "note", "problem"}
        assert code == any(level == "problem" for level, _, _ in lines)
        return Examination(code, lines, output.out)


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Doctor:
    return Doctor(capsys)


def address_of(server: Server) -> str:
    return f"{server.host}:{server.port}"


# ---- servers as they should be ----


@pytest.mark.parametrize("mode", ["off", "observe", "suppress"])
def test_a_server_that_is_fit(doctor: Doctor, server: Server, mode: str) -> None:
    account = server.account
    verified = {"upstream_tls": "verify-ca", "upstream_ca": str(server.ca)}
    found = doctor.examine(address_of(server), account.user, account.password, mode=mode, **verified)
    assert found.code == 0
    assert all(level == "ok" for level, _, _ in found.lines), found.output
    assert found.text("server").startswith("MariaDB" if server.kind == "mariadb" else "MySQL")
    assert "TLSv1.3" in found.text("tls")
    assert f"as {account.user!r}, with " in found.text("login")
    assert found.text("tracking").startswith("the server reports changes of ")
    assert found.text("variable", "wait_timeout is ").split()[-1].isdigit()
    parted = (text.partition(": ") for _, about, text in found.lines if about == "rules")
    of_rules = {what: names.split(", ") for what, _, names in parted}
    assert sorted(name for names in of_rules.values() for name in names) == sorted(ALL)
    assert ("deferred-begin" in of_rules.get("withheld", [])) == (mode == "suppress")
    assert ("deferred-begin" in of_rules.get("observed", [])) == (mode == "observe")
    assert ("n-plus-one" in of_rules["off"]) == (mode == "off")


@pytest.mark.parametrize("tls", ["disabled", "required"])
def test_each_account_gets_in_or_is_told_why_not(doctor: Doctor, server: Server, tls: str) -> None:
    """With nothing cached in the server, where sha2 needs the whole password; and what is none is kept secret."""
    for account in server.accounts:
        if server.kind == "mysql":
            server.run("FLUSH PRIVILEGES")
        found = doctor.examine(address_of(server), account.user, account.password, upstream_tls=tls)
        levels = [level for level, about, _ in found.lines if about == "login"]
        assert levels[-1] in expected_levels(account, tls), (account, found.output)
        if len(account.password) > 4:  # else it is a word that is there anyway
            assert account.password not in found.output
        if account.plugin == "wrong password":
            assert "error 1045" in found.text("login")


def expected_levels(account: Account, tls: str) -> tuple[str, ...]:
    if account.needs == "one host":  # who is not known is asked with any plugin
        return ("note", "problem")
    if (account.needs == "tls" and tls == "disabled") or account.plugin in ("wrong password", "expired"):
        return ("problem",)
    if "parsec" in account.plugin:  # asked for its salt by a client that has no answer, the server may hang up
        return ("note", "problem")
    return ("note",) if "ed25519" in account.plugin else ("ok",)


def test_an_account_on_a_unix_socket(doctor: Doctor, server: Server) -> None:
    if server.socket is None:
        pytest.skip("no Unix socket of this server is known")
    found = doctor.examine(f"unix:{server.socket}", server.account.user, server.account.password)
    assert (found.code, found.level("tls"), found.level("login")) == (0, "ok", "ok")


def test_without_an_account(doctor: Doctor, server: Server) -> None:
    found = doctor.examine(address_of(server))
    assert (found.code, found.level("login"), found.level("tls")) == (0, "note", "note")
    assert "is not checked" in found.text("tls")
    assert [text for _, about, text in found.lines if about == "variable"] == []


# ---- what matters to the rules ----


def test_settings_that_cost_something(doctor: Doctor, short_folder: Path) -> None:
    """Of a MariaDB, which has all of them but GTIDs; and init_connect, which may hold secrets, is not shown."""
    with own_server(Path(tempfile.mkdtemp(dir=short_folder)), free_port()) as (server, _):
        server.run(
            "SET GLOBAL completion_type = CHAIN, init_connect = 'SET @secret = 1', sql_mode = ANSI_QUOTES",
            "SET GLOBAL session_track_schema = OFF, session_track_system_variables = '*', autocommit = OFF",
            "SET GLOBAL idle_transaction_timeout = 5, wait_timeout = 3",
        )
        options = {"mode": "suppress", "upstream_tls": "disabled"}
        found = doctor.examine(address_of(server), server.account.user, server.account.password, **options)
        assert found.code == 0
        noted = {text.split()[0] for level, about, text in found.lines if (level, about) == ("note", "variable")}
        assert noted == {
            "completion_type",
            "init_connect",
            "sql_mode",
            "session_track_schema",
            "session_track_system_variables",
            "autocommit",
            "idle_transaction_timeout",
            "wait_timeout",
        }
        assert "secret" not in found.output
        options["max_silence"] = "4s"
        found = doctor.examine(address_of(server), server.account.user, server.account.password, **options)
        assert (found.code, found.level("variable", "wait_timeout is 3: ")) == (1, "problem")


def test_a_server_of_another_make(doctor: Doctor, server: Server) -> None:
    """It is a problem where something was to be withheld."""
    with man_in_the_middle(server) as middleman:
        middleman.greet = lambda greeting: renamed(greeting, "8.0.11-TiDB-v7.5.1")
        common = {"upstream_tls": "disabled"}
        found = doctor.examine(middleman.address, **common)
        assert (found.code, found.level("server")) == (0, "note")
        found = doctor.examine(middleman.address, mode="suppress", **common)
        assert (found.code, found.level("server")) == (1, "problem")
        assert "8.0.11-TiDB-v7.5.1 is neither" in found.text("server")
        assert "withheld: " not in found.output
        found = doctor.examine(middleman.address, mode="suppress", trust_server="true", **common)
        assert (found.code, found.level("server"), found.level("rules", "withheld: ")) == (0, "note", "ok")


def test_a_server_that_does_not_track(doctor: Doctor, server: Server) -> None:
    """What it refuses to report is not known."""
    account = server.account
    pymysql.connect(host=server.host, port=server.port, user=account.user, password=account.password).close()
    with man_in_the_middle(server) as middleman:
        middleman.answer = lambda text: err(1193, "HY000", "Unknown variable") if text.startswith("SET ") else None
        found = doctor.examine(middleman.address, account.user, account.password, upstream_tls="disabled")
        assert (found.code, found.level("tracking"), found.level("login")) == (0, "note", "ok")
        assert "error 1193: Unknown variable" in found.text("tracking")
    with upstream(let_in) as address:
        found = doctor.examine(address)
        assert (found.level("tracking"), found.text("tracking").partition(":")[0]) == ("note", "not offered")


# ---- TLS ----


def test_a_certificate_that_nobody_vouches_for(doctor: Doctor, server: Server, tmp_path: Path) -> None:
    other = make_certificate(tmp_path, "somebody else")
    options = {"upstream_tls": "verify-ca", "upstream_ca": str(other.ca)}
    found = doctor.examine(address_of(server), server.account.user, server.account.password, **options)
    assert (found.code, found.level("tls")) == (1, "problem")
    assert "certificate" in found.text("tls")
    assert "login" not in found.output


@pytest.mark.parametrize(("tls", "level"), [("disabled", "note"), ("preferred", "note"), ("required", "problem")])
def test_a_server_without_tls(doctor: Doctor, tls: str, level: str) -> None:
    with upstream(let_in) as address:
        found = doctor.examine(address, upstream_tls=tls)
        assert found.level("tls") == level
        assert found.text("tls").startswith("not offered")


# ---- what is no server, or none any more ----


def test_a_server_that_cannot_be_reached(doctor: Doctor) -> None:
    address = f"127.0.0.1:{free_port()}"
    found = doctor.examine(address)
    assert found.lines == [("problem", "reach", f"{address}: Connection refused")]
    found = doctor.examine("no-such-host.invalid")
    assert found.lines == [("problem", "reach", "no-such-host.invalid:3306: the host name cannot be resolved")]
    found = doctor.examine("unix:/nowhere/at/all.sock")
    assert found.lines == [("problem", "reach", "unix:/nowhere/at/all.sock: No such file or directory")]


def close_at_once(connection: socket.socket) -> None:
    connection.close()


def say_nothing(_: socket.socket) -> None:
    """Keep the connection open."""


def refuse(connection: socket.socket) -> None:
    connection.sendall(packets(err(1040, "08004", "Too many connections", capabilities=0), 0))


def speak_another_protocol(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" * 3)


@pytest.mark.parametrize(
    ("behave", "why"),
    [
        (close_at_once, "the server closed the connection"),
        (say_nothing, "no answer in time"),
        (refuse, "the server says error 1040: Too many connections"),
        (speak_another_protocol, "what answers is no MySQL server"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_answers_in_another_way(doctor: Doctor, behave: object, why: str) -> None:
    assert callable(behave)
    with upstream(behave) as address:
        found = doctor.examine(address, connect_timeout="500ms")
    [(level, about, text)] = found.lines
    assert (level, about) == ("problem", "reach")
    assert text.startswith(f"{address}: {why}")


def greet_and_leave(connection: socket.socket) -> None:
    connection.sendall(packets(GREETING, 0))
    connection.recv(1 << 16)
    connection.close()


def test_a_server_that_leaves_in_the_middle(doctor: Doctor) -> None:
    with upstream(greet_and_leave) as address:
        found = doctor.examine(address, "ann", "very secret")
    assert (found.code, found.text("login")) == (1, "as 'ann': the server closed the connection")
    assert "very secret" not in found.output


# ---- the password ----


def test_where_the_password_comes_from(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(b"from the file\r\nand not this\n")
    environment = {"HUSHQL_PASSWORD": "from the environment"}
    assert read_password(str(file), environment) == "from the file"
    assert read_password(None, environment) == "from the environment"
    assert read_password(None, {}) == ""
    with pytest.raises(ConfigError, match=r"--password-file /nowhere: No such file"):
        read_password("/nowhere", environment)
    file.write_bytes(b"\xff\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_password(str(file), environment)


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    options = {"upstream": "127.0.0.1:1", "upstream_tls": "verify-ca", "upstream_ca": str(broken)}
    with pytest.raises(ConfigError, match=r"--upstream-ca .*: no certificates"):
        run(load(options, None, {}), "", "")
