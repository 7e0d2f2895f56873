"""COMMIT or ROLLBACK with nothing to end.

Wasteful because
    SQLAlchemy rolls back after each commit, pools do when a connection comes back, and a BEGIN is often followed by
    nothing but its COMMIT.

Instead
    SQLAlchemy: create_engine(pool_reset_on_return=None), or the AUTOCOMMIT isolation level, for what only reads.
    Connector/J: useLocalTransactionState=true, with care: lost commits were reported (tidb#38115, HikariCP#1999).

Withheld when
    By the server's last reply no transaction is open, and with autocommit off nothing has run since the last boundary
    that could have left something to end; an earlier COMMIT or ROLLBACK on this connection came back without a new
    transaction, and nothing since then can have changed completion_type unseen (so that it neither chains nor
    releases); no SET TRANSACTION for the next transaction can be pending; no tables may be locked; and it is COMMIT or
    ROLLBACK, perhaps with WORK, and nothing else. A BEGIN that was only promised vanishes with it.

Forwarded when
    Any of this is not known, above all after an error, whose packet does not say what became of the transaction; and
    with autocommit off after any statement but plain SETs, USE and SELECT of session variables: MySQL may hold metadata
    locks, and savepoints exist, though no transaction is flagged.

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
