"""For each command the shape of its reply, and where that reply ends.

The table is total: a byte that no server knows is answered by ERR. Where a branch rests on what servers do rather than
on their manual, tests/live/test_wire_facts.py shows it on the real ones.
"""

from typing import Final

from proxy.wire.constants import (
    CLIENT_DEPRECATE_EOF,
    CLIENT_OPTIONAL_RESULTSET_METADATA,
    COM_BINLOG_DUMP,
    COM_BINLOG_DUMP_GTID,
    COM_CHANGE_USER,
    COM_CLONE,
    COM_CONNECT_OUT,
    COM_CREATE_DB,
    COM_DAEMON,
    COM_DEBUG,
    COM_DROP_DB,
    COM_FIELD_LIST,
    COM_INIT_DB,
    COM_PING,
    COM_PROCESS_INFO,
    COM_PROCESS_KILL,
    COM_QUERY,
    COM_QUIT,
    COM_REFRESH,
    COM_REGISTER_SLAVE,
    COM_RESET_CONNECTION,
    COM_SET_OPTION,
    COM_SHUTDOWN,
    COM_STATISTICS,
    COM_STMT_BULK_EXECUTE,
    COM_STMT_CLOSE,
    COM_STMT_EXECUTE,
    COM_STMT_FETCH,
    COM_STMT_PREPARE,
    COM_STMT_RESET,
    COM_STMT_SEND_LONG_DATA,
    COM_SUBSCRIBE_GROUP_REPLICATION_STREAM,
    COM_TABLE_DUMP,
    MARIADB_CLIENT_CACHE_METADATA,
    SERVER_MORE_RESULTS_EXISTS,
    SERVER_PS_OUT_PARAMS,
    SERVER_STATUS_CURSOR_EXISTS,
)
from proxy.wire.fields import Fields, Malformed
from proxy.wire.packet import MAX_PACKET
from proxy.wire.replies import EOF, EOF_STATUS_AT, ERR, LOCAL_INFILE, OK, PROGRESS_REPORT, Eof, Err, Ok

BARE_OK_SIZE: Final = 7
"""The size of an OK that says nothing but status flags; what tells of a prepared statement has 9 bytes or more."""

# Shapes of replies.
NOTHING: Final = 0
"""No reply at all."""
ONE_PACKET: Final = 1
"""OK, EOF or ERR."""
STRING: Final = 2
"""One packet of text, without a header byte."""
RESULTS: Final = 3
"""OK, ERR, a request for a local file, or a result set; more of them while SERVER_MORE_RESULTS_EXISTS."""
ROWS: Final = 4
"""Rows of a result set whose columns are known."""
PREPARED: Final = 5
"""A prepared statement's id, its parameters and its columns."""
COLUMNS: Final = 6
"""Column definitions without a count."""
AUTHENTICATION: Final = 7
"""As at login: client and server talk until OK or ERR."""
OPAQUE: Final = 8
"""A stream of another protocol, to the connection's end."""
ONLY_ERR: Final = 9
"""ERR: no server knows the command."""

_SHAPES: Final = {
    COM_QUIT: NOTHING,
    COM_INIT_DB: ONE_PACKET,
    COM_QUERY: RESULTS,
    COM_FIELD_LIST: COLUMNS,
    COM_CREATE_DB: ONE_PACKET,
    COM_DROP_DB: ONE_PACKET,
    COM_REFRESH: ONE_PACKET,
    COM_SHUTDOWN: ONE_PACKET,
    COM_STATISTICS: STRING,
    COM_PROCESS_INFO: RESULTS,
    COM_PROCESS_KILL: ONE_PACKET,
    COM_DEBUG: ONE_PACKET,
    COM_PING: ONE_PACKET,
    COM_CHANGE_USER: AUTHENTICATION,
    COM_BINLOG_DUMP: OPAQUE,
    COM_TABLE_DUMP: OPAQUE,
    COM_CONNECT_OUT: OPAQUE,
    COM_REGISTER_SLAVE: ONE_PACKET,
    COM_STMT_PREPARE: PREPARED,
    COM_STMT_EXECUTE: RESULTS,
    COM_STMT_SEND_LONG_DATA: NOTHING,
    COM_STMT_CLOSE: NOTHING,
    COM_STMT_RESET: ONE_PACKET,
    COM_SET_OPTION: ONE_PACKET,
    COM_STMT_FETCH: ROWS,
    COM_DAEMON: OPAQUE,
    COM_BINLOG_DUMP_GTID: OPAQUE,
    COM_RESET_CONNECTION: ONE_PACKET,
    COM_CLONE: OPAQUE,
    COM_SUBSCRIBE_GROUP_REPLICATION_STREAM: OPAQUE,
    COM_STMT_BULK_EXECUTE: RESULTS,
}
SHAPES: Final = tuple(_SHAPES.get(command, ONLY_ERR) for command in range(256))
"""The shape of the reply to each command byte."""

