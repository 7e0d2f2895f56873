"""Replies, packet by packet, where no recording has the case; and what a conversation makes of them."""

import pytest

from proxy.conversation import PIPELINE_LIMIT, Conversation
from proxy.events import Event, Peer, StatementDone
from proxy.interpreter import PREPARED_LIMIT, PREPARED_TEXT_LIMIT
from proxy.wire.commands import wants_cursor
from proxy.wire.constants import (
    COM_PING,
    COM_QUERY,
    COM_STMT_PREPARE,
    CR_SERVER_LOST,
    MARIADB_CLIENT_PROGRESS,
)
from proxy.wire.exchange import DONE, MORE, SURPRISE, Reply
from proxy.wire.packet import HEADER_SIZE, MAX_PACKET, Framer, packets
from proxy.wire.replies import Err
from tests.wire.conversations import NOW, engine, logged_in

OK = b"\0\0\0\2\0\0\0"
EOF = b"\xfe\0\0\2\0"


class Talk:
    """A conversation after a login on two plain sides."""

    def __init__(self, charset: int = 45) -> None:
        self.peer = Peer(id=1, client="test", opened=0.0)
        self.events: list[Event] = []
        self.core = Conversation(self.peer, logged_in(charset=charset), self.events.append, engine())

    def client(self, payload: bytes) -> None:
        self.core.from_client(packets(payload, 0), NOW)

    def server(self, payload: bytes, sequence_id: int = 1) -> None:
        self.core.from_server(packets(payload, sequence_id), NOW)

    def last(self) -> StatementDone:
        found = self.events[-1]
        assert isinstance(found, StatementDone)
        return found


def test_progress_reports_are_no_errors() -> None:
    """https://mariadb.com/kb/en/progress-reporting/: an ERR packet with code 0xFFFF, as often as the server likes."""
    reply = Reply(COM_QUERY, MARIADB_CLIENT_PROGRESS)
    for done in (b"\x10\x27\0", b"\x20\x4e\0"):
        payload = b"\xff\xff\xff\1\1\2" + done + b"\x05stage"
        reply.take(payload, len(payload))
        assert reply.state == MORE
    reply.take(OK, len(OK))
    assert reply.state == DONE
    assert reply.error is None


@pytest.mark.parametrize(
    "payloads",
    [
        [b""],
        [b"\0\0"],
        [b"\1\1"],
        [b"\1", b"\3def", b"\0"],
        [b"\xfe\0\0\2\0"],
        [b"\1", b"\3def", EOF, b""],
    ],
)
def test_what_is_no_reply_is_a_surprise(payloads: list[bytes]) -> None:
    reply = Reply(COM_QUERY, 0)
    for payload in payloads:
        assert reply.state == MORE
        reply.take(payload, len(payload))
    assert reply.state == SURPRISE
    assert reply.surprise


def test_a_row_of_more_than_a_packet_is_one_row() -> None:
    """Also where all of it is in one chunk; and a row may begin with 0xFE, the size of its first field."""
    large = b"\xfe" + (MAX_PACKET + 5).to_bytes(8, "little") + bytes(MAX_PACKET + 5)
    talk = Talk()
    talk.client(bytes([COM_QUERY]) + b"SELECT x")
    rows = packets(b"\1x", 4) + packets(large, 5) + packets(b"\xfd" + large[1:4] + bytes(MAX_PACKET), 9)
    talk.core.from_server(packets(b"\1", 1) + packets(b"\3def", 2) + packets(EOF, 3) + rows + packets(EOF, 11), NOW)
    assert talk.last().rows == 3
    assert not talk.core.blind
    framer = Framer(10)
    framer.feed(packets(b"\1" + bytes(MAX_PACKET), 0))
    assert framer.skip_rows() == 0
    assert framer.advance()
    assert framer.size == MAX_PACKET + 1


def test_a_lost_server_ends_the_commands_under_way() -> None:
    talk = Talk()
    talk.client(bytes([COM_QUERY]) + b"SELECT 1")
    talk.client(bytes([COM_PING]))
    talk.core.server_lost("gone", NOW)
    assert talk.core.to_client == []
    errors = [event.error.code for event in talk.events if isinstance(event, StatementDone) and event.error]
    assert errors == [CR_SERVER_LOST, CR_SERVER_LOST]


def test_a_servers_farewell_is_no_surprise() -> None:
    """MariaDB's to a connection that it closes, for idleness or KILL: an ERR packet that answers nothing."""
    talk = Talk()
    talk.server(b"\xff\x87\x07#70100Connection was killed", 0)
    assert not talk.core.blind
    talk = Talk()
    talk.server(OK, 0)
    assert talk.core.blind


