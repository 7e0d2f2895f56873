"""What the session tracker reports, what it repeats, and where it is silent, late or wrong."""

from collections.abc import Iterator

import pytest

from proxy.wire.constants import (
    CLIENT_DEPRECATE_EOF,
    CLIENT_SESSION_TRACK,
    COM_CHANGE_USER,
    COM_INIT_DB,
    COM_RESET_CONNECTION,
    SERVER_SESSION_STATE_CHANGED,
)
from proxy.wire.handshake import AUTH_MORE_DATA, AUTH_SWITCH, AuthSwitch
from proxy.wire.replies import OK, Ok
from tests.raw import scramble

from ..servers import Server
from .conftest import TRACKING, Connect, Said, Session, note

UNKNOWN_DATABASE = 1049
UNKNOWN_VARIABLE = 1193
CHARSETS = {"character_set_client", "character_set_connection", "character_set_results"}
BY_DEFAULT = CHARSETS | {"autocommit", "time_zone"}
LIST = "@@session_track_system_variables"
SET_LIST = "SET session_track_system_variables"


@pytest.fixture
def isolation(server: Server) -> str:
    return "transaction_isolation" if server.kind == "mysql" else "tx_isolation"


@pytest.fixture(scope="module")
def routines(server: Server) -> Iterator[None]:
    """Functions f_zone, f_mode and procedures p_zone, p_mode, rows_mode, which set time_zone and sql_mode."""
    body = {"zone": "SET time_zone='+05:00'", "mode": "SET sql_mode='ANSI_QUOTES'"}
    for name, text in body.items():
        server.run(
            f"CREATE FUNCTION {server.schema}.f_{name}() RETURNS int NO SQL BEGIN {text}; RETURN 1; END",
            f"CREATE PROCEDURE {server.schema}.p_{name}() BEGIN {text}; END",
        )
    server.run(f"CREATE PROCEDURE {server.schema}.rows_mode() BEGIN {body['mode']}; SELECT 1; END")
    yield
    server.run(f"DROP PROCEDURE {server.schema}.rows_mode")
    for name in body:
        server.run(f"DROP FUNCTION {server.schema}.f_{name}", f"DROP PROCEDURE {server.schema}.p_{name}")


@pytest.fixture
def second_schema(server: Server) -> Iterator[str]:
    """A schema that the tests' account may drop."""
    name, user = f"{server.schema}_2", server.account.user
    server.run(f"CREATE DATABASE {name}", f"GRANT ALL ON {name}.* TO '{user}'@'%'")
    yield name
    server.run(f"DROP DATABASE IF EXISTS {name}", f"REVOKE ALL ON {name}.* FROM '{user}'@'%'")


def newer_mariadb(server: Server) -> bool:
    """Whether it is a MariaDB of the series that reworked the tracker: measured on 11.8, not yet so in 10.11."""
    return server.kind == "mariadb" and int(server.version.split(".")[0]) >= 11


def tracked(session: Session) -> set[str]:
    """The names on the session's list."""
    return set(str(session.do(f"SELECT {LIST}").value).split(","))


# The list of variables


def test_what_is_tracked_by_default(session: Session, server: Server) -> None:
    assert tracked(session) == (BY_DEFAULT | {"redirect_url"} if newer_mariadb(server) else BY_DEFAULT)
    off = session.do("SELECT @@session_track_schema, @@session_track_state_change, @@session_track_transaction_info")
    assert off.rows == [["1", "0", "OFF"]]


def test_only_newer_mariadbs_report_the_variables_at_login(session: Session, server: Server) -> None:
    said = Said()
    note(said, Ok(session.login_ok, session.capabilities))
    assert said.schema == server.schema
    assert set(said.variables) == (BY_DEFAULT | {"redirect_url"} if newer_mariadb(server) else set())


def test_one_set_extends_the_list_and_reports_nothing(session: Session, isolation: str) -> None:
    before = tracked(session)
    said = session.do(f"{SET_LIST}=CONCAT({LIST}, ',{isolation},sql_mode')")
    assert (said.variables, said.warnings) == ({}, 0)
    assert tracked(session) == before | {isolation, "sql_mode"}
    assert session.do("SET sql_mode='ANSI_QUOTES'").variables == {"sql_mode": "ANSI_QUOTES"}


