"""The rules that only report, on the connections of the proxy: from its events to what rules.watch is told.

Runs where the sinks do, after the bytes have gone.
"""

from collections.abc import Collection
from typing import Final

from proxy.events import ConnectionClosed, Peer, StatementDone
from proxy.wire.constants import (
    COM_CHANGE_USER,
    COM_INIT_DB,
    COM_PING,
    COM_QUERY,
    COM_QUIT,
    COM_RESET_CONNECTION,
    COM_STMT_CLOSE,
    COM_STMT_EXECUTE,
    COM_STMT_FETCH,
    COM_STMT_PREPARE,
    COM_STMT_RESET,
    COM_STMT_SEND_LONG_DATA,
)
from rules.catalogue import watch
from rules.digest import Digest
from rules.watch import (
    CHECK,
    CLOSING,
    EXECUTION,
    PART,
    PREPARATION,
    QUERY,
    RESTART,
    SELECTION,
    UNTOLD,
    Finished,
    Watch,
)

_FORMS: Final = {
    COM_QUERY: QUERY,
    COM_STMT_EXECUTE: EXECUTION,
    COM_STMT_PREPARE: PREPARATION,
    COM_STMT_CLOSE: CLOSING,
    COM_STMT_FETCH: PART,
    COM_STMT_RESET: PART,
    COM_STMT_SEND_LONG_DATA: PART,
    COM_INIT_DB: SELECTION,
    COM_PING: CHECK,
    COM_RESET_CONNECTION: RESTART,
    COM_CHANGE_USER: RESTART,
}


class Watching:
    """One Watch for each open connection."""

    def __init__(self, reporting: Collection[str]) -> None:
        """Take the names of the rules that are on; none is as good as no watching."""
        self._reporting = reporting
        self._watches: dict[int, Watch] = {}

    def statement(self, event: StatementDone, digest: Digest) -> None:
        """Let the rules see a statement, and note the one that speaks of it where no other rule has."""
        if not self._reporting or event.command == COM_QUIT:
            return
        number = event.peer.id
        found = self._watches.get(number)
        if found is None:
            found = self._watches[number] = watch(self._reporting)
        rule = found.take(_finished(event, digest))
        if not event.rule and rule:
            event.rule, event.action = rule, "observed"

    def forget(self, peer: Peer) -> None:
        """Stop watching a connection of which no more is known."""
        self._watches.pop(peer.id, None)

    def closed(self, event: ConnectionClosed) -> list[tuple[str, int, float]]:
        """Return which rules speak of a connection only at its end, of how many statements, and their seconds."""
        found = self._watches.pop(event.peer.id, None)
        return [] if found is None else found.closed(event.at)


def _finished(event: StatementDone, digest: Digest) -> Finished:
    form = _FORMS.get(event.command, UNTOLD)
    text = event.text
    if text is None and form in (QUERY, EXECUTION):
        form = UNTOLD
    return Finished(
        form,
        digest,
        None if text is None or event.truncated else hash(_without_tags(text, digest)),
        form == EXECUTION and text is not None and b"?" in text,
        event.started,
        event.ended,
        event.rows,
        event.error is not None,
        event.in_transaction,
        event.rule,
    )


def _without_tags(text: bytes, digest: Digest) -> bytes:
    """Return a text without sqlcommenter's comment, which differs from one request to the next."""
    return text[: text.rfind(b"/*")] if digest.tags else text
