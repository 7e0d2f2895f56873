"""SET NAMES, while nothing depends on it.

Wasteful because
    Nearly every driver sends it at connect, in a round trip of its own, though it matters only to the next statement.

Withheld when
    The server has accepted this text before, whether or not a transaction is open. The server is told in one write with
    the next statement, together with everything else that was promised.

Forwarded when
    It names one of the character sets in which a second byte can look like a quote or a backslash (big5, gbk, sjis, cp932,
    gb18030), or none by name (DEFAULT).

Guarantee
    Exact. Until the next statement nobody can see the character set. If the server then refuses it, the client gets an
    error and its connection is closed.

Manual
    https://dev.mysql.com/doc/refman/en/set-names.html
"""

from typing import Final

from rules.charsets import UNREADABLE
from rules.session import Session
from rules.statement import Assignment
from rules.verdict import EXACT, PROMISE

NAME: Final = "deferred-names"
GUARANTEE: Final = EXACT
ACTION: Final = PROMISE
SETS: Final = ("names",)


def judge(assignment: Assignment, session: Session) -> bool:
    """Say yes to any character set that can be read byte by byte."""
    return session.begun is None and assignment.value.split(b" ")[0] not in UNREADABLE