# States of a reply.
MORE: Final = 0
"""Packets of the server are to come."""
UPLOAD: Final = 1
"""The client is sending a local file: packets up to an empty one. Then call `uploaded`."""
DONE: Final = 2
SURPRISE: Final = 3
"""What came fits no reply to this command; `surprise` says why."""

# What a reply expects next.
_FIRST: Final = 0
_DEFINITIONS: Final = 1
_METADATA_EOF: Final = 2
_ROW: Final = 3


class Reply:
    """The reply to one command: takes its payloads, knows what they said and whether they were all.

    Never raises on what a server sends: what it cannot be is a SURPRISE.
    """

    def __init__(self, command: int, capabilities: int, cursor: bool = False, after_cursor: bool = False) -> None:
        """Expect the reply to `command` under the agreed capability flags.

        `cursor`: the command asked for one. `after_cursor`: it did not, but an earlier execution of the same prepared
        statement did: MySQL may then answer with columns and an OK packet only.
        """
        self.shape = SHAPES[command]
        self.state = DONE if self.shape == NOTHING else MORE
        self.surprise = ""
        self.rows = 0
        self.affected_rows = 0
        self.warnings = 0
        self.status: int | None = None
        """The status flags that came last, if any did; after `error` they say nothing of the session."""
        self.error: Err | None = None
        self.ok: Ok | None = None
        """The OK packet that came last."""
        self.ends_in_ok = False
        """Whether the last result ended in it, and not in an EOF packet of the old kind."""
        self.statement_id = 0
        """The id of a prepared statement."""
        self.status_at = 0
        """Where the payload taken last carries status flags; 0 where it does not."""
        self._old_eof = not capabilities & CLIENT_DEPRECATE_EOF
        self._metadata_is_optional = (
            capabilities & (CLIENT_OPTIONAL_RESULTSET_METADATA | MARIADB_CLIENT_CACHE_METADATA) != 0
        )
        self._capabilities = capabilities
        self._cursor = cursor
        self._after_cursor = after_cursor
        self._expects = _ROW if self.shape == ROWS else _FIRST
        self._definitions_left = 0
        self._columns_after = 0  # of a prepared statement, once its parameters are through
        self._with_definitions = True  # or only their EOF packets
        self._out_parameters = False
        self._doubtful: Ok | None = None

    @property
    def in_rows(self) -> bool:
        """Whether the next packets can be passed over with Framer.skip_rows, added to `rows`."""
        return self._expects == _ROW and self.state == MORE and not self._after_cursor

    def take(self, payload: bytes, size: int) -> None:
        """Take the reply's next payload, of which at least the first 64 bytes are there."""
        try:
            self._take(payload, size)
        except Malformed as problem:
            self._surprised(str(problem))

    def uploaded(self) -> None:
        """Note that the client's file has ended: the server has the word."""
        self.state = MORE

    def end_if_doubtful(self) -> None:
        """Note that the client goes on: where the last packet could have been the end of this reply, it was."""
        if self._doubtful and self.state == MORE:
            self.rows -= 1
            self._finish(self._doubtful.status, self._doubtful.warnings)

    def _take(self, payload: bytes, size: int) -> None:
        self._doubtful = None
        self.status_at = 0
        if size == 0:
            if self.shape == STRING:
                self.state = DONE
            else:
                self._surprised("an empty packet")
        elif payload[0] == ERR:
            self._take_err(payload)
        elif self._expects == _FIRST:
            self._take_first(payload, size)
        elif self._expects == _DEFINITIONS:
            self._definitions_left -= 1
            if not self._definitions_left:
                self._after_definitions()
        elif self._expects == _METADATA_EOF:
            self._take_metadata_eof(payload, size)
        else:
            self._take_row(payload, size)

    def _take_err(self, payload: bytes) -> None:
        error = Err(payload)
        if error.code == PROGRESS_REPORT:
            return
        self.error = error
        self.state = DONE

    def _take_first(self, payload: bytes, size: int) -> None:
        if self.shape == STRING:
            self.state = DONE
        elif self.shape == ONE_PACKET:
            self._take_end(payload, size)
        elif self.shape == RESULTS:
            self._take_first_of_results(payload)
        elif self.shape == PREPARED:
            self._take_prepared(payload, size)
        elif self.shape == COLUMNS:
            if payload[0] == EOF:
                self._take_end(payload, size)
        elif self.shape == AUTHENTICATION:
            if payload[0] == OK:
                self._take_end(payload, size)
        else:
            self._surprised(f"0x{payload[0]:02x} where only ERR can come")

    def _take_first_of_results(self, payload: bytes) -> None:
        if payload[0] == OK:
            self._take_ok(payload)
        elif payload[0] == LOCAL_INFILE:
            self.state = UPLOAD
        else:
            fields = Fields(payload)
            self._definitions_left = fields.lenenc()
            if not self._definitions_left or (fields.left and not self._metadata_is_optional):
                raise Malformed("no column count")
            if self._metadata_is_optional and not fields.integer(1):
                self._definitions_left = 0
                self._after_definitions()
            else:
                self._expects = _DEFINITIONS

    def _take_prepared(self, payload: bytes, size: int) -> None:
        fields = Fields(payload, 1)
        if payload[0] != OK:
            raise Malformed("no prepared statement")
        if size == BARE_OK_SIZE:  # MySQL 9.7, to a SET GLOBAL that the user may not do: nothing has been prepared
            self._take_ok(payload)
            return
        self.statement_id = fields.integer(4)
        columns, parameters = fields.integer(2), fields.integer(2)
        if fields.left:  # MySQL before 5.0.8 says nothing of warnings
            fields.integer(1)
            self.warnings = fields.integer(2)
        self._with_definitions = not (fields.left and not fields.integer(1))
        self._columns_after = columns
        self._expect_prepared(parameters)

    def _expect_prepared(self, count: int) -> None:
        """Go on to a prepared statement's `count` parameters, or where it has none, to its columns."""
        if not count:
            count, self._columns_after = self._columns_after, 0
        if not count or not (self._with_definitions or self._old_eof):
            self.state = DONE
        elif self._with_definitions:
            self._definitions_left = count
            self._expects = _DEFINITIONS
        else:
            self._expects = _METADATA_EOF

    def _after_definitions(self) -> None:
        if self._old_eof:
            self._expects = _METADATA_EOF
        elif self.shape == PREPARED:
            self._expect_prepared(0)
        else:
            self._expects = _ROW

    def _take_metadata_eof(self, payload: bytes, size: int) -> None:
        if payload[0] == OK and self._after_cursor:
            self._take_ok(payload)
            return
        if payload[0] != EOF or size >= 9:
            raise Malformed("no EOF after the column definitions")
        eof = Eof(payload)
        self.status_at = EOF_STATUS_AT
        if self.shape == PREPARED:
            self._expect_prepared(0)
        elif self._cursor and eof.status & SERVER_STATUS_CURSOR_EXISTS:
            self._finish(eof.status, eof.warnings)
        else:
            # MySQL says of a procedure's OUT parameters only here, and not in the EOF after them, that more follows.
            self._out_parameters = eof.status & SERVER_PS_OUT_PARAMS != 0
            self._expects = _ROW

    def _take_row(self, payload: bytes, size: int) -> None:
        if payload[0] == EOF and size < (9 if self._old_eof else MAX_PACKET):
            self._take_end(payload, size)
            return
        self.rows += 1
        if self._after_cursor and self.rows == 1 and payload[0] == OK:
            self._doubtful = self._as_ok(payload, size)
        self._after_cursor = self._doubtful is not None

    def _as_ok(self, payload: bytes, size: int) -> Ok | None:
        """Return the OK packet that a binary row can be mistaken for (and the reverse), else None."""
        try:
            ok = Ok(payload, self._capabilities)
        except Malformed:
            return None
        return ok if size == 7 and not ok.affected_rows and not ok.last_insert_id else None

    def _take_end(self, payload: bytes, size: int) -> None:
        if payload[0] == EOF and self._old_eof and size < 9:
            eof = Eof(payload)
            self.status_at = EOF_STATUS_AT
            self.ends_in_ok = False
            self._finish(eof.status, eof.warnings)
        elif payload[0] in (OK, EOF):
            self._take_ok(payload)
        else:
            self._surprised(f"0x{payload[0]:02x} where the reply has to end")

    def _take_ok(self, payload: bytes) -> None:
        ok = Ok(payload, self._capabilities)
        self.ok = ok
        self.ends_in_ok = True
        self.status_at = ok.status_at
        self.affected_rows += ok.affected_rows
        self._finish(ok.status, ok.warnings)

    def _finish(self, status: int, warnings: int) -> None:
        """End one result, and the reply unless more results follow."""
        self.status = status
        self.warnings = warnings
        if status & SERVER_MORE_RESULTS_EXISTS or self._out_parameters:
            self._out_parameters = self._after_cursor = False
            self._expects = _FIRST
        else:
            self.state = DONE

    def _surprised(self, why: str) -> None:
        self.state = SURPRISE
        self.surprise = why
