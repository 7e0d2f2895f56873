"""Plays recorded bytes to Login and Conversation the way the relay does, without sockets."""

from typing import Any

from proxy.conversation import Conversation
from proxy.core import Core
from proxy.events import Event, Peer, StatementDone, WentBlind
from proxy.events import Login as LoginEvent
from proxy.login import LoggedIn, Login, Terms

NOW = 1.0


class Table:
    """Both phases of a connection, and all that came out of them."""

    def __init__(self, terms: Terms | None = None) -> None:
        self.peer = Peer(id=1, client="test", opened=0.0)
        self.events: list[Event] = []
        self.to_client = b""
        self.to_server = b""
        self.core: Core = Login(self.peer, terms or Terms(), self.events.append, self._then)

    def _then(self, logged_in: LoggedIn) -> Core:
        return Conversation(self.peer, logged_in, self.events.append)

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
