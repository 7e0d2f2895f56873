"""COMMIT or ROLLBACK with nothing to end.

Wasteful because
    SQLAlchemy rolls back after each commit, pools do when a connection comes back, and a BEGIN is often followed by nothing
    but its COMMIT.

Withheld when
    The server's last reply says that no transaction is open, and with autocommit off no statement has run since the last
    boundary; an earlier COMMIT on this connection came back without opening a new transaction (so that completion_type
    does not chain or release); no SET TRANSACTION for the next transaction can be pending; no tables may be locked; the
    form is the plain one; and the server has accepted this text before. A BEGIN that was only promised vanishes with it.

Forwarded when
    Any of this is not known, above all after an error, whose packet does not say what became of the transaction; and
    without autocommit after any statement: MySQL may hold metadata locks, and savepoints exist, though no transaction is
    flagged.

Guarantee
    Exact.

Manual
    https://dev.mysql.com/doc/refman/en/commit.html
"""

from typing import Final

from rules.session import Session
from rules.statement import END, Statement
from rules.verdict import ANSWER, EXACT

NAME: Final = "empty-commit"
GUARANTEE: Final = EXACT
ACTION: Final = ANSWER
KINDS: Final = (END,)


def judge(_: Statement, session: Session, __: float) -> bool:
    """Say yes where there is nothing that could end."""
    return session.is_empty and session.commits_plainly and not session.one_shot and not session.locked
