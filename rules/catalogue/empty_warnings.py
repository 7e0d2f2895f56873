"""SHOW WARNINGS or SHOW ERRORS where there are none.

Wasteful because
    Some drivers and frameworks ask after each statement, though each reply says how many warnings there are.

Withheld when
    The server is MySQL, the last statement did not fail and its reply counted no warnings, and the server has answered
    the same text in this session in the same situation.

Forwarded when
    There are warnings, or it is not known; after an error; and always on MariaDB, where the list of warnings survives
    statements that read no table, whose replies count none.

Guarantee
    Exact.

Manual
    https://dev.mysql.com/doc/refman/en/show-warnings.html
"""

from typing import Final

from rules.session import Session
from rules.statement import WARNINGS, Statement
from rules.verdict import ANSWER, EXACT

NAME: Final = "empty-warnings"
GUARANTEE: Final = EXACT
ACTION: Final = ANSWER
KINDS: Final = (WARNINGS,)


def judge(_: Statement, session: Session, __: float) -> bool:
    """Say yes where the server counted none."""
    return session.is_mysql and session.warnings == 0
