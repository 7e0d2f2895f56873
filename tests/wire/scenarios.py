"""What the recorded conversations consist of: commands, and what each must be seen as.

`python -m tests.wire.record` plays them on a real server and keeps the bytes; test_recordings.py replays those.
"""

from dataclasses import dataclass, field
from typing import Any

from proxy.wire.constants import (
    CLIENT_DEPRECATE_EOF,
    CLIENT_LOCAL_FILES,
    CLIENT_OPTIONAL_RESULTSET_METADATA,
    CLIENT_QUERY_ATTRIBUTES,
    CLIENT_SESSION_TRACK,
    COM_CHANGE_USER,
    COM_DEBUG,
    COM_FIELD_LIST,
    COM_INIT_DB,
    COM_PING,
    COM_PROCESS_INFO,
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
    MARIADB_CLIENT_CACHE_METADATA,
    MARIADB_CLIENT_STMT_BULK_OPERATIONS,
)

CAPABILITIES = {
    "eof": 0,
    "deprecate-eof": CLIENT_DEPRECATE_EOF | CLIENT_SESSION_TRACK,
    "optional-metadata": CLIENT_OPTIONAL_RESULTSET_METADATA,
    "optional-metadata-deprecate-eof": CLIENT_OPTIONAL_RESULTSET_METADATA | CLIENT_DEPRECATE_EOF,
    "cache-metadata": MARIADB_CLIENT_CACHE_METADATA,
    "cache-metadata-deprecate-eof": MARIADB_CLIENT_CACHE_METADATA | CLIENT_DEPRECATE_EOF | CLIENT_SESSION_TRACK,
}
"""Sets of capability flags by name; one that a server does not offer in full is not recorded on it."""


@dataclass(frozen=True)
class Step:
    """One write of the client and the statements that it must be seen as."""

    sent: bytes
    """Payloads' bytes: one payload, or with `commands` several."""
    seen: dict[str, Any] = field(default_factory=dict)
    """Fields of the StatementDone; {} where nothing special is to be seen."""
    upload: bytes | None = None
    """A local file's contents, for the server that asks for it."""
    more: tuple[tuple[bytes, dict[str, Any]], ...] = ()
    """Further payloads in the same write."""


def query(text: str, upload: bytes | None = None, **seen: Any) -> Step:
    return Step(bytes([COM_QUERY]) + text.encode(), {"text": text.encode(), **seen}, upload)


def attributed(text: str, **seen: Any) -> Step:
    """COM_QUERY with CLIENT_QUERY_ATTRIBUTES: one string, one NULL, one bigint."""
    types = b"\xfe\x00\x02k1" + b"\xfe\x00\x02k2" + b"\x08\x00\x02k3"
    prefix = b"\x03\x01" + b"\x02" + b"\x01" + types + b"\x04abcd" + (7).to_bytes(8, "little")
    return Step(bytes([COM_QUERY]) + prefix + text.encode(), {"text": text.encode(), **seen})


def prepare(text: str, **seen: Any) -> Step:
    return Step(bytes([COM_STMT_PREPARE]) + text.encode(), {"text": text.encode(), **seen})


def _execution(number: int, cursor: bool = False, parameters: bytes = b"") -> bytes:
    return bytes([COM_STMT_EXECUTE]) + number.to_bytes(4, "little") + bytes([cursor]) + b"\1\0\0\0" + parameters


def execute(number: int, *, cursor: bool = False, parameters: bytes = b"", **seen: Any) -> Step:
    return Step(_execution(number, cursor, parameters), seen)


def fetch(number: int, count: int, **seen: Any) -> Step:
    return Step(bytes([COM_STMT_FETCH]) + number.to_bytes(4, "little") + count.to_bytes(4, "little"), seen)


def command(number: int, rest: bytes = b"", **seen: Any) -> Step:
    return Step(bytes([number]) + rest, seen)


BIGINT = b"\0\1\x08\0" + (1).to_bytes(8, "little")
"""The parameters of an execution: one, not NULL, a bigint of 1."""

