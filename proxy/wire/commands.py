"""What commands carry: the parts of their payloads that the proxy looks at.

https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_command_phase.html
"""

from typing import Final

from proxy.wire.constants import CLIENT_QUERY_ATTRIBUTES
from proxy.wire.fields import Fields

LAST_PREPARED: Final = 0xFFFFFFFF
"""MariaDB's statement id for the statement prepared last, so that a client can execute without waiting."""

# Field types whose binary value has a size of its own (enum_field_types); all others are string<lenenc>.
_FIXED_SIZES: Final = {
    0x01: 1,  # MYSQL_TYPE_TINY
    0x02: 2,  # MYSQL_TYPE_SHORT
    0x03: 4,  # MYSQL_TYPE_LONG
    0x04: 4,  # MYSQL_TYPE_FLOAT
    0x05: 8,  # MYSQL_TYPE_DOUBLE
    0x06: 0,  # MYSQL_TYPE_NULL
    0x08: 8,  # MYSQL_TYPE_LONGLONG
    0x09: 4,  # MYSQL_TYPE_INT24
    0x0D: 2,  # MYSQL_TYPE_YEAR
}
_SIZE_FIRST: Final = (0x07, 0x0A, 0x0B, 0x0C)  # TIMESTAMP, DATE, TIME, DATETIME: one byte of size


def query_text(payload: bytes, capabilities: int) -> bytes:
    """Return the SQL text of a COM_QUERY payload, which may be cut.

    Raises Malformed where the query attributes in front of the text do not end.
    """
    if not capabilities & CLIENT_QUERY_ATTRIBUTES:
        return payload[1:]
    fields = Fields(payload, 1)
    count = fields.lenenc()
    fields.lenenc()  # how many sets of parameters: always 1
    if count:
        _skip_attributes(fields, count)
    return fields.rest()


def _skip_attributes(fields: Fields, count: int) -> None:
    nulls = fields.take((count + 7) // 8)
    if not fields.integer(1):  # without types there is nothing to find the values' ends by, and none are sent
        return
    types = []
    for _ in range(count):
        types.append(fields.integer(1))
        fields.integer(1)  # whether it is unsigned
        fields.lenenc_bytes()  # its name
    for number, kind in enumerate(types):
        if nulls[number // 8] & 1 << number % 8:
            continue
        if kind in _SIZE_FIRST:
            fields.take(fields.integer(1))
        elif kind in _FIXED_SIZES:
            fields.take(_FIXED_SIZES[kind])
        else:
            fields.lenenc_bytes()


def statement_id(payload: bytes) -> int:
    """Return the id in a COM_STMT_EXECUTE, _FETCH, _CLOSE, _RESET, _SEND_LONG_DATA or bulk execute payload."""
    return Fields(payload, 1).integer(4)


def wants_cursor(payload: bytes) -> bool:
    """Say whether a COM_STMT_EXECUTE payload asks for a cursor (enum_cursor_type; 0x08 is no cursor's bit)."""
    return len(payload) > 5 and payload[5] & 0x07 != 0
