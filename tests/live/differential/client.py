"""The client of a scenario: raw packets on a blocking socket, all of which it keeps."""

import socket
import time
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from proxy.wire.constants import (
    CLIENT_MULTI_STATEMENTS,
    CLIENT_QUERY_ATTRIBUTES,
    COM_CHANGE_USER,
    COM_INIT_DB,
    COM_PING,
    COM_QUERY,
    COM_QUIT,
    COM_RESET_CONNECTION,
    COM_STATISTICS,
    COM_STMT_CLOSE,
    COM_STMT_EXECUTE,
    COM_STMT_PREPARE,
    COM_STMT_RESET,
)
from proxy.wire.exchange import MORE, Reply
from proxy.wire.fields import Fields, lenenc_bytes
from proxy.wire.handshake import AUTH_SWITCH, AuthSwitch
from proxy.wire.packet import packets
from proxy.wire.replies import ERR, OK
from tests.raw import RawClient, scramble

from ..targets import Account, Target
from .script import Argument, Command, Login

Packet: TypeAlias = tuple[int, bytes]
"""Sequence id and payload."""

QUIET_SECONDS: Final = 0.03
"""How long a reply may take before somebody looks whether it waits for a lock."""
PATIENCE_SECONDS: Final = 10
PIECE_SECONDS: Final = 0.0005
"""Between two pieces of a write, so that the other side gets them one by one."""

COMMANDS: Final = {
    "query": COM_QUERY,
    "init_db": COM_INIT_DB,
    "ping": COM_PING,
    "reset": COM_RESET_CONNECTION,
    "change_user": COM_CHANGE_USER,
    "prepare": COM_STMT_PREPARE,
    "execute": COM_STMT_EXECUTE,
    "close": COM_STMT_CLOSE,
    "reset_statement": COM_STMT_RESET,
    "statistics": COM_STATISTICS,
}
"""The commands that a script can have, by the word of their line."""

_TYPE_LONGLONG: Final = b"\x08\0"
_TYPE_VAR_STRING: Final = b"\xfd\0"
_TYPE_NULL: Final = b"\x06\0"