def test_a_name_it_does_not_know_is_ignored_by_mysql_and_refused_by_mariadb(session: Session, server: Server) -> None:
    said = session.ask(f"{SET_LIST}='sql_mode,nothing'")
    assert (said.error, said.warnings) == ((0, 1) if server.kind == "mysql" else (UNKNOWN_VARIABLE, 0))
    reported = {"sql_mode": ""} if server.kind == "mysql" else {}
    assert session.do("SET sql_mode=''").variables == reported


def test_a_name_off_the_list_is_reported_no_more(session: Session) -> None:
    assert session.do(f"{SET_LIST}=''").variables == {}
    assert session.do("SET time_zone='+01:00', autocommit=1, NAMES utf8mb4").variables == {}


def test_a_list_that_holds_itself_reports_itself(session: Session) -> None:
    names = "session_track_system_variables,time_zone"
    assert session.do(f"{SET_LIST}='{names}'").variables == {"session_track_system_variables": names}


def test_everything_tracked_adds_a_statement_id_to_every_ok_of_mysql(session: Session, server: Server) -> None:
    session.do(f"{SET_LIST}='*'")
    for text in ("DO 1", "SELECT 1", "COMMIT", "SET sql_mode=''"):
        said = session.do(text)
        assert ("statement_id" in said.variables) is (server.kind == "mysql")
    assert said.variables["sql_mode"] == ""


# Values


@pytest.mark.parametrize(
    ("name", "value"),
    [("time_zone", "+01:00"), ("sql_mode", "ANSI_QUOTES"), ("autocommit", "ON"), ("completion_type", "CHAIN")],
)
def test_an_equal_value_is_reported_again(session: Session, name: str, value: str) -> None:
    session.do(f"{SET_LIST}='{name}'")
    for _ in range(3):
        assert session.do(f"SET {name}='{value}'").variables == {name: value}


def test_set_names_reports_the_three_charsets_each_time(session: Session) -> None:
    for charset in ("utf8mb4", "utf8mb4", "latin1"):
        assert session.do(f"SET NAMES {charset}").variables == dict.fromkeys(CHARSETS, charset)


def test_a_charset_of_null_is_reported_as_nothing(session: Session) -> None:
    assert session.do("SET character_set_results=NULL").variables == {"character_set_results": ""}


def test_set_names_does_not_report_the_collation_that_it_sets(session: Session) -> None:
    """Not even where collation_connection is listed; newer MariaDBs do not list it beside character_set_connection."""
    session.do(f"{SET_LIST}=CONCAT({LIST}, ',collation_connection')")
    said = session.do("SET NAMES utf8mb4 COLLATE utf8mb4_bin")
    assert said.variables == dict.fromkeys(CHARSETS, "utf8mb4")
    assert session.do("SELECT @@collation_connection").value == "utf8mb4_bin"


def test_what_setting_the_collation_reports(session: Session, server: Server) -> None:
    newer = newer_mariadb(server)
    set_collation = "SET collation_connection=utf8mb4_bin"
    assert session.do(set_collation).variables == ({"character_set_connection": "utf8mb4"} if newer else {})
    session.do(f"{SET_LIST}=CONCAT({LIST}, ',collation_connection')")
    listed = {"character_set_connection": "utf8mb4"} if newer else {"collation_connection": "utf8mb4_bin"}
    assert session.do(set_collation).variables == listed
    assert ("collation_connection" in tracked(session)) is not newer


def test_several_variables_of_one_set_are_reported_together(session: Session) -> None:
    assert session.do("SET time_zone='+02:00', autocommit=0").variables == {"time_zone": "+02:00", "autocommit": "OFF"}


# Routines


@pytest.mark.parametrize("capabilities", [TRACKING, CLIENT_SESSION_TRACK])
@pytest.mark.parametrize("text", ["CALL p_zone()", "DO f_zone()"])
@pytest.mark.usefixtures("routines")
def test_a_variable_set_by_a_routine_is_reported_in_an_ok(connect: Connect, capabilities: int, text: str) -> None:
    assert connect(capabilities).do(text).variables == {"time_zone": "+05:00"}


@pytest.mark.usefixtures("routines")
def test_one_set_by_a_function_of_a_select_is_reported_at_its_end(session: Session) -> None:
    assert session.do("SELECT f_zone()").variables == {"time_zone": "+05:00"}
    assert session.do("DO 1").variables == {}


