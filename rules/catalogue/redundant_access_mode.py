"""SET SESSION TRANSACTION READ ONLY or READ WRITE, as it is already.

Wasteful because
    Exposed sets the access mode before each transaction, and nearly all of an application's transactions have the same.

Withheld when
    The session's access mode is known (a SET of it was accepted or the session tracker has told it, and since then
    nothing can have changed it unseen), it is equal, in or outside of a transaction, and no SET TRANSACTION for the
    next transaction only can be pending.

Forwarded when
    The mode is not known, or a SET TRANSACTION without SESSION may be pending: the session's form would drop it, even
    with an equal value. After a login one may be, until the first COMMIT or ROLLBACK: init_connect can contain it. Such
    a form itself is always forwarded, and so is SET @@transaction_read_only.

Guarantee
    Exact.

Manual
    https://dev.mysql.com/doc/refman/en/set-transaction.html
"""

from typing import Final

from rules.session import Session
from rules.statement import Assignment
from rules.verdict import ANSWER, EXACT

NAME: Final = "redundant-access-mode"
GUARANTEE: Final = EXACT
ACTION: Final = ANSWER
SETS: Final = ("access",)


def judge(assignment: Assignment, session: Session) -> bool:
    """Say yes to the mode that the client sees already."""
    return session.value("access") == assignment.value and not session.one_shot
