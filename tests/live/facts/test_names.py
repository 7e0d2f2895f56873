"""SET NAMES and its kin: which variables they set, which of them the tracker tells, and what no variable shows."""

import pymysql
import pytest

from proxy.wire.constants import COM_RESET_CONNECTION
from tests.raw import RawClient

from ..servers import Server
from .conftest import TRACKING, Connect, Session

TRIO = ("character_set_client", "character_set_connection", "character_set_results")


class Greeting(Session):
    """Logs in with a collation id of its own in the handshake response."""

    def __init__(self, server: Server, collation: int) -> None:
        self.collation = collation
        account = server.account
        super().__init__(server.host, server.port, account.user, account.password, server.schema, TRACKING)

    def send(self, payload: bytes, sequence_id: int = 0) -> None:
        if sequence_id == 1:
            payload = payload[:8] + bytes([self.collation]) + payload[9:]
        RawClient.send(self, payload, sequence_id)


@pytest.fixture
def account_is_known(server: Server) -> None:
    """A raw client knows only the fast part of caching_sha2_password, which needs a full login before it."""
    account = server.account
    pymysql.connect(host=server.host, port=server.port, user=account.user, password=account.password).close()


def is_newer_mariadb(server: Server) -> bool:
    """11 and later: charsets have new default collations, and the tracker sees more."""
    return server.kind == "mariadb" and not server.version.startswith("10.")


def charsets(session: Session) -> list[str | None]:
    """Client, connection, results, and the connection's collation."""
    [row] = session.do(f"SELECT @@{', @@'.join(TRIO)}, @@collation_connection").rows
    return row


def collation(session: Session) -> str | None:
    return session.do("SELECT @@collation_connection").value


def results_collation(session: Session) -> int:
    """The collation id in the metadata of a column of text."""
    session.query("SELECT @@time_zone")
    definition = session.read_all()[1]
    return int.from_bytes(definition[-12:-10], "little")


def default_collation(server: Server, charset: str) -> str:
    """What this server takes for a charset that is named without a collation."""
    if charset == "latin1":
        return "latin1_swedish_ci"
    if server.kind == "mysql":
        return "utf8mb4_0900_ai_ci"
    return "utf8mb4_uca1400_ai_ci" if is_newer_mariadb(server) else "utf8mb4_general_ci"


def test_names_sets_three_charsets_and_the_connections_collation(session: Session, server: Server) -> None:
    for charset in ("latin1", "utf8mb4"):
        default = default_collation(server, charset)
        for text in (f"SET NAMES {charset}", f"set names '{charset.upper()}'", f'SET NAMES "{charset}"'):
            said = session.do(text)
            assert said.variables == dict.fromkeys(TRIO, charset)
            assert charsets(session) == [charset, charset, charset, default]
    session.do("SET NAMES `latin1`")
    session.do("SET NAMES utf8mb4 COLLATE 'utf8mb4_bin'")
    assert charsets(session) == ["utf8mb4", "utf8mb4", "utf8mb4", "utf8mb4_bin"]


def test_names_without_a_collation_takes_the_default_and_not_what_was(session: Session, server: Server) -> None:
    session.do("SET NAMES utf8mb4 COLLATE utf8mb4_bin")
    session.do("SET NAMES utf8mb4")
    assert collation(session) == default_collation(server, "utf8mb4")


def test_names_equal_again_changes_nothing_and_is_reported_again(session: Session) -> None:
    for text in ("SET NAMES utf8mb4", "SET NAMES utf8mb4 COLLATE utf8mb4_bin"):
        session.do(text)
        before = charsets(session), results_collation(session)
        assert session.do(text).variables == dict.fromkeys(TRIO, "utf8mb4")
        assert (charsets(session), results_collation(session)) == before


def test_names_default_takes_the_servers_charset(session: Session, server: Server) -> None:
    session.do("SET NAMES latin1 COLLATE latin1_bin")
    session.do("SET NAMES DEFAULT")
    assert charsets(session)[0] == session.do("SELECT @@global.character_set_client").value