@pytest.mark.usefixtures("routines")
def test_with_plain_eof_mysql_reports_it_late_and_mariadb_never(connect: Connect, server: Server) -> None:
    session = connect(CLIENT_SESSION_TRACK)
    assert session.do("SELECT f_zone()").variables == {}
    assert session.do("SELECT @@time_zone").value == "+05:00"
    late = {"time_zone": "+05:00"} if server.kind == "mysql" else {}
    assert session.do("DO 1").variables == late
    assert session.do("DO 1").variables == {}


@pytest.mark.parametrize("capabilities", [0, CLIENT_SESSION_TRACK])
@pytest.mark.usefixtures("routines")
def test_mariadb_flags_it_in_the_eof_packet_even_for_who_did_not_ask(
    connect: Connect, server: Server, capabilities: int
) -> None:
    """MySQL never does, and in OK packets both only for who asked: who strips state blocks leaves EOF packets alone."""
    said = connect(capabilities).do("SELECT f_zone()")
    assert said.status is not None
    assert (said.status & SERVER_SESSION_STATE_CHANGED != 0) is (server.kind == "mariadb")


def test_in_the_eof_of_mariadb_it_shows_whether_somebody_asks_for_reports(
    connect: Connect, server: Server, table: str
) -> None:
    """What an OK has reported is no news any more: so a proxy must not ask on behalf of a client that gets EOFs."""
    flagged = {}
    for capabilities in (0, CLIENT_SESSION_TRACK):
        session = connect(capabilities)
        session.do("SET session_track_transaction_info='CHARACTERISTICS'")
        session.do("SET TRANSACTION READ ONLY")
        session.do("SET TRANSACTION READ WRITE")
        session.do("COMMIT")
        status = session.do(f"SELECT n FROM {table}").status
        assert status is not None
        flagged[capabilities] = status & SERVER_SESSION_STATE_CHANGED != 0
    assert flagged == {0: server.kind == "mariadb", CLIENT_SESSION_TRACK: False}


@pytest.mark.usefixtures("routines")
def test_an_ok_has_the_flag_only_for_who_asked(connect: Connect) -> None:
    for capabilities in (CLIENT_DEPRECATE_EOF, TRACKING):
        status = connect(capabilities).do("SELECT f_zone()").status
        assert status is not None
        assert (status & SERVER_SESSION_STATE_CHANGED != 0) is (capabilities == TRACKING)


def test_mariadb_reports_nothing_of_two_at_signs_in_a_routine(session: Session, server: Server) -> None:
    """So there stored code can change a variable unseen, though not the isolation level: that form is for one shot."""
    server.run(
        f"CREATE FUNCTION {server.schema}.f_bare() RETURNS int NO SQL BEGIN SET @@time_zone='+08:00'; RETURN 1; END"
    )
    try:
        said = session.do("SELECT f_bare()")
        assert said.variables == ({"time_zone": "+08:00"} if server.kind == "mysql" else {})
        assert session.do("SELECT @@time_zone").value == "+08:00"
    finally:
        server.run(f"DROP FUNCTION {server.schema}.f_bare")


@pytest.mark.parametrize("text", ["CALL p_mode()", "SELECT f_mode()", "DO f_mode()"])
@pytest.mark.usefixtures("routines")
def test_sql_mode_set_by_a_routine_is_undone_and_reported_as_undone(session: Session, text: str) -> None:
    session.do(f"{SET_LIST}='sql_mode'")
    session.do("SET sql_mode='PIPES_AS_CONCAT'")
    assert session.do(text).variables == {"sql_mode": "PIPES_AS_CONCAT"}
    assert session.do("SELECT @@sql_mode").value == "PIPES_AS_CONCAT"


@pytest.mark.parametrize(("capabilities", "reported"), [(TRACKING, "ANSI_QUOTES"), (CLIENT_SESSION_TRACK, "")])
@pytest.mark.usefixtures("routines")
def test_sql_mode_is_reported_wrongly_with_a_result_set_that_the_routine_sends_before_its_end(
    connect: Connect, capabilities: int, reported: str
) -> None:
    """The report goes out with the rows, if their end can carry one, and nothing corrects it."""
    session = connect(capabilities)
    session.do(f"{SET_LIST}='sql_mode'")
    session.do("SET sql_mode=''")
    assert session.do("CALL rows_mode()").variables == {"sql_mode": reported}
    said = session.do("SELECT @@sql_mode")
    assert (said.value, said.variables) == ("", {})


