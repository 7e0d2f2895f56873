"""What a rule says of a statement, and how sure it is."""

from typing import Final

# What becomes of a statement.
FORWARD: Final = 0
"""It goes to the server."""
ANSWER: Final = 1
"""It would change nothing: the client can be answered without the server."""
PROMISE: Final = 2
"""It changes what nothing depends on yet: the client can be answered, and the server told later."""
ACKNOWLEDGE: Final = 3
"""It goes to the server, and the client need not wait for the reply."""

# What a rule guarantees.
EXACT: Final = "exact"
"""Nobody can tell."""
WINDOW: Final = "window"
"""Exact for what the server said less than --max-silence ago."""
EARLY: Final = "early"
"""The client is answered before the server has finished."""
REPORT: Final = "report"
"""It never withholds anything."""

# What is done about a rule.
OFF: Final = 0
OBSERVE: Final = 1
"""The statement is forwarded, and its reply compared with the one that was predicted."""
SUPPRESS: Final = 2
MODES: Final = {"off": OFF, "observe": OBSERVE, "suppress": SUPPRESS}


class Verdict:
    """What is to become of one statement."""

    def __init__(self, action: int, rule: str, *, withhold: bool) -> None:
        """Take `action` because of `rule`; only where `withhold` is true, for else it is a prediction."""
        self.action = action
        self.rule = rule
        self.withhold = withhold
