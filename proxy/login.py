"""The connection phase, without I/O: greeting, capabilities, TLS, authentication.

The proxy has no credentials. Greeting and answers pass through, but for the capability flags that it does not
understand or decides itself (TLS), and for the sequence ids, which differ where only one side speaks TLS. It takes part
in authentication only where the channels of the two sides differ and the plugin would send a password: see
authentication.py.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from proxy.authentication import LOCAL, PLAIN, TLS, Authentication, PacketLine
from proxy.core import Core
from proxy.events import Login as LoginEvent
from proxy.events import Peer, ServerError
from proxy.wire.constants import (
    CLIENT_DEPRECATE_EOF,
    CLIENT_LONG_PASSWORD,
    CLIENT_SESSION_TRACK,
    CLIENT_SSL,
    ER_HANDSHAKE_ERROR,
    ER_NET_READ_ERROR,
    ER_NET_READ_INTERRUPTED,
    ER_NOT_SUPPORTED_AUTH_MODE,
    ER_SECURE_TRANSPORT_REQUIRED,
    UNDERSTOOD,
)
from proxy.wire.fields import Malformed
from proxy.wire.handshake import Greeting, HandshakeResponse
from proxy.wire.packet import packets
from proxy.wire.replies import ERR, Err, Ok, err
from rules.dialect import MARIADB, Dialect

PACKET_LIMIT: Final = 256 * 1024
"""The largest packet of the connection phase, in bytes. Connection attributes, the largest part, are below 64 KiB."""


class Terms(msgspec.Struct, frozen=True):
    """What the settings say about the two sides of a connection."""

    client_channel: int = PLAIN
    """Before TLS: PLAIN or LOCAL."""
    server_channel: int = PLAIN
    client_tls: str = "off"
    """off, optional or required."""
    upstream_tls: str = "disabled"
    """disabled, preferred, or anything above: required."""
    track: bool = False
    """Whether the server is asked to report session state, also where the client did not ask."""


class LoggedIn(msgspec.Struct, frozen=True):
    """What the command phase starts with."""

    capabilities: int
    """The flags agreed on with the client."""
    server_capabilities: int
    """Those agreed on with the server: perhaps CLIENT_SESSION_TRACK more."""
    status: int
    schema: str
    """The default database that the client asked for."""
    reported_schema: bytes | None
    """The one that the server's OK reported, if it did."""
    charset: int
    """The collation of the client's texts, by id."""
    client_channel: int
    """PLAIN, LOCAL or TLS."""
    server_channel: int
    nonce: bytes
    at: float
    """When the server's OK came, in monotonic seconds."""


