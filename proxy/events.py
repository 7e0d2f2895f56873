"""What the proxy saw: the records that the wire side hands to the sinks.

Events are made on the statement path and looked at later, so they carry raw facts only: bytes, counts and
monotonic clock readings. Digests, texts and label values are worked out by the sinks.
"""

from typing import TypeAlias

import msgspec

TEXT_LIMIT = 16 * 1024
"""How much of a statement's text is kept, in bytes; longer statements are marked as truncated."""


class Peer(msgspec.Struct, gc=False):
    """One client connection, as far as it is known; shared by all its events and filled in during login."""

    id: int
    """Counts connections since the process started, from 1."""
    client: str
    """The client's address, `host:port`, or `unix`."""
    opened: float
    """When it was accepted; monotonic seconds."""
    user: str = ""
    server_version: str = ""
    state: str = "login"
    """One of STATES; what the connection is doing now."""


STATES = ("login", "idle", "busy", "idle_in_transaction", "blind")


class ServerError(msgspec.Struct, frozen=True, gc=False):
    """An ERR packet, without its message: messages quote values."""

    code: int
    sqlstate: str


class StatementDone(msgspec.Struct, gc=False):
    """One command and all of its reply.

    Clock readings are monotonic seconds. `first` and `ended` equal `started` for commands without a reply.
    """

    peer: Peer
    n: int
    """The command's number on its connection, from 1."""
    command: int
    """The command byte."""
    started: float
    """When the command's last byte had come from the client."""
    bytes_in: int
    """Size of the command on the wire, packet headers included, TLS not."""
    text: bytes | None = None
    """SQL text, at most TEXT_LIMIT bytes: COM_QUERY's and COM_STMT_PREPARE's own, COM_STMT_EXECUTE's prepared one.

    None for other commands, and where the connection's character set does not let values be told (rules.charsets).
    """
    truncated: bool = False
    schema: str = ""
    """The default database when the command came; empty where there is none or it is not known."""
    first: float = 0.0
    """When the first byte of the reply came from the server."""
    ended: float = 0.0
    """When the reply's last byte had come from the server."""
    bytes_out: int = 0
    """Size of the reply on the wire, packet headers included, TLS not."""
    rows: int = 0
    affected: int = 0
    warnings: int = 0
    error: ServerError | None = None
    """The server's ERR; CR_SERVER_LOST where the connection ended before the reply did."""
    in_transaction: bool | None = None
    """After the command, by the server's status flags; None where they are not known (after ERR)."""
    ansi_quotes: bool = False
    """Whether "x" is an identifier, as far as the server has said (MariaDB does, MySQL does not)."""
    no_backslash_escapes: bool = False
    inside: float = 0.0
    """Seconds that the command and its reply spent being worked on by the proxy, both ways."""
    rule: str = ""
    """The rule by which this statement was found to change nothing, or nothing yet."""
    action: str = ""
    """What was done about it, one of ACTIONS; empty where it was forwarded as any other."""
    prediction: bool | None = None
    """Where it was forwarded and its reply predicted: whether the prediction held."""
    settled: tuple[str, ...] = ()
    """The rules whose promises were kept ahead of this command."""


ACTIONS = (
    "observed",  # forwarded; it could have been withheld, promised or acknowledged
    "withheld",  # answered here, and never sent
    "promised",  # answered here, and sent later if anything comes to depend on it
    "acknowledged",  # sent, and answered before its reply came
)


class Login(msgspec.Struct, frozen=True, gc=False):
    """The end of a connection phase."""

    peer: Peer
    at: float
    failure: str = ""
    """Empty when the client was let in, else one of LOGIN_FAILURES."""
    error: ServerError | None = None


LOGIN_FAILURES = (
    "refused",  # the server said ERR
    "upstream-unreachable",  # no connection to the server, or it broke off
    "upstream-tls",  # the server's certificate or TLS failed
    "client-tls",  # the client's TLS failed, or it was required and not used
    "client-gone",  # the client left before the end
    "timeout",
    "too-many-connections",  # our own limit
    "protocol",  # either side said what no MySQL says
)


class WentBlind(msgspec.Struct, frozen=True, gc=False):
    """A connection whose bytes are still relayed but no longer understood."""

    peer: Peer
    at: float
    reason: str
    """A short constant word: it becomes a label."""
    detail: str
    """For the log: what was seen, where; no bytes of the client's."""


class Refuted(msgspec.Struct, frozen=True, gc=False):
    """A prediction that did not hold."""

    peer: Peer
    at: float
    rule: str
    predicted: str
    """The reply that a client would have been given, in hexadecimal: no application's data is in it."""
    said: str
    """The server's."""
    disabled: bool
    """Whether this switched the rule off."""


class SettlementFailed(msgspec.Struct, frozen=True, gc=False):
    """A promise that could not be kept: the connection was closed."""

    peer: Peer
    at: float
    detail: str


class ConnectionClosed(msgspec.Struct, frozen=True, gc=False):
    """The end of a connection; the last event of its peer."""

    peer: Peer
    at: float


Event: TypeAlias = StatementDone | Login | WentBlind | Refuted | SettlementFailed | ConnectionClosed
