"""OK, ERR and EOF: the packets that end a reply.

https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_response_packets.html
"""

from typing import Final

from proxy.wire.constants import (
    CLIENT_PROTOCOL_41,
    CLIENT_SESSION_TRACK,
    SERVER_SESSION_STATE_CHANGED,
    SESSION_TRACK_SCHEMA,
)
from proxy.wire.fields import Fields, Malformed

OK: Final = 0x00
LOCAL_INFILE: Final = 0xFB
EOF: Final = 0xFE
ERR: Final = 0xFF

PROGRESS_REPORT: Final = 0xFFFF
"""The error code of an ERR packet that is none: MariaDB reports the progress of a long statement in it."""


class Ok:
    """An OK packet, also under the 0xFE header that stands in for EOF (CLIENT_DEPRECATE_EOF)."""

    def __init__(self, payload: bytes, capabilities: int) -> None:
        """Take a payload apart whose end may be missing: info and state are then empty. Raises Malformed."""
        fields = Fields(payload, 1)
        self.affected_rows = fields.lenenc()
        self.last_insert_id = fields.lenenc()
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
        for kind, data in self.state:
            if kind == SESSION_TRACK_SCHEMA:
                return Fields(data).lenenc_bytes()
        return None


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


def err(code: int, sqlstate: str, message: str, capabilities: int = CLIENT_PROTOCOL_41) -> bytes:
    """Encode an ERR payload. Before the capabilities are known (0) it has no SQLSTATE, as a server's has none."""
    state = b"#" + sqlstate.encode("ascii") if capabilities & CLIENT_PROTOCOL_41 else b""
    return b"\xff" + code.to_bytes(2, "little") + state + message.encode()
