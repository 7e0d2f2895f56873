"""A client of hushql's own: one connection to the server, on a blocking socket, for what has to be asked beforehand.

The proxy itself never logs in anywhere; its clients do. This is for commands that are given an account.
"""

import contextlib
import hashlib
import socket
import ssl
from typing import Final, Self

from proxy import rsa
from proxy.authentication import CACHING_SHA2, FAST_AUTH_SUCCESS, PERFORM_FULL_AUTHENTICATION, SHA256
from proxy.config import Address
from proxy.wire.constants import (
    CLIENT_DEPRECATE_EOF,
    CLIENT_LONG_PASSWORD,
    CLIENT_PLUGIN_AUTH,
    CLIENT_PROTOCOL_41,
    CLIENT_SECURE_CONNECTION,
    CLIENT_SESSION_TRACK,
    CLIENT_SSL,
    CLIENT_TRANSACTIONS,
    COM_QUERY,
    COM_QUIT,
)
from proxy.wire.exchange import DONE, MORE, Reply
from proxy.wire.fields import Fields, Malformed
from proxy.wire.handshake import AUTH_MORE_DATA, AUTH_SWITCH, AuthSwitch, Greeting
from proxy.wire.packet import Framer, packets
from proxy.wire.replies import ERR, OK, Err

PACKET_LIMIT: Final = 64 * 1024
"""The largest packet that is read, in bytes: nothing large is asked for."""
NATIVE: Final = b"mysql_native_password"
CLEAR: Final = b"mysql_clear_password"
UTF8MB4: Final = 45
"""The collation utf8mb4_general_ci."""
_NULL: Final = b"\xfb"
_KEY_REQUESTS: Final = {CACHING_SHA2: b"\x02", SHA256: b"\x01"}
_CAPABILITIES: Final = (
    CLIENT_LONG_PASSWORD
    | CLIENT_PROTOCOL_41
    | CLIENT_TRANSACTIONS
    | CLIENT_SECURE_CONNECTION
    | CLIENT_PLUGIN_AUTH
    | CLIENT_SESSION_TRACK
    | CLIENT_DEPRECATE_EOF
)


class Refused(Exception):
    """The server said ERR; its text is one line for the user."""

    def __init__(self, error: Err) -> None:
        """Take the packet."""
        message = "".join(one if one.isprintable() else "?" for one in error.message.decode("utf-8", "replace"))
        super().__init__(f"the server says error {error.code}: {message}")
        self.code = error.code


class CannotLogIn(Exception):
    """The server wants what this client does not do; its text is one line for the user."""


