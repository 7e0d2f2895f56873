"""What a command asks for: its text, the statement in it, and the shape of its reply.

Remembers what a connection has prepared, and what its texts can be read by (rules.charsets).
"""

from functools import lru_cache
from typing import Final

from proxy.events import TEXT_LIMIT
from proxy.wire.commands import LAST_PREPARED, query_text, statement_id, wants_cursor
from proxy.wire.constants import (
    CLIENT_MULTI_STATEMENTS,
    COM_CHANGE_USER,
    COM_CREATE_DB,
    COM_DROP_DB,
    COM_FIELD_LIST,
    COM_INIT_DB,
    COM_PING,
    COM_QUERY,
    COM_QUIT,
    COM_RESET_CONNECTION,
    COM_SET_OPTION,
    COM_STATISTICS,
    COM_STMT_BULK_EXECUTE,
    COM_STMT_CLOSE,
    COM_STMT_EXECUTE,
    COM_STMT_FETCH,
    COM_STMT_PREPARE,
    COM_STMT_RESET,
    COM_STMT_SEND_LONG_DATA,
)
from proxy.wire.exchange import Reply
from rules.charsets import is_unreadable, may_choose_unreadable
from rules.statement import OTHER, PING, PLAIN, RESET, USE, Statement
from rules.statement import read as read_statement

PREPARED_LIMIT: Final = 4096
"""How many prepared statements of a connection are remembered; further ones are logged without their text."""
PREPARED_TEXT_LIMIT: Final = 1024 * 1024
"""How much of their text together, in bytes."""
CACHED_TEXT: Final = 512
"""Texts up to this many bytes have their statement remembered, for all connections."""
PLAIN_EXECUTE: Final = 10
"""The size of a COM_STMT_EXECUTE without parameters: command, id, flags and the iteration count."""

_ANYTHING: Final = Statement(OTHER, b"", b"", reads_diagnostics=True)
_NOTHING: Final = Statement(PLAIN, b"", b"")
_TABLES: Final = Statement(PLAIN, b"", b"", touches_tables=True)
_OF_COMMANDS: Final = {
    COM_QUIT: _NOTHING,
    COM_STATISTICS: _NOTHING,
    COM_STMT_PREPARE: _NOTHING,
    COM_STMT_CLOSE: _NOTHING,
    COM_STMT_RESET: _NOTHING,
    COM_STMT_SEND_LONG_DATA: _NOTHING,
    COM_STMT_FETCH: _TABLES,
    COM_FIELD_LIST: _TABLES,
    COM_CREATE_DB: _TABLES,
    COM_DROP_DB: _TABLES,
    COM_PING: Statement(PING, b"", b""),
    COM_RESET_CONNECTION: Statement(RESET, b"", b"reset"),
    COM_CHANGE_USER: Statement(RESET, b"", b"change"),
}

_remembered = lru_cache(maxsize=4096)(read_statement)


class Prepared:
    """A statement that the server keeps for this connection."""

    def __init__(self, text: bytes | None, truncated: bool) -> None:
        """Take the text that COM_STMT_PREPARE brought, None where it cannot be read."""
        self.text = text
        self.truncated = truncated
        self.had_cursor = False

    @property
    def size(self) -> int:
        """How many bytes of text it holds."""
        return len(self.text or b"")


class Asked:
    """What one command asks for."""

    def __init__(self, statement: Statement, reply: Reply, text: bytes | None = None, truncated: bool = False) -> None:
        """Take what is to be logged, at most TEXT_LIMIT bytes of it, and what is to be judged."""
        self.statement = statement
        self.reply = reply
        self.text = text
        self.truncated = truncated
        self.is_whole = True
        """Whether the statement is all there is to the command: no parameters, no cursor."""


