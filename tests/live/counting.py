"""What reaches a server: a relay that counts commands and round trips, checked against the server's own general log."""

import contextlib
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from proxy.wire.commands import query_text
from proxy.wire.constants import COM_QUERY, command_name
from proxy.wire.exchange import DONE, NOTHING, SHAPES, SURPRISE, Reply
from proxy.wire.handshake import Greeting, HandshakeResponse
from proxy.wire.packet import Framer
from proxy.wire.replies import OK

from .servers import Server

PREFIX = 64 * 1024
"""How much of a packet is kept, in bytes."""
QUIET_SECONDS = 0.05
PATIENCE_SECONDS = 10
LOCK_SECONDS = 60


class Counted:
    """One connection to the server, as its bytes pass by. Raises on what it cannot follow: then nothing is counted."""

    def __init__(self) -> None:
        self.thread = 0
        """The connection's id, by which the general log knows it."""
        self.logged_in = False
        self.commands: list[tuple[int, str]] = []
        """Each command byte since the login, and its text, or its name where it has none."""
        self.flights = 0
        """How often a command was sent while the server owed nothing: one round trip each, whatever followed it."""
        self._client = Framer(PREFIX)
        self._server = Framer(PREFIX)
        self._offered = 0
        self._capabilities = 0
        self._owed: deque[Reply] = deque()

    @property
    def queries(self) -> list[str]:
        """The texts of COM_QUERY."""
        return [text for command, text in list(self.commands) if command == COM_QUERY]

    def from_client(self, data: bytes) -> None:
        """Count what is about to be sent to the server."""
        self._client.feed(data)
        while self._client.advance():
            if self.logged_in:
                self._count(self._client.payload)
            elif not self._capabilities:
                self._capabilities = HandshakeResponse(self._client.payload).capabilities & self._offered

    def from_server(self, data: bytes) -> None:
        """Tick off what is about to be handed to the client."""
        self._server.feed(data)
        while self._server.advance():
            if self.logged_in:
                self._tick_off(self._server.payload, self._server.size)
            elif not self.thread:
                self._meet(self._server.payload)
            else:
                self.logged_in = self._server.payload[0] == OK

    def wait_until_quiet(self) -> None:
        """Return once the server owes nothing and nothing has been sent for a moment; TimeoutError if that never is."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        sent, since = len(self.commands), time.monotonic()
        while time.monotonic() - since < QUIET_SECONDS:
            if self._owed or len(self.commands) != sent:
                sent, since = len(self.commands), time.monotonic()
                if since > deadline:
                    raise TimeoutError(f"{len(self._owed)} replies are missing after {self.commands[-3:]}")
            time.sleep(0.001)

    def _meet(self, payload: bytes) -> None:
        greeting = Greeting(payload)
        self._offered = greeting.capabilities
        behind_version = len(greeting.server_version) + 2
        self.thread = int.from_bytes(payload[behind_version : behind_version + 4], "little")

    def _count(self, payload: bytes) -> None:
        command = payload[0]
        text = query_text(payload, self._capabilities).decode() if command == COM_QUERY else command_name(command)
        if SHAPES[command] != NOTHING:
            self.flights += not self._owed
            self._owed.append(Reply(command, self._capabilities))
        self.commands.append((command, text))

    def _tick_off(self, payload: bytes, size: int) -> None:
        if not self._owed:
            raise ValueError(f"nobody asked for {payload!r}")
        reply = self._owed[0]
        reply.take(payload, size)
        if reply.state == SURPRISE:
            raise ValueError(reply.surprise)
        if reply.state == DONE:
            self._owed.popleft()


class Relay:
    """Passes bytes on to a server, a thread for each connection; no TLS, or it could not read them."""

    def __init__(self, host: str, port: int) -> None:
        self.delay = 0.0
        """Seconds that the server's bytes are on their way, as over a long line: they do not hold each other up."""
        self._server = host, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self._listener.getsockname()
        self._connections: list[Counted] = []
        self._alive, self._ended = socket.socketpair()
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def newest(self) -> Counted:
        """The connection that logged in last."""
        return [one for one in self._connections if one.logged_in][-1]

    @contextlib.contextmanager
    def slow(self, delay: float) -> Iterator[None]:
        """Have every reply take so many seconds longer."""
        self.delay = delay
        try:
            yield
        finally:
            self.delay = 0.0

    def close(self) -> None:
        """Cut all connections."""
        self._alive.close()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
        self._ended.close()
        self._listener.close()

    def _listen(self) -> None:
        while self._ended not in select.select([self._listener, self._ended], [], [])[0]:
            client, _ = self._listener.accept()
            self._threads.append(threading.Thread(target=self._serve, args=(client,)))
            self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._server) as server:
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            counted = Counted()
            self._connections.append(counted)
            with contextlib.suppress(ConnectionError):  # a side that leaves without a word has left
                self._carry(client, server, counted)

    def _carry(self, client: socket.socket, server: socket.socket, counted: Counted) -> None:
        """Pass bytes on until a side closes; on the way back they wait in a line until they are due."""
        line: deque[tuple[float, bytes]] = deque()
        while True:
            patience = max(line[0][0] - time.monotonic(), 0.0) if line else None
            ready = select.select([client, server, self._ended], [], [], patience)[0]
            # The server first: what is there from it came before what the client sends.
            arrived = {one: one.recv(PREFIX) for one in (server, client) if one in ready}
            if self._ended in ready or b"" in arrived.values():
                return
            if server in arrived:
                line.append((time.monotonic() + self.delay, arrived[server]))
            while line and line[0][0] <= time.monotonic():
                _, data = line.popleft()
                counted.from_server(data)
                client.sendall(data)
            if client in arrived:
                counted.from_client(arrived[client])
                server.sendall(arrived[client])