class Client:
    """One connection. All that it does may raise OSError, Malformed, or Refused."""

    def __init__(self, address: Address, timeout: float) -> None:
        """Connect, and take the greeting; each step may take `timeout` seconds."""
        self._framer = Framer(PACKET_LIMIT)
        self._sequence_id = 0
        self._is_local = bool(address.path)
        self._is_encrypted = False
        self._is_logged_in = False
        self._socket = _connected(address, timeout)
        try:
            self.greeting = self._take_greeting()
        except BaseException:
            self._socket.close()
            raise
        self.capabilities = _CAPABILITIES & (self.greeting.capabilities | CLIENT_LONG_PASSWORD)
        self.plugin = self.greeting.plugin or NATIVE
        """The authentication plugin that was asked for last."""
        self._nonce = self.greeting.nonce

    def _take_greeting(self) -> Greeting:
        payload = self._read()
        if payload[:1] == bytes([ERR]):
            raise Refused(Err(payload))
        return Greeting(payload)

    def start_tls(self, context: ssl.SSLContext, name: str) -> str:
        """Go on in TLS with a server of this name; return the version and cipher agreed on."""
        if not self._framer.between_packets:  # it would be taken for what the server says under TLS
            raise Malformed("the server said more than its greeting before TLS")
        self.capabilities |= CLIENT_SSL
        self._send(self._fixed_part())
        encrypted = context.wrap_socket(self._socket, server_hostname=name)
        self._socket = encrypted
        self._is_encrypted = True
        cipher = encrypted.cipher()
        return f"{encrypted.version()} {cipher[0] if cipher else ''}".rstrip()

    def log_in(self, user: str, password: str) -> None:
        """Log in; raises CannotLogIn where the account needs another client."""
        secret = password.encode()
        if self.plugin not in (CACHING_SHA2, SHA256):
            self.plugin = NATIVE  # the server asks again if that is not the account's
        auth = self._answer(secret)
        names = user.encode() + b"\0" + bytes([len(auth)]) + auth + self.plugin + b"\0"
        self._send(self._fixed_part() + names)
        while (payload := self._read())[:1] != bytes([OK]):
            kind = payload[0] if payload else -1
            if kind == ERR:
                raise Refused(Err(payload))
            if kind == AUTH_SWITCH:
                switch = AuthSwitch(payload)
                self.plugin, self._nonce = switch.plugin, switch.nonce
                self._send(self._answer(secret))
            elif kind == AUTH_MORE_DATA:
                self._answer_more(payload, secret)
            else:
                raise Malformed(f"0x{kind & 0xFF:02x} in an authentication")
        self._is_logged_in = True

    def query(self, text: bytes) -> list[list[bytes | None]]:
        """Return the rows of a statement's only result, none where it has none."""
        self._sequence_id = 0
        self._send(bytes([COM_QUERY]) + text)
        reply = Reply(COM_QUERY, self.capabilities)
        found = []
        while reply.state == MORE:
            payload, before = self._read(), reply.rows
            reply.take(payload, len(payload))
            if reply.rows > before:
                found.append(_row(payload))
        if reply.error is not None:
            raise Refused(reply.error)
        if reply.state != DONE:
            raise Malformed(reply.surprise or "a reply of another kind")
        return found

    def close(self) -> None:
        """Leave; after a login with a word, if there is anybody to hear it."""
        self._sequence_id = 0
        with self._socket, contextlib.suppress(OSError):
            if self._is_logged_in:
                self._send(bytes([COM_QUIT]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- authentication ----

    def _fixed_part(self) -> bytes:
        """Return what a handshake response begins with, and an SSL request is."""
        flags = self.capabilities.to_bytes(4, "little")
        return flags + (1 << 24).to_bytes(4, "little") + bytes([UTF8MB4]) + bytes(23)

    def _answer(self, password: bytes) -> bytes:
        """Return what a plugin's challenge is answered with at first."""
        if self.plugin == NATIVE:
            return _scrambled("sha1", password, self._nonce)
        if self.plugin == CACHING_SHA2:
            return _scrambled("sha256", password, self._nonce)
        if self.plugin == SHA256:
            if not password:
                return b"\0"
            return password + b"\0" if self._is_encrypted else _KEY_REQUESTS[SHA256]
        if self.plugin == CLEAR and self._is_encrypted:
            return password + b"\0"
        raise CannotLogIn(f"the account's plugin is {self.plugin.decode('latin-1')}, which only its own clients speak")

    def _answer_more(self, payload: bytes, password: bytes) -> None:
        """Hand over the password: in a secure channel as it is, else encrypted for the server's key."""
        if payload == FAST_AUTH_SUCCESS:
            return
        if payload == PERFORM_FULL_AUTHENTICATION and self.plugin == CACHING_SHA2:
            secure = self._is_encrypted or self._is_local
            self._send(password + b"\0" if secure else _KEY_REQUESTS[CACHING_SHA2])
            return
        cipher = rsa.encrypt(password + b"\0", self._nonce, payload[1:])
        if cipher is None:
            raise CannotLogIn("the server's RSA key cannot be used for this password")
        self._send(cipher)

    # ---- packets ----

    def _send(self, payload: bytes) -> None:
        self._socket.sendall(packets(payload, self._sequence_id))
        self._sequence_id += 1

    def _read(self) -> bytes:
        while not self._framer.advance():
            if self._framer.incoming > PACKET_LIMIT:
                raise Malformed("a packet larger than any that was asked for")
            data = self._socket.recv(PACKET_LIMIT)
            if not data:
                raise ConnectionError("the server closed the connection")
            self._framer.feed(data)
        self._sequence_id = self._framer.sequence_id + 1
        return self._framer.payload


def _connected(address: Address, timeout: float) -> socket.socket:
    if not address.path:
        return socket.create_connection((address.host, address.port), timeout)
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(timeout)
    try:
        made.connect(address.path)
    except OSError:
        made.close()
        raise
    return made


def _scrambled(algorithm: str, password: bytes, nonce: bytes) -> bytes:
    """Answer the challenge of mysql_native_password, or with sha256 of caching_sha2_password."""

    def digest(data: bytes) -> bytes:
        return hashlib.new(algorithm, data, usedforsecurity=False).digest()

    if not password:
        return b""
    stored = digest(digest(password))
    veil = digest(nonce + stored) if algorithm == "sha1" else digest(stored + nonce)
    return bytes(a ^ b for a, b in zip(digest(password), veil, strict=True))


def _row(payload: bytes) -> list[bytes | None]:
    fields, found = Fields(payload), list[bytes | None]()
    while fields.left:
        if payload[fields.pos : fields.pos + 1] == _NULL:
            fields.take(1)
            found.append(None)
        else:
            found.append(fields.lenenc_bytes())
    return found
