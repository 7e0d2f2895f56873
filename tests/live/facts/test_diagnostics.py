"""What statements that change nothing do to the diagnostics, and what their OK packets say, byte for byte."""

import time

import pytest

from proxy.wire.constants import (
    CLIENT_DEPRECATE_EOF,
    COM_INIT_DB,
    COM_PING,
    COM_QUERY,
    COM_QUIT,
    COM_RESET_CONNECTION,
    COM_STATISTICS,
    COM_STMT_PREPARE,
    SERVER_SESSION_STATE_CHANGED,
    SERVER_STATUS_AUTOCOMMIT,
    SERVER_STATUS_IN_TRANS,
    SERVER_STATUS_IN_TRANS_READONLY,
    SESSION_TRACK_SCHEMA,
    SESSION_TRACK_SYSTEM_VARIABLES,
    SESSION_TRACK_TRANSACTION_STATE,
)
from proxy.wire.fields import lenenc_bytes

from ..servers import Server
from .conftest import TRACKING, Connect, Session

WARNS = "SELECT CAST('abc' AS SIGNED)"
STATEMENTS = ("SET autocommit=1", "SET NAMES utf8mb4", "SET @a=1", "COMMIT", "ROLLBACK", "BEGIN", "USE {schema}")
NO_TABLE = (*STATEMENTS, "DO 1", "SELECT 1", "SELECT @@autocommit", "SELECT @@warning_count", "SELECT ROW_COUNT()")
AUTOCOMMIT = SERVER_STATUS_AUTOCOMMIT
CHANGED = SERVER_SESSION_STATE_CHANGED


def commands(server: Server, *texts: str) -> list[bytes]:
    """COM_QUERY payloads, and after them COM_PING and COM_INIT_DB of the current schema."""
    queries = [bytes([COM_QUERY]) + text.format(schema=server.schema).encode() for text in texts]
    return [*queries, bytes([COM_PING]), bytes([COM_INIT_DB]) + server.schema.encode()]


def listed(session: Session) -> list[str | None]:
    return [code for _, code, _ in session.do("SHOW WARNINGS").rows]


def test_a_redundant_statement_resets_row_count_but_not_found_rows_and_last_insert_id(
    session: Session, server: Server, table: str
) -> None:
    for payload in commands(server, *STATEMENTS):
        for setting, reading, before, after in (
            (f"UPDATE {table} SET n = n + 1", "ROW_COUNT()", "3", "0"),
            (f"SELECT id FROM {table}", "FOUND_ROWS()", "3", "3"),
            ("DO LAST_INSERT_ID(7)", "LAST_INSERT_ID()", "7", "7"),
        ):
            session.do(setting)
            assert session.do(f"SELECT {reading}").value == before
            session.do(setting)
            assert not session.command(payload).error
            assert session.do(f"SELECT {reading}").value == after, (payload, reading)


def test_com_statistics_resets_nothing(session: Session, table: str) -> None:
    session.do(f"UPDATE {table} SET n = n + 1")
    session.command(bytes([COM_STATISTICS]))
    assert session.do("SELECT ROW_COUNT()").value == "3"


def test_a_select_without_a_table_sets_row_count_and_found_rows(session: Session, table: str) -> None:
    """A known variable that is answered by somebody else leaves not 0 behind but -1 and 1."""
    for text in ("SELECT 1", "SELECT @@autocommit"):
        for setting, reading, after in (
            (f"UPDATE {table} SET n = n + 1", "ROW_COUNT()", "-1"),
            (f"SELECT id FROM {table}", "FOUND_ROWS()", "1"),
        ):
            session.do(setting)
            session.do(text)
            assert session.do(f"SELECT {reading}").value == after


def test_do_sets_found_rows_on_mysql(session: Session, server: Server, table: str) -> None:
    session.do(f"SELECT id FROM {table}")
    session.do("DO 1")
    assert session.do("SELECT FOUND_ROWS()").value == ("1" if server.kind == "mysql" else "3")


