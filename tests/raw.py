"""A MySQL client that speaks raw packets on a blocking socket: for what no driver can be made to send or to show."""

import hashlib
import socket
from typing import Self

from proxy.wire.constants import (
    CLIENT_CONNECT_WITH_DB,
    CLIENT_LONG_PASSWORD,
    CLIENT_MULTI_RESULTS,
    CLIENT_MULTI_STATEMENTS,
    CLIENT_PLUGIN_AUTH,
    CLIENT_PROTOCOL_41,
    CLIENT_PS_MULTI_RESULTS,
    CLIENT_SECURE_CONNECTION,
    CLIENT_TRANSACTIONS,
    COM_QUERY,
)
from proxy.wire.handshake import AUTH_MORE_DATA, AUTH_SWITCH, AuthSwitch, Greeting
from proxy.wire.packet import packets
from proxy.wire.replies import ERR, OK, Err

BASE = (
    CLIENT_LONG_PASSWORD
    | CLIENT_PROTOCOL_41
    | CLIENT_TRANSACTIONS
    | CLIENT_SECURE_CONNECTION
    | CLIENT_MULTI_STATEMENTS
    | CLIENT_MULTI_RESULTS
    | CLIENT_PS_MULTI_RESULTS
    | CLIENT_PLUGIN_AUTH
    | CLIENT_CONNECT_WITH_DB
)


def native_scramble(password: bytes, nonce: bytes) -> bytes:
    """Answer a mysql_native_password challenge."""
    first = hashlib.sha1(password).digest()
    second = hashlib.sha1(nonce + hashlib.sha1(first).digest()).digest()
    return bytes(a ^ b for a, b in zip(first, second, strict=True))


def sha2_scramble(password: bytes, nonce: bytes) -> bytes:
    """Answer a caching_sha2_password challenge."""
    first = hashlib.sha256(password).digest()
    second = hashlib.sha256(hashlib.sha256(first).digest() + nonce).digest()
    return bytes(a ^ b for a, b in zip(first, second, strict=True))


def scramble(plugin: bytes, password: bytes, nonce: bytes) -> bytes:
    """Answer the challenge of either plugin."""
    answer = {b"mysql_native_password": native_scramble, b"caching_sha2_password": sha2_scramble}[plugin]
    return answer(password, nonce) if password else b""


class RawClient:
    """One connection; `capabilities` are asked for on top of BASE, as far as the server offers them."""

    def __init__(
        self, host: str, port: int, user: str, password: str, schema: str = "", capabilities: int = 0, without: int = 0
    ) -> None:
        self.socket = socket.create_connection((host, port), timeout=10)
        self.buffer = b""
        try:
            self._meet((BASE | capabilities) & ~without)
            self._login(user, password.encode(), schema)
        except BaseException:
            self.socket.close()
            raise

    def _meet(self, wanted: int) -> None:
        _, payload = self.read()
        if payload[0] == ERR:
            refusal = Err(payload)
            raise ConnectionError(f"{refusal.code} {refusal.message!r}")
        self.greeting = Greeting(payload)
        if wanted >> 32:
            wanted &= ~CLIENT_LONG_PASSWORD
        self.capabilities = wanted & (self.greeting.capabilities | CLIENT_LONG_PASSWORD)

    def _login(self, user: str, password: bytes, schema: str) -> None:
        plugin = self.greeting.plugin
        auth = scramble(plugin, password, self.greeting.nonce)
        response = (
            (self.capabilities & 0xFFFFFFFF).to_bytes(4, "little")
            + (1 << 30).to_bytes(4, "little")
            + bytes([45])
            + bytes(19)
            + (self.capabilities >> 32).to_bytes(4, "little")
            + user.encode()
            + b"\0"
            + bytes([len(auth)])
            + auth
            + schema.encode()
            + b"\0"
            + plugin
            + b"\0"
        )
        sequence_id = 1
        while True:
            self.send(response, sequence_id)
            sequence_id, payload = self.read()
            while payload[0] == AUTH_MORE_DATA and payload[1] == 3:
                sequence_id, payload = self.read()
            if payload[0] == OK:
                self.login_ok = payload
                return
            if payload[0] == ERR:
                error = Err(payload)
                raise ConnectionError(f"{error.code} {error.message!r}")
            if payload[0] != AUTH_SWITCH:
                raise ConnectionError(f"full authentication wanted: {payload!r}")
            switch = AuthSwitch(payload)
            response = scramble(switch.plugin, password, switch.nonce)
            sequence_id += 1

    def send(self, payload: bytes, sequence_id: int = 0) -> None:
        """Send one payload as packets."""
        self.socket.sendall(packets(payload, sequence_id))

    def query(self, text: str) -> None:
        """Send COM_QUERY."""
        self.send(bytes([COM_QUERY]) + text.encode())

    def read(self) -> tuple[int, bytes]:
        """Read one packet: sequence id and payload."""
        header = self._take(4)
        return header[3], self._take(int.from_bytes(header[:3], "little"))

    def _take(self, count: int) -> bytes:
        while len(self.buffer) < count:
            data = self.socket.recv(1 << 16)
            if not data:
                raise EOFError(f"connection closed with {self.buffer!r} unread")
            self.buffer += data
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def read_all(self, quiet: float = 0.1) -> list[bytes]:
        """Read packets until the server has been quiet for so many seconds: makes no assumption about ends."""
        found = []
        self.socket.settimeout(quiet)
        try:
            while True:
                found.append(self.read()[1])
        except TimeoutError:
            return found
        finally:
            self.socket.settimeout(10)

    def close(self) -> None:
        """Close the socket without a word."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
