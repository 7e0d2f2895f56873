"""OK, ERR and EOF: the packets that end a reply.

https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_response_packets.html
"""

from typing import Final

from proxy.wire.constants import (
    CLIENT_PROTOCOL_41,
    CLIENT_SESSION_TRACK,
    SERVER_SESSION_STATE_CHANGED,
    SESSION_TRACK_SCHEMA,
    SESSION_TRACK_SYSTEM_VARIABLES,
    SESSION_TRACK_TRANSACTION_STATE,
)
from proxy.wire.fields import Fields, Malformed, lenenc_bytes

OK: Final = 0x00
LOCAL_INFILE: Final = 0xFB
EOF: Final = 0xFE
ERR: Final = 0xFF

EOF_STATUS_AT: Final = 3
"""Where an EOF packet of the old kind has its status flags."""
PROGRESS_REPORT: Final = 0xFFFF
"""The error code of an ERR packet that is none: MariaDB reports the progress of a long statement in it."""


class Ok:
    """An OK packet, also under the 0xFE header that stands in for EOF (CLIENT_DEPRECATE_EOF)."""

    def __init__(self, payload: bytes, capabilities: int) -> None:
        """Take a payload apart whose end may be missing: info and state are then empty. Raises Malformed."""
        fields = Fields(payload, 1)
        self.affected_rows = fields.lenenc()
        self.last_insert_id = fields.lenenc()
        self.status_at = fields.pos
        """Where the status flags are in the payload."""
        self.status = fields.integer(2)
        self.warnings = fields.integer(2)
        self.info = b""
        self.state: list[tuple[int, bytes]] = []
        """Session-state blocks: (SESSION_TRACK_..., data)."""
        try:
            self._read_rest(fields, capabilities)
        except Malformed:
            self.info, self.state = b"", []

    def _read_rest(self, fields: Fields, capabilities: int) -> None:
        if not capabilities & CLIENT_SESSION_TRACK:
            self.info = fields.rest()
            return
        if fields.left:
            self.info = fields.lenenc_bytes()
        if self.status & SERVER_SESSION_STATE_CHANGED:
            blocks = Fields(fields.lenenc_bytes())
            while blocks.left:
                self.state.append((blocks.integer(1), blocks.lenenc_bytes()))

    @property
    def schema(self) -> bytes | None:
        """The default database, where this packet says that it has changed."""
        return self._reported(SESSION_TRACK_SCHEMA)

    @property
    def transaction(self) -> bytes | None:
        """The eight letters of the transaction's state, where this packet says that it has changed.

        https://dev.mysql.com/doc/refman/en/session-state-tracking.html
        """
        return self._reported(SESSION_TRACK_TRANSACTION_STATE)

    @property
    def variables(self) -> dict[str, bytes]:
        """The session variables that this packet reports, and their values. MariaDB puts several into a block."""
        reported: dict[str, bytes] = {}
        for kind, data in self.state:
            if kind == SESSION_TRACK_SYSTEM_VARIABLES:
                block = Fields(data)
                while block.left:
                    name = block.lenenc_bytes().decode("latin-1")
                    reported[name] = block.lenenc_bytes()
        return reported

    def _reported(self, wanted: int) -> bytes | None:
        found = None
        for kind, data in self.state:
            if kind == wanted:
                found = Fields(data).lenenc_bytes()
        return found

    def without_state(self, payload: bytes) -> bytes:
        """Return the payload that this was made of as a client gets it that did not ask for session state."""
        status = self.status & ~SERVER_SESSION_STATE_CHANGED
        start = payload[: self.status_at] + status.to_bytes(2, "little") + payload[self.status_at + 2 :][:2]
        return start + lenenc_bytes(self.info) if self.info else start


class Eof:
    """An EOF packet of the old kind; also the status and warnings of any."""

    def __init__(self, payload: bytes) -> None:
        """Take a payload apart; raises Malformed."""
        fields = Fields(payload, 1)
        self.warnings = fields.integer(2)
        self.status = fields.integer(2)


class Err:
    """An ERR packet."""

    def __init__(self, payload: bytes) -> None:
        """Take a payload apart, with or without SQLSTATE; raises Malformed."""
        fields = Fields(payload, 1)
        self.code = fields.integer(2)
        self.sqlstate = ""
        if payload[3:4] == b"#":
            self.sqlstate = fields.take(6)[1:].decode("ascii", "replace")
        self.message = fields.rest()


def ok(status: int) -> bytes:
    """Encode an OK payload that says nothing but status flags."""
    return b"\0\0\0" + status.to_bytes(2, "little") + b"\0\0"


def err(code: int, sqlstate: str, message: str, capabilities: int = CLIENT_PROTOCOL_41) -> bytes:
    """Encode an ERR payload. Before the capabilities are known (0) it has no SQLSTATE, as a server's has none."""
    state = b"#" + sqlstate.encode("ascii") if capabilities & CLIENT_PROTOCOL_41 else b""
    return b"\xff" + code.to_bytes(2, "little") + state + message.encode()
