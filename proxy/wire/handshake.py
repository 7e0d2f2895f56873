"""The packets of the connection phase.

https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html and, for the upper 32
capability flags, https://mariadb.com/kb/en/connection/. Only what the proxy must know is taken apart; what it passes
on keeps its bytes, but for the capability flags, which both packets hold at fixed places.
"""

from proxy.wire.constants import (
    CLIENT_CONNECT_WITH_DB,
    CLIENT_LONG_PASSWORD,
    CLIENT_PLUGIN_AUTH,
    CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA,
    CLIENT_PROTOCOL_41,
    CLIENT_SECURE_CONNECTION,
    CLIENT_SSL,
)
from proxy.wire.fields import Fields, Malformed, lenenc_bytes

SSL_REQUEST_SIZE = 32
"""An SSL request is the fixed part of a handshake response, and nothing after it."""

AUTH_MORE_DATA = 0x01
AUTH_NEXT_FACTOR = 0x02
AUTH_SWITCH = 0xFE


class Greeting:
    """What a server says first (protocol version 10)."""

    def __init__(self, payload: bytes) -> None:
        """Take a greeting apart; raises Malformed."""
        fields = Fields(payload)
        if fields.integer(1) != 10:
            raise Malformed("a greeting of a protocol version other than 10")
        self.server_version = fields.nul_bytes()
        fields.integer(4)  # the connection's id
        nonce = fields.take(8)
        fields.take(1)
        self._lower_at = fields.pos
        lower = fields.integer(2)
        self.charset = fields.integer(1)
        fields.integer(2)  # status flags
        self._upper_at = fields.pos
        upper = fields.integer(2)
        nonce_size = fields.integer(1)
        fields.take(6)
        self._extended_at = fields.pos
        extended = fields.integer(4)
        self.capabilities = lower | upper << 16
        if not lower & CLIENT_LONG_PASSWORD:  # CLIENT_MYSQL in MariaDB: clear means that it is MariaDB
            self.capabilities |= extended << 32
        nonce += fields.take(min(max(13, nonce_size - 8), fields.left))
        self.nonce = nonce.removesuffix(b"\0")
        self.plugin = fields.nul_bytes_or_rest() if self.capabilities & CLIENT_PLUGIN_AUTH else b""
        self._payload = payload

    def with_capabilities(self, capabilities: int) -> bytes:
        """Return the payload, as it came, but with these flags."""
        payload = bytearray(self._payload)
        payload[self._lower_at : self._lower_at + 2] = (capabilities & 0xFFFF).to_bytes(2, "little")
        payload[self._upper_at : self._upper_at + 2] = (capabilities >> 16 & 0xFFFF).to_bytes(2, "little")
        if not capabilities & CLIENT_LONG_PASSWORD:
            payload[self._extended_at : self._extended_at + 4] = (capabilities >> 32).to_bytes(4, "little")
        return bytes(payload)


