"""System and user variables: when a SELECT of them is the same bytes again, and what SET makes of its values."""

import pytest

from proxy.wire.constants import COM_QUERY, COM_STMT_EXECUTE, COM_STMT_PREPARE

from ..servers import Server
from .conftest import Session

SYNTAX, WRONG_VALUE, WRONG_TYPE, UNKNOWN_VARIABLE = 1064, 1231, 1232, 1193


def is_old_mariadb(server: Server) -> bool:
    return server.kind == "mariadb" and server.version.startswith("10.")


def reply(session: Session, text: str) -> list[bytes]:
    """The packets of the reply."""
    session.send(bytes([COM_QUERY]) + text.encode())
    return session.read_all(0.05)


def column_name(session: Session, text: str) -> bytes:
    definition = reply(session, text)[1]
    name = definition[len(b"\x03def\0\0\0") :]
    return name[1 : 1 + name[0]]


def value(session: Session, variable: str) -> str | None:
    return session.do(f"SELECT @@{variable}").value


def test_a_variable_is_the_same_bytes_again_under_the_same_facts(session: Session) -> None:
    for text in ("SELECT @@autocommit", "SELECT @@session.time_zone AS tz, @@sql_mode", "SELECT @@version"):
        before = reply(session, text)
        for between in ("DO 1", "SET lc_time_names='de_DE'", "SET net_write_timeout=77", "USE information_schema"):
            session.do(between)
            assert reply(session, text) == before


def test_only_the_last_packet_knows_of_the_transaction(session: Session) -> None:
    before = reply(session, "SELECT @@autocommit")
    session.do("SET session_track_transaction_info=OFF")
    session.do("BEGIN")
    within = reply(session, "SELECT @@autocommit")
    assert within[:-1] == before[:-1]
    assert (before[-1][3], within[-1][3]) == (2, 3)


def test_the_result_charset_is_in_the_metadata_of_text_but_not_of_numbers(session: Session) -> None:
    session.do("SET NAMES utf8mb4")
    text, number = reply(session, "SELECT @@sql_mode"), reply(session, "SELECT @@autocommit")
    for charset in ("latin1", "NULL"):
        session.do(f"SET character_set_results={charset}")
        assert reply(session, "SELECT @@sql_mode") != text
        assert reply(session, "SELECT @@autocommit") == number
    session.do("SET NAMES utf8mb4")
    assert reply(session, "SELECT @@sql_mode") == text


def test_client_and_connection_charset_do_not_matter(session: Session) -> None:
    session.do("SET NAMES utf8mb4")
    before = reply(session, "SELECT @@time_zone")
    for setting in ("client=latin1", "connection=latin1"):
        session.do(f"SET character_set_{setting}")
        assert reply(session, "SELECT @@time_zone") == before


def test_sql_select_limit_takes_the_row_away(session: Session) -> None:
    assert len(reply(session, "SELECT @@autocommit")) == 4
    session.do("SET sql_select_limit=0")
    assert len(reply(session, "SELECT @@autocommit")) == 3


def test_the_column_is_named_as_the_text_has_it(session: Session) -> None:
    for name in ("@@autocommit", "@@AutoCommit", "@@session.autocommit", "@@SESSION.autocommit", "@@`autocommit`"):
        assert column_name(session, f"SELECT {name}") == name.encode()
        assert column_name(session, f"select  /* x */ {name} ") == name.encode()
    for alias in ("AS a", "a", "AS `a`", "AS 'a'"):
        assert column_name(session, f"SELECT @@autocommit {alias}") == b"a"


def test_a_prepared_statement_has_the_same_metadata_and_another_row(session: Session) -> None:
    for text in ("SELECT @@autocommit", "SELECT @@time_zone"):
        said = reply(session, text)
        session.send(bytes([COM_STMT_PREPARE]) + text.encode())
        number = session.read_all(0.05)[0][1:5]
        session.send(bytes([COM_STMT_EXECUTE]) + number + b"\0\1\0\0\0")
        executed = session.read_all(0.05)
        assert executed[:2] == said[:2]
        assert executed[2] != said[2]
        assert executed[3] == said[3]


