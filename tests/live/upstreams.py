"""Servers that misbehave as no real one can be made to: they greet and let everybody in, or not even that."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

from proxy.wire.constants import CLIENT_PLUGIN_AUTH, CLIENT_PROTOCOL_41, CLIENT_SECURE_CONNECTION
from proxy.wire.packet import packets

OK = b"\0\0\0\2\0\0\0"
GREETING = (
    b"\x0a8.0.0-test\0"
    + bytes(4)
    + b"12345678\0"
    + ((CLIENT_PROTOCOL_41 | CLIENT_SECURE_CONNECTION) & 0xFFFF).to_bytes(2, "little")
    + b"\x2d\2\0"
    + (CLIENT_PLUGIN_AUTH >> 16).to_bytes(2, "little")
    + b"\x15"
    + bytes(10)
    + b"abcdefghijkl\0mysql_native_password\0"
)


def let_in(connection: socket.socket) -> None:
    """Greet, hear the answer, say OK."""
    connection.sendall(packets(GREETING, 0))
    connection.recv(1 << 16)
    connection.sendall(packets(OK, 2))


@contextlib.contextmanager
def upstream(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server on a free loopback port that treats each connection so, and then keeps it open; yields HOST:PORT."""
    open_connections: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:  # the test is over
                    return
                open_connections.append(connection)
                threading.Thread(target=_behave, args=(behave, connection), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        host, port = listener.getsockname()
        try:
            yield f"{host}:{port}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for connection in open_connections:
                connection.close()


def _behave(behave: Callable[[socket.socket], None], connection: socket.socket) -> None:
    try:
        behave(connection)
    except OSError:  # the other side has left, as some tests have it do
        connection.close()
