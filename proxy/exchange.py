"""One command on its way, and its reply."""

from proxy.events import StatementDone
from proxy.wire.exchange import Reply
from proxy.wire.template import Template
from rules.session import Settlement
from rules.statement import Statement
from rules.verdict import Verdict


class Decision:
    """What is to become of one command, and what its client is told or would be."""

    def __init__(self, verdict: Verdict, template: Template, status: int) -> None:
        """Say `template` with these status flags, or expect it."""
        self.verdict = verdict
        self.template = template
        self.status = status


class Exchange:
    """A command of the client's, or one of hushql's own (a settlement), until its reply has ended."""

    def __init__(self, command: int, statement: Statement, reply: Reply) -> None:
        """Expect `reply` to a command that asks for `statement`."""
        self.command = command
        self.statement = statement
        self.reply = reply
        self.done: StatementDone | None = None
        """What the sinks are told at the end; None where the client is not waiting for this reply."""
        self.settlement: Settlement | None = None
        """What this is hushql's own for."""
        self.argument = b""
        """The command's payload, where it says what an OK makes true."""
        self.sequence_id = 0
        """That of the command's last packet."""
        self.begins_at = 0
        """Where the reply begins in the server's stream."""
        self.is_whole = True
        """Whether the statement is all there is to the command."""
        self.key: object = None
        """Under what its reply may be remembered."""
        self.template: Template | None = None
        """Its reply, where that is to be kept."""
        self.decision: Decision | None = None
        """What the reply is predicted to be."""
        self.held: bool | None = None
        """Whether it was."""

    @property
    def is_silent(self) -> bool:
        """Whether the client is not to hear of the reply."""
        return self.settlement is not None
