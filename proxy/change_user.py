"""COM_CHANGE_USER on a connection whose two sides have different channels, without I/O.

It is a second login, with the same plugins, and needs the same mediation (authentication.py): its packets are handled
one by one, and nothing of it may pass before that.
"""

from proxy.authentication import Authentication, PacketLine
from proxy.events import StatementDone
from proxy.login import PACKET_LIMIT, LoggedIn
from proxy.wire.handshake import ChangeUser


class ChangingUser:
    """One COM_CHANGE_USER, from the command to OK or ERR."""

    def __init__(self, to_client: list[bytes], to_server: list[bytes], login: LoggedIn, done: StatementDone) -> None:
        """Write to these lists; `done` is kept for the end."""
        self.done = done
        self.payload = b""
        """The command's payload."""
        self._client = PacketLine(PACKET_LIMIT, to_client)
        self._server = PacketLine(PACKET_LIMIT, to_server)
        self._login = login
        self._authentication: Authentication | None = None

    @property
    def outcome(self) -> bytes:
        """The OK or ERR that ended it; empty before."""
        return self._authentication.ok or self._authentication.refusal if self._authentication else b""

    @property
    def refused_here(self) -> bool:
        """Whether it was the proxy that refused: the server still waits for an answer."""
        return self._authentication is not None and self._authentication.refused_here

    @property
    def nonce(self) -> bytes:
        """The challenge given last: the next change begins with it."""
        return self._authentication.nonce if self._authentication else self._login.nonce

    def begin(self, data: bytes) -> None:
        """Take the command, whole, and what follows it; raises Malformed."""
        self._client.feed(data)
        self._client.advance()
        self.payload = self._client.payload
        change = ChangeUser(self.payload, self._login.capabilities)
        self._authentication = Authentication(
            self._client,
            self._server,
            client_channel=self._login.client_channel,
            server_channel=self._login.server_channel,
            plugin=change.plugin,
            nonce=self._login.nonce,
            capabilities=self._login.capabilities,
            server_capabilities=self._login.server_capabilities,
        )
        self._authentication.begin(change.auth_data, change.encode)
        self._read_client()

    def from_client(self, data: bytes) -> None:
        """Take bytes of the client; raises Malformed."""
        self._client.feed(data)
        self._read_client()

    def from_server(self, data: bytes) -> None:
        """Take bytes of the server; raises Malformed."""
        assert self._authentication is not None
        self._server.feed(data)
        while not self.outcome and self._server.advance():
            self._authentication.from_server(self._server.payload)
            self._read_client()

    def rest(self) -> tuple[bytes, bytes]:
        """Hand out what came from either side after the end."""
        return self._client.rest(), self._server.rest()

    def _read_client(self) -> None:
        assert self._authentication is not None
        while self._authentication.clients_turn and self._client.advance():
            self._authentication.from_client(self._client.payload)