def test_a_trigger_counts_as_the_statement_that_fires_it(session: Session, server: Server, table: str) -> None:
    server.run(
        f"CREATE TRIGGER {server.schema}.zone BEFORE INSERT ON {server.schema}.{table} "
        "FOR EACH ROW SET @@session.time_zone='+09:00'"
    )
    assert session.do(f"INSERT INTO {table} VALUES (4, 40)").variables == {"time_zone": "+09:00"}


def test_set_statement_reports_the_temporary_value(session: Session, server: Server) -> None:
    said = session.ask("SET STATEMENT time_zone='+07:00' FOR DO 1")
    if server.kind == "mysql":
        assert said.error == 1064, "MariaDB's own"
    else:
        assert said.variables == {"time_zone": "+07:00"}
        assert session.do("SELECT @@time_zone").value != "+07:00"
        assert session.do("DO 1").variables == {}


# The schema


def test_a_schema_is_reported_each_time_it_is_chosen(session: Session, server: Server) -> None:
    for schema in (server.schema, "information_schema", "information_schema"):
        assert session.do(f"USE {schema}").schema == schema
        assert session.command(bytes([COM_INIT_DB]) + schema.encode()).schema == schema


def test_a_client_can_switch_the_report_off(session: Session, server: Server) -> None:
    session.do("SET session_track_schema=0")
    assert session.do(f"USE {server.schema}").schema is None


def test_dropping_the_current_schema_is_reported(session: Session, second_schema: str) -> None:
    session.do(f"USE {second_schema}")
    assert session.do(f"DROP DATABASE {second_schema}").schema == ""
    assert session.do("SELECT DATABASE()").value is None


def test_somebody_else_dropping_it_is_not(session: Session, server: Server, second_schema: str) -> None:
    session.do(f"USE {second_schema}")
    server.run(f"DROP DATABASE {second_schema}")
    said = session.do("SELECT DATABASE()")
    assert (said.value, said.schema) == (second_schema, None)
    assert session.ask(f"USE {second_schema}").error == UNKNOWN_DATABASE


# Transactions


def test_the_letters_of_a_transaction(session: Session, table: str) -> None:
    """Explicit; read, of tables with rollback; write; unsafe; result sent."""
    session.do("SET session_track_transaction_info='STATE'")
    for text, letters in (
        ("BEGIN", "T_______"),
        ("SELECT 1", "T_____S_"),
        (f"SELECT n FROM {table}", "T_R___S_"),
        (f"SELECT n FROM {table}", None),
        ("SELECT RAND()", "T_R__sS_"),
        (f"UPDATE {table} SET n = n", "T_R_WsS_"),
        ("COMMIT", "________"),
        ("COMMIT", None),
    ):
        assert session.do(text).transaction == letters, text


def test_a_locking_read_counts_as_a_write(session: Session, table: str) -> None:
    session.do("SET session_track_transaction_info='STATE'")
    session.do("BEGIN")
    assert session.do(f"SELECT n FROM {table} FOR UPDATE").transaction == "T___W_S_"


def test_the_letters_of_an_implicit_transaction(session: Session, table: str) -> None:
    session.do("SET session_track_transaction_info='STATE', autocommit=0")
    assert session.do(f"SELECT n FROM {table}").transaction == "I_R___S_"
    assert session.do("ROLLBACK").transaction == "________"
    assert session.do(f"UPDATE {table} SET n = n").transaction == "I___W___"


def test_statements_in_autocommit_mode_have_no_letters(session: Session, table: str) -> None:
    session.do("SET session_track_transaction_info='STATE'")
    for text in (f"SELECT n FROM {table}", f"UPDATE {table} SET n = n"):
        assert session.do(text).transaction is None


def test_locked_tables_have_a_letter_on_mariadb_and_mysql(session: Session, table: str) -> None:
    session.do("SET session_track_transaction_info='STATE'")
    assert session.do(f"LOCK TABLES {table} READ").transaction == "_______L"
    session.do("COMMIT")
    assert session.do("UNLOCK TABLES").transaction == "________"


