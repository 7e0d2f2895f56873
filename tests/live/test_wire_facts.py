"""What servers do on the wire where their manuals are silent or wrong: the code in proxy/wire rests on these facts.

Each is stated on the server itself, without the proxy.
"""

import contextlib
from collections.abc import Iterator

import pymysql
import pytest

from proxy.wire.constants import (
    CLIENT_DEPRECATE_EOF,
    CLIENT_OPTIONAL_RESULTSET_METADATA,
    COM_FIELD_LIST,
    COM_PROCESS_INFO,
    COM_QUERY,
    COM_SET_OPTION,
    COM_SLEEP,
    COM_STMT_EXECUTE,
    COM_STMT_PREPARE,
    COM_TIME,
    MARIADB_CLIENT_CACHE_METADATA,
    SERVER_MORE_RESULTS_EXISTS,
    SERVER_PS_OUT_PARAMS,
    SERVER_STATUS_CURSOR_EXISTS,
)
from proxy.wire.exchange import ONLY_ERR, SHAPES
from proxy.wire.replies import EOF, ERR, OK, Eof, Err, Ok
from tests.raw import RawClient

from .servers import Server

TABLE = "wire_facts"


@pytest.fixture(scope="module", autouse=True)
def table(server: Server) -> Iterator[None]:
    schema = server.schema
    server.run(
        f"CREATE TABLE {schema}.{TABLE} (a int)",
        f"INSERT INTO {schema}.{TABLE} VALUES (1), (2)",
        f"CREATE PROCEDURE {schema}.{TABLE}(OUT o int) SET o = 5",
    )
    yield
    server.run(f"DROP TABLE {schema}.{TABLE}", f"DROP PROCEDURE {schema}.{TABLE}")


@contextlib.contextmanager
def client(server: Server, capabilities: int = 0) -> Iterator[RawClient]:
    account = server.account
    pymysql.connect(host=server.host, port=server.port, user=account.user, password=account.password).close()
    with RawClient(server.host, server.port, account.user, account.password, server.schema, capabilities) as connected:
        yield connected


def asked(raw: RawClient, payload: bytes) -> list[bytes]:
    raw.send(payload)
    return raw.read_all()


def prepared(raw: RawClient, text: bytes) -> bytes:
    first = asked(raw, bytes([COM_STMT_PREPARE]) + text)[0]
    assert first[0] == OK
    return first[1:5]


def executed(raw: RawClient, number: bytes, cursor: bool = False, parameters: bytes = b"") -> list[bytes]:
    return asked(raw, bytes([COM_STMT_EXECUTE]) + number + bytes([cursor]) + b"\1\0\0\0" + parameters)


def test_commands_that_no_server_knows_are_answered_by_err(server: Server) -> None:
    with client(server) as raw:
        for command in (COM_SLEEP, COM_TIME, 0x22, 0x40, 0xF0):
            assert SHAPES[command] == ONLY_ERR
            [payload] = asked(raw, bytes([command]))
            assert (payload[0], Err(payload).code) == (ERR, 1047)


def test_mysql_no_longer_knows_com_process_info(server: Server) -> None:
    with client(server) as raw:
        first = asked(raw, bytes([COM_PROCESS_INFO]))[0]
    assert (first[0] == ERR) is (server.kind == "mysql")


def test_some_commands_are_answered_by_eof(server: Server) -> None:
    """Under CLIENT_DEPRECATE_EOF it is an OK packet in an EOF packet's clothes."""
    for capabilities, size in ((0, 5), (CLIENT_DEPRECATE_EOF, 7)):
        with client(server, capabilities) as raw:
            [payload] = asked(raw, bytes([COM_SET_OPTION, 0, 0]))
            assert (payload[0], len(payload)) == (EOF, size)


