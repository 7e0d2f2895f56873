"""USE, or COM_INIT_DB, of the schema that is the current one.

Wasteful because
    Laravel and WordPress select the schema that the login has selected, once more for each request.

Withheld when
    The server said last that this is the current schema, by the same name, and has accepted this text before.

Forwarded when
    The current schema is not known, or after a statement that may have dropped it.

Guarantee
    Window: exact as long as nobody else drops or alters the schema in the second (--max-silence) since the server's last
    word. USE of a dropped schema would fail; on MySQL, USE of an altered one takes its new default collation.

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
    """Say yes to the current schema."""
    return statement.schema != b"" and session.value("schema") == statement.schema
