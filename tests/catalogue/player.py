"""A client that plays a session of a fixture, line by line, and keeps the replies as they came."""

from typing import Final, TypeAlias

from proxy.wire.constants import (
    CLIENT_MULTI_STATEMENTS,
    COM_INIT_DB,
    COM_QUERY,
    COM_STMT_EXECUTE,
    COM_STMT_PREPARE,
)
from proxy.wire.exchange import DONE, MORE, Reply
from proxy.wire.fields import Fields
from proxy.wire.replies import OK
from tests.catalogue.fixtures import Line, Session
from tests.raw import RawClient

Packets: TypeAlias = list[tuple[int, bytes]]
"""Sequence ids and payloads."""

_WITH_TEXT: Final = (COM_QUERY, COM_STMT_PREPARE, COM_INIT_DB)


def payload(line: Line, schema: str, statement_ids: dict[str, int]) -> bytes:
    """Return what the command of a line looks like."""
    head = bytes([line.command])
    if line.command == COM_STMT_EXECUTE:
        return head + statement_ids[line.text].to_bytes(4, "little") + b"\0\1\0\0\0"
    return head + line.text.replace("{schema}", schema).encode() if line.command in _WITH_TEXT else head


class Player(RawClient):
    """One login as a session wants it; `further` are capability flags beside its own."""

    def __init__(
        self, session: Session, host: str, port: int, user: str, password: str, schema: str, further: int = 0
    ) -> None:
        self._schema = schema
        self._statement_ids: dict[str, int] = {}
        self.thread = 0
        """The connection's id at the server."""
        wanted = session.capabilities | further
        super().__init__(host, port, user, password, schema, wanted, CLIENT_MULTI_STATEMENTS & ~wanted)

    def read(self) -> tuple[int, bytes]:
        """Read one packet: sequence id and payload."""
        sequence_id, packet = super().read()
        if not self.thread:  # this is the greeting
            fields = Fields(packet, 1)
            fields.nul_bytes()
            self.thread = fields.integer(4)
        return sequence_id, packet

    @property
    def address(self) -> str:
        """By what the statement log knows this client."""
        host, port = self.socket.getsockname()
        return f"{host}:{port}"

    def play(self, line: Line) -> Packets:
        """Send a line's command; the whole reply."""
        found = self.ask(payload(line, self._schema, self._statement_ids))
        sequence_id, first = found[0]
        if line.command == COM_STMT_PREPARE and first[0] == OK:
            self._statement_ids[line.text] = int.from_bytes(first[1:5], "little")
            number = len(self._statement_ids)  # MariaDB counts on in a thread that it uses again
            found[0] = (sequence_id, first[:1] + number.to_bytes(4, "little") + first[5:])
        return found

    def ask(self, command: bytes) -> Packets:
        """Send any command; the whole reply."""
        self.send(command)
        reply, found = Reply(command[0], self.capabilities), Packets()
        while reply.state == MORE:
            found.append(self.read())
            reply.take(found[-1][1], len(found[-1][1]))
        assert reply.state == DONE, reply.surprise
        return found
