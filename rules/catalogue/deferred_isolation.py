"""SET SESSION TRANSACTION ISOLATION LEVEL to another level, while nothing depends on it.

Wasteful because
    Frameworks set the level at connect or before each transaction, in a round trip of its own, though it matters only
    to the next statement that reads or writes.

Instead
    Set it once, in the server's configuration or the pool's. Django: isolation_level None in OPTIONS.

Withheld when
    By the server's last reply no transaction is open, and none has been promised. The server is told in one write with
    the next statement that is sent, together with everything else that was promised. A promise that returns to the
    level the server is known to have disappears.

Forwarded when
    A transaction is open or may be. The form without SESSION, which is for the next transaction only, is always
    forwarded, and so is SET @@transaction_isolation.

Guarantee
    Exact. No statement of the session can tell, for each is sent behind what was promised. Should the server then
    refuse the SET, or answer it with other status flags than the client was shown, the client gets error 1158 and its
    connection is closed; whether the statement behind it was run is open, as it is whenever a connection is lost.

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
    """Say yes outside of transactions, to another level, or to one that drops a pending SET TRANSACTION."""
    return session.is_idle and (session.one_shot or session.value("isolation") != assignment.value)
