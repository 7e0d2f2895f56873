"""SELECT of session variables whose values cannot have changed.

Wasteful because
    jOOQ, through Connector/J, asks for the isolation level and the access mode before each transaction, HikariCP for
    the latter on each new connection, and others for sql_mode or time_zone, though they set these themselves.

Instead
    Connector/J: useLocalSessionState=true.

Withheld when
    The server has answered the same text in this session, and since then neither one of the variables in it can have
    changed nor anything else that such a result depends on (the results' character set, sql_select_limit). What the
    client gets is the server's own reply, with the status flags as they are now.

Forwarded when
    One of them may have changed unseen: by a routine, a SET of an expression, or stored code that the session tracker
    does not tell of. A SET NAMES has been promised. The text holds anything but variables that only the session itself
    can change.

Guarantee
    Exact.

Manual
    https://dev.mysql.com/doc/refman/en/using-system-variables.html
"""

from typing import Final

from rules.session import Session
from rules.statement import READ, Statement
from rules.verdict import ANSWER, EXACT

NAME: Final = "known-variable"
GUARANTEE: Final = EXACT
ACTION: Final = ANSWER
KINDS: Final = (READ,)


def judge(statement: Statement, session: Session, _: float) -> bool:
    """Say yes: what was answered under other values is remembered apart, and not found."""
    return bool(statement.variables) and not session.promises.keys() & {"names"}
