"""COM_STMT_PREPARE of a text that was prepared, executed once, and closed before on this connection.

Wasteful because
    Preparing pays where a statement is executed again and again. Prepared for one execution, it costs a round trip more
    than the text with its values in it, each time.

Instead
    Go: interpolateParams=true in the DSN, or keep the *sql.Stmt. GORM: PrepareStmt keeps them. PHP's PDO, and so
    Laravel: ATTR_EMULATE_PREPARES. Connector/J with useServerPrepStmts: cachePrepStmts=true.

Reported when
    The same text was prepared on this connection, executed exactly once, and closed. Each further PREPARE of it is
    reported, until the session is reset.

Not reported when
    It was executed twice or never, or failed, or went out in one write with its PREPARE, which then costs no round
    trip. A COM_STMT_CLOSE does not show here which statement it is for: one is taken for closed once none is left open,
    so that nothing is reported of drivers that keep some. The last 64 such texts are remembered.

Guarantee
    Report: it never withholds anything.

Manual
    https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_command_phase_ps.html
"""

from typing import Final

from rules.verdict import REPORT
from rules.watch import CLOSING, EXECUTION, PREPARATION, REMEMBERED, RESTART, UNTOLD, Finished, Recent, Watcher

NAME: Final = "repeated-prepare"
GUARANTEE: Final = REPORT
ONCE: Final = 1
UNSURE: Final = 2
"""Executions of a text that must not be reported: more than one, or who knows."""


class _Prepared(Watcher):
    """Remembers what is prepared, and what was so for one execution only."""

    def __init__(self) -> None:
        self._executed: dict[int | None, int] = {}
        """How often each text was executed, of those that may be open."""
        self._open = 0
        self._ended = 0.0  # the last PREPARE
        self._for_once = Recent()

    def take(self, done: Finished) -> bool:
        """Say whether a text is prepared anew for nothing."""
        if done.form == PREPARATION:
            return not done.failed and self._prepare(done)
        if done.form == EXECUTION:
            self._execute(done)
        elif done.form == CLOSING:
            self._close(done.ended)
        elif done.form == RESTART:
            self._executed.clear()
            self._open = 0
            self._for_once.forget()
        elif done.form == UNTOLD:
            self._executed = dict.fromkeys(self._executed, UNSURE)
        return False

    def _prepare(self, done: Finished) -> bool:
        self._open += 1
        self._ended = done.ended
        if len(self._executed) < REMEMBERED:
            self._executed[done.text] = UNSURE if done.text in self._executed else 0
        return done.text is not None and done.text in self._for_once

    def _execute(self, done: Finished) -> None:
        """Count an execution; one that went out together with its PREPARE did not wait for it."""
        if done.text in self._executed:
            together = done.started < self._ended
            self._executed[done.text] += UNSURE if done.failed or together else 1

    def _close(self, at: float) -> None:
        """Count a statement as closed. Which one it was is certain once it was the last."""
        self._open -= 1
        if self._open > 0:
            return
        for text, executions in self._executed.items():
            if text is not None and executions == ONCE:
                self._for_once.see(text, at)
            elif text is not None:
                self._for_once.drop(text)
        self._executed.clear()
        self._open = 0


WATCHER: Final = _Prepared