@contextlib.contextmanager
def counting_relay(server: Server) -> Iterator[Relay]:
    """A relay in front of a server."""
    relay = Relay(server.host, server.port)
    try:
        yield relay
    finally:
        relay.close()


class GeneralLog:
    """The server's own list of the statements it was sent."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def queries(self, thread: int) -> list[str]:
        """The texts that came as COM_QUERY on the connection with this id, in order."""
        rows = self.ask(f"SELECT argument FROM mysql.general_log WHERE thread_id = {thread} AND command_type = 'Query'")
        return [text.decode() if isinstance(text, bytes) else text for (text,) in rows]

    def ask(self, *statements: str) -> tuple[tuple[Any, ...], ...]:
        """Execute statements; the rows of the last one."""
        rows: tuple[tuple[Any, ...], ...] = ()
        with self._connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
                rows = cursor.fetchall()
        return rows


@contextlib.contextmanager
def general_log(server: Server) -> Iterator[GeneralLog]:
    """The general log, switched on meanwhile: by one test run at a time, as there is one switch for the server."""
    with contextlib.closing(server.connect()) as connection:
        log = GeneralLog(connection)
        ((locked,),) = log.ask(f"SELECT GET_LOCK('hushql_general_log', {LOCK_SECONDS})")
        assert locked == 1, "another test run holds the general log"
        ((on, output, rows),) = log.ask(
            "SELECT @@global.general_log, @@global.log_output, (SELECT COUNT(*) FROM mysql.general_log)"
        )
        try:
            log.ask("SET GLOBAL log_output = 'TABLE'", "SET GLOBAL general_log = ON")
            yield log
        finally:
            log.ask(f"SET GLOBAL general_log = {on}", f"SET GLOBAL log_output = '{output}'")
            if not rows:
                log.ask("TRUNCATE TABLE mysql.general_log")


@dataclass(frozen=True)
class Cost:
    """What something cost."""

    statements: list[str]
    """The texts that reached the server, in order; of commands without a text their names."""
    flights: int
    """Round trips to the server."""


class Meter:
    """Measures on the connection that logged in last when it was made."""

    def __init__(self, relay: Relay, log: GeneralLog) -> None:
        self._counted = relay.newest
        self._log = log

    def cost(self, act: Callable[[], object]) -> Cost:
        """What `act` costs. The server has to have seen what the relay counted."""
        counted = self._counted
        counted.wait_until_quiet()
        sent, flights = len(counted.commands), counted.flights
        act()
        return self._since(sent, flights)

    def whole_cost(self) -> Cost:
        """What everything since the login cost."""
        return self._since(0, 0)

    def _since(self, sent: int, flights: int) -> Cost:
        counted = self._counted
        counted.wait_until_quiet()
        assert self._log.queries(counted.thread) == counted.queries
        return Cost([text for _, text in counted.commands[sent:]], counted.flights - flights)
