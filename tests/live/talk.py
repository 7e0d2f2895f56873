"""A client that takes replies as they come, byte for byte."""

import contextlib
import time
from collections.abc import Iterator

import pymysql

from proxy.wire.constants import CLIENT_DEPRECATE_EOF, CLIENT_QUERY_ATTRIBUTES, COM_QUERY
from proxy.wire.exchange import DONE, UPLOAD, Reply
from proxy.wire.packet import packets
from proxy.wire.replies import EOF, ERR, OK, Err
from tests.raw import RawClient

from .proxies import Proxy
from .servers import Server

Command = str | bytes
"""The text of a COM_QUERY, or a payload."""
Packets = list[tuple[int, bytes]]
"""Sequence ids and payloads."""
CLOSED = (-1, b"")
"""Stands for the end of the stream, where a packet was due."""


class Talk(RawClient):
    """One connection."""

    file = b""
    """What it hands out where a local file is asked for."""
    attributes = b"\0\1"
    """Query attributes, where those are agreed on: none."""

    def ask(self, *commands: Command, chunk: int = 0) -> list[Packets]:
        """Send commands in one write, or so many bytes a write; the packets of each reply."""
        self.say(*commands, chunk=chunk)
        return [self.hear(command) for command in commands]

    def play(self, *commands: Command) -> list[Packets]:
        """Send commands one by one; the packets of each reply."""
        return [reply for command in commands for reply in self.ask(command)]

    def say(self, *commands: Command, chunk: int = 0) -> None:
        """Send commands and do not wait. Where nobody takes them any more, the reply will show it."""
        data = b"".join(packets(self._payload(command), 0) for command in commands)
        with contextlib.suppress(ConnectionError):
            if not chunk:
                self.socket.sendall(data)
            for start in range(0, len(data) if chunk else 0, chunk or 1):
                self.socket.sendall(data[start : start + chunk])
                time.sleep(0.001)

    def hear(self, command: Command) -> Packets:
        """Take the reply to a command."""
        heard: Packets = []
        reply = Reply(self._payload(command)[0], self.capabilities)
        while reply.state != DONE:
            try:
                heard.append(self.read())
            except (EOFError, ConnectionError):
                return [*heard, CLOSED]
            sequence_id, payload = heard[-1]
            reply.take(payload, len(payload))
            assert not reply.surprise, (reply.surprise, heard)
            if reply.state == UPLOAD:
                self.send(self.file, sequence_id + 1)
                self.send(b"", sequence_id + 2)
                reply.uploaded()
        return heard

    def rest(self) -> Packets:
        """Take all that comes until the stream ends."""
        heard: Packets = []
        while not heard or heard[-1] != CLOSED:
            try:
                heard.append(self.read())
            except (EOFError, ConnectionError):
                heard.append(CLOSED)
        return heard

    def value(self, text: str) -> str:
        """The only field of the only row."""
        [reply] = self.ask(text)
        [row] = [payload for _, payload in reply[2:-1] if payload[0] not in (EOF, ERR)]
        return row[1:].decode()

    def _payload(self, command: Command) -> bytes:
        if isinstance(command, bytes):
            return command
        attributes = self.attributes if self.capabilities & CLIENT_QUERY_ATTRIBUTES else b""
        return bytes([COM_QUERY]) + attributes + command.encode()


def talk(way: Server | Proxy, server: Server, capabilities: int = CLIENT_DEPRECATE_EOF) -> Talk:
    """A connection to a server or through a proxy, as the tests' account of this server."""
    account = server.account
    return Talk(way.host, way.port, account.user, account.password, server.schema, capabilities)


@contextlib.contextmanager
def talk_after_full_login(way: Server | Proxy, server: Server, capabilities: int) -> Iterator[Talk]:
    """The same where the other end wants to have the password each time, as MySQL Router does: PyMySQL logs in."""
    account = server.account
    with pymysql.connect(
        host=way.host,
        port=way.port,
        user=account.user,
        password=account.password,
        database=server.schema,
        client_flag=capabilities,
        autocommit=None,
        ssl_disabled=True,
    ) as connection:
        client = Talk.__new__(Talk)
        client.socket, client.buffer = connection._sock, b""
        client.capabilities = connection.client_flag & connection.server_capabilities
        yield client


def is_ok(reply: Packets) -> bool:
    """Whether a reply is an OK and nothing more."""
    return len(reply) == 1 and reply[0][1][:1] == bytes([OK])


def error_in(packet: tuple[int, bytes]) -> Err:
    """The error that a packet says."""
    assert packet[1][:1] == bytes([ERR]), packet
    return Err(packet[1])