def test_mariadb_keeps_the_warnings_until_a_statement_reads_a_table(
    session: Session, server: Server, table: str
) -> None:
    """The OK packet in between says that there are none: its count alone does not make SHOW WARNINGS empty."""
    for text in NO_TABLE:
        assert session.do(WARNS).warnings == 1
        assert session.do(text.format(schema=server.schema)).warnings == 0
        assert listed(session) == ([] if server.kind == "mysql" else ["1292"]), text
    for text in (f"SELECT n FROM {table}", f"UPDATE {table} SET n = 0", "SHOW VARIABLES LIKE 'autocommit'"):
        session.do(WARNS)
        session.do(text)
        assert listed(session) == []


def test_an_error_replaces_the_warnings_and_is_kept_like_them(session: Session, server: Server) -> None:
    session.do(WARNS)
    assert session.ask("SELEC").error == 1064
    assert listed(session) == ["1064"]
    assert len(session.do("SHOW ERRORS").rows) == 1
    session.do("SET autocommit=1")
    assert len(session.do("SHOW ERRORS").rows) == (0 if server.kind == "mysql" else 1)


def test_com_ping_and_com_init_db_keep_the_warnings(session: Session, server: Server) -> None:
    """MySQL even repeats their count in the OK packet."""
    for payload in commands(server):
        session.do(WARNS)
        assert session.command(payload).warnings == (1 if server.kind == "mysql" else 0)
        assert listed(session) == ["1292"]


def test_com_reset_connection_clears_the_warnings_but_not_found_rows(session: Session, table: str) -> None:
    session.do(WARNS)
    session.command(bytes([COM_RESET_CONNECTION]))
    assert listed(session) == []
    session.do(f"SELECT id FROM {table}")
    session.command(bytes([COM_RESET_CONNECTION]))
    assert session.do("SELECT FOUND_ROWS()").value == "3"


def test_reading_diagnostics_keeps_them(session: Session) -> None:
    for text in ("SHOW WARNINGS", "SHOW ERRORS", "SHOW COUNT(*) WARNINGS", "GET DIAGNOSTICS @n = NUMBER"):
        session.do(WARNS)
        session.do(text)
        assert listed(session) == ["1292"], text


def test_only_mysql_forgets_them_on_reading_the_counts_as_variables(session: Session, server: Server) -> None:
    session.do(WARNS)
    assert session.do("SELECT @@warning_count").value == "1"
    assert session.do("SELECT @@warning_count").value == ("0" if server.kind == "mysql" else "1")
    session.ask("SELEC")
    assert session.do("SELECT @@error_count").value == "1"
    assert session.do("SELECT @@error_count").value == ("0" if server.kind == "mysql" else "1")


def test_get_diagnostics_sees_a_redundant_set(session: Session, server: Server, table: str) -> None:
    for between, number in (("SET @a=1", "0" if server.kind == "mysql" else "1"), (None, "1")):
        session.do(WARNS)
        if between:
            session.do(between)
        session.do("GET DIAGNOSTICS @n = NUMBER")
        assert session.do("SELECT @n").value == number
    for between, count in (("SET @a=1", "0"), (None, "3")):
        session.do(f"UPDATE {table} SET n = n + 1")
        if between:
            session.do(between)
        session.do("GET DIAGNOSTICS @n = ROW_COUNT")
        assert session.do("SELECT @n").value == count


def test_warnings_are_counted_beyond_max_error_count_and_not_listed(session: Session, server: Server) -> None:
    if server.kind == "mysql":
        assert session.ask("SET max_error_count=0").error == 1227, "needs a privilege there"
        return
    session.do("SET max_error_count=0")
    assert session.do(WARNS).warnings == 1
    assert listed(session) == []
    session.do(WARNS)
    assert session.do("SELECT @@warning_count").value == "1"


