"""A man in the middle, between hushql and a real server: sees what is sent, and lets the server do what none does."""

import contextlib
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from proxy.wire.commands import query_text
from proxy.wire.constants import COM_QUERY, COM_STMT_PREPARE, command_name
from proxy.wire.exchange import AUTHENTICATION, DONE, NOTHING, OPAQUE, SHAPES, UPLOAD, Reply
from proxy.wire.fields import Malformed
from proxy.wire.handshake import Greeting, HandshakeResponse
from proxy.wire.packet import Framer, packets
from proxy.wire.replies import OK, Ok

from .servers import Server
from .upstreams import upstream

PREFIX = 64 * 1024
"""Packets up to this many bytes are looked at as a whole; larger ones pass as they are."""
HELD_SECONDS = 0.01
PATIENCE_SECONDS = 10


class Middleman:
    """What is done to the packets that pass: nothing, until a test says otherwise. Concerns all connections."""

    def __init__(self, server: Server) -> None:
        self.address = ""
        """Where hushql finds it, HOST:PORT."""
        self.server = server.host, server.port
        self.greet: Callable[[bytes], bytes] = bytes
        """Makes what hushql hears of the server's greeting."""
        self.answer: Callable[[str], bytes | None] = lambda _: None
        """Gives the reply to a statement in the server's stead, which never hears of it; None to let it pass."""
        self.alter: Callable[[str, bytes], bytes] = lambda _, payload: payload
        """Makes what hushql hears of a packet of the server's reply to a statement."""
        self.holding = False
        """Whether the server's bytes wait."""
        self.passages: list[Passage] = []

    @property
    def newest(self) -> "Passage":
        """The connection that logged in last."""
        return [passage for passage in self.passages if passage.logged_in][-1]

    def serve(self, client: socket.socket) -> None:
        """Carry one connection to its end."""
        passage = Passage(self)
        self.passages.append(passage)
        try:
            passage.carry(client)
        finally:
            passage.ended.set()


class _Owed:
    """A reply that has not ended; `answer` is what it is where the server does not give it."""

    def __init__(self, text: str, reply: Reply, answer: bytes | None) -> None:
        self.text = text
        self.reply = reply
        self.answer = answer