def test_prepared_statements_are_remembered_within_bounds() -> None:
    talk = Talk()
    text = b"SELECT " + b"x" * 1000
    for number in range(1, 3 * PREPARED_TEXT_LIMIT // len(text)):
        talk.client(bytes([COM_STMT_PREPARE]) + text)
        talk.server(b"\0" + number.to_bytes(4, "little") + bytes(7))
        talk.client(b"\x17" + number.to_bytes(4, "little") + b"\0\1\0\0\0")
        talk.server(OK)
        assert talk.last().text == text
        talk.client(b"\x19" + number.to_bytes(4, "little"))
    for number in range(1, PREPARED_LIMIT + 2):
        talk.client(bytes([COM_STMT_PREPARE]) + b"DO 1")
        talk.server(b"\0" + number.to_bytes(4, "little") + bytes(7))
    for number, remembered in ((1, b"DO 1"), (PREPARED_LIMIT, b"DO 1"), (PREPARED_LIMIT + 1, None)):
        talk.client(b"\x17" + number.to_bytes(4, "little") + b"\0\1\0\0\0")
        talk.server(OK)
        assert talk.last().text == remembered


def test_a_pipeline_without_end_is_no_longer_looked_at() -> None:
    talk = Talk()
    ping = packets(bytes([COM_PING]), 0)
    talk.core.from_client(ping * PIPELINE_LIMIT, NOW)
    assert not talk.core.blind
    talk.core.from_client(ping, NOW)
    assert talk.core.blind
    assert getattr(talk.events[-1], "reason", "") == "too-many-commands"
    assert b"".join(talk.core.to_server) == ping * (PIPELINE_LIMIT + 1)


def test_a_kill_in_the_middle_of_an_upload_is_no_surprise() -> None:
    talk = Talk()
    talk.client(bytes([COM_QUERY]) + b"LOAD DATA LOCAL INFILE 'x' INTO TABLE t")
    talk.server(b"\xfbx")
    talk.core.from_client(packets(b"row", 2), NOW)
    talk.server(b"\xff\x87\x07#70100Connection was killed", 3)
    assert not talk.core.blind
    assert talk.last().error is not None
    talk = Talk()
    talk.client(bytes([COM_QUERY]) + b"LOAD DATA LOCAL INFILE 'x' INTO TABLE t")
    talk.server(b"\xfbx")
    talk.server(OK, 3)
    assert talk.core.blind


def test_dismissal_is_said_between_commands_only() -> None:
    talk = Talk()
    assert talk.core.idle
    talk.core.dismiss("shutting down", NOW)
    [said] = talk.core.to_client
    assert said[3] == 0
    assert Err(said[HEADER_SIZE:]).code == 1053
    talk = Talk()
    talk.client(bytes([COM_PING]))
    assert not talk.core.idle
    talk.core.dismiss("shutting down", NOW)
    assert talk.core.to_client == []
    assert talk.core.closing


def test_what_cannot_be_read_is_not_kept() -> None:
    """In gbk the bytes of a string can look like its end: what follows would be taken for code, and logged."""
    hidden = b"SELECT '\x97\\', 'secret'"
    for talk in (Talk(charset=28), Talk()):
        if talk.core.idle and not talk.events:
            talk.client(bytes([COM_QUERY]) + b"/* hi */ SET NAMES 'gbk'")
            talk.server(OK)
            assert talk.last().text is None
        talk.client(bytes([COM_STMT_PREPARE]) + hidden)
        talk.server(b"\0\1\0\0\0" + bytes(7))
        assert talk.last().text is None
        talk.client(b"\x17\1\0\0\0\0\1\0\0\0")
        talk.server(OK)
        assert talk.last().text is None
    talk = Talk()
    talk.client(bytes([COM_QUERY]) + hidden)
    talk.server(OK)
    assert talk.last().text == hidden


def test_an_error_leaves_the_transaction_unknown() -> None:
    talk = Talk()
    talk.client(bytes([COM_PING]))
    talk.server(b"\xff\x28\x04#42000no")
    assert talk.last().in_transaction is None
    assert not talk.core.idle
    talk.client(bytes([COM_PING]))
    talk.server(OK)
    assert talk.core.idle


def test_a_prepared_statement_may_be_none() -> None:
    talk = Talk()
    talk.client(bytes([COM_STMT_PREPARE]) + b"SET GLOBAL time_zone='+00:00'")
    talk.server(OK)
    assert talk.last().error is None
    talk.client(bytes([COM_PING]))
    talk.server(OK)
    assert not talk.core.blind


def test_the_count_of_parameters_is_no_cursor() -> None:
    """PARAMETER_COUNT_AVAILABLE, which clients with query attributes set, shares the byte with the cursor's type."""
    execution = b"\x17\1\0\0\0"
    assert [wants_cursor(execution + flags) for flags in (b"", b"\0", b"\x08", b"\1", b"\x09")] == [
        False, False, False, True, True
    ]  # fmt: skip