def test_an_alias_is_reported_under_its_full_name(session: Session, server: Server) -> None:
    said = session.do("SET NAMES utf8")
    assert said.variables["character_set_client"] == "utf8mb3"
    assert said.warnings == (1 if server.kind == "mysql" else 0)


def test_names_that_fail_change_nothing(session: Session) -> None:
    before = charsets(session)
    assert session.ask("SET NAMES nosuch").error == 1115
    assert session.ask("SET NAMES ucs2").error == 1231
    assert session.ask("SET NAMES utf8mb4 COLLATE latin1_bin").error == 1253
    assert session.ask("SET NAMES latin1, autocommit=7").error == 1231
    assert session.ask("SET NAMES _latin1'latin1'").error == 1064
    assert charsets(session) == before


def test_names_can_be_a_member_of_a_list(session: Session) -> None:
    said = session.do("SET autocommit=0, NAMES latin1")
    assert said.variables == {"autocommit": "OFF", **dict.fromkeys(TRIO, "latin1")}


def test_mysqls_default_collation_can_be_chosen(session: Session, server: Server) -> None:
    text = "SET default_collation_for_utf8mb4=utf8mb4_general_ci"
    if server.kind == "mysql":
        session.do(text)
        session.do("SET NAMES utf8mb4")
        assert collation(session) == "utf8mb4_general_ci"
        session.do("SET character_set_connection=utf8mb4")
        assert collation(session) == "utf8mb4_0900_ai_ci", "which the choice does not reach"
    else:
        assert session.ask(text).error == 1193


def test_mariadbs_default_collations_can_be_chosen(session: Session, server: Server) -> None:
    text = "SET character_set_collations='utf8mb4=utf8mb4_bin'"
    if is_newer_mariadb(server):
        session.do(text)
        session.do("SET NAMES utf8mb4")
        assert collation(session) == "utf8mb4_bin"
        session.do("SET character_set_connection=utf8mb4")
        assert collation(session) == "utf8mb4_general_ci", "which the choice does not reach"
    else:
        assert session.ask(text).error == 1193


def test_set_character_set_takes_the_connections_charset_from_the_schema(session: Session) -> None:
    """The tests' schema has utf8mb4, whatever the server's default is."""
    session.do("SET NAMES latin1")
    for text in ("SET CHARACTER SET latin1", "SET CHARSET latin1"):
        session.do(text)
        database = session.do("SELECT @@character_set_database").value
        assert charsets(session)[:3] == ["latin1", database, "latin1"]
        assert database == "utf8mb4"


def test_results_can_have_no_charset_which_the_tracker_calls_empty(session: Session) -> None:
    for _ in range(2):
        assert session.do("SET character_set_results=NULL").variables == {"character_set_results": ""}
        assert charsets(session)[2] is None


def test_the_tracker_may_hide_that_a_collation_changed_the_charset(session: Session, server: Server) -> None:
    """And the reverse: it reports the variable that was named, newer MariaDB only the first of the two."""
    said = session.do("SET collation_connection=latin1_bin")
    assert charsets(session)[1] == "latin1"
    newer = is_newer_mariadb(server)
    assert said.variables == ({"character_set_connection": "latin1"} if newer else {})


def test_names_does_not_report_the_collation_even_where_it_is_tracked(session: Session, server: Server) -> None:
    session.do("SET session_track_system_variables='collation_connection'")
    newer = is_newer_mariadb(server)
    assert session.do("SET collation_connection=latin1_bin").variables == {"collation_connection": "latin1_bin"}
    said = session.do("SET NAMES utf8mb4 COLLATE utf8mb4_bin")
    assert said.variables == ({"collation_connection": "utf8mb4_bin"} if newer else {})
    assert collation(session) == "utf8mb4_bin"


def test_newer_mariadb_reports_only_one_of_charset_and_collation(session: Session, server: Server) -> None:
    session.do("SET session_track_system_variables='character_set_connection,collation_connection'")
    said = session.do("SET collation_connection=latin1_bin")
    if is_newer_mariadb(server):
        assert said.variables == {"character_set_connection": "latin1"}
    else:
        assert said.variables == {"collation_connection": "latin1_bin"}


