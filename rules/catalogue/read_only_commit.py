"""COMMIT or ROLLBACK of a transaction that has only read, answered before the server has done it.

Wasteful because
    The end of a transaction that changed nothing cannot fail in a way that matters, and yet the client waits for it.

Withheld when
    Never withheld: it is forwarded at once. But the client is answered at the same time, and later statements queue
    behind it, where the server's transaction tracker shows that the transaction has read, and neither written nor
    locked tables nor run a statement that cannot be told; and an earlier COMMIT or ROLLBACK on this connection came
    back without a new transaction, with no statement since then that may have been meant to change that
    (completion_type). The client must speak CLIENT_DEPRECATE_EOF, for without it the server's word on reads is missing.

Forwarded when
    In all other cases it is forwarded too, and the client waits as usual.

Guarantee
    Early: the locks and the snapshot of the transaction live until the server has ended it, a moment after the client
    was told so; another connection of the same client may still meet them. If the server then reports an error, the
    client's connection is closed. Off by default: --rule read-only-commit=suppress.

Manual
    https://dev.mysql.com/doc/refman/en/session-state-tracking.html
"""

from typing import Final

from rules.session import Session
from rules.statement import END, Statement
from rules.verdict import ACKNOWLEDGE, EARLY

NAME: Final = "read-only-commit"
GUARANTEE: Final = EARLY
ACTION: Final = ACKNOWLEDGE
KINDS: Final = (END,)
ON_BY_DEFAULT: Final = False


def judge(_: Statement, session: Session, __: float) -> bool:
    """Say yes where the tracker's letters have reads, and nothing else, of a transaction."""
    work = session.work
    if len(work) != 8 or not session.in_transaction or session.begun is not None:
        return False
    has_read = work[:1] in (b"T", b"I") and work[1:3] != b"__"
    return has_read and work[3:6] == b"___" and work[7:] == b"_" and session.has_ended_plainly
