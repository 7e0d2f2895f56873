"""TLS as a layer of bytes, between a socket and whoever reads it (ssl.MemoryBIO).

Done here rather than by the event loop because MySQL turns to TLS in mid-stream: a client may send the start of its
TLS handshake in the same segment as the request for it, and the loop's own start_tls cannot be handed such bytes.
"""

import ssl

_READ_SIZE = 256 * 1024


class Tls:
    """One side's TLS: ciphertext in and out by `receive` and `outgoing`, plaintext by their counterparts."""

    def __init__(self, context: ssl.SSLContext, server_hostname: str | None = None) -> None:
        """Be the client's end where `context` is a client's, else the server's. Say nothing yet: see `start`."""
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._unsent: list[bytes] = []  # plaintext that waits for the handshake
        self._object = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=context.protocol == ssl.PROTOCOL_TLS_SERVER,
            server_hostname=server_hostname,
        )
        self.established = False
        self.closed = False
        """The other end has said that it will send no more."""

    def start(self) -> None:
        """Begin the handshake; raises ssl.SSLError."""
        self._shake_hands()

    def receive(self, ciphertext: bytes) -> bytes:
        """Take what came from the socket, return what it says; raises ssl.SSLError."""
        self._incoming.write(ciphertext)
        if not self.established:
            self._shake_hands()
        return self._read() if self.established else b""

    def send(self, plaintext: bytes) -> None:
        """Encrypt; what is sent before the handshake is done waits for its end. Raises ssl.SSLError."""
        if not self.established:
            self._unsent.append(plaintext)
            return
        view = memoryview(plaintext)
        while view:
            view = view[self._object.write(view) :]

    def outgoing(self) -> bytes:
        """Return what has to go out on the socket now."""
        return self._outgoing.read()

    def close(self) -> None:
        """Say that no more will be sent; the other end's answer is not waited for."""
        if not self.established:
            return
        try:
            self._object.unwrap()
        except ssl.SSLError:  # the answer has not come yet, or the session is broken anyway
            return

    def _shake_hands(self) -> None:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return
        self.established = True
        unsent, self._unsent = self._unsent, []
        for plaintext in unsent:
            self.send(plaintext)

    def _read(self) -> bytes:
        found = []
        try:
            while data := self._object.read(_READ_SIZE):
                found.append(data)
            self.closed = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.closed = True
        return b"".join(found)