def test_the_same_value_again_is_reported_again_and_changes_nothing(session: Session) -> None:
    for zone, stored in (("+01:00", "+01:00"), ("SYSTEM", "SYSTEM"), ("system", "SYSTEM"), ("+1:00", "+01:00")):
        for _ in range(2):
            assert session.do(f"SET time_zone='{zone}'").variables == {"time_zone": stored}
            assert value(session, "time_zone") == stored


def test_a_value_may_be_stored_in_other_words(session: Session, server: Server) -> None:
    said = session.do("SET sql_mode='strict_trans_tables,ansi_quotes'")
    assert value(session, "sql_mode") == "ANSI_QUOTES,STRICT_TRANS_TABLES"
    assert said.warnings == (1 if server.kind == "mysql" else 0), "strict mode alone, each time"
    assert session.do("SET sql_mode='ANSI_QUOTES,STRICT_TRANS_TABLES'").warnings == said.warnings


@pytest.mark.parametrize("form", ["SET {}", "SET @@session.{}", "SET @@local.{}", "SET SESSION {}", "SET LOCAL {}"])
def test_forms_of_set_that_are_tracked(session: Session, form: str) -> None:
    assert session.do(form.format("time_zone='+02:00'")).variables == {"time_zone": "+02:00"}


def test_mariadb_does_not_track_two_at_signs_alone(session: Session, server: Server) -> None:
    """What the tracker said last is then wrong, except for autocommit, which is in the status flags too."""
    session.do("SET time_zone='+02:00'")
    said = session.do("SET @@time_zone='+03:00'")
    assert said.variables == ({"time_zone": "+03:00"} if server.kind == "mysql" else {})
    assert value(session, "time_zone") == "+03:00"
    said = session.do("SET @@autocommit=0")
    assert not said.autocommit
    assert said.variables == ({"autocommit": "OFF"} if server.kind == "mysql" else {})


def test_newer_mariadb_reports_autocommit_for_other_flags(session: Session, server: Server) -> None:
    newer = server.kind == "mariadb" and not is_old_mariadb(server)
    for name in ("foreign_key_checks", "unique_checks"):
        assert session.do(f"SET {name}=0").variables == ({"autocommit": "ON"} if newer else {})


def test_default_and_global_take_what_others_may_change(session: Session) -> None:
    inherited = value(session, "global.time_zone")
    for setting in ("DEFAULT", "@@global.time_zone"):
        session.do("SET time_zone='+02:00'")
        assert session.do(f"SET time_zone={setting}").variables == {"time_zone": inherited}


def test_a_list_is_set_as_a_whole_or_not_at_all(session: Session) -> None:
    session.do("SET @a=NULL")
    for text, error in (
        ("SET time_zone='+02:00', autocommit=0, sql_mode='nosuch'", WRONG_VALUE),
        ("SET autocommit=0, time_zone='nosuch'", 1298),
        ("SET @a=5, autocommit=7", WRONG_VALUE),
        ("SET autocommit=0, GLOBAL nosuch=1", UNKNOWN_VARIABLE),
    ):
        assert session.ask(text).error == error
        [row] = session.do("SELECT @@autocommit, @@time_zone = @@global.time_zone, @a").rows
        assert row == ["1", "1", None], text
    said = session.do("SET time_zone='+02:00', @a=5, autocommit=0")
    assert said.variables == {"time_zone": "+02:00", "autocommit": "OFF"}


def test_expressions_in_a_list_see_what_was_before_it(session: Session) -> None:
    session.do("SET @zone=NULL, time_zone='+02:00'")
    session.do("SET time_zone='+05:00', @zone=@@time_zone")
    assert session.do("SELECT @zone").value == "+02:00"


