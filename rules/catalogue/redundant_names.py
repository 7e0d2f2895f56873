"""SET NAMES, or SET of one of the character sets, as the same SET before it.

Wasteful because
    Drivers and frameworks set the character set at connect, often one after the other, and some pools do so each time
    they hand out a connection.

Instead
    SQLAlchemy and Django: give the charset to the driver only. MySqlConnector: ConnectionReset=false where session
    state is not touched.

Withheld when
    The same SET, with the same collation or none, was the last one that touched what it sets, and nothing since then
    can have changed a character set unseen.

Forwarded when
    Anything else. That all four variables are equal is not enough: the results have a collation which no variable
    shows, and which SET NAMES ... COLLATE and SET character_set_results set in different ways; it is in the metadata of
    each column of text.

Guarantee
    Exact.

Manual
    https://dev.mysql.com/doc/refman/en/charset-connection.html
"""

from typing import Final

from rules.session import Session
from rules.statement import Assignment
from rules.verdict import ANSWER, EXACT

NAME: Final = "redundant-names"
GUARANTEE: Final = EXACT
ACTION: Final = ANSWER
SETS: Final = (
    "names",
    "character_set_client",
    "character_set_connection",
    "character_set_results",
    "collation_connection",
)


def judge(assignment: Assignment, session: Session) -> bool:
    """Say yes to what was set last; a promised SET NAMES is newer than what is known of single variables."""
    if assignment.name != "names" and "names" in session.promises:
        return False
    return session.value(assignment.name) == assignment.value
