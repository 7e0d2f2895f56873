"""SET autocommit to another value, while nothing depends on it.

Wasteful because
    HikariCP with Exposed or Spring, jOOQ and Django send SET autocommit=0 before each transaction and SET autocommit=1
    after it: for a transaction with one statement two round trips of four. What the server was told last is undone
    before it matters.

Instead
    Connector/J: autoCommit=false in the pool with useLocalSessionState=true. Hibernate:
    hibernate.connection.provider_disables_autocommit=true with autoCommit=false in the pool.

Withheld when
    By the server's last reply no transaction is open, none has been promised (BEGIN), and no tables may be locked. From
    0 to 1 also: since the last COMMIT or ROLLBACK nothing has run that turning it on could commit or let go, or turning
    it off was itself only a promise.

    The client gets the OK that this server gave to the same text before. From then on every reply that it is given has
    the AUTOCOMMIT flag as it wants it. The next statement that is sent is preceded, in the same write, by a SET of all
    that was promised, so that the server runs it as if it had been told at once. A promise that returns to the value
    the server has disappears: a steady toggle around transactions costs nothing.

Forwarded when
    A transaction is open, or it is not known whether one is (after an error, until the next reply that has status
    flags); LOCK TABLES or a statement that may contain it has run on this connection; or, from 0 to 1, anything but
    plain SETs, USE and SELECT of session variables was sent since the last boundary. MySQL keeps the metadata lock of a
    MyISAM table that was read with autocommit off, and savepoints, though no transaction is flagged: turning it on
    releases them, and so is sent.

Guarantee
    Exact. No statement of the session can tell, for each is sent behind what was promised. Should the server then
    refuse the SET, or answer it with other status flags than the client was shown, the client gets error 1158 and its
    connection is closed; whether the statement behind it was run is open, as it is whenever a connection is lost. A
    client that leaves before has lost nothing: nothing was done.

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
    if not session.is_idle or session.locked or session.value("autocommit") == assignment.value:
        return False
    return assignment.value != ON or session.clean or session.server_value("autocommit") == ON
