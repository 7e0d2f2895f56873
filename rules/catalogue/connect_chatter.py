"""What a connection was set up with, where it then did less than that.

Wasteful because
    Drivers and frameworks set character set, modes, autocommit and isolation level on each new connection, and ask what
    server it is. A connection that is opened for one request has more round trips for that than for its work.

Instead
    Keep connections: a pool; Django: CONN_MAX_AGE; PHP: persistent connections. Say less at connect: Connector/J:
    cacheServerConfiguration=true; Django: isolation_level None in OPTIONS, and the level in the server's configuration.

Reported when
    A connection has ended within ten seconds of its first command, and did at least one useful statement, but fewer
    than those that came before the first useful one and only set it up: SET, USE, COM_INIT_DB, COM_PING, SELECT 1,
    SELECT of variables, VERSION() and DATABASE(), SHOW VARIABLES. Each of these is counted, but for those that another
    rule has spoken of. As this is known only at the end, it is in the metrics and not in the statement log.

Not reported when
    The connection lived longer, did nothing useful (a health check), or went blind.

Guarantee
    Report: it never withholds anything.

Manual
    https://dev.mysql.com/doc/refman/en/using-system-variables.html
"""

import re
from functools import lru_cache
from typing import Final

from rules.verdict import REPORT
from rules.watch import ASIDE, CHECK, RESTART, SELECTION, Finished, Watcher

NAME: Final = "connect-chatter"
GUARANTEE: Final = REPORT
SHORT: Final = 10.0
"""How many seconds a connection may live to be called short."""

SET_UP: Final = 0
BOUNDARY: Final = 1
"""Of a transaction: it belongs to the work, and is none."""
USEFUL: Final = 2

_SET_UP: Final = re.compile(
    r"(?:set|use) .*|select (?:\?|(?:@@|version\(\)|database\(\))(?!.* from ).*)|show (?:\w+ )?variables\b.*"
)


@lru_cache(maxsize=2048)
def purpose(text: str, kind: str) -> int:
    """Say what a statement does for a connection, by its normalised text and kind."""
    if _SET_UP.fullmatch(text) and ";" not in text:
        return SET_UP
    return BOUNDARY if kind in ("begin", "commit", "rollback") else USEFUL


class _Beginning(Watcher):
    """Counts what a connection was set up with, and what it was good for."""

    def __init__(self) -> None:
        self._began = -1.0
        self._set_up = 0
        self._unspoken = 0  # those of which no other rule has spoken
        self._seconds = 0.0
        self._useful = 0

    def take(self, done: Finished) -> bool:
        """Count a command. None is reported before the end."""
        if self._began < 0:
            self._began = done.started
        was_worth_it = 0 < self._useful >= self._set_up
        if was_worth_it or done.form in ASIDE or done.form == RESTART:
            return False
        if done.form == SELECTION or done.form == CHECK:
            what = SET_UP
        else:
            what = purpose(done.digest.text, done.digest.kind) if done.is_statement else USEFUL
        if what == USEFUL:
            self._useful += 1
        elif what == SET_UP and not self._useful:
            self._set_up += 1
            if not done.rule:
                self._unspoken += 1
                self._seconds += max(done.ended - done.started, 0.0)
        return False

    def closed(self, at: float) -> tuple[int, float]:
        """Return what the set-up was, if it was more than the work."""
        if not 0 < self._useful < self._set_up or at - self._began > SHORT:
            return 0, 0.0
        return self._unspoken, self._seconds


WATCHER: Final = _Beginning