class Client(RawClient):
    """One login and what follows. Raises EOFError or ConnectionError where the server has closed the connection.

    `on_silence` is called with the server's number of the connection each time that a reply is late; the
    `placeholders` of texts are replaced as they are sent.
    """

    def __init__(
        self,
        target: Target,
        account: Account,
        login: Login,
        placeholders: Mapping[str, str],
        on_silence: Callable[[int], None],
    ) -> None:
        self._login_charset = login.charset
        self._account = account
        self._placeholders = placeholders
        self._on_silence = on_silence
        self._statements: dict[str, int] = {}
        self.number = 0
        """What the server calls this connection."""
        self.may_be_released = False
        """Whether COMMIT may close it."""
        schema = self._replaced(login.schema).decode()
        without = 0 if "multi" in login.variants else CLIENT_MULTI_STATEMENTS
        super().__init__(target.host, target.port, account.user, account.password, schema, login.capabilities, without)
        self.socket.settimeout(QUIET_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _replaced(self, text: str) -> bytes:
        for placeholder, value in self._placeholders.items():
            text = text.replace(placeholder, value)
        return text.encode("utf-8", "surrogateescape")

    def read(self) -> Packet:
        """Read one packet, looking out for what might hold it up."""
        self._fill(4)
        end = 4 + int.from_bytes(self.buffer[:3], "little")
        self._fill(end)
        sequence_id, payload, self.buffer = self.buffer[3], self.buffer[4:end], self.buffer[end:]
        if not self.number:  # this is the greeting
            fields = Fields(payload, 1)
            fields.nul_bytes()
            self.number = fields.integer(4)
        return sequence_id, payload

    def _fill(self, count: int) -> None:
        deadline = 0.0
        while len(self.buffer) < count:
            try:
                data = self.socket.recv(1 << 16)
            except TimeoutError:
                deadline = deadline or time.monotonic() + PATIENCE_SECONDS
                if time.monotonic() > deadline:
                    raise
                self._on_silence(self.number)
                continue
            if not data:
                raise EOFError("closed")
            self.buffer += data

    def send(self, payload: bytes, sequence_id: int = 0) -> None:
        """Send one payload; the handshake response gets the login's collation."""
        if sequence_id == 1 and self._login_charset and not hasattr(self, "login_ok"):
            payload = payload[:8] + bytes([self._login_charset]) + payload[9:]
        super().send(payload, sequence_id)

    def write(self, commands: tuple[Command, ...], pieces: int) -> None:
        """Send all commands in one write, or in so many pieces of it."""
        data = b""
        for command in commands:
            data += packets(self._payload(command), 0)
            self._forget_statements(command)
        size = -(-len(data) // pieces)
        for start in range(0, len(data), size):
            if start:
                time.sleep(PIECE_SECONDS)
            self.socket.sendall(data[start : start + size])

    def _forget_statements(self, command: Command) -> None:
        """Execute as number 0 from now on what the server does not know any more: its error repeats the number."""
        if command.kind == "close":
            self._statements.pop(command.name, None)
        elif command.kind in ("reset", "change_user"):
            self._statements.clear()

    def leave(self, how: str) -> None:
        """End the connection as one of LEAVING says."""
        if how == "quit":
            self.send(bytes([COM_QUIT]))
        elif how == "half":
            self.socket.sendall(packets(bytes([COM_QUERY]) + b"COMMIT", 0)[:-3])
        self.close()

    def reply(self, command: Command) -> list[Packet]:
        """Read the whole reply to a command that was sent; one that is none by the manual ends where that shows.

        MySQL answers COM_STMT_PREPARE of a SET PERSIST that it does not allow with a plain OK packet.
        """
        byte = COMMANDS[command.kind]
        if byte == COM_CHANGE_USER:
            return [self._authenticated()]
        reply, found = Reply(byte, self.capabilities), []
        while reply.state == MORE:
            packet = self.read()
            found.append(packet)
            reply.take(packet[1], len(packet[1]))
        if byte == COM_STMT_PREPARE:
            self._note_statement(command.name, found)
        return found

    def _note_statement(self, name: str, found: list[Packet]) -> None:
        """Remember a prepared statement's number, and take it out of the packet: it is the server's to choose."""
        sequence_id, payload = found[0]
        if payload[0] == OK:
            self._statements[name] = int.from_bytes(payload[1:5], "little")
            found[0] = (sequence_id, payload[:1] + bytes(4) + payload[5:])

    def _authenticated(self) -> Packet:
        """Answer what follows COM_CHANGE_USER; returns the packet that ends it."""
        while True:
            sequence_id, payload = self.read()
            if payload[0] in (OK, ERR):
                return sequence_id, payload
            if payload[0] == AUTH_SWITCH:
                switch = AuthSwitch(payload)
                answer = scramble(switch.plugin, self._account.password.encode(), switch.nonce)
                self.send(answer, sequence_id + 1)

    # ---- payloads ----

    def _payload(self, command: Command) -> bytes:
        head = bytes([COMMANDS[command.kind]])
        text = self._replaced(command.text)
        match command.kind:
            case "query" if self.capabilities & CLIENT_QUERY_ATTRIBUTES:
                return head + b"\0\1" + text
            case "change_user":
                return head + self._change_user(text)
            case "execute":
                return head + self._execution(command)
            case "close" | "reset_statement":
                return head + self._statement(command.name)
        return head + text

    def _change_user(self, schema: bytes) -> bytes:
        plugin = self.greeting.plugin
        answer = scramble(plugin, self._account.password.encode(), self.greeting.nonce)
        names = self._account.user.encode() + b"\0" + bytes([len(answer)]) + answer + schema + b"\0"
        return names + self._login_charset.to_bytes(2, "little") + plugin + b"\0"

    def _statement(self, name: str) -> bytes:
        return self._statements.get(name, 0).to_bytes(4, "little")

    def _execution(self, command: Command) -> bytes:
        flags = 8 if self.capabilities & CLIENT_QUERY_ATTRIBUTES else 0  # PARAMETER_COUNT_AVAILABLE
        head = self._statement(command.name) + bytes([flags]) + (1).to_bytes(4, "little")
        arguments = command.arguments
        if flags:
            head += bytes([len(arguments)])
        if not arguments:
            return head
        nulls = sum(1 << number for number, argument in enumerate(arguments) if argument is None)
        names = b"\0" if flags else b""
        types = b"".join(_type(argument) + names for argument in arguments)
        values = b"".join(_value(argument) for argument in arguments)
        return head + nulls.to_bytes((len(arguments) + 7) // 8, "little") + b"\1" + types + values


def _type(argument: Argument) -> bytes:
    if argument is None:
        return _TYPE_NULL
    return _TYPE_LONGLONG if isinstance(argument, int) else _TYPE_VAR_STRING


def _value(argument: Argument) -> bytes:
    if argument is None:
        return b""
    if isinstance(argument, int):
        return argument.to_bytes(8, "little", signed=True)
    return lenenc_bytes(argument.encode())
