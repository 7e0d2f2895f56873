"""SET NAMES, while nothing depends on it.

Wasteful because
    Nearly every driver sends it at connect, in a round trip of its own, though it matters only to the next statement.

Withheld when
    Always, in or outside of a transaction, but for what follows. The server is told in one write with the next
    statement that is sent, together with everything else that was promised.

Forwarded when
    It names one of the character sets in which a second byte can look like a quote or a backslash (big5, cp932,
    gb18030, gbk, sjis), or none by name (DEFAULT); or a BEGIN has been promised, which is sent behind all SETs.

Guarantee
    Exact. No statement of the session can tell, for each is sent behind what was promised. Should the server then
    refuse the SET, or answer it with other status flags than the client was shown, the client gets error 1158 and its
    connection is closed; whether the statement behind it was run is open, as it is whenever a connection is lost.

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
    """Say yes to any other character set that can be read byte by byte."""
    if session.begun is not None or session.value("names") == assignment.value:
        return False
    return assignment.value.split(b" ")[0] not in UNREADABLE
