"""Plays recorded bytes to Login and Conversation the way the relay does, without sockets."""

from typing import Any

from proxy.authentication import PLAIN
from proxy.conversation import Conversation
from proxy.core import Core
from proxy.events import Event, Peer, StatementDone, WentBlind
from proxy.events import Login as LoginEvent
from proxy.login import LoggedIn, Login, Terms
from rules.catalogue import RULES
from rules.engine import Engine
from rules.verdict import MODES

NOW = 1.0


def engine(mode: str = "observe", **settings: Any) -> Engine:
    """All rules in one mode, without samples."""
    return Engine({rule.name: MODES[mode] for rule in RULES}, **{"sample": 0, "chance": lambda: 1.0, **settings})


def logged_in(**fields: Any) -> LoggedIn:
    """A login on two plain sides whose OK said autocommit."""
    capabilities = fields.get("capabilities", 0)
    usual: dict[str, Any] = {
        "capabilities": 0,
        "server_capabilities": capabilities,
        "status": 2,
        "schema": "",
        "reported_schema": None,
        "charset": 45,
        "client_channel": PLAIN,
        "server_channel": PLAIN,
        "nonce": b"n" * 20,
        "at": NOW,
    }
    return LoggedIn(**(usual | fields))


class Table:
    """Both phases of a connection, and all that came out of them."""

    def __init__(self, terms: Terms | None = None, mode: str = "observe") -> None:
        self.engine = engine(mode)
        self.peer = Peer(id=1, client="test", opened=0.0)
        self.events: list[Event] = []
        self.to_client = b""
        self.to_server = b""
        self.core: Core = Login(self.peer, terms or Terms(), self.events.append, self._then)

    def _then(self, logged_in: LoggedIn) -> Core:
        return Conversation(self.peer, logged_in, self.events.append, self.engine)

    def feed(self, side: str, data: bytes) -> None:
        """Hand over bytes of one side, and take what is written."""
        (self.core.from_client if side == "client" else self.core.from_server)(data, NOW)
        self.take()

    def take(self) -> None:
        """Take what is written; go on to the next phase."""
        while True:
            core = self.core
            self.to_server += b"".join(core.to_server)
            self.to_client += b"".join(core.to_client)
            core.to_server.clear()
            core.to_client.clear()
            if core.successor is None:
                return
            self.core = core.successor

    @property
    def statements(self) -> list[StatementDone]:
        return [event for event in self.events if isinstance(event, StatementDone)]

    @property
    def blind(self) -> list[WentBlind]:
        return [event for event in self.events if isinstance(event, WentBlind)]

    @property
    def logins(self) -> list[LoginEvent]:
        return [event for event in self.events if isinstance(event, LoginEvent)]

    def outcome(self) -> tuple[Any, ...]:
        """Return all that must not depend on how the bytes were cut."""
        return (self.to_client, self.to_server, self.events, self.peer.state, self.core.idle, self.core.closing)
