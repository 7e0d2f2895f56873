"""BEGIN, or START TRANSACTION, until the first statement of the transaction.

Wasteful because
    BEGIN does nothing by itself: the snapshot is taken and locks are acquired by the first statement. Its round trip is
    one of three for a transaction with one statement, and ORMs wrap single statements into transactions all the time.

Instead
    Leave single statements outside of transactions (see single-statement-transaction).

Withheld when
    By the server's last reply no transaction is open, and with autocommit off nothing has run since the last boundary
    that BEGIN would commit; no tables may be locked (BEGIN would unlock them); and it is known whether the transaction
    will be a read-only one, which its OK has to say. BEGIN is sent in one write with the next statement that is sent.
    Where that is a COMMIT or ROLLBACK with nothing between, both vanish (see empty-commit).

Forwarded when
    A transaction is or may be open, for BEGIN would commit it; or, where it does not say READ ONLY or READ WRITE
    itself, a SET TRANSACTION for it may be pending. WITH CONSISTENT SNAPSHOT, BEGIN NOT ATOMIC and, in MariaDB's ORACLE
    mode, BEGIN are never deferred. Where the session sets an idle timeout for transactions, no rule withholds anything.

Guarantee
    Exact. If the server refuses the BEGIN when it comes, the client gets error 1158 and its connection is closed;
    whether the statement behind it was run is open, as it is whenever a connection is lost. An idle_transaction_timeout
    in the server's own configuration begins to run only when the BEGIN is sent.

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