def test_no_warnings_are_an_empty_result_set_that_is_always_the_same(connect: Connect) -> None:
    """For SHOW WARNINGS and SHOW ERRORS; whatever sql_select_limit is, but not whatever the result charset is."""
    for capabilities, packets in ((0, 6), (CLIENT_DEPRECATE_EOF, 5)):
        session = connect(capabilities)
        found = []
        for text in ("DO 1", "SET sql_select_limit=0", "DO 1", "SET character_set_results=latin1"):
            session.do(text)
            session.query("SHOW WARNINGS")
            found.append(session.read_all())
            session.query("SHOW ERRORS")
            assert session.read_all() == found[-1]
        assert found[0] == found[1] == found[2] != found[3]
        assert len(found[0]) == packets
        assert [name in packet for name, packet in zip((b"Level", b"Code", b"Message"), found[0][1:4], strict=True)]


def test_a_new_session_may_inherit_found_rows_on_mariadb(connect: Connect, server: Server, table: str) -> None:
    """Where it gets the thread of one that ended; so after login nothing is known of it."""
    seen = set()
    for _ in range(20):
        last = connect()
        last.do(f"SELECT id FROM {table}")
        last.send(bytes([COM_QUIT]))
        time.sleep(0.05)
        seen.add(connect().do("SELECT FOUND_ROWS()").value)
    assert (seen == {"0"}) if server.kind == "mysql" else ("3" in seen)


def ok(status: int, *blocks: bytes) -> bytes:
    """An OK packet without rows, warnings and info; state blocks as the flag for them says."""
    packet = b"\0\0\0" + status.to_bytes(2, "little") + b"\0\0"
    return packet + b"\0" + lenenc_bytes(b"".join(blocks)) if status & CHANGED else packet


def block(kind: int, data: bytes) -> bytes:
    return bytes([kind]) + lenenc_bytes(data)


def variable(name: bytes, value: bytes) -> bytes:
    return block(SESSION_TRACK_SYSTEM_VARIABLES, lenenc_bytes(name) + lenenc_bytes(value))


def transaction(state: bytes) -> bytes:
    return block(SESSION_TRACK_TRANSACTION_STATE, lenenc_bytes(state))


def replies(session: Session, *texts: str) -> list[bytes]:
    found = []
    for text in texts:
        session.query(text)
        sequence_id, packet = session.read()
        assert sequence_id == 1
        found.append(packet)
    return found


@pytest.mark.parametrize("capabilities", [0, CLIENT_DEPRECATE_EOF])
def test_without_tracking_an_ok_packet_is_seven_bytes(connect: Connect, server: Server, capabilities: int) -> None:
    session = connect(capabilities)
    use = f"USE {server.schema}"
    for text in ("SET autocommit=1", "SET NAMES utf8mb4", "SET time_zone='SYSTEM'", "COMMIT", "ROLLBACK", use, "DO 1"):
        assert replies(session, text) == [ok(AUTOCOMMIT)], text
    assert replies(session, "SET autocommit=0", "BEGIN", "COMMIT") == [ok(0), ok(SERVER_STATUS_IN_TRANS), ok(0)]
    read_only = SERVER_STATUS_IN_TRANS | SERVER_STATUS_IN_TRANS_READONLY
    assert replies(session, "START TRANSACTION READ ONLY", "COMMIT") == [ok(read_only), ok(0)]


def test_with_tracking_set_and_use_say_what_they_set_even_if_it_was_so(session: Session, server: Server) -> None:
    on = ok(AUTOCOMMIT | CHANGED, variable(b"autocommit", b"ON"))
    assert replies(session, "SET autocommit=1", "SET autocommit=1") == [on, on]
    zone = ok(AUTOCOMMIT | CHANGED, variable(b"time_zone", b"+01:00"))
    assert replies(session, *["SET time_zone='+01:00'"] * 2) == [zone, zone]
    schema = ok(AUTOCOMMIT | CHANGED, block(SESSION_TRACK_SCHEMA, lenenc_bytes(server.schema.encode())))
    assert replies(session, *[f"USE {server.schema}"] * 2) == [schema, schema]
    session.send(bytes([COM_INIT_DB]) + server.schema.encode())
    assert session.read() == (1, schema)
    assert replies(session, "SET @a=1", "DO 1", "COMMIT") == [ok(AUTOCOMMIT)] * 3