class Interpreter:
    """Reads the commands of one connection."""

    def __init__(self, client_capabilities: int, server_capabilities: int, charset: int) -> None:
        """Read by the flags agreed on with either side; `charset` is the login's collation."""
        self._client_capabilities = client_capabilities
        self._server_capabilities = server_capabilities
        self._several = client_capabilities & CLIENT_MULTI_STATEMENTS != 0
        self._unreadable = is_unreadable(charset)
        self._prepared: dict[int, Prepared] = {}
        self._prepared_size = 0
        self._last_prepared: Prepared | None = None

    def read(self, payload: bytes, size: int, modes: int) -> Asked:
        """Take a command of `size` bytes, of which `payload` is the beginning; raises Malformed.

        `modes` are the status flags of the session's sql_mode.
        """
        command = payload[0]
        cut = size > len(payload)
        if command == COM_QUERY:
            return self._read_text(command, query_text(payload, self._client_capabilities), cut, modes)
        if command == COM_STMT_PREPARE:
            asked = self._read_text(command, payload[1:], cut, modes)
            self._last_prepared = Prepared(asked.text, asked.truncated)
            return asked
        if command in (COM_STMT_EXECUTE, COM_STMT_BULK_EXECUTE):
            return self._read_execution(command, payload, size, modes)
        if command == COM_STMT_CLOSE:
            gone = self._prepared.pop(statement_id(payload), None)
            self._prepared_size -= gone.size if gone else 0
        elif command == COM_SET_OPTION:
            self._several = True  # or not: to expect several statements is always right
        elif command == COM_INIT_DB:
            return Asked(Statement(USE, b"", b"", schema=payload[1:]), self._reply(command))
        return Asked(_OF_COMMANDS.get(command, _ANYTHING), self._reply(command))

    def remember(self, number: int, text: bytes | None, truncated: bool) -> None:
        """Note under which id the server keeps a text that was prepared."""
        prepared = Prepared(text, truncated)
        if len(self._prepared) < PREPARED_LIMIT and self._prepared_size + prepared.size <= PREPARED_TEXT_LIMIT:
            self._prepared[number] = prepared
            self._prepared_size += prepared.size

    def forget(self) -> None:
        """Note that the session was reset, and what it had prepared is gone."""
        self._prepared.clear()
        self._prepared_size = 0

    def change_charset(self, collation: int) -> None:
        """Take the collation of a COM_CHANGE_USER."""
        self._unreadable = is_unreadable(collation)

    def _reply(self, command: int, *, cursor: bool = False, after_cursor: bool = False) -> Reply:
        return Reply(command, self._server_capabilities, cursor=cursor, after_cursor=after_cursor)

    def _read_text(self, command: int, text: bytes, cut: bool, modes: int) -> Asked:
        self._unreadable = self._unreadable or may_choose_unreadable(text)
        statement = _NOTHING if command == COM_STMT_PREPARE else self._statement(text, cut, modes)
        if self._unreadable:  # what is a value in it cannot be told: it is seen as a command without a text
            return Asked(statement, self._reply(command))
        return Asked(statement, self._reply(command), text[:TEXT_LIMIT], cut or len(text) > TEXT_LIMIT)

    def _statement(self, text: bytes, cut: bool, modes: int) -> Statement:
        odd = self._unreadable or modes != 0
        if cut or len(text) > CACHED_TEXT:
            return read_statement(text, several=self._several, odd=odd, truncated=cut)
        return _remembered(text, several=self._several, odd=odd)

    def _read_execution(self, command: int, payload: bytes, size: int, modes: int) -> Asked:
        number = statement_id(payload)
        prepared = self._last_prepared if number == LAST_PREPARED else self._prepared.get(number)
        cursor = command == COM_STMT_EXECUTE and wants_cursor(payload)
        if prepared is None or prepared.text is None:
            return Asked(_ANYTHING, self._reply(command, cursor=cursor))
        reply = self._reply(command, cursor=cursor, after_cursor=prepared.had_cursor and not cursor)
        prepared.had_cursor = prepared.had_cursor or cursor
        statement = self._statement(prepared.text, prepared.truncated, modes)
        asked = Asked(statement, reply, prepared.text, prepared.truncated)
        asked.is_whole = command == COM_STMT_EXECUTE and size == PLAIN_EXECUTE and not payload[5]
        return asked