class Passage:
    """One connection through the man in the middle; without TLS, or he could not read it."""

    def __init__(self, middleman: Middleman) -> None:
        self.logged_in = False
        self.ended = threading.Event()
        """Set when one of the sides has closed it."""
        self.commands: list[str] = []
        """What came for the server since the login: texts, and the names of commands without a text."""
        self._middleman = middleman
        self._client = Framer(PREFIX)
        self._server = Framer(PREFIX)
        self._greeting: Greeting | None = None
        self._capabilities = 0
        self._owed: deque[_Owed] = deque()

    def wait_for(self, commands: int) -> list[str]:
        """Return the commands once there are so many; and a moment later, so that there could be more."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(self.commands) < commands and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(0.05)
        return list(self.commands)

    def carry(self, client: socket.socket) -> None:
        """Pass bytes on until a side closes."""
        with client, socket.create_connection(self._middleman.server) as server:
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                held = self._middleman.holding
                watched, patience = ([client], HELD_SECONDS) if held else ([server, client], None)
                ready, _, _ = select.select(watched, [], [], patience)
                for one in ready:
                    data = one.recv(PREFIX)
                    if not data:
                        return
                    for_server, for_client = (self._from_client if one is client else self._from_server)(data)
                    server.sendall(for_server)
                    client.sendall(for_client)

    def _from_client(self, data: bytes) -> tuple[bytes, bytes]:
        """Return what goes to the server, and what to the client."""
        self._client.feed(data)
        passed = []
        while self._client.holds(PREFIX) and self._client.advance():
            raw, payload = self._client.passed(), self._client.payload
            if not self.logged_in:
                self._take_login(payload)
            elif self._is_command() and self._take_command(payload):
                continue
            passed.append(raw)
        return b"".join([*passed, self._client.passed()]), self._own_answers()

    def _from_server(self, data: bytes) -> tuple[bytes, bytes]:
        self._server.feed(data)
        passed = []
        while self._server.holds(PREFIX) and self._server.advance():
            raw, payload = self._server.passed(), self._server.payload
            if self._server.size == len(payload):
                raw = packets(self._take_reply(payload), self._server.sequence_id)
            passed += [raw, self._own_answers()]
        return b"", b"".join([*passed, self._server.passed()])

    def _take_login(self, payload: bytes) -> None:
        if not self._capabilities:
            assert self._greeting is not None
            self._capabilities = HandshakeResponse(payload).capabilities & self._greeting.capabilities

    def _is_command(self) -> bool:
        """Say whether the client's packet is not a part of the command under way."""
        reply = self._owed[0].reply if self._owed else None
        if reply is not None and reply.state == UPLOAD and not self._client.size:
            reply.uploaded()
            return False
        return reply is None or (reply.state != UPLOAD and reply.shape != AUTHENTICATION)

    def _take_command(self, payload: bytes) -> bool:
        """Note a command; return whether it is answered here."""
        if not payload:
            payload = b"\xff"  # what no server knows either
        command, text = payload[0], command_name(payload[0])
        if command == COM_QUERY:
            with contextlib.suppress(Malformed):
                text = query_text(payload, self._capabilities).decode("utf-8", "replace")
        elif command == COM_STMT_PREPARE:
            text = f"PREPARE {payload[1:].decode('utf-8', 'replace')}"
        self.commands.append(text)
        answer = self._middleman.answer(text)
        if SHAPES[command] not in (NOTHING, OPAQUE):
            self._owed.append(_Owed(text, Reply(command, self._capabilities), answer))
        return answer is not None

    def _take_reply(self, payload: bytes) -> bytes:
        """Return what the client is to hear of a packet."""
        if self._greeting is None:
            self._greeting = Greeting(payload)
            return self._middleman.greet(payload)
        if not self.logged_in:
            self.logged_in = payload[:1] == bytes([OK])
            return payload
        if not self._owed:
            return payload
        owed = self._owed[0]
        owed.reply.take(payload, len(payload))
        if owed.reply.state == DONE:
            self._owed.popleft()
        return self._middleman.alter(owed.text, payload)

    def _own_answers(self) -> bytes:
        """Return the answers of our own whose turn it is."""
        said = []
        while self._owed and (answer := self._owed[0].answer) is not None:
            said.append(packets(answer, 1))
            self._owed.popleft()
        return b"".join(said)


@contextlib.contextmanager
def man_in_the_middle(server: Server) -> Iterator[Middleman]:
    """A man in the middle in front of a server."""
    middleman = Middleman(server)
    with upstream(middleman.serve) as address:
        middleman.address = address
        yield middleman
        middleman.holding = False
        for passage in middleman.passages:
            assert passage.ended.wait(PATIENCE_SECONDS), "a connection outlives its test"


def renamed(greeting: bytes, version: str) -> bytes:
    """Return a greeting with another version of the server, which may be of another length."""
    protocol, rest = greeting[:1], greeting[1:].partition(b"\0")[2]
    return protocol + version.encode() + b"\0" + rest


def with_flags(payload: bytes, *, on: int = 0, off: int = 0, warnings: int | None = None) -> bytes:
    """Return an OK packet with other status flags, or another count of warnings; any other packet as it is."""
    if payload[:1] != bytes([OK]):
        return payload
    at = Ok(payload, 0).status_at
    status = int.from_bytes(payload[at : at + 2], "little")
    count = payload[at + 2 : at + 4] if warnings is None else warnings.to_bytes(2, "little")
    return payload[:at] + ((status | on) & ~off).to_bytes(2, "little") + count + payload[at + 4 :]