def test_creating_a_temporary_table_blinds_the_letters_of_mysql(session: Session, server: Server, table: str) -> None:
    """Until the end of the transaction they say that none is open, and nothing was written."""
    session.do("SET session_track_transaction_info='STATE'")
    session.do("BEGIN")
    session.do(f"UPDATE {table} SET n = 11 WHERE id = 1")
    said = session.do("CREATE TEMPORARY TABLE mine (a int)")
    assert said.in_transaction
    assert said.transaction == ("________" if server.kind == "mysql" else None)
    said = session.do(f"SELECT n FROM {table} WHERE id = 1")
    assert said.in_transaction
    assert said.transaction == (None if server.kind == "mysql" else "T_R_W_S_")
    session.do("ROLLBACK")
    assert session.do(f"SELECT n FROM {table} WHERE id = 1").value == "10"


def test_mysql_reports_begin_and_commit_even_where_switched_off(session: Session, server: Server, table: str) -> None:
    on = server.kind == "mysql"
    assert session.do("SELECT @@session_track_transaction_info").value == "OFF"
    assert session.do("BEGIN").transaction == ("T_______" if on else None)
    assert session.do(f"UPDATE {table} SET n = n").transaction is None
    assert session.do("COMMIT").transaction == ("________" if on else None)


# Resets


def change_user(session: Session, server: Server, schema: str) -> Said:
    """Log in again as the same user; what the OK says."""
    account, plugin = server.account, session.greeting.plugin
    names = account.user.encode() + b"\0" + b"\0" + schema.encode() + b"\0"
    session.send(bytes([COM_CHANGE_USER]) + names + (45).to_bytes(2, "little") + plugin + b"\0")
    sequence_id, payload = session.read()
    assert payload[0] == AUTH_SWITCH
    switch = AuthSwitch(payload)
    session.send(scramble(switch.plugin, account.password.encode(), switch.nonce), sequence_id + 1)
    _, payload = session.read()
    while payload[0] == AUTH_MORE_DATA:
        _, payload = session.read()
    assert payload[0] == OK
    ok = Ok(payload, session.capabilities)
    said = Said(status=ok.status)
    note(said, ok)
    return said


@pytest.mark.parametrize("how", ["COM_RESET_CONNECTION", "COM_CHANGE_USER"])
def test_a_reset_undoes_everything_and_reports_no_variable(
    session: Session, server: Server, table: str, isolation: str, how: str
) -> None:
    before = tracked(session)
    mine = f"SELECT @@autocommit, @@time_zone, @@{isolation}, @@character_set_client, @a"
    values = session.do(mine).rows
    session.do(f"SET autocommit=0, time_zone='+01:00', {isolation}='SERIALIZABLE', NAMES latin1, @a=1")
    session.do(f"{SET_LIST}='sql_mode'")
    session.do("CREATE TEMPORARY TABLE mine (a int)")
    session.do("SELECT GET_LOCK('facts', 0)")
    session.do(f"UPDATE {table} SET n = 11 WHERE id = 1")
    if how == "COM_CHANGE_USER":
        said = change_user(session, server, server.schema)
    else:
        said = session.command(bytes([COM_RESET_CONNECTION]))
    assert (said.variables, said.autocommit, said.in_transaction) == ({}, True, False)
    assert session.do(mine).rows == values
    assert tracked(session) == before
    assert session.ask("SELECT * FROM mine").error == 1146
    assert session.do("SELECT IS_USED_LOCK('facts')").value is None
    assert session.do(f"SELECT n FROM {table} WHERE id = 1").value == "10"


def test_a_reset_drops_a_pending_set_transaction(session: Session) -> None:
    session.do("SET TRANSACTION READ ONLY")
    session.command(bytes([COM_RESET_CONNECTION]))
    assert not session.do("BEGIN").in_read_only_transaction


def test_a_reset_keeps_the_schema_and_does_not_report_it(session: Session) -> None:
    session.do("USE information_schema")
    assert session.command(bytes([COM_RESET_CONNECTION])).schema is None
    assert session.do("SELECT DATABASE()").value == "information_schema"


def test_a_change_of_user_sets_the_schema_and_reports_it(session: Session, server: Server) -> None:
    session.do("USE information_schema")
    assert change_user(session, server, server.schema).schema == server.schema
    assert session.do("SELECT DATABASE()").value == server.schema
