"""What a phase of a connection is to the relay: bytes in, bytes out, and no I/O."""


class Core:
    """One phase of a connection. Is handed the bytes of either side and says what to write.

    The relay, after each call, writes and clears `to_server` and `to_client`, in that order, and then looks at the
    other attributes.
    """

    def __init__(self) -> None:
        self.to_client: list[bytes] = []
        self.to_server: list[bytes] = []
        self.successor: Core | None = None
        """The phase that follows; it is handed all further bytes."""
        self.closing = False
        """Nothing more is to be said: close both sides once what is written has gone."""
        self.client_tls: bytes | None = None
        """Set once: the client goes on in TLS, of which these bytes have come already. The relay sets it back."""
        self.server_tls = False
        """Set once: what is written to the server from now on is for TLS; `server_tls_started` is then called."""

    def from_client(self, data: bytes, now: float) -> None:
        """Take bytes that the client sent; `now` is in monotonic seconds."""
        raise NotImplementedError

    def from_server(self, data: bytes, now: float) -> None:
        """Take bytes that the server sent; `now` is in monotonic seconds."""
        raise NotImplementedError

    def spent(self, seconds: float) -> None:
        """Note how long the proxy worked on the bytes it was handed last."""

    def server_tls_started(self, now: float) -> None:
        """Go on after `server_tls`."""

    def server_lost(self, why: str, now: float) -> None:
        """Note that the server is gone; tell the client where it would otherwise not know why."""

    def server_tls_failed(self, why: str, now: float) -> None:
        """Tell the client that there is no TLS with the server."""
        self.server_lost(why, now)

    def client_lost(self, reason: str, now: float) -> None:
        """Note that the client is gone; `reason` is one of events.LOGIN_FAILURES."""

    def closed(self, now: float) -> None:
        """Note that both sides are closed; nothing is written any more."""

    def dismiss(self, why: str, now: float) -> None:
        """Tell the client, where the protocol allows it, that the proxy is closing this connection."""

    @property
    def holding(self) -> bool:
        """Whether enough of the client's bytes wait here for the server's word: no more are to be read."""
        return False

    @property
    def idle(self) -> bool:
        """Whether the connection may be closed with nothing lost: no command under way, no transaction open."""
        return False
