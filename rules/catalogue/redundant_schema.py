"""USE, or COM_INIT_DB, of the schema that is the current one.

Wasteful because
    Laravel and WordPress select the schema for each request that the login has selected already.

Withheld when
    The last USE or COM_INIT_DB that was accepted, or the session tracker's last word, is this schema, by the same name.

Forwarded when
    The current schema is not known: after a routine or a statement that is not understood, or, where the server does
    not report the session's state behind it, after a DROP or ALTER, which may have concerned it.

Guarantee
    Window: exact as long as nobody else drops or alters the schema between the server's last word on this connection
    and the USE (at most --max-silence). USE of a dropped schema would fail; on MySQL, USE of an altered one takes its
    new default collation.

Manual
    https://dev.mysql.com/doc/refman/en/use.html
"""

from typing import Final

from rules.session import Session
from rules.statement import USE, Statement
from rules.verdict import ANSWER, WINDOW

NAME: Final = "redundant-schema"
GUARANTEE: Final = WINDOW
ACTION: Final = ANSWER
KINDS: Final = (USE,)


def judge(statement: Statement, session: Session, _: float) -> bool:
    """Say yes to the current schema, unless it is COM_INIT_DB on MySQL, which repeats the last count of warnings."""
    repeats = session.is_mysql and not statement.text and session.warnings != 0
    return statement.schema != b"" and session.value("schema") == statement.schema and not repeats