def test_the_charsets_come_in_an_order_that_is_the_servers_own(connect: Connect) -> None:
    """A prediction learns the order from a reply; it is the same in each session that has the same list."""
    trio = [variable(b"character_set_" + name, b"latin1") for name in (b"client", b"connection", b"results")]
    found = {replies(connect(), "SET NAMES latin1")[0] for _ in range(4)}
    assert len(found) == 1
    [packet] = found
    assert all(member in packet for member in trio)
    assert len(packet) == len(ok(AUTOCOMMIT | CHANGED, *trio))


def test_another_list_may_bring_another_order_on_mariadb(session: Session, server: Server) -> None:
    """There the order also changes with each start of the server: block by block they are the same."""
    before = session.do("SET NAMES latin1").variables
    session.do("SET session_track_system_variables='*'")
    after = session.do("SET NAMES latin1").variables
    after.pop("statement_id", None)
    assert after == before
    if server.kind == "mysql":
        assert list(after) == list(before)


def test_mysql_numbers_the_statements_of_a_session_that_tracks_all_variables(session: Session, server: Server) -> None:
    session.do("SET session_track_system_variables='*'")
    one, other = session.do("COMMIT").variables, session.do("COMMIT").variables
    assert list(one) == list(other) == (["statement_id"] if server.kind == "mysql" else [])
    assert (one == other) is (server.kind == "mariadb")
    assert session.command(bytes([COM_PING])).variables == {}


def test_mysql_reports_transactions_although_the_variable_for_it_is_off(session: Session, server: Server) -> None:
    """BEGIN in a transaction even has the flag for state blocks and no block."""
    assert session.do("SELECT @@session.session_track_transaction_info").value == "OFF"
    found = replies(session, "BEGIN", "BEGIN", "COMMIT", "COMMIT")
    began, ended = AUTOCOMMIT | SERVER_STATUS_IN_TRANS, AUTOCOMMIT
    if server.kind == "mysql":
        begun = ok(began | CHANGED, transaction(b"T_______"))
        assert found == [begun, ok(began | CHANGED), ok(ended | CHANGED, transaction(b"________")), ok(ended)]
    else:
        assert found == [ok(began), ok(began), ok(ended), ok(ended)]


def test_the_transaction_tracker_once_it_is_on(session: Session, server: Server) -> None:
    said = session.do("SET session_track_transaction_info=STATE")
    assert said.transaction == (None if server.kind == "mysql" else "________")
    assert session.do("BEGIN").transaction == "T_______"
    assert session.do("SELECT 1").transaction == "T_____S_"
    assert session.do("COMMIT").transaction == "________"
    assert session.do("COMMIT").transaction is None


def test_login_says_the_state_only_where_it_was_asked_for(connect: Connect, server: Server) -> None:
    assert connect(0).login_ok[3:5] == ok(AUTOCOMMIT)[3:5]
    login_ok = connect(TRACKING).login_ok
    assert int.from_bytes(login_ok[3:5], "little") == AUTOCOMMIT | CHANGED
    assert block(SESSION_TRACK_SCHEMA, lenenc_bytes(server.schema.encode())) in login_ok


def test_what_commands_without_a_text_do_to_row_count(session: Session, server: Server, table: str) -> None:
    """COM_PING and COM_INIT_DB set it to 0, COM_STMT_PREPARE and COM_STATISTICS keep it.

    And MySQL's COM_STMT_PREPARE forgets the warnings.
    """
    for payload, kept in (
        (bytes([COM_PING]), False),
        (bytes([COM_INIT_DB]) + server.schema.encode(), False),
        (bytes([COM_STATISTICS]), True),
        (bytes([COM_STMT_PREPARE]) + b"SELECT 1", True),
    ):
        session.do(f"UPDATE {table} SET n = n + 1")
        session.send(payload)
        session.read_all(0.05)
        assert session.do("SELECT ROW_COUNT()").value == ("3" if kept else "0"), payload
        session.do(WARNS)
        session.send(payload)
        session.read_all(0.05)
        forgets = payload[0] == COM_STMT_PREPARE and server.kind == "mysql"
        assert listed(session) == ([] if forgets else ["1292"]), payload
