"""Watching: what the rules that only report are told of one connection, and what they may remember of it.

Such a rule sees statements when they have finished, and says of some that they were wasteful; it never touches one. A
Watch belongs to one connection and feeds its watchers, one for each rule that is on, with each command in order. All
times are the caller's clock's, so that a log can be watched as well as a proxy.

What a watcher remembers has a bound, and it remembers hashes in place of texts.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from rules.digest import Digest

# How a statement came.
QUERY: Final = 1
"""As a text: COM_QUERY."""
EXECUTION: Final = 2
"""Of a prepared statement, whose text is known."""
PREPARATION: Final = 3
CLOSING: Final = 4
"""Of a prepared statement, which one is not known."""
PART: Final = 5
"""Belongs to an execution: parameters sent ahead, rows fetched, a cursor closed."""
SELECTION: Final = 6
"""Of a schema, without a text: COM_INIT_DB."""
CHECK: Final = 7
"""Of the connection's life: COM_PING."""
RESTART: Final = 8
"""Of the session: COM_RESET_CONNECTION, COM_CHANGE_USER."""
UNTOLD: Final = 9
"""Any other command, or an execution of what is not known."""

ASIDE: Final = (PREPARATION, CLOSING, PART)
"""What is no statement of its own: it belongs to the execution before or behind it."""
UNIT: Final = 1.0
"""Within how many seconds statements are taken for one piece of work where no transaction says so."""
REMEMBERED: Final = 64
"""How many texts a watcher remembers."""


class Finished(msgspec.Struct, gc=False):
    """One command that has ended."""

    form: int
    """How it came, one of the above."""
    digest: Digest
    text: int | None
    """A hash of its text, or the prepared one, without sqlcommenter's comment; None where not all of it is known."""
    has_parameters: bool
    """Whether there are values that are not in the text."""
    started: float
    ended: float
    rows: int
    failed: bool
    in_transaction: bool | None
    """Whether a transaction is open after it, None where that is not known."""
    rule: str = ""
    """The rule that speaks of it, whether it only reports or not."""
    was_in_transaction: bool | None = None
    """Whether a transaction was open before it; the Watch fills it in."""

    @property
    def is_statement(self) -> bool:
        """Whether it ran a statement whose text is known."""
        return self.form == QUERY or self.form == EXECUTION

    @property
    def content(self) -> int | None:
        """What is equal for statements with the same text and the same values, None where the values are not known."""
        return None if self.has_parameters else self.text


class Recent:
    """The REMEMBERED things that were seen last, and when."""

    def __init__(self) -> None:
        self._seen: dict[int, float] = {}

    def see(self, thing: int, at: float) -> float | None:
        """Note that a thing was seen; return when it was seen before, None where it was not."""
        before = self._seen.pop(thing, None)
        if len(self._seen) >= REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self._seen[thing] = at
        return before

    def __contains__(self, thing: int) -> bool:
        return thing in self._seen

    def drop(self, thing: int) -> None:
        """Forget one of them, if it is there."""
        self._seen.pop(thing, None)

    def forget(self) -> None:
        """Forget them all."""
        if self._seen:
            self._seen.clear()


class Watcher:
    """What one rule remembers of one connection."""

    def take(self, done: Finished) -> bool:
        """Take a command; say whether it was wasteful."""
        raise NotImplementedError

    def closed(self, at: float) -> tuple[int, float]:
        """Take the connection's end; return how many statements were wasteful, seen from there, and their seconds."""
        return 0, 0.0


class Watch:
    """The watchers of one connection."""

    def __init__(self, watchers: Iterable[tuple[str, Watcher]]) -> None:
        """Take the rules' names and their watchers, in the order in which they are asked."""
        self._watchers = tuple(watchers)
        self._in_transaction: bool | None = None

    def take(self, done: Finished) -> str:
        """Take a command; return the rule that speaks of it, empty where none does.

        All watchers see all commands. The first one that speaks is heard, where no rule has spoken before.
        """
        done.was_in_transaction = self._in_transaction
        self._in_transaction = done.in_transaction
        for name, watcher in self._watchers:
            if watcher.take(done) and not done.rule:
                done.rule = name
        return done.rule

    def closed(self, at: float) -> list[tuple[str, int, float]]:
        """Take the connection's end; return which rules speak only now, of how many statements, and their seconds."""
        found = [(name, *watcher.closed(at)) for name, watcher in self._watchers]
        return [(name, count, seconds) for name, count, seconds in found if count]
