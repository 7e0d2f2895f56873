"""Plays a script on one side, directly or through the proxy, and writes down all that can be seen."""

import re
import select
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from ..servers import Server
from ..targets import Account, Target
from .client import Client, Packet
from .observer import Observer
from .script import LEAVING, OBSERVER, RELEASING, Command, Script, Step

CLOSED: Final = [(0, b"closed")]
NO_REPLY: Final = [(0, b"no reply")]
MYSQL_DEFAULT_COLLATION: Final = 255
"""utf8mb4_0900_ai_ci. MariaDB does not know it, and after a reset such a session has one that is left to chance."""
RELEASE_SECONDS: Final = 5
"""How long it may take until a client sees that the server has closed its connection."""

_DIAGNOSTIC: Final = re.compile(r"warning|error|row_count|found_rows|diagnostics|\bp_|\bf_|execute", re.IGNORECASE)
_ENDING: Final = re.compile("commit|rollback|call|execute", re.IGNORECASE)
_READS_A_TABLE: Final = Command("query", "SELECT n FROM {db}.people WHERE id = 1")


@dataclass
class Record:
    """What came of one thing that a script did."""

    step: int
    what: str
    packets: list[Packet]
    capabilities: int = 0


class Player:
    """Plays scripts on one side; `target` is the server itself or the proxy in front of it."""

    def __init__(self, target: Target, server: Server, observer: Observer) -> None:
        self._target = target
        self._account: Account = server.account
        self._observer = observer
        self._is_mysql = server.kind == "mysql"
        self._placeholders = placeholders(server, observer.schema)
        self._clients: dict[int, Client] = {}
        self._ended: list[int] = []
        self._records: list[Record] = []
        self._script = Script((), ())
        self._step = 0

    def play(self, script: Script) -> list[Record]:
        """Put the tables back, play the script, look at what is left, end all connections, look again."""
        self._observer.put_back(script)
        self._script, self._records, self._ended = script, [], []
        try:
            for self._step, step in enumerate(script.steps):
                self._play(step)
            self._step = len(script.steps)
            self._look()
        finally:
            self._end_all()
        self._note_rows("contents", self._observer.contents())
        self._note_rows("tables", self._observer.tables(script))
        return self._records

    def _end_all(self) -> None:
        for client in self._clients.values():
            client.close()
            self._ended.append(client.number)
        self._clients.clear()
        self._observer.await_gone(self._ended)

    def _note(self, what: str, packets: list[Packet], capabilities: int = 0) -> None:
        self._records.append(Record(self._step, what, packets, capabilities))

    # ---- steps ----

    def _play(self, step: Step) -> None:
        if step.connection == OBSERVER:
            self._observer.await_gone(self._ended)
            self._look()
            return
        command = step.commands[0]
        try:
            client = self._clients.get(step.connection) or self._login(step.connection)
            if command.kind in LEAVING:
                self._ended.append(self._clients.pop(step.connection).number)
                client.leave(command.kind)
                self._observer.await_gone(self._ended)
                return
            client.write(step.commands, step.pieces)
            for command in step.commands:
                self._note(str(command), client.reply(command), client.capabilities)
                self._await_release(client, command)
        except (EOFError, ConnectionError, TimeoutError) as problem:
            self._note(str(command), NO_REPLY if isinstance(problem, TimeoutError) else CLOSED)
            if gone := self._clients.pop(step.connection, None):
                gone.close()
                self._ended.append(gone.number)

    def _login(self, connection: int) -> Client:
        login = self._script.logins[connection]
        if not self._is_mysql and login.charset == MYSQL_DEFAULT_COLLATION:
            login = replace(login, charset=0)
        client = Client(self._target, self._account, login, self._placeholders, self._observer.end_wait)
        self._clients[connection] = client
        self._note(f"login {connection}", [(0, client.login_ok)], client.capabilities)
        if not self._is_mysql and any(_DIAGNOSTIC.search(text) for text in self._texts(connection)):
            # A session of MariaDB may get the diagnostics of one that has ended, until it reads a table.
            client.write((_READS_A_TABLE,), 1)
            self._note(str(_READS_A_TABLE), client.reply(_READS_A_TABLE), client.capabilities)
        return client

    def _texts(self, connection: int) -> Iterator[str]:
        return (c.text for step in self._script.steps if step.connection == connection for c in step.commands)

    def _await_release(self, client: Client, command: Command) -> None:
        """Where the server may be about to close the connection, wait until it has or is idle."""
        if RELEASING.search(command.text):
            client.may_be_released = True
        ends = command.kind == "execute" or _ENDING.search(command.text)
        if client.may_be_released and ends and not self._observer.is_idle(client.number):
            select.select([client.socket], [], [], RELEASE_SECONDS)

    # ---- looking ----

    def _look(self) -> None:
        numbers = {client.number: connection for connection, client in self._clients.items()}
        self._note_rows("contents", self._observer.contents())
        self._note_rows("locks", self._observer.locks(numbers))
        self._note_rows("transactions", self._observer.transactions(numbers))

    def _note_rows(self, what: str, rows: list[tuple[object, ...]]) -> None:
        self._note(what, [(0, repr(row).encode()) for row in rows])


def placeholders(server: Server, schema: str) -> dict[str, str]:
    """What stands for the placeholders of texts on this server."""
    old = server.kind == "mariadb" and server.version.startswith("10.")
    prefix = "tx" if old else "transaction"
    return {"{db}": schema, "{isolation}": f"{prefix}_isolation", "{access}": f"{prefix}_read_only"}
