"""One authentication exchange, at login or after COM_CHANGE_USER, without I/O.

Nearly all of it is passed on as it comes. But a plugin that hands over the password itself does so in another way on a
secure channel than on a plain one, and here the channels of the two sides may differ:

- The server wants the password, and the client would encrypt it for an RSA key that it asks for. The proxy hands out a
  key of its own, decrypts, and passes the password on, inside the secure channel.
- The client sends the password, and the server wants it encrypted. The proxy asks for the server's key and encrypts.
  Where the plugin has no such key, the login is refused: what came in a secure channel never leaves in a plain one.

Whether a Unix socket is secure is the plugin's own opinion, and the drivers' differ: what a client sends is told by its
looks.

https://dev.mysql.com/doc/dev/mysql-server/latest/page_caching_sha2_authentication_exchanges.html and, in MySQL's
source, sql/auth/sql_authentication.cc (sha256_password_authenticate) and sql/auth/sha2_password.cc.
"""

from collections.abc import Callable
from typing import Final

from proxy import rsa
from proxy.wire.constants import CLIENT_SESSION_TRACK, ER_ACCESS_DENIED_ERROR, SERVER_SESSION_STATE_CHANGED
from proxy.wire.fields import Malformed
from proxy.wire.handshake import AUTH_MORE_DATA, AUTH_NEXT_FACTOR, AUTH_SWITCH, AuthSwitch
from proxy.wire.packet import Framer, packets
from proxy.wire.replies import ERR, OK, Ok, err

CACHING_SHA2: Final = b"caching_sha2_password"
SHA256: Final = b"sha256_password"
CLEAR: Final = (b"mysql_clear_password", b"dialog")
"""Plugins that send the password as it is, on any channel."""

# How a side is connected.
PLAIN: Final = 0
LOCAL: Final = 1
"""A Unix socket: secure for caching_sha2_password, not for sha256_password."""
TLS: Final = 2

SHORTEST_CIPHER: Final = 128
"""Bytes of a password encrypted with the smallest RSA key in use, 1,024 bits."""
NO_PASSWORD: Final = (b"", b"\0")
FAST_AUTH_SUCCESS: Final = b"\x01\x03"
PERFORM_FULL_AUTHENTICATION: Final = b"\x01\x04"
_KEY_REQUESTS: Final = {CACHING_SHA2: b"\x02", SHA256: b"\x01"}

# What the exchange waits for, beyond what it only passes on.
_NOTHING: Final = 0
_FULL: Final = 1  # caching_sha2_password: the client's word after the server asked for full authentication
_CIPHER: Final = 2  # the client's password, encrypted for the proxy's key
_SERVER_KEY: Final = 3  # the server's key, for the client's password


class PacketLine:
    """One side of a connection while its packets are handled one by one: numbers what is sent."""

    def __init__(self, limit: int, out: list[bytes]) -> None:
        self._framer = Framer(limit + 1)
        self._limit = limit
        self._out = out
        self._sequence_id = 0

    def feed(self, data: bytes) -> None:
        """Take a chunk; raises Malformed where more waits than one packet may hold."""
        self._framer.feed(data)
        if self._framer.backlog > 2 * self._limit:
            raise Malformed("more than can be said at login")

    def advance(self) -> bool:
        """Go on to the next payload; raises Malformed where it is larger than the limit."""
        complete = self._framer.advance()
        if (self._framer.size if complete else self._framer.incoming) > self._limit:
            raise Malformed("a packet too large for a login")
        if not complete:
            return False
        self._sequence_id = self._framer.sequence_id + 1
        return True

    @property
    def between_packets(self) -> bool:
        """Whether nothing was fed beyond what has been read."""
        return self._framer.between_packets

    @property
    def payload(self) -> bytes:
        """The payload that `advance` went on to."""
        return self._framer.payload

    def send(self, payload: bytes) -> None:
        """Send one payload under the next sequence id."""
        self._out.append(packets(payload, self._sequence_id))
        self._sequence_id += 1

    def rest(self) -> bytes:
        """Hand out what was fed and not read."""
        return self._framer.rest()


