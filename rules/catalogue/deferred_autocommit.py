"""SET autocommit to another value, while nothing depends on it.

Wasteful because
    HikariCP with Exposed, Spring, jOOQ and Django send SET autocommit=0 before each transaction and SET autocommit=1
    after it: two round trips of four. What the server was told last is undone before it matters.

Withheld when
    No transaction is open, no tables may be locked, and the server has accepted this text before. From 0 to 1 also: no
    statement has run since the last COMMIT or ROLLBACK, so that there is nothing that turning it on would commit or let
    go. The client is answered at once, and every reply it gets from then on has the flag as it wants it. The server is
    told in one write with the next statement that it is sent. A promise that returns to the value the server has
    disappears, so that a steady toggle costs nothing.

Forwarded when
    A transaction is open, or it is not known whether one is (after an error); tables may be locked; or, from 0 to 1,
    something ran since the last boundary. MySQL keeps the metadata lock of a MyISAM table read without autocommit until
    then, though no transaction is open; savepoints live as long.

Guarantee
    Exact. Until the next statement nobody, neither this session nor another, can see which value it has. If the server
    then refuses the SET, or answers it with other flags than promised, the client gets an error and its connection is
    closed. A client that leaves before has lost nothing: nothing was done.

Manual
    https://dev.mysql.com/doc/refman/en/commit.html,
    https://dev.mysql.com/doc/refman/en/metadata-locking.html
"""

from typing import Final

from rules.session import ON, Session
from rules.statement import Assignment
from rules.verdict import EXACT, PROMISE

NAME: Final = "deferred-autocommit"
GUARANTEE: Final = EXACT
ACTION: Final = PROMISE
SETS: Final = ("autocommit",)


def judge(assignment: Assignment, session: Session) -> bool:
    """Say yes where no transaction is open and, to turn it on, none could be hidden."""
    if not session.is_idle or session.locked:
        return False
    return assignment.value != ON or session.clean or session.server_value("autocommit") == ON