def test_the_flag_for_optional_metadata_follows_the_column_count(server: Server) -> None:
    """The manual has it before the count. Without definitions the old EOF packet still comes."""
    if server.kind == "mysql":
        with client(server, CLIENT_OPTIONAL_RESULTSET_METADATA) as raw:
            assert asked(raw, bytes([COM_QUERY]) + b"SELECT 1, 2")[0] == b"\2\1"
            asked(raw, bytes([COM_QUERY]) + b"SET resultset_metadata = NONE")
            count, eof, row, end = asked(raw, bytes([COM_QUERY]) + b"SELECT 1, 2")
            assert (count, row) == (b"\2\0", b"\x011\x012")
            assert (eof[0], end[0]) == (EOF, EOF)
            first, *eofs = asked(raw, bytes([COM_STMT_PREPARE]) + b"SELECT ?, ?")
            assert (len(first), first[-1]) == (13, 0)
            assert [eof[0] for eof in eofs] == [EOF, EOF], "one for the parameters, one for the columns"
            [only] = asked(raw, bytes([COM_FIELD_LIST]) + TABLE.encode() + b"\0")
            assert only[0] == EOF
    else:
        with client(server, MARIADB_CLIENT_CACHE_METADATA) as raw:
            assert asked(raw, bytes([COM_QUERY]) + b"SELECT 1, 2")[0] == b"\2\1"
            number = prepared(raw, b"SELECT 1, 2")
            count, eof, _, end = executed(raw, number)
            assert count == b"\2\0"
            assert (eof[0], end[0]) == (EOF, EOF)


def test_a_cursor_ends_the_reply_at_the_metadata(server: Server) -> None:
    for capabilities in (0, CLIENT_DEPRECATE_EOF):
        with client(server, capabilities) as raw:
            number = prepared(raw, f"SELECT a FROM {TABLE}".encode())
            last = executed(raw, number, cursor=True)[-1]
            status = Ok(last, raw.capabilities).status if capabilities else Eof(last).status
            assert last[0] == EOF
            assert status & SERVER_STATUS_CURSOR_EXISTS


def test_mysql_opens_a_cursor_again_without_being_asked(server: Server) -> None:
    """And answers with columns and an OK packet, which under CLIENT_DEPRECATE_EOF looks like a binary row."""
    for capabilities in (0, CLIENT_DEPRECATE_EOF):
        with client(server, capabilities) as raw:
            number = prepared(raw, f"SELECT a FROM {TABLE}".encode())
            executed(raw, number, cursor=True)
            again = executed(raw, number)
            if server.kind == "mysql":
                assert len(again) == 3
                assert again[-1][0] == OK
                assert len(again[-1]) == 7
            else:
                assert len([payload for payload in again if payload[0] == 0]) == 2


def test_mysql_may_answer_prepare_with_a_bare_ok(server: Server) -> None:
    """To a SET of a global variable that the user may not do; there is no statement then. MariaDB refuses it."""
    with client(server) as raw:
        [said] = asked(raw, bytes([COM_STMT_PREPARE]) + b"SET GLOBAL time_zone='+00:00'")
        if server.kind == "mariadb":
            assert Err(said).code == 1227
            return
        assert (said[0], len(said)) == (OK, 7)
        [executed] = asked(raw, bytes([COM_STMT_EXECUTE]) + said[1:5] + b"\0\1\0\0\0")
        assert Err(executed).code == 1243


def test_where_the_word_of_more_results_after_out_parameters_is(server: Server) -> None:
    """MySQL with old EOF packets says it before the row only, and still sends an OK packet after it."""
    with client(server) as raw:
        number = prepared(raw, f"CALL {TABLE}(?)".encode())
        _, _, before, _, after, ok = executed(raw, number, parameters=b"\0\1\x08\0" + bytes(8))
    assert Eof(before).status & SERVER_PS_OUT_PARAMS
    assert Eof(before).status & SERVER_MORE_RESULTS_EXISTS
    assert bool(Eof(after).status & SERVER_MORE_RESULTS_EXISTS) is (server.kind == "mariadb")
    assert ok[0] == OK
