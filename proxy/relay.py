"""Two sockets and what flows between them. Knows no MySQL: a Core says what to write.

Backpressure: what one side cannot take stops the reading of the other, so that a connection holds no more than one
read and one write buffer a direction, whatever the size of a result.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Final, cast

from proxy.core import Core
from proxy.tls import Tls

KEEPALIVE: Final = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 4))
"""An end that has vanished is noticed after two minutes, and the state of a NAT or load balancer is kept alive.

A client's own settings reach no further than the proxy.
"""
LINGER: Final = 5.0
"""Seconds that a side has, once the other is closed, to take some of what waits for it, or to close."""


class Side(asyncio.Protocol):
    """One socket of a relay, in TLS or not."""

    def __init__(self, relay: "Relay") -> None:
        """Belong to `relay`, which says by identity which side this is."""
        self.relay = relay
        self.transport: asyncio.Transport | None = None
        self.tls: Tls | None = None
        self.paused = False  # for writing
        self.peer_ended = False
        """The other end has said that it will send no more."""
        self._ended = False  # no more will be written
        self._lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket."""
        self.transport = cast("asyncio.Transport", transport)
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in KEEPALIVE:
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
        self.relay.connected(self)

    def data_received(self, data: bytes) -> None:
        """Hand on what came, decrypted."""
        if self.tls is not None:
            self.relay.received_tls(self, data)
        else:
            self.relay.received(self, data)

    def eof_received(self) -> bool:
        """Keep the other direction open: the relay decides."""
        self.relay.ended(self)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the relay."""
        self._lost = True
        self.relay.lost(self, exc)

    def pause_writing(self) -> None:
        """Stop reading what would be written here."""
        self.paused = True
        self.relay.regulate()

    def resume_writing(self) -> None:
        """Go on reading it."""
        self.paused = False
        self.relay.regulate()

    @property
    def gone(self) -> bool:
        """Whether there is no socket, or none any more."""
        return self.transport is None or self._lost

    @property
    def backlog(self) -> int:
        """How many bytes wait to be taken by the socket."""
        return 0 if self.transport is None else self.transport.get_write_buffer_size()

    def write(self, chunks: list[bytes]) -> None:
        """Write, encrypted where this side is in TLS; without effect once it is closing."""
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        if self.transport is None or self._ended or self.transport.is_closing():
            return
        if self.tls is not None:
            self.tls.send(data)
            data = self.tls.outgoing()
        if data:
            self.transport.write(data)

    def flush_tls(self) -> None:
        """Write what the TLS layer itself has to say."""
        if self.tls is not None and self.transport is not None and not self.transport.is_closing():
            data = self.tls.outgoing()
            if data:
                self.transport.write(data)

    def set_reading(self, reading: bool) -> None:
        """Read from the socket, or leave what comes to the kernel."""
        if self.transport is not None and not self.transport.is_closing():
            if reading:
                self.transport.resume_reading()
            else:
                self.transport.pause_reading()

    def end(self) -> None:
        """Send what is left, then the end of the stream; the other direction stays open."""
        if self.transport is None or self._ended or self.transport.is_closing():
            return
        if self.tls is not None:
            self.tls.close()
            self.flush_tls()
        self._ended = True
        self.transport.write_eof()

    def close(self) -> None:
        """Send what is left, then close."""
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """Close now."""
        if self.transport is not None:
            self.transport.abort()


class Relay:
    """A client, the server dialled for it, and the phase that their connection is in."""

    def __init__(
        self,
        core: Core,
        *,
        clock: Callable[[], float],
        client_tls: Callable[[], Tls] | None,
        server_tls: Callable[[], Tls] | None,
        on_connected: Callable[["Relay"], None],
        on_closed: Callable[["Relay"], None],
    ) -> None:
        """Start with `core`; `on_connected` is called when the client's socket is there, `on_closed` after both are."""
        self.core = core
        self.client = Side(self)
        self.server = Side(self)
        self._draining = False
        self._clock = clock
        self._client_tls = client_tls
        self._server_tls = server_tls
        self._on_connected = on_connected
        self._on_closed = on_closed
        self._closed = False
        self._holding = False  # the client is not read from, for its core has enough
        self._ending: asyncio.TimerHandle | None = None

    # ---- what the sides call ----

    def connected(self, side: Side) -> None:
        """Begin; a server that was dialled for a client that has left is let go."""
        if side is self.client:
            self._on_connected(self)
        elif self.client.gone or self.core.closing:
            side.close()

    def received(self, side: Side, data: bytes) -> None:
        """Have bytes of one side looked at and passed on."""
        now = self._clock()
        core = self.core
        if side is self.client:
            core.from_client(data, now)
        else:
            core.from_server(data, now)
        self.flush()
        core.spent(self._clock() - now)

    def received_tls(self, side: Side, data: bytes) -> None:
        """Decrypt, then as `received`."""
        assert side.tls is not None
        try:
            plaintext = side.tls.receive(data)
        except ssl.SSLError as error:
            side.flush_tls()  # the alert that tells the other end why
            self._tls_failed(side, error)
            return
        side.flush_tls()
        if plaintext:
            self.received(side, plaintext)
        if side.tls.closed:
            self.ended(side)

    def ended(self, side: Side) -> None:
        """One side will send no more: the other is told so."""
        side.peer_ended = True
        if side is self.server:
            self._lose_server(self.core.server_lost, "hushql: the server closed the connection")
        elif self.server.gone or self.core.closing:
            self._client_lost("client-gone")
        else:
            self.core.client_lost("client-gone", self._clock())
            self.flush()
            self.server.end()

    def lost(self, side: Side, error: Exception | None) -> None:
        """One side's socket is closed."""
        if side is self.client:
            self._client_lost("client-gone")
        else:
            why = f"hushql: the connection to the server was lost ({error})" if error else "hushql: the server is gone"
            self._lose_server(self.core.server_lost, why)
        if self.client.gone and self.server.gone and not self._closed:
            self._closed = True
            if self._ending is not None:
                self._ending.cancel()  # it would keep this relay in memory until it rings
            self.core.closed(self._clock())
            self._on_closed(self)

    def regulate(self) -> None:
        """Read from either side as far as what comes of it can be taken.

        What a client says is also answered by the core itself: one that takes no replies is not listened to.
        """
        self.server.set_reading(not self.client.paused)
        self.client.set_reading(not (self.server.paused or self.client.paused or self._holding))

    # ---- what the server module calls ----

    def unreachable(self, why: str) -> None:
        """There is no server for this client."""
        self._lose_server(self.core.server_lost, why)

    def drain(self) -> None:
        """Close this connection as soon as nothing is lost by it."""
        self._draining = True
        self.flush()

    @property
    def done(self) -> bool:
        """Whether nothing would be lost if the process ended now."""
        return self.core.closing and not self.client.backlog

    def dismiss(self, why: str) -> None:
        """Close this connection, with a word to the client where that can be."""
        self.core.dismiss(why, self._clock())
        self.core.closing = True
        self.flush()

    def flush(self) -> None:
        """Write what the core has to say, and follow it into TLS, its successor, or the end."""
        while True:
            core = self.core
            if core.to_server:
                self._write(self.server, core.to_server)
            if core.to_client:
                self._write(self.client, core.to_client)
            if core.server_tls and self.server.tls is None:
                self._start_server_tls()
            elif core.client_tls is not None:
                self._start_client_tls(core.client_tls)
            elif core.successor is not None:
                self.core = core.successor
            else:
                break
        if core.holding != self._holding:
            self._holding = core.holding
            self.regulate()
        if core.closing:
            self._close()
        elif self._draining and core.idle:
            self._draining = False
            self.dismiss("the proxy is shutting down")

    # ---- inside ----

    def _other(self, side: Side) -> Side:
        return self.server if side is self.client else self.client

    def _write(self, side: Side, chunks: list[bytes]) -> None:
        try:
            side.write(chunks)
        except ssl.SSLError as error:
            self._tls_failed(side, error)
        chunks.clear()

    def _start_server_tls(self) -> None:
        assert self._server_tls is not None
        self.server.tls = self._server_tls()
        self.server.tls.start()
        self.server.flush_tls()
        self.core.server_tls_started(self._clock())

    def _start_client_tls(self, begun: bytes) -> None:
        assert self._client_tls is not None
        self.core.client_tls = None
        self.client.tls = self._client_tls()
        if begun:
            self.received_tls(self.client, begun)

    def _tls_failed(self, side: Side, error: ssl.SSLError) -> None:
        if side is self.client:
            self._client_lost("client-tls")
        else:
            reason = getattr(error, "verify_message", "") or error.reason or str(error)
            self._lose_server(self.core.server_tls_failed, f"hushql: TLS with the server failed: {reason}")

    def _client_lost(self, reason: str) -> None:
        self.core.client_lost(reason, self._clock())
        self.core.to_client.clear()
        self.client.close()
        self.server.close()
        self._watch_the_end()

    def _lose_server(self, tell: Callable[[str, float], None], why: str) -> None:
        if not self.client.gone and not self.core.closing:
            tell(why, self._clock())
            self.core.closing = True
            self.flush()

    def _close(self) -> None:
        """Close the server, and the client when it has taken what is on its way and has closed too.

        A socket that is closed with bytes unread resets the connection, and a reset can overtake what was written.
        """
        self.server.close()
        if self.client.peer_ended:
            self.client.close()
        else:
            self.client.end()
        self._watch_the_end()

    def _watch_the_end(self) -> None:
        """Look, now and then, at a side that is to close, and cut it off if it takes nothing of what waits for it."""
        if self._ending is None and not self._closed:
            self._cut_off_later()

    def _cut_off_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._ending = loop.call_later(LINGER, self._cut_off, self.client.backlog, self.server.backlog)

    def _cut_off(self, client_backlog: int, server_backlog: int) -> None:
        for side, backlog in ((self.client, client_backlog), (self.server, server_backlog)):
            if not side.gone and side.backlog >= backlog:
                side.abort()
        if not (self.client.gone and self.server.gone):
            self._cut_off_later()
