"""Where events go: metrics, the statement log, and clear lines on stderr."""

import time
from collections.abc import Callable, Collection
from functools import lru_cache

from proxy.bugs import place
from proxy.events import ConnectionClosed, Event, Login, Refuted, SettlementFailed, StatementDone, WentBlind
from proxy.metrics import Metrics, legible
from proxy.statement_log import STDERR, LineWriter, StatementLog
from proxy.watching import Watching
from proxy.wire.constants import command_name
from rules.digest import Digest, digest

CACHED_TEXT = 4 * 1024
"""Statements up to this many bytes have their digest remembered."""

NOTICES_A_SECOND = 10


@lru_cache(maxsize=2048)
def _remembered(text: bytes, truncated: bool, ansi_quotes: bool, no_backslash_escapes: bool) -> Digest:
    return digest(text, truncated=truncated, ansi_quotes=ansi_quotes, no_backslash_escapes=no_backslash_escapes)


def _digest(event: StatementDone) -> Digest:
    text = event.text
    if text is None:
        return _of_command(event.command)
    look_up = _remembered if len(text) <= CACHED_TEXT else _remembered.__wrapped__
    return look_up(text, event.truncated, event.ansi_quotes, event.no_backslash_escapes)


@lru_cache(maxsize=256)
def _of_command(command: int) -> Digest:
    return Digest(id=command_name(command), text="", kind="command", tags={}, secret=False)


class Notices:
    """Lines for the operator on stderr: at most NOTICES_A_SECOND, with a count of those left out."""

    def __init__(self) -> None:
        self._writer = LineWriter(STDERR, name="stderr", queue_bytes=64 * 1024)
        self._second = 0
        self._said = 0
        self._left_out = 0

    def say(self, text: str) -> None:
        """Write a line, soon, unless there were too many in this second."""
        second = int(time.monotonic())
        if second != self._second:
            self._second = second
            self._said = 0
            self._tell_left_out()
        if self._said < NOTICES_A_SECOND:
            self._said += 1
            self._write(text)
        else:
            self._left_out += 1

    def close(self, timeout: float) -> None:
        """Write what is left, within `timeout` seconds."""
        self._tell_left_out()
        self._writer.close(timeout)

    def _tell_left_out(self) -> None:
        if self._left_out:
            self._write(f"{self._left_out} more lines like these were left out")
            self._left_out = 0

    def _write(self, text: str) -> None:
        self._writer.write([f"hushql: {text}\n".encode("utf-8", "replace")])


class Sinks:
    """Takes events on the statement path and looks at them once the event loop has come round.

    `call_soon` is the event loop's; `reporting` names the rules that only report and are on.
    """

    def __init__(
        self,
        metrics: Metrics,
        log: StatementLog | None,
        call_soon: Callable[[Callable[[], None]], object],
        reporting: Collection[str] = (),
    ) -> None:
        self._metrics = metrics
        self._log = log
        self._call_soon = call_soon
        self._watching = Watching(reporting)
        self._events: list[Event] = []
        self._notices = Notices()
        if log is not None:
            metrics.log_dropped = log.dropped

    def put(self, event: Event) -> None:
        """Keep an event until the bytes that belong to it are on their way."""
        if not self._events:
            self._call_soon(self.drain)
        self._events.append(event)

    def drain(self) -> None:
        """Look at all events that were kept; an error in one is counted and does not touch the others."""
        events, self._events = self._events, []
        epoch = time.time() - time.monotonic()
        lines: list[bytes] = []
        for event in events:
            try:
                if type(event) is StatementDone:
                    self._statement(event, epoch, lines)
                else:
                    self._connection(event)
            except Exception as error:  # noqa: BLE001 - whatever it is, clients must not feel it
                self.internal_error(error)
        if self._log is not None and lines:
            self._log.write(lines)

    def close(self, timeout: float) -> None:
        """Look at what is left and close the log, waiting at most `timeout` seconds for slow sinks."""
        deadline = time.monotonic() + timeout
        self.drain()
        if self._log is not None:
            self._log.close(timeout)
        self._notices.close(max(deadline - time.monotonic(), 0.0))

    def _statement(self, event: StatementDone, epoch: float, lines: list[bytes]) -> None:
        seen = _digest(event)
        self._watching.statement(event, seen)
        self._metrics.statement(event, seen)
        if self._log is not None:
            line = self._log.line(event, seen, epoch)
            if line is not None:
                lines.append(line)

    def _connection(self, event: Event) -> None:
        match event:
            case Login():
                self._metrics.login(event)
                # A port probe connects and leaves without a word; it is counted but not worth a line each time.
                if event.failure and not (event.failure == "client-gone" and not event.peer.user):
                    self._notices.say(_failed_login(event))
            case WentBlind(peer=peer, reason=reason, detail=detail):
                self._metrics.went_blind(event)
                self._watching.forget(peer)
                seen = legible(f"{reason}: {detail}", 300)
                self._notices.say(f"connection {peer.id} from {peer.client} is relayed blindly: {_one_line(seen)}")
            case Refuted(peer=peer):
                self._metrics.refuted(event)
                self._notices.say(_refuted(event))
            case SettlementFailed(peer=peer, detail=detail):
                self._metrics.settlement_failures += 1
                self._notices.say(f"connection {peer.id} from {peer.client} was closed: a promise failed: {detail}")
            case ConnectionClosed(peer=peer):
                self._metrics.connection_closed(peer)
                for rule, count, seconds in self._watching.closed(event):
                    self._metrics.reported(rule, count, seconds)

    def internal_error(self, error: Exception) -> None:
        """Count a bug of our own; the first is reported."""
        self._metrics.internal_errors += 1
        if self._metrics.internal_errors == 1:
            self._notices.say(f"internal error: {place(error)}; further ones are only counted")


def _failed_login(event: Login) -> str:
    who = f"{event.peer.user[:64]!r} from {event.peer.client}"
    code = f" (error {event.error.code})" if event.error is not None else ""
    return f"login of {who} failed: {event.failure}{code}"


def _refuted(event: Refuted) -> str:
    what = "the rule is off from now on" if event.disabled else "nothing was withheld"
    return (
        f"connection {event.peer.id} from {event.peer.client}: {event.rule} predicted a wrong reply, {what}; "
        f"predicted {event.predicted[:2000]}, the server said {event.said[:2000]}"
    )


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