class Login(Core):
    """From the server's greeting to its OK or ERR."""

    def __init__(
        self,
        peer: Peer,
        terms: Terms,
        emit: Callable[[LoginEvent], None],
        then: Callable[[LoggedIn], Core],
    ) -> None:
        """Be ready for the greeting; `then` makes the command phase."""
        super().__init__()
        self._peer = peer
        self._terms = terms
        self._emit = emit
        self._then = then
        self._client = PacketLine(PACKET_LIMIT, self.to_client)
        self._server = PacketLine(PACKET_LIMIT, self.to_server)
        self._greeting: Greeting | None = None
        self._response: HandshakeResponse | None = None
        self._client_channel = terms.client_channel
        self._server_channel = terms.server_channel
        self._authentication: Authentication | None = None
        self._ended = False

    @property
    def greeted(self) -> bool:
        """Whether the server has sent its greeting."""
        return self._greeting is not None

    # ---- what the relay calls ----

    def from_server(self, data: bytes, now: float) -> None:
        """Take bytes of the server."""
        self._step(lambda: self._server.feed(data), now)
        self._step(lambda: self._read_server(now), now)

    def from_client(self, data: bytes, now: float) -> None:
        """Take bytes of the client; what comes before its turn waits."""
        self._step(lambda: self._client.feed(data), now)
        self._step(lambda: self._read_client(now), now)

    def server_tls_started(self, now: float) -> None:
        """Send the client's answer, now under TLS."""
        self._server_channel = TLS
        self._step(lambda: self._answer_server(now), now)

    def server_lost(self, why: str, now: float) -> None:
        """Tell the client that the server cannot be reached, or was lost on the way."""
        self.fail("upstream-unreachable", ER_NET_READ_ERROR, "08S01", why, now)

    def server_tls_failed(self, why: str, now: float) -> None:
        """Tell the client that the server is not trusted, or does not speak TLS as we do."""
        self.fail("upstream-tls", ER_HANDSHAKE_ERROR, "08S01", why, now)

    def client_lost(self, reason: str, now: float) -> None:
        """Note that the client is gone, or that its TLS failed: there is nobody left to tell."""
        self._end(reason, None, now)

    def timed_out(self, now: float) -> None:
        """Give up on either side."""
        if self._greeting is None:
            message = "hushql: the server sent no greeting in time"
            self.fail("upstream-unreachable", ER_NET_READ_INTERRUPTED, "08S01", message, now)
        else:
            message = "hushql: the login took too long"
            self.fail("timeout", ER_NET_READ_INTERRUPTED, "08S01", message, now)

    def fail(self, reason: str, code: int, sqlstate: str, message: str, now: float) -> None:
        """End the connection with an ERR packet of our own, unless it has ended."""
        if self._ended:
            return
        capabilities = self._response.capabilities if self._response else 0
        self._client.send(err(code, sqlstate, message, capabilities))
        self._end(reason, ServerError(code, sqlstate), now)

    # ---- steps ----

    def _step(self, step: Callable[[], None], now: float) -> None:
        if self._ended:
            return
        try:
            step()
        except Malformed as problem:
            self.fail("protocol", ER_HANDSHAKE_ERROR, "08S01", f"hushql: bad handshake: {problem}", now)

    def _read_server(self, now: float) -> None:
        while not self._ended and self._server.advance():
            payload = self._server.payload
            if not payload:
                raise Malformed("an empty packet from the server")
            if self._greeting is None:
                self._greet(payload, now)
            elif self._authentication is None:
                self._pass_early_error(payload, now)
            else:
                self._authentication.from_server(payload)
                self._after_authentication(now)
            self._read_client(now)  # it may be its turn now

    def _greet(self, payload: bytes, now: float) -> None:
        if payload[0] == ERR:  # too many connections, host blocked, ...
            self._pass_early_error(payload, now)
            return
        greeting = Greeting(payload)
        self._greeting = greeting
        self._peer.server_version = greeting.server_version.decode("latin-1")
        self._client.send(greeting.with_capabilities(self._offered(greeting)))

    def _offered(self, greeting: Greeting) -> int:
        offered = greeting.capabilities & UNDERSTOOD & ~CLIENT_SSL
        return offered if self._terms.client_tls == "off" else offered | CLIENT_SSL

    def _pass_early_error(self, payload: bytes, now: float) -> None:
        if payload[0] != ERR:
            raise Malformed("the server spoke out of turn")
        self._client.send(payload)
        self._refused(payload, now)

    def _read_client(self, now: float) -> None:
        while self._clients_turn() and self._client.advance():
            if self._authentication is None:
                self._take_response(self._client.payload, now)
            else:
                self._authentication.from_client(self._client.payload)
                self._after_authentication(now)

    def _clients_turn(self) -> bool:
        if self._ended or self._greeting is None or self.client_tls is not None:
            return False
        return self._response is None or (self._authentication is not None and self._authentication.clients_turn)

    def _take_response(self, payload: bytes, now: float) -> None:
        try:
            response = HandshakeResponse(payload)
        except Malformed:
            if len(payload) >= 2 and not payload[1] & 0x02:  # CLIENT_PROTOCOL_41 is the second byte's second bit
                message = "hushql: clients older than MySQL 4.1 are not supported"
                self.fail("protocol", ER_NOT_SUPPORTED_AUTH_MODE, "08004", message, now)
                return
            raise
        if response.is_ssl_request:
            self._start_client_tls()
            return
        self._response = response
        self._peer.user = response.user.decode("utf-8", "replace")
        if self._terms.client_tls == "required" and self._client_channel == PLAIN:
            message = "hushql: connections without TLS are refused here (--tls-client required)"
            self.fail("client-tls", ER_SECURE_TRANSPORT_REQUIRED, "HY000", message, now)
        else:
            self._turn_to_server(now)

    def _start_client_tls(self) -> None:
        if self._terms.client_tls == "off" or self._client_channel == TLS:
            raise Malformed("TLS was asked for but not offered")
        self._client_channel = TLS
        self.client_tls = self._client.rest()

    def _turn_to_server(self, now: float) -> None:
        assert self._greeting is not None
        assert self._response is not None
        if self._terms.upstream_tls == "disabled" or self._terms.server_channel == LOCAL:
            self._answer_server(now)
        elif self._greeting.capabilities & CLIENT_SSL:
            if not self._server.between_packets:  # it would be taken for what the server says under TLS
                raise Malformed("the server said more than its greeting before TLS")
            self._server.send(self._response.fixed_part(self._asked_of_server() | CLIENT_SSL))
            self.server_tls = True
        elif self._terms.upstream_tls == "preferred":
            self._answer_server(now)
        else:
            message = "hushql: the server offers no TLS, and --upstream-tls demands it"
            self.fail("upstream-tls", ER_HANDSHAKE_ERROR, "08S01", message, now)

    def _agreed(self) -> int:
        """Return the client's flags without what it was not offered; servers ignore what they do not know."""
        assert self._response is not None
        return self._response.capabilities & UNDERSTOOD & ~CLIENT_SSL

    def _offered_by_server(self) -> int:
        assert self._greeting is not None
        return self._greeting.capabilities | CLIENT_LONG_PASSWORD

    def _asked_of_server(self) -> int:
        """Return the client's flags, and CLIENT_SESSION_TRACK where it is wanted, offered and not seen.

        In EOF packets MariaDB flags a change of state that it has not reported: there, who asks for reports shows.
        """
        assert self._greeting is not None
        agreed = self._agreed()
        shows = Dialect(self._peer.server_version).kind == MARIADB and not agreed & CLIENT_DEPRECATE_EOF
        tracks = self._terms.track and not shows and self._greeting.capabilities & CLIENT_SESSION_TRACK
        return agreed | (CLIENT_SESSION_TRACK if tracks else 0)

    def _answer_server(self, now: float) -> None:
        assert self._greeting is not None
        assert self._response is not None
        response = self._response
        capabilities = self._asked_of_server() | (CLIENT_SSL if self.server_tls else 0)
        self._authentication = Authentication(
            self._client,
            self._server,
            client_channel=self._client_channel,
            server_channel=self._server_channel,
            plugin=response.plugin,
            nonce=self._greeting.nonce,
            capabilities=self._agreed() & self._offered_by_server(),
            server_capabilities=capabilities & self._offered_by_server(),
        )
        self._authentication.begin(response.auth_data, lambda data: response.encode(capabilities, data))
        self._after_authentication(now)

    def _after_authentication(self, now: float) -> None:
        assert self._authentication is not None
        if self._authentication.refusal:
            self._refused(self._authentication.refusal, now)
        elif self._authentication.ok:
            self._let_in(self._authentication.ok, now)

    def _let_in(self, payload: bytes, now: float) -> None:
        assert self._greeting is not None
        assert self._response is not None
        assert self._authentication is not None
        asked = self._asked_of_server() & self._offered_by_server()
        ok = Ok(payload, asked)
        successor = self._then(
            LoggedIn(
                capabilities=self._agreed() & self._offered_by_server(),
                server_capabilities=asked,
                status=ok.status,
                schema=self._response.database.decode("utf-8", "replace"),
                reported_schema=ok.schema,
                charset=self._response.charset,
                client_channel=self._client_channel,
                server_channel=self._server_channel,
                nonce=self._authentication.nonce,
                at=now,
            )
        )
        self._end("", None, now)
        self.closing = False
        for data, take in ((self._client.rest(), successor.from_client), (self._server.rest(), successor.from_server)):
            if data:
                take(data, now)
        self.successor = successor

    def _refused(self, payload: bytes, now: float) -> None:
        error = Err(payload)
        self._end("refused", ServerError(error.code, error.sqlstate), now)

    def _end(self, failure: str, error: ServerError | None, now: float) -> None:
        if self._ended:
            return
        self._ended = self.closing = True
        self._emit(LoginEvent(self._peer, now, failure, error))


def refusal(code: int, sqlstate: str, message: str) -> bytes:
    """Return, framed, what is said to a client in place of a greeting."""
    return packets(err(code, sqlstate, message, capabilities=0), 0)
