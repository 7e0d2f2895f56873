"""SET autocommit to the value that it has.

Wasteful because
    Pools and ORMs set autocommit each time they hand out a connection or begin a transaction, without looking whether
    it is so already. Each costs a round trip.

Instead
    Connector/J: useLocalSessionState=true, and autoCommit=false in the pool where transactions are the rule.

Withheld when
    The value is the one that the status flags of the server's last reply say, or the one that the client has been
    promised since; in or outside of a transaction.

Forwarded when
    The value is not known: after an error, until the next reply that has status flags, and after a failed statement
    that may have set it, until the next one that says so. Or the SET has other members that no rule speaks for.

Guarantee
    Exact. Setting autocommit to the value it has commits nothing, on MySQL and MariaDB: only the change from 0 to 1
    does.

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
