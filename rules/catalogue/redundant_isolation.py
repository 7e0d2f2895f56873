"""SET SESSION TRANSACTION ISOLATION LEVEL to the level that it has.

Wasteful because
    Exposed, Spring and jOOQ set the level for each transaction, and set it back after it, though it is the same.

Withheld when
    The session's level is known (a SET of it was accepted, and since then nothing ran that could have changed it without
    the session tracker's word), it is equal, in or outside of a transaction, no SET TRANSACTION for the next transaction
    only can be pending, and the server has accepted this text before.

Forwarded when
    The level is not known, or a SET TRANSACTION without SESSION may be pending: the session's form would drop it, even
    with an equal value. Such a form itself is always forwarded, and so is SET @@transaction_isolation.

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
