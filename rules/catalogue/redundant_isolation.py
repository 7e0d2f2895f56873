"""SET SESSION TRANSACTION ISOLATION LEVEL to the level that it has.

Wasteful because
    Exposed sets the level before each transaction, Django on each new connection, and nearly always to the one that it
    set before.

Instead
    Django: isolation_level None in OPTIONS, and the level in the server's configuration.

Withheld when
    The session's level is known (a SET of it was accepted or the session tracker has told it, and since then nothing
    can have changed it unseen), it is equal, in or outside of a transaction, and no SET TRANSACTION for the next
    transaction only can be pending.

Forwarded when
    The level is not known, or a SET TRANSACTION without SESSION may be pending: the session's form would drop it, even
    with an equal value. After a login one may be, until the first COMMIT or ROLLBACK: init_connect can contain it. Such
    a form itself is always forwarded, and so is SET @@transaction_isolation.

Guarantee
    Exact.

Manual
    https://dev.mysql.com/doc/refman/en/set-transaction.html
"""

from typing import Final

from rules.session import Session
from rules.statement import Assignment
from rules.verdict import ANSWER, EXACT

NAME: Final = "redundant-isolation"
GUARANTEE: Final = EXACT
ACTION: Final = ANSWER
SETS: Final = ("isolation",)


def judge(assignment: Assignment, session: Session) -> bool:
    """Say yes to the level that the client sees already."""
    return session.value("isolation") == assignment.value and not session.one_shot