class Authentication:
    """From the client's first answer to the server's OK or ERR."""

    def __init__(
        self,
        client: PacketLine,
        server: PacketLine,
        *,
        client_channel: int,
        server_channel: int,
        plugin: bytes,
        nonce: bytes,
        capabilities: int,
        server_capabilities: int,
    ) -> None:
        """Stand between two sides; `plugin` and `nonce` are what the client's first answer was made with.

        `capabilities` are the flags agreed on with the client; the server may have been given more.
        """
        self._client = client
        self._server = server
        self._client_channel = client_channel
        self._server_channel = server_channel
        self._capabilities = capabilities
        self._server_capabilities = server_capabilities
        self._plugin = plugin
        self.nonce = nonce
        """The challenge that was given last."""
        self.clients_turn = False
        self.ok = b""
        """The server's OK, once it has come and been passed on."""
        self.refusal = b""
        """The ERR that ended the exchange."""
        self.refused_here = False
        """Whether that ERR was our own."""
        self._waits_for = _NOTHING
        self._password = b""  # on its way to the server, encrypted as soon as its key is there
        self._wrap: Callable[[bytes], bytes] = bytes

    def begin(self, auth_data: bytes, wrap: Callable[[bytes], bytes]) -> None:
        """Pass on the first answer, which `wrap` puts into the packet that carries it."""
        self._wrap = wrap
        self._answer(auth_data)

    def from_server(self, payload: bytes) -> None:
        """Take a packet of the server; raises Malformed."""
        kind = payload[0] if payload else -1
        if self._waits_for == _SERVER_KEY and kind == AUTH_MORE_DATA:
            self._send_encrypted(payload[1:])
            return
        self.clients_turn = kind in (AUTH_MORE_DATA, AUTH_SWITCH, AUTH_NEXT_FACTOR) and payload != FAST_AUTH_SUCCESS
        if kind in (AUTH_SWITCH, AUTH_NEXT_FACTOR):
            switch = AuthSwitch(payload)
            self._plugin, self.nonce, self._waits_for = switch.plugin, switch.nonce, _NOTHING
        elif payload == PERFORM_FULL_AUTHENTICATION and self._plugin == CACHING_SHA2:
            self._waits_for = _FULL
        elif kind == OK:
            self.ok = payload
            payload = self._as_asked_for(payload)
        elif kind == ERR:
            self.refusal = payload
        elif kind != AUTH_MORE_DATA:
            raise Malformed(f"0x{kind & 0xFF:02x} in an authentication")
        self._client.send(payload)

    def _as_asked_for(self, payload: bytes) -> bytes:
        """Return an OK without session state, where only the proxy has asked for it."""
        if not self._server_capabilities & ~self._capabilities & CLIENT_SESSION_TRACK:
            return payload
        ok = Ok(payload, self._server_capabilities)
        return ok.without_state(payload) if ok.status & SERVER_SESSION_STATE_CHANGED else payload

    def from_client(self, payload: bytes) -> None:
        """Take a packet of the client."""
        self.clients_turn = False
        self._answer(payload)

    def _answer(self, data: bytes) -> None:
        if self._client_channel == self._server_channel:
            self._pass_on(data)
        elif self._waits_for == _CIPHER:
            self._send_decrypted(data)
        elif self._waits_for == _FULL or self._plugin == SHA256:
            self._hand_over(data)
        elif self._plugin in CLEAR and self._server_channel == PLAIN:
            self._refuse("this account's password would have to cross a network in plain text: use --upstream-tls")
        else:
            self._pass_on(data)

    def _hand_over(self, data: bytes) -> None:
        """Bring a password, a request for a key, or a password encrypted for a key to a server with its own wishes."""
        wants_password = self._server_channel == TLS or (self._server_channel == LOCAL and self._plugin != SHA256)
        asks_for_key = data == _KEY_REQUESTS[self._plugin]
        is_password = data.endswith(b"\0") and 1 < len(data) < SHORTEST_CIPHER
        if asks_for_key and wants_password:
            self._waits_for = _CIPHER
            self.clients_turn = True
            self._client.send(bytes([AUTH_MORE_DATA]) + rsa.public_key())
        elif is_password and not wants_password:
            self._password = data
            self._waits_for = _SERVER_KEY
            self._pass_on(_KEY_REQUESTS[self._plugin])
        elif wants_password and not is_password and data not in NO_PASSWORD:
            self._refuse("the client encrypted its password for a key that it did not ask for: use TLS to the proxy")
        else:
            self._pass_on(data)

    def _send_decrypted(self, cipher: bytes) -> None:
        self._waits_for = _NOTHING
        password = rsa.decrypt(cipher, self.nonce)
        if password is None:
            self._refuse("the client's encrypted password cannot be read")
        else:
            self._pass_on(password)

    def _send_encrypted(self, key: bytes) -> None:
        self._waits_for = _NOTHING
        cipher = rsa.encrypt(self._password, self.nonce, key)
        self._password = b""
        if cipher is None:
            self._refuse("the server's RSA key cannot be used for this password")
        else:
            self._pass_on(cipher)

    def _pass_on(self, data: bytes) -> None:
        self._server.send(self._wrap(data))
        self._wrap = bytes

    def _refuse(self, why: str) -> None:
        self.refused_here = True
        self.refusal = err(ER_ACCESS_DENIED_ERROR, "28000", f"hushql: {why}", self._capabilities)
        self._client.send(self.refusal)
