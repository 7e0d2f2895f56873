"""Sessions that show what a server says of itself in each reply: status flags, warnings, session-state blocks."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pymysql
import pytest

from proxy.wire.constants import (
    CLIENT_DEPRECATE_EOF,
    CLIENT_SESSION_TRACK,
    COM_QUERY,
    SERVER_STATUS_AUTOCOMMIT,
    SERVER_STATUS_IN_TRANS,
    SERVER_STATUS_IN_TRANS_READONLY,
    SESSION_TRACK_SCHEMA,
    SESSION_TRACK_SYSTEM_VARIABLES,
    SESSION_TRACK_TRANSACTION_CHARACTERISTICS,
    SESSION_TRACK_TRANSACTION_STATE,
)
from proxy.wire.exchange import DONE, MORE, Reply
from proxy.wire.fields import Fields
from proxy.wire.replies import Err, Ok
from tests.raw import RawClient

from ..servers import Server

TRACKING = CLIENT_SESSION_TRACK | CLIENT_DEPRECATE_EOF


@dataclass
class Said:
    """A reply, as far as a proxy can use it; of several results the last one's status, and the rows of all."""

    status: int | None = None
    """None after ERR, which carries no flags."""
    warnings: int = 0
    affected: int = 0
    error: int = 0
    message: str = ""
    rows: list[list[str | None]] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    """What the tracker reports as changed."""
    schema: str | None = None
    transaction: str | None = None
    """The eight letters of the transaction tracker."""
    characteristics: str | None = None

    @property
    def in_transaction(self) -> bool:
        assert self.status is not None, self
        return self.status & SERVER_STATUS_IN_TRANS != 0

    @property
    def in_read_only_transaction(self) -> bool:
        assert self.status is not None, self
        return self.status & SERVER_STATUS_IN_TRANS_READONLY != 0

    @property
    def autocommit(self) -> bool:
        assert self.status is not None, self
        return self.status & SERVER_STATUS_AUTOCOMMIT != 0

    @property
    def value(self) -> str | None:
        """The only field of the only row."""
        [[value]] = self.rows
        return value


class Session(RawClient):
    """One connection, statement by statement."""

    def ask(self, text: str) -> Said:
        """Send a statement and take its whole reply, error or not."""
        return self.command(bytes([COM_QUERY]) + text.encode())

    def do(self, text: str) -> Said:
        """Send a statement that must not fail."""
        said = self.ask(text)
        assert not said.error, f"{text}: {said.error} {said.message}"
        return said

    def command(self, payload: bytes) -> Said:
        """Send any command and take its reply."""
        self.send(payload)
        reply, said = Reply(payload[0], self.capabilities), Said()
        while reply.state == MORE:
            _, packet = self.read()
            rows, ok = reply.rows, reply.ok
            reply.take(packet, len(packet))
            if reply.rows > rows:
                said.rows.append(fields_of(packet))
            if reply.ok is not None and reply.ok is not ok:
                note(said, reply.ok)
        assert reply.state == DONE, reply.surprise
        said.status, said.warnings, said.affected = reply.status, reply.warnings, reply.affected_rows
        if isinstance(reply.error, Err):
            said.status = None
            said.error, said.message = reply.error.code, reply.error.message.decode()
        return said


def fields_of(packet: bytes) -> list[str | None]:
    """Take a text row apart."""
    found: list[str | None] = []
    row = Fields(packet)
    while row.left:
        if row.payload[row.pos] == 0xFB:
            row.take(1)
            found.append(None)
        else:
            found.append(row.lenenc_bytes().decode("utf-8", "replace"))
    return found


def note(said: Said, ok: Ok) -> None:
    """Add what an OK packet's session-state blocks report."""
    for kind, data in ok.state:
        block = Fields(data)
        if kind == SESSION_TRACK_SYSTEM_VARIABLES:
            while block.left:
                name = block.lenenc_bytes().decode()
                said.variables[name] = block.lenenc_bytes().decode()
        elif kind == SESSION_TRACK_SCHEMA:
            said.schema = block.lenenc_bytes().decode()
        elif kind == SESSION_TRACK_TRANSACTION_STATE:
            said.transaction = block.lenenc_bytes().decode()
        elif kind == SESSION_TRACK_TRANSACTION_CHARACTERISTICS:
            said.characteristics = block.lenenc_bytes().decode()


Connect = Callable[..., Session]
"""Takes further capability flags instead of TRACKING, and whether in the tests' own schema."""


@pytest.fixture
def connect(server: Server, table: str) -> Iterator[Connect]:
    """Opens sessions of an account with all rights on the tests' schema; closed at the end."""
    account = server.account
    # A raw client knows only the fast part of caching_sha2_password, which needs a full login before it.
    pymysql.connect(host=server.host, port=server.port, user=account.user, password=account.password).close()
    with ExitStack() as stack:

        def open_session(capabilities: int = TRACKING, schema: str = server.schema) -> Session:
            return stack.enter_context(
                Session(server.host, server.port, account.user, account.password, schema, capabilities)
            )

        yield open_session


@pytest.fixture
def session(connect: Connect) -> Session:
    """One session."""
    return connect()


@pytest.fixture
def table(server: Server) -> Iterator[str]:
    """An InnoDB table `facts (id int primary key, n int)` with rows 1, 2, 3; dropped at the end."""
    name = f"{server.schema}.facts"
    server.run(
        f"DROP TABLE IF EXISTS {name}",
        f"CREATE TABLE {name} (id int PRIMARY KEY, n int) ENGINE=InnoDB",
        f"INSERT INTO {name} VALUES (1, 10), (2, 20), (3, 30)",
    )
    yield "facts"
    server.run(f"DROP TABLE IF EXISTS {name}")
