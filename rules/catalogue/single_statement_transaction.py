"""COMMIT of a transaction with only one statement in it.

Wasteful because
    With autocommit on, a single statement is a transaction of its own: it is atomic, and durable once it is answered.
    BEGIN and COMMIT, or SET autocommit=0 and COMMIT, are round trips that add nothing to it.

Instead
    Leave single statements outside of transactions. GORM: SkipDefaultTransaction. Django: no ATOMIC_REQUESTS where
    views do one query. Spring: no @Transactional around one query, or Propagation.SUPPORTS. SQLAlchemy: the AUTOCOMMIT
    isolation level for what only reads.

Reported when
    The transaction was begun by BEGIN or START TRANSACTION, or by its first statement with autocommit off; that was its
    only one, a SELECT, INSERT, UPDATE, DELETE or REPLACE, and did not fail; and a plain COMMIT has ended it. After a
    statement that writes, the COMMIT came within 2 ms: too soon for anything else to have decided whether to keep it.

Not reported when
    It ended in ROLLBACK, or by itself. There was anything else in it, be it a SAVEPOINT or a SET. The SELECT takes
    locks (FOR UPDATE, FOR SHARE, GET_LOCK, or the session has been set to SERIALIZABLE), which are held until COMMIT on
    purpose. It is WITH CONSISTENT SNAPSHOT, or chains. The text holds several statements.

Guarantee
    Report: it never withholds anything.

Manual
    https://dev.mysql.com/doc/refman/en/innodb-autocommit-commit-rollback.html
"""

import re
from functools import lru_cache
from typing import Final

from rules.verdict import REPORT
from rules.watch import ASIDE, RESTART, Finished, Watcher

NAME: Final = "single-statement-transaction"
GUARANTEE: Final = REPORT
WORK_REMAINS: Final = True
AT_ONCE: Final = 0.002
"""Within how many seconds of a write its COMMIT has to come."""

_BEGIN: Final = (
    "begin",
    "begin work",
    "start transaction",
    "start transaction read only",
    "start transaction read write",
)
_COMMIT: Final = ("commit", "commit work")
_WRITES: Final = ("insert", "update", "delete", "replace")
_UNSURE: Final = re.compile(
    r"[;…]|/\*| for update\b| for share\b| lock in share mode\b|_lock\(| into @| into (?:out|dump)file "
)


@lru_cache(maxsize=2048)
def _is_lone(text: str) -> bool:
    """Say whether a normalised text is one statement, and holds no locks for others to wait for."""
    return not _UNSURE.search(text)


class _Transaction(Watcher):
    """Follows a transaction from its beginning to its COMMIT."""

    def __init__(self) -> None:
        self._is_open = False  # and held nothing so far, or only `_only`
        self._only: Finished | None = None
        self._serializable = False

    def take(self, done: Finished) -> bool:
        """Say whether a COMMIT ended a transaction with one statement."""
        if done.form in ASIDE:
            return False
        text, kind = done.digest.text, done.digest.kind
        if not done.is_statement or done.failed:
            self._is_open = False
            self._serializable = self._serializable and done.form != RESTART
        elif kind == "commit":
            return self._end(done)
        elif kind == "begin":
            self._is_open, self._only = text in _BEGIN and done.in_transaction is True, None
        elif kind == "set":
            self._is_open = False
            self._look_for_level(text)
        else:
            self._add(done)
        return False

    def _add(self, done: Finished) -> None:
        """Take a statement: the first of a transaction, or one that begins it with autocommit off, or one too many."""
        begins = done.was_in_transaction is False and done.in_transaction is True
        first = (self._is_open and self._only is None) or begins
        is_select = done.digest.kind == "select" and not self._serializable
        counts = (is_select or done.digest.kind in _WRITES) and done.text is not None and _is_lone(done.digest.text)
        self._is_open = first and counts and done.in_transaction is True
        self._only = done

    def _end(self, done: Finished) -> bool:
        only = self._only if self._is_open else None
        self._is_open, self._only = False, None
        if only is None or done.digest.text not in _COMMIT or done.in_transaction is not False:
            return False
        return only.digest.kind == "select" or done.started - only.ended <= AT_ONCE

    def _look_for_level(self, text: str) -> None:
        """Note whether a SET may make reads take locks; of a value that does not show it is assumed."""
        if "serializable" in text or "isolation = ?" in text or "isolation := ?" in text:
            self._serializable = True
        elif text.startswith(("set session transaction isolation level", "set local transaction isolation level")):
            self._serializable = False


WATCHER: Final = _Transaction
