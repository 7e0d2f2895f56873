"""Commands that are sent without waiting, sequence ids, and what ends or does not end an idle session."""

import time

import pytest

from proxy.wire.constants import (
    COM_INIT_DB,
    COM_PING,
    COM_QUERY,
    COM_RESET_CONNECTION,
    COM_STMT_CLOSE,
    SERVER_STATUS_AUTOCOMMIT,
    SERVER_STATUS_IN_TRANS,
)
from proxy.wire.packet import MAX_PACKET, packets
from proxy.wire.replies import ERR, OK, Err

from ..servers import Server
from .conftest import Session

PLAIN_OK = b"\0\0\0\x02\0\0\0"


def query(text: str) -> bytes:
    return bytes([COM_QUERY]) + text.encode()


def send_at_once(session: Session, *payloads: bytes) -> None:
    session.socket.sendall(b"".join(packets(payload, 0) for payload in payloads))


def rows(session: Session) -> list[bytes]:
    """The sequence ids and rows of a result set of one column and one row."""
    found = [session.read() for _ in range(4)]
    assert [sequence_id for sequence_id, _ in found] == [1, 2, 3, 4]
    return [found[2][1]]


@pytest.mark.parametrize("count", [2, 3, 20])
def test_commands_in_one_write_are_answered_in_order_each_from_sequence_id_1(session: Session, count: int) -> None:
    send_at_once(session, *(query(f"SELECT {number + 10}") for number in range(count)))
    for number in range(count):
        assert rows(session) == [b"\x02" + str(number + 10).encode()]


def test_a_set_and_the_statement_behind_it_in_one_write(session: Session) -> None:
    send_at_once(session, query("SET @a=5"), query("SELECT @a"))
    assert session.read() == (1, PLAIN_OK)
    assert rows(session) == [b"\x015"]


def test_an_error_does_not_stop_what_comes_behind_it(session: Session) -> None:
    send_at_once(session, query("SELEC"), query("SET autocommit=7"), bytes([COM_PING]))
    for code in (1064, 1231):
        sequence_id, packet = session.read()
        assert (sequence_id, packet[0], Err(packet).code) == (1, ERR, code)
    sequence_id, packet = session.read()
    assert (sequence_id, packet[0]) == (1, OK)


def test_commands_of_all_kinds_can_be_sent_at_once(session: Session, server: Server) -> None:
    """Also one that has no reply."""
    close = bytes([COM_STMT_CLOSE]) + (77).to_bytes(4, "little")
    init_db = bytes([COM_INIT_DB]) + server.schema.encode()
    send_at_once(session, bytes([COM_PING]), close, init_db, query("SELECT 7"), bytes([COM_RESET_CONNECTION]))
    assert session.read() == (1, PLAIN_OK)
    sequence_id, packet = session.read()
    assert (sequence_id, packet[0], server.schema.encode() in packet) == (1, OK, True)
    assert rows(session) == [b"\x017"]
    assert session.read() == (1, PLAIN_OK)


def test_com_ping_says_the_state_of_the_session(session: Session) -> None:
    session.do("SET autocommit=0, session_track_transaction_info=OFF")
    session.send(bytes([COM_PING]))
    assert session.read() == (1, b"\0\0\0\0\0\0\0")
    session.do("BEGIN")
    assert session.command(bytes([COM_PING])).status == SERVER_STATUS_IN_TRANS


def test_com_reset_connection_ends_the_transaction_and_reports_no_variable(
    session: Session, server: Server, table: str
) -> None:
    session.do("SET autocommit=0, time_zone='+01:00', @a=1")
    session.do(f"UPDATE {table} SET n = 0")
    said = session.command(bytes([COM_RESET_CONNECTION]))
    assert said.status is not None
    assert said.status & (SERVER_STATUS_AUTOCOMMIT | SERVER_STATUS_IN_TRANS) == SERVER_STATUS_AUTOCOMMIT
    assert said.variables == {}
    [row] = session.do("SELECT @@autocommit, @@time_zone = @@global.time_zone, @a, DATABASE()").rows
    assert row == ["1", "1", None, server.schema]
    assert session.do(f"SELECT MIN(n) FROM {table}").value == "10"


def padded(size: int) -> bytes:
    """A COM_QUERY payload of so many bytes."""
    text = query("SELECT 1 /*")
    return text + b"x" * (size - len(text) - 2) + b"*/"


@pytest.mark.parametrize(("size", "first"), [(MAX_PACKET - 1, 1), (MAX_PACKET, 2)])
def test_reply_sequence_ids_go_on_from_the_requests_last_packet(session: Session, size: int, first: int) -> None:
    """A payload of exactly the largest packet's size is followed by an empty packet, which counts."""
    session.send(padded(size))
    assert [session.read()[0] for _ in range(4)] == [first, first + 1, first + 2, first + 3]
    session.send(bytes([COM_PING]))
    assert session.read()[0] == 1


def test_a_command_that_does_not_start_at_sequence_id_0_is_refused(session: Session) -> None:
    session.send(bytes([COM_PING]), sequence_id=7)
    sequence_id, packet = session.read()
    assert (sequence_id, packet[0], Err(packet).code) == (0, ERR, 1156)


def test_kill_query_on_an_idle_session_has_no_effect(session: Session, server: Server, table: str) -> None:
    number = session.do("SELECT CONNECTION_ID()").value
    session.do("BEGIN")
    session.do(f"UPDATE {table} SET n = 0 WHERE id = 1")
    for text in ("SELECT SLEEP(0.01)", f"SELECT n FROM {table} WHERE id = 1"):
        server.run(f"KILL QUERY {number}")
        assert session.do(text).value == "0"
    assert session.do("DO 1").in_transaction


def test_wait_timeout_closes_which_only_mysql_explains(session: Session, server: Server) -> None:
    session.do("SET wait_timeout=1")
    started = time.monotonic()
    if server.kind == "mysql":
        sequence_id, packet = session.read()
        assert (sequence_id, Err(packet).code, Err(packet).sqlstate) == (0, 4031, "HY000")
    with pytest.raises((EOFError, ConnectionResetError)):
        session.read()
    assert 0.5 < time.monotonic() - started < 5


@pytest.mark.parametrize("payload", [bytes([COM_PING]), query("COMMIT"), query("SET autocommit=1")])
def test_what_changes_nothing_still_keeps_a_session_alive(session: Session, payload: bytes) -> None:
    session.do("SET wait_timeout=1")
    for _ in range(4):
        time.sleep(0.5)
        assert not session.command(payload).error


def test_kill_ends_an_idle_session_without_a_word(session: Session, server: Server) -> None:
    server.run(f"KILL {session.do('SELECT CONNECTION_ID()').value}")
    with pytest.raises((EOFError, ConnectionResetError)):
        session.read()
