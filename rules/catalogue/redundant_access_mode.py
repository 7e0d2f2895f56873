"""SET SESSION TRANSACTION READ ONLY or READ WRITE, as it is already.

Wasteful because
    Frameworks set the access mode for each transaction, and most of theirs are the same.

Withheld when
    The session's access mode is known (a SET of it was accepted, and since then nothing ran that could have changed it
    without the session tracker's word), it is equal, in or outside of a transaction, no SET TRANSACTION for the next
    transaction only can be pending, and the server has accepted this text before.

Forwarded when
    The mode is not known, or a SET TRANSACTION without SESSION may be pending: the session's form would drop it, even
    with an equal value. Such a form itself is always forwarded, and so is SET @@transaction_read_only.

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
