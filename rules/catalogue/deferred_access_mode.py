"""SET SESSION TRANSACTION READ ONLY or READ WRITE, another than it is, while nothing depends on it.

Wasteful because
    Exposed and Spring make a connection read-only before a transaction that only reads, and writable after it: two round
    trips each time, of which the second is undone by the next first.

Withheld when
    No transaction is open, in the client's view, and the server has accepted this text before. The server is told in one
    write with the next statement. A promise that returns to the mode the server has disappears.

Forwarded when
    A transaction is open or may be. The form without SESSION, which is for the next transaction only, is always
    forwarded, and so is SET @@transaction_read_only.

Guarantee
    Exact. Until the next statement nobody can see the mode. If the server then refuses it, the client gets an error and
    its connection is closed.

Manual
    https://dev.mysql.com/doc/refman/en/set-transaction.html
"""

from typing import Final

from rules.session import Session
from rules.statement import Assignment
from rules.verdict import EXACT, PROMISE

NAME: Final = "deferred-access-mode"
GUARANTEE: Final = EXACT
ACTION: Final = PROMISE
SETS: Final = ("access",)


def judge(assignment: Assignment, session: Session) -> bool:
    """Say yes outside of transactions; to which mode does not matter."""
    return session.is_idle and assignment.value != b""
