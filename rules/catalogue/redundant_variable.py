"""SET of a session variable to the literal that it was set to last.

Wasteful because
    Drivers and frameworks set time_zone, sql_mode and timeouts at connect or at each checkout, and most of the time to
    what they are.

Withheld when
    The variable is one of those whose only effect is their value (time_zone, sql_mode, foreign_key_checks, the timeouts
    and the like), the same literal was set last, and nothing since then can have changed it unseen.

Forwarded when
    The value is not a literal (DEFAULT, an expression, another variable), or it was written in another way when it was
    set.

Guarantee
    Exact.

Manual
    https://dev.mysql.com/doc/refman/en/set-variable.html
"""

from typing import Final

from rules.session import Session
from rules.statement import SETTABLE, Assignment
from rules.verdict import ANSWER, EXACT

NAME: Final = "redundant-variable"
GUARANTEE: Final = EXACT
ACTION: Final = ANSWER
SETS: Final = tuple(SETTABLE)


def judge(assignment: Assignment, session: Session) -> bool:
    """Say yes to the literal that was set last."""
    return session.value(assignment.name) == assignment.value
