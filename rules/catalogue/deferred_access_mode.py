"""SET SESSION TRANSACTION READ ONLY or READ WRITE, another than it is, while nothing depends on it.

Wasteful because
    Exposed and Spring make a connection read-only before a transaction that only reads, and writable after it: two
    round trips each time, of which the next transaction often undoes the second.

Withheld when
    By the server's last reply no transaction is open, and none has been promised. The server is told in one write with
    the next statement that is sent, together with everything else that was promised. A promise that returns to the mode
    the server is known to have disappears.

Forwarded when
    A transaction is open or may be. The form without SESSION, which is for the next transaction only, is always
    forwarded, and so is SET @@transaction_read_only.

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

NAME: Final = "deferred-access-mode"
GUARANTEE: Final = EXACT
ACTION: Final = PROMISE
SETS: Final = ("access",)


def judge(assignment: Assignment, session: Session) -> bool:
    """Say yes outside of transactions, to another mode, or to one that drops a pending SET TRANSACTION."""
    return session.is_idle and (session.one_shot or session.value("access") != assignment.value)
