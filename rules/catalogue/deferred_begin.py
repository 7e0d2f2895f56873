"""BEGIN, or START TRANSACTION, until the first statement of the transaction.

Wasteful because
    BEGIN does nothing by itself: the snapshot is taken and locks are acquired by the first statement. Its round trip is
    one of three for a transaction with one statement, and ORMs wrap single statements into transactions all the time.

Withheld when
    The server's last reply says that no transaction is open, and with autocommit off no statement has run since the last
    boundary; no tables may be locked (BEGIN would unlock them); whether the transaction will be a read-only one is known;
    and the server has accepted this text before. BEGIN is sent in one write with the next statement. Where that is a COMMIT
    or ROLLBACK with nothing between, both vanish (see empty-commit).

Forwarded when
    A transaction is or may be open, for BEGIN would commit it. WITH CONSISTENT SNAPSHOT, BEGIN NOT ATOMIC and, in
    MariaDB's ORACLE mode, BEGIN are never deferred. Where the session sets an idle timeout for transactions, nothing is.

Guarantee
    Exact. If the server refuses the BEGIN when it comes, the client gets an error and its connection is closed. An
    idle_transaction_timeout that the server's own configuration sets begins to run when the BEGIN is sent.

Manual
    https://dev.mysql.com/doc/refman/en/commit.html,
    https://dev.mysql.com/doc/refman/en/innodb-consistent-read.html
"""

from typing import Final

from rules.session import Session
from rules.statement import BEGIN, Statement
from rules.verdict import EXACT, PROMISE

NAME: Final = "deferred-begin"
GUARANTEE: Final = EXACT
ACTION: Final = PROMISE
KINDS: Final = (BEGIN,)


def judge(statement: Statement, session: Session, _: float) -> bool:
    """Say yes where a BEGIN ends nothing, and its reply's flags are known."""
    if not session.is_idle or not session.is_empty or session.locked:
        return False
    return (statement.access != "" or not session.one_shot) and session.begins_read_only(statement) is not None