class HandshakeResponse:
    """What a client answers, or asks for TLS with (the 41 form of the packet)."""

    def __init__(self, payload: bytes) -> None:
        """Take a response or an SSL request apart; raises Malformed."""
        fields = Fields(payload)
        self.capabilities = fields.integer(4)
        if not self.capabilities & CLIENT_PROTOCOL_41:
            raise Malformed("a handshake response older than MySQL 4.1")
        fields.take(4)  # its largest packet
        self.charset = fields.integer(1)
        """The collation of its texts, by id."""
        fields.take(19)
        extended = fields.integer(4)
        if not self.capabilities & CLIENT_LONG_PASSWORD:
            self.capabilities |= extended << 32
        self._fixed = payload[:SSL_REQUEST_SIZE]
        self.is_ssl_request = fields.left == 0 and self.capabilities & CLIENT_SSL != 0
        self.user = self.database = self.plugin = b""
        self.auth_data: bytes = b""
        self._tail = b""
        if not self.is_ssl_request:
            self._read_rest(fields)

    def _read_rest(self, fields: Fields) -> None:
        self.user = fields.nul_bytes()
        if self.capabilities & CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA:
            self.auth_data = fields.lenenc_bytes()
        elif self.capabilities & CLIENT_SECURE_CONNECTION:
            self.auth_data = fields.take(fields.integer(1))
        else:
            self.auth_data = fields.nul_bytes()
        tail_at = fields.pos
        # Clients differ in whether they send the last zero bytes, and some set flags for fields that they leave out.
        if self.capabilities & CLIENT_CONNECT_WITH_DB and fields.left:
            self.database = fields.nul_bytes_or_rest()
        if self.capabilities & CLIENT_PLUGIN_AUTH and fields.left:
            self.plugin = fields.nul_bytes_or_rest()
        self._tail = fields.payload[tail_at:]

    def fixed_part(self, capabilities: int) -> bytes:
        """Return the fixed part with these flags: with CLIENT_SSL it is an SSL request."""
        fixed = bytearray(self._fixed)
        fixed[0:4] = (capabilities & 0xFFFFFFFF).to_bytes(4, "little")
        if not capabilities & CLIENT_LONG_PASSWORD:
            fixed[28:32] = (capabilities >> 32).to_bytes(4, "little")
        return bytes(fixed)

    def encode(self, capabilities: int, auth_data: bytes) -> bytes:
        """Return the packet with these flags and this authentication data, all else as it came.

        Raises Malformed where the flags have no room for data of that size.
        """
        if capabilities & CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA:
            auth = lenenc_bytes(auth_data)
        elif capabilities & CLIENT_SECURE_CONNECTION:
            if len(auth_data) > 0xFF:
                raise Malformed("authentication data too long for this client's flags")
            auth = bytes([len(auth_data)]) + auth_data
        else:
            auth = auth_data + b"\0"
        return self.fixed_part(capabilities) + self.user + b"\0" + auth + self._tail


class ChangeUser:
    """The payload of COM_CHANGE_USER, command byte included."""

    def __init__(self, payload: bytes, capabilities: int) -> None:
        """Take the command apart; raises Malformed."""
        fields = Fields(payload, 1)
        self.user = fields.nul_bytes()
        if capabilities & CLIENT_SECURE_CONNECTION:
            self._auth_at = fields.pos
            self.auth_data = fields.take(fields.integer(1))
        else:
            self._auth_at = fields.pos
            self.auth_data = fields.nul_bytes()
        self._auth_end = fields.pos
        self.database = fields.nul_bytes_or_rest()
        self.plugin = b""
        self.charset = 0
        """The collation of its texts, by id; 0 where it does not say."""
        if fields.left:
            self.charset = fields.integer(2)
            if capabilities & CLIENT_PLUGIN_AUTH and fields.left:
                self.plugin = fields.nul_bytes_or_rest()
        self._payload = payload
        self._secure = capabilities & CLIENT_SECURE_CONNECTION != 0

    def encode(self, auth_data: bytes) -> bytes:
        """Return the payload with this authentication data; raises Malformed where it is too long."""
        if self._secure and len(auth_data) > 0xFF:
            raise Malformed("authentication data too long for COM_CHANGE_USER")
        auth = bytes([len(auth_data)]) + auth_data if self._secure else auth_data + b"\0"
        return self._payload[: self._auth_at] + auth + self._payload[self._auth_end :]


class AuthSwitch:
    """A server's request for another plugin, or (AuthNextFactor) for one more."""

    def __init__(self, payload: bytes) -> None:
        """Take the request apart, marker byte included; raises Malformed."""
        fields = Fields(payload, 1)
        if not fields.left:  # the oldest form has no fields
            self.plugin, self.nonce = b"mysql_old_password", b""
            return
        self.plugin = fields.nul_bytes_or_rest()
        self.nonce = fields.rest().removesuffix(b"\0")