def test_the_last_of_two_of_the_same_name_wins(session: Session) -> None:
    assert session.do("SET autocommit=0, SESSION autocommit=1").autocommit
    assert not session.do("SET autocommit=1, autocommit=0").autocommit


@pytest.mark.parametrize(
    "word", ["1", "01", "+1", "1+0", "ON", "on", "TRUE", "`on`", "'ON'", '"on"', "DEFAULT", "(SELECT 1)", "@one", "1#x"]
)
def test_these_turn_autocommit_on(session: Session, word: str) -> None:
    session.do("SET autocommit=0, @one=1")
    assert session.do(f"SET autocommit={word}").autocommit
    session.do("SET autocommit=0")
    assert session.do(f"SET autocommit := {word}").autocommit


@pytest.mark.parametrize("word", ["2", "-1", "'1'", "'true'", "NULL", "1.0", "0x1", "b'1'", "1--1", "''"])
def test_these_are_no_value_for_autocommit(session: Session, word: str) -> None:
    """`1--1` is 2; a number in quotes is not the number."""
    assert session.ask(f"SET autocommit={word}").error in (WRONG_VALUE, WRONG_TYPE)
    assert session.do("DO 1").autocommit


def test_a_not_sign_after_the_equal_sign_is_mariadbs_only(session: Session, server: Server) -> None:
    said = session.ask("SET autocommit=!1")
    if server.kind == "mysql":
        assert said.error == SYNTAX
    else:
        assert not said.autocommit
    assert not session.do("SET autocommit= !1").autocommit


def test_user_variables_are_their_own_and_know_no_case(session: Session) -> None:
    said = session.do("SET @autocommit=0")
    assert said.autocommit
    assert said.variables == {}
    session.do("SET @U='v'")
    assert session.do("SELECT @u").value == "v"


def test_global_and_persist_do_not_touch_the_session(session: Session, server: Server) -> None:
    """Both need rights that the session has not; PERSIST is MySQL's."""
    for text in ("SET GLOBAL autocommit=0", "SET @@global.autocommit=0"):
        assert session.ask(text).error == 1227
    for text in ("SET PERSIST autocommit=0", "SET PERSIST_ONLY autocommit=0"):
        assert session.ask(text).error in ((1227, 3630) if server.kind == "mysql" else (SYNTAX,))
    assert session.do("DO 1").autocommit


def test_setting_the_global_leaves_the_session_alone(server: Server) -> None:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION autocommit=0")
        cursor.execute("SET GLOBAL autocommit=@@global.autocommit")
        cursor.execute("SELECT @@session.autocommit")
        assert cursor.fetchall() == ((0,),)


def test_session_and_a_dot_without_at_signs_is_no_scope(session: Session, server: Server) -> None:
    assert session.ask("SET session.autocommit=0").error == (SYNTAX if server.kind == "mysql" else 4081)
    assert session.do("DO 1").autocommit


def test_version_comments_run(session: Session) -> None:
    assert not session.do("/*!40101 SET autocommit=0 */").autocommit
    assert session.do("/*! SET autocommit=1 */;").autocommit
    assert session.do("/*!999999 SET autocommit=0 */").autocommit
    assert not session.do("SET autocommit=/*!0*/").autocommit
    assert session.do("SET autocommit=/*!0+*/1").autocommit


def test_comments_with_an_m_are_mariadbs(session: Session, server: Server) -> None:
    assert session.do("/*M! SET autocommit=0 */").autocommit is (server.kind == "mysql")


def test_mysql_tracks_the_isolation_level_under_the_name_that_it_has(session: Session, server: Server) -> None:
    """MariaDB 10 knows it as tx_isolation only, newer ones as both and MySQL as transaction_isolation only."""
    name = "tx_isolation" if is_old_mariadb(server) else "transaction_isolation"
    session.do(f"SET session_track_system_variables='{name}'")
    said = session.do("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    assert said.variables == {name: "READ-COMMITTED"}
    unknown = session.ask("SET session_track_system_variables='nosuch_variable'")
    assert unknown.error or unknown.warnings
