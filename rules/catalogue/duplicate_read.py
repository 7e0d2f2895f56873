"""A SELECT that was answered before, value for value, in the same transaction, with nothing written since.

Wasteful because
    The answer is there already; under REPEATABLE READ, the default, it cannot even be another one. Mostly two parts of
    an application load the same row, each for itself.

Instead
    Load the row once and hand it on, or by its key through the ORM's session, which keeps it: Hibernate's find,
    SQLAlchemy's Session.get.

Reported when
    The same text, with the same values in it, was answered in this transaction less than one second before; all that
    came in between were reads of the same sort; and it reads tables only: it takes no locks, reads no variables, and
    calls no function whose result can change.

Not reported when
    Anything else came in between, be it a locking read, a SET or an error. It comes later than that: under READ
    COMMITTED it may be waiting for what others write. There is no transaction: then the application has not asked for
    one view of the data. The values are not in the text (prepared statements with parameters). Of the texts of a
    transaction the last 64 are remembered.

Guarantee
    Report: it never withholds anything.

Manual
    https://dev.mysql.com/doc/refman/en/innodb-consistent-read.html
"""

from typing import Final

from rules.reads import is_plain_read
from rules.verdict import REPORT
from rules.watch import ASIDE, CHECK, UNIT, Finished, Recent, Watcher

NAME: Final = "duplicate-read"
GUARANTEE: Final = REPORT


class _Reads(Watcher):
    """Remembers the reads of a transaction since its last write."""

    def __init__(self) -> None:
        self._read = Recent()

    def take(self, done: Finished) -> bool:
        """Say whether a read was answered before."""
        if done.form in ASIDE or done.form == CHECK:
            return False
        if not done.is_statement or done.failed or not done.in_transaction or not is_plain_read(done.digest.text):
            self._read.forget()
            return False
        if done.content is None:
            return False
        before = self._read.see(done.content, done.ended)
        return before is not None and done.started - before <= UNIT


WATCHER: Final = _Reads
