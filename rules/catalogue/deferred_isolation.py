"""SET SESSION TRANSACTION ISOLATION LEVEL to another level, while nothing depends on it.

Wasteful because
    Frameworks set the level at connect or before each transaction, in a round trip of its own, though it matters only to
    the next statement that reads or writes.

Withheld when
    No transaction is open, in the client's view, and the server has accepted this text before. The server is told in one
    write with the next statement, together with everything else that was promised.

Forwarded when
    A transaction is open or may be. The form without SESSION, which is for the next transaction only, is always
    forwarded, and so is SET @@transaction_isolation.

Guarantee
    Exact. Until the next statement nobody can see the level. If the server then refuses it, the client gets an error and
    its connection is closed.

Manual
    https://dev.mysql.com/doc/refman/en/set-transaction.html
"""

from typing import Final

from rules.session import Session
from rules.statement import Assignment
from rules.verdict import EXACT, PROMISE

NAME: Final = "deferred-isolation"
GUARANTEE: Final = EXACT
ACTION: Final = PROMISE
SETS: Final = ("isolation",)


def judge(assignment: Assignment, session: Session) -> bool:
    """Say yes outside of transactions; to which level does not matter."""
    return session.is_idle and assignment.value != b""