SETUP = (
    "DROP TABLE IF EXISTS w",
    "CREATE TABLE w (a int, b varchar(9), KEY (a))",
    "INSERT INTO w VALUES (1, 'x'), (2, NULL), (3, '')",
    "DROP PROCEDURE IF EXISTS p",
    "CREATE PROCEDURE p(OUT o int) BEGIN SELECT a FROM w; SELECT 2; SET o = 5; END",
    "DROP PROCEDURE IF EXISTS q",
    "CREATE PROCEDURE q() BEGIN SELECT 1; SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1644; END",
)

ER_UNKNOWN_COM = 1047
ER_STMT_HAS_NO_OPEN_CURSOR = 1421

SCENARIOS: dict[str, list[Step]] = {
    "text": [
        query("SELECT a, b FROM w", rows=3, in_transaction=False),
        query("SELECT 1 FROM w WHERE a = 9", rows=0),
        query("INSERT INTO w VALUES (4, 'y'), (5, 'z')", affected=2),
        query("DELETE FROM w WHERE a > 3", affected=2),
        query("SELECT nope", error=1054, in_transaction=None),
        query("BEGIN", in_transaction=True),
        query("SELECT a FROM w", rows=3, in_transaction=True),
        query("COMMIT", in_transaction=False),
        query("SELECT CAST('x' AS signed)", rows=1, warnings=1),
        query("SELECT 1; SELECT 2, 3; UPDATE w SET b = 'x' WHERE a = 1; SELECT 4", rows=3),
        query("SELECT 1; SELECT nope; SELECT 2", error=1054),
        command(COM_QUIT),
    ],
    "prepared": [
        prepare("SELECT a FROM w WHERE a > ?"),
        execute(1, parameters=BIGINT, rows=2, text=b"SELECT a FROM w WHERE a > ?"),
        execute(1, parameters=BIGINT, rows=2),
        prepare("SELECT a, b FROM w"),
        execute(2, rows=3, text=b"SELECT a, b FROM w"),
        prepare("DO 1"),
        execute(3, rows=0),
        prepare("UPDATE w SET b = ? WHERE a = 1"),
        command(COM_STMT_SEND_LONG_DATA, b"\4\0\0\0\0\0abc"),
        execute(4, parameters=b"\0\1\xfe\0", affected=1),
        command(COM_STMT_RESET, b"\4\0\0\0"),
        command(COM_STMT_CLOSE, b"\4\0\0\0"),
        execute(4, parameters=BIGINT, error=1243, text=None),
        prepare("SELECT nope", error=1054),
        command(COM_PING),
    ],
    "cursor": [
        prepare("SELECT a FROM w"),
        execute(1, cursor=True, rows=0),
        fetch(1, 2, rows=2),
        fetch(1, 2, rows=1),
        execute(1, cursor=True, rows=0),
        command(COM_STMT_RESET, b"\1\0\0\0"),
        fetch(1, 2, error=ER_STMT_HAS_NO_OPEN_CURSOR),
        execute(1, cursor=True, rows=0),
        query("SELECT a FROM w", rows=3),
        fetch(1, 9, rows=3),
        prepare("INSERT INTO w VALUES (9, '')"),
        execute(2, cursor=True, affected=1),
        query("DELETE FROM w WHERE a = 9", affected=1),
    ],
    "cursor-then-none": [
        prepare("SELECT a FROM w"),
        execute(1, cursor=True, rows=0),
        # MariaDB sends the rows; MySQL opens a cursor again, and does not say so
        execute(1),
        command(COM_PING),
        execute(1, cursor=True, rows=0),
        fetch(1, 9),
        query("SELECT 7", rows=1),
    ],
    "procedures": [
        query("CALL p(@o)", rows=4),
        query("CALL q()", rows=1, error=1644),
        prepare("CALL p(?)"),
        execute(1, parameters=BIGINT, rows=5),
        query("SELECT 1", rows=1),
        execute(1, cursor=True, parameters=BIGINT),
        query("SELECT 1", rows=1),
    ],
    "session": [
        command(COM_INIT_DB, b"information_schema"),
        query("SELECT 1", schema="information_schema", rows=1),
        command(COM_INIT_DB, b"no such", error=1049),
        query("USE mysql", schema="information_schema"),
        query("SELECT 1", schema="mysql", rows=1),
        query("SET autocommit = 0, NAMES utf8mb4"),
        query("SELECT * FROM sbtest.w", rows=3, in_transaction=True),
        command(COM_RESET_CONNECTION, in_transaction=False),
        query("SELECT 2", rows=1),
        query("SET session_track_transaction_info = 'STATE'"),
        query("BEGIN", in_transaction=True),
        query("SELECT a FROM sbtest.w", rows=3, in_transaction=True),
        query("COMMIT", in_transaction=False),
    ],
    "misc": [
        command(COM_STATISTICS, rows=0),
        command(COM_SET_OPTION, b"\0\0"),
        command(COM_FIELD_LIST, b"w\0"),
        command(COM_DEBUG),
        command(0x40, error=ER_UNKNOWN_COM),
        command(COM_PROCESS_INFO),
        command(COM_PING),
    ],
    "upload": [
        query("LOAD DATA LOCAL INFILE 'x' INTO TABLE w", upload=b"7\tq\n8\tr\n", affected=2),
        query("DELETE FROM w WHERE a > 6", affected=2),
        query("LOAD DATA LOCAL INFILE 'x' INTO TABLE w", upload=b"", affected=0),
        query("SELECT 1", rows=1),
    ],
    "pipelined": [
        Step(
            bytes([COM_QUERY]) + b"SELECT a FROM w",
            {"rows": 3},
            more=(
                (bytes([COM_QUERY]) + b"SELECT nope", {"error": 1054}),
                (bytes([COM_STMT_PREPARE]) + b"SELECT 5, ?", {}),
                (bytes([COM_PING]), {}),
                (bytes([COM_QUERY]) + b"SELECT 6", {"rows": 1}),
            ),
        ),
        command(COM_PING),
    ],
    "change-user": [
        query("SELECT a FROM w", rows=3),
        command(COM_CHANGE_USER),
        query("SELECT a FROM w", rows=3),
    ],
    "no-metadata": [
        query("SET resultset_metadata = NONE"),
        query("SELECT a, b FROM w", rows=3),
        prepare("SELECT a FROM w WHERE a > ?"),
        execute(1, parameters=BIGINT, rows=2),
        prepare("SELECT a FROM w"),
        execute(2, cursor=True, rows=0),
        fetch(2, 9, rows=3),
        command(COM_FIELD_LIST, b"w\0"),
        query("CALL p(@o)", rows=4),
    ],
    "attributes": [
        attributed("SELECT a FROM w", rows=3),
        Step(bytes([COM_QUERY]) + b"\0\1SELECT 1", {"text": b"SELECT 1", "rows": 1}),
    ],
    "bulk": [
        prepare("INSERT INTO w VALUES (?, 'bulk')"),
        Step(
            bytes([COM_STMT_BULK_EXECUTE]) + b"\1\0\0\0" + b"\x80\0" + b"\x08\0" + (b"\0" + b"\x09" + b"\0" * 7) * 3,
            {"affected": 3, "text": b"INSERT INTO w VALUES (?, 'bulk')"},
        ),
        Step(
            bytes([COM_STMT_PREPARE]) + b"SELECT a FROM w WHERE a < ?",
            {},
            more=((_execution(0xFFFFFFFF, parameters=BIGINT), {"text": b"SELECT a FROM w WHERE a < ?"}),),
        ),
        query("DELETE FROM w WHERE a = 9", affected=3),
    ],
}

EXTRA = {
    "upload": CLIENT_LOCAL_FILES,
    "no-metadata": CLIENT_OPTIONAL_RESULTSET_METADATA,
    "attributes": CLIENT_QUERY_ATTRIBUTES,
    "bulk": MARIADB_CLIENT_STMT_BULK_OPERATIONS,
}
"""Capability flags that a scenario is about; a server without them does not have it."""
