"""SET autocommit to the value that it has.

Wasteful because
    Pools and ORMs set autocommit each time they hand out a connection or begin a transaction, without looking whether
    it is so already. Each costs a round trip.

Withheld when
    The value is what the status flags of the server's last reply say, or what the client has been promised, in or
    outside of a transaction, and the server has accepted this text before.

Forwarded when
    The value is not known (after an error in a statement that may have changed it), or the SET has other members that
    are not redundant themselves.

Guarantee
    Exact. Setting an equal value commits nothing, on MySQL and MariaDB: only the change from 0 to 1 does.

Manual
    https://dev.mysql.com/doc/refman/en/commit.html
"""

from typing import Final

from rules.session import Session
from rules.statement import Assignment
from rules.verdict import ANSWER, EXACT

NAME: Final = "redundant-autocommit"
GUARANTEE: Final = EXACT
ACTION: Final = ANSWER
SETS: Final = ("autocommit",)


def judge(assignment: Assignment, session: Session) -> bool:
    """Say yes to the value that the client sees already."""
    return session.value("autocommit") == assignment.value