def test_mariadb_does_not_report_what_two_at_signs_alone_set(session: Session, server: Server) -> None:
    """SET @@x: the tracker's word is out of date afterwards. SET x, @@session.x and @@local.x are reported."""
    said = session.do("SET @@character_set_results=latin1")
    assert said.variables == ({"character_set_results": "latin1"} if server.kind == "mysql" else {})
    assert charsets(session)[2] == "latin1"
    said = session.do("SET @@session.character_set_results=utf8mb4")
    assert said.variables == {"character_set_results": "utf8mb4"}


def test_the_results_have_a_collation_that_no_variable_shows(session: Session) -> None:
    """All variables are what SET NAMES utf8mb4 COLLATE utf8mb4_general_ci makes them; a column's metadata is not."""
    session.do("SET NAMES utf8mb4 COLLATE utf8mb4_general_ci")
    shown, id_of_general = charsets(session), results_collation(session)
    session.do("SET NAMES utf8mb4 COLLATE utf8mb4_bin")
    session.do("SET collation_connection=utf8mb4_general_ci")
    assert charsets(session) == shown
    assert (id_of_general, results_collation(session)) == (45, 46)
    session.do("SET NAMES utf8mb4 COLLATE utf8mb4_general_ci")
    assert results_collation(session) == 45


def test_results_equal_again_can_change_the_metadata(session: Session, server: Server) -> None:
    """SET character_set_results takes a default collation, which is not what the login or SET NAMES had taken."""
    session.do("SET NAMES utf8mb4 COLLATE utf8mb4_bin")
    before = charsets(session)
    assert results_collation(session) == 46
    session.do("SET character_set_results=utf8mb4")
    assert charsets(session) == before
    assert results_collation(session) == (255 if server.kind == "mysql" else 45)


@pytest.mark.usefixtures("account_is_known")
@pytest.mark.parametrize(
    ("number", "charset", "name"),
    [(8, "latin1", "latin1_swedish_ci"), (46, "utf8mb4", "utf8mb4_bin"), (28, "gbk", "gbk_chinese_ci")],
)
def test_the_charset_of_the_login_is_the_sessions(server: Server, number: int, charset: str, name: str) -> None:
    with Greeting(server, number) as session:
        assert charsets(session) == [charset, charset, charset, name]


@pytest.mark.usefixtures("account_is_known")
def test_the_collation_of_the_login_may_become_another(server: Server) -> None:
    """Newer MariaDB takes a charset's old default collation (45) for a wish of its default."""
    newer = is_newer_mariadb(server)
    with Greeting(server, 45) as session:
        assert collation(session) == ("utf8mb4_uca1400_ai_ci" if newer else "utf8mb4_general_ci")


@pytest.mark.usefixtures("account_is_known")
def test_a_charset_of_the_login_that_no_client_can_have_is_refused(server: Server) -> None:
    with pytest.raises(ConnectionError, match=r"1231.*ucs2"):
        Greeting(server, 35)


@pytest.mark.usefixtures("account_is_known")
def test_an_unknown_collation_of_the_login_becomes_the_servers(server: Server) -> None:
    with Greeting(server, 0) as session:
        assert charsets(session)[0] == session.do("SELECT @@global.character_set_client").value


@pytest.mark.usefixtures("account_is_known")
def test_a_reset_goes_back_to_the_logins_charset_on_mariadb_only(server: Server) -> None:
    """On MySQL to the server's; neither says a word of it."""
    with Greeting(server, 28) as session:
        session.do("SET NAMES latin1")
        said = session.command(bytes([COM_RESET_CONNECTION]))
        assert said.variables == {}
        charset = charsets(session)[0]
        if server.kind == "mysql":
            assert charset == session.do("SELECT @@global.character_set_client").value
        else:
            assert charset == "gbk"


def test_login_reports_the_charsets_on_newer_mariadb_only(connect: Connect, server: Server) -> None:
    assert (b"character_set_client" in connect().login_ok) is is_newer_mariadb(server)
