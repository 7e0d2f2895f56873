"""COM_PING, SELECT 1, or SELECT NULL, on a connection that is alive.

Wasteful because
    Pools ask whether a connection lives each time they hand it out, even where it was used a moment ago.

Instead
    HikariCP: a longer com.zaxxer.hikari.aliveBypassWindowMs. sqlx: test_before_acquire(false).

Withheld when
    The server said something on this connection less than --max-silence ago, and has answered the same before.

Forwarded when
    The connection was quiet for longer, so that one that the server has closed is noticed as before. COM_PING on MySQL
    also where the last statement left warnings, for its OK repeats their number.

Guarantee
    Window: a server that dies is noticed up to --max-silence later. Off by default: --rule liveness=suppress.

Manual
    https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_ping.html
"""

from typing import Final

from rules.session import Session
from rules.statement import PING, PROBE, Statement
from rules.verdict import ANSWER, WINDOW

NAME: Final = "liveness"
GUARANTEE: Final = WINDOW
ACTION: Final = ANSWER
KINDS: Final = (PING, PROBE)
ON_BY_DEFAULT: Final = False


def judge(statement: Statement, session: Session, _: float) -> bool:
    """Say yes, unless it is COM_PING on MySQL, whose OK repeats the last count of warnings, and that is not 0."""
    return statement.kind == PROBE or not session.is_mysql or session.warnings == 0
