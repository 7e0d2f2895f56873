"""One connection's judge: asks the rules before a command is sent, and tells them what its reply said.

Two ways to withhold. Where the engine suppresses and the server is trusted, promises are real: the server has not heard
of them until they are settled. Else they are pretended: every command is forwarded as it comes, and what would have
been said in its place is compared with the server's reply. The session is the same in both, so that what is proved in
the one holds in the other.
"""

from typing import Final

from proxy.exchange import Decision, Exchange
from proxy.login import LoggedIn
from proxy.wire.constants import CLIENT_DEPRECATE_EOF, CLIENT_SESSION_TRACK
from proxy.wire.template import Template
from rules.engine import Engine
from rules.session import AUTOCOMMIT, IN_TRANS, IN_TRANS_READONLY, Outcome, Session, Settlement
from rules.statement import BEGIN, END, PING, RESET, RESULT_SETS, SET, USE, WARNINGS, Statement
from rules.verdict import ACKNOWLEDGE, ANSWER, PROMISE, Verdict

_LEARNABLE: Final = RESULT_SETS | {SET, BEGIN, END, USE, PING}
_TOLD: Final = AUTOCOMMIT | IN_TRANS | IN_TRANS_READONLY


class Judge:
    """Session and engine of one connection."""

    def __init__(self, engine: Engine, version: str, login: LoggedIn) -> None:
        """Begin after a login to a server of this version."""
        dialect = engine.dialect(version)
        client_tracks = login.capabilities & CLIENT_SESSION_TRACK != 0
        self.session = Session(login.status, dialect, schema=login.reported_schema, client_tracks=client_tracks)
        self.session.heard = login.at
        self.withholds = engine.suppresses and dialect.is_trusted
        """Whether promises are real."""
        self._engine = engine
        self._sees_work = login.capabilities & CLIENT_DEPRECATE_EOF != 0
        self._reports = login.server_capabilities & CLIENT_SESSION_TRACK != 0
        self._may_track = engine.observes and self._reports and not client_tracks

    @property
    def has_promised(self) -> bool:
        """Whether the server has not heard of something that the client was told."""
        return self.withholds and bool(self.session.promises or self.session.begun is not None)

    # ---- before a command is sent ----

    def consider(self, exchange: Exchange, now: float) -> Decision | None:
        """Judge a command while nothing that the client waits for is under way; None: forward it.

        Sees to it that a reply which may be worth remembering is kept.
        """
        statement = exchange.statement
        if statement.kind not in _LEARNABLE or not exchange.is_whole or not self._engine.observes:
            return None
        if self.session.owes_report:  # the reply may say more than belongs to this statement
            return None
        exchange.key = self._engine.key(statement, self.session, exchange.command)
        exchange.template = Template()
        verdict = self._engine.judge(statement, self.session, now)
        if verdict is None:
            return None
        learned = self._engine.recall(exchange.key, self.session)
        if not isinstance(learned, Template):
            return None
        return Decision(verdict, learned, self.session.status_after(statement))

    def withhold(self, exchange: Exchange, verdict: Verdict) -> None:
        """Note that the client has its answer, or in observe mode pretend so."""
        if verdict.action == PROMISE:
            self.session.promise(exchange.statement, verdict.rule)
        elif verdict.action == ANSWER:
            self.session.answered(exchange.statement)
        elif verdict.action == ACKNOWLEDGE:
            self.session.ended()

    def settle(self, statement: Statement) -> list[Settlement]:
        """Return what has to be sent ahead of a statement; where promises are pretended, nothing has to."""
        if statement.kind == RESET and statement.word == b"reset":
            self.session.drop_promises()
            return []
        expected = self.session.status()
        promised = bool(self.session.promises) or self.session.begun is not None
        settlements = self.session.settle(statement)
        if settlements and promised:  # without a promise replies may be under way whose flags are not known yet
            settlements[-1].expected = expected
        if self.withholds:
            return self._with_tracking(settlements, statement)
        for settlement in settlements:
            self.session.learn(settlement.statement, Outcome(status=expected))
        if self._may_track:
            self.session.survivors = self.session.dialect.usual_survivors
        return []

    def _with_tracking(self, settlements: list[Settlement], statement: Statement) -> list[Settlement]:
        """Ask the tracker for what the rules need, once a session; with what goes ahead anyway, if it knows how."""
        version = self.session.dialect.version
        # Ahead of a statement that keeps the diagnostics, or reads them, a SET would be seen.
        would_show = not statement.text or statement.reads_diagnostics
        unwanted = not self._may_track or bool(self.session.survivors) or would_show
        if unwanted or version in self._engine.refused_tracking:
            return settlements
        wish = self._engine.tracking(self.session.dialect, with_work=self._sees_work)
        first = settlements[0] if settlements else None
        if first is not None and version in self._engine.accepted_tracking and first.statement.kind == SET:
            text = b"SET " + wish + b", " + first.statement.text[len(b"SET ") :]
            first.statement = Statement(SET, text, b"set", assignments=first.statement.assignments)
            first.tracks = True
            return settlements
        return [Settlement(Statement(SET, b"SET " + wish, b"set"), optional=True, tracks=True), *settlements]

    # ---- after its reply ----

    def take_settlement(self, exchange: Exchange, settlement: Settlement) -> str:
        """Take the reply to a statement of our own; return what is wrong with it, nothing if all is well."""
        reply = exchange.reply
        version = self.session.dialect.version
        if reply.error is not None and settlement.optional:
            if settlement.tracks:
                self._engine.refused_tracking.add(version)
            return ""
        if reply.error is not None:
            return f"error {reply.error.code}"
        found = self._outcome(exchange)
        if settlement.tracks:  # that the list has changed is no news
            found.reported.pop("session_track_system_variables", None)
        self.session.learn(exchange.statement, found)
        if settlement.tracks:
            self._engine.accepted_tracking.add(version)
            self.session.survivors = self.session.dialect.survivors
        if settlement.expected is not None and reply.status is not None:
            surprising = (reply.status ^ settlement.expected) & _TOLD
            return f"status flags 0x{reply.status:04x}, not 0x{settlement.expected:04x}" if surprising else ""
        return ""

    def take_reply(self, exchange: Exchange) -> None:
        """Learn from the reply to a command of the client's."""
        decision = exchange.decision
        if decision is None:
            self.session.learn(exchange.statement, self._outcome(exchange))
            if exchange.key is not None and self._is_learnable(exchange):
                self._engine.learned(exchange.key, exchange.statement, self.session, exchange.template)
            return
        assert exchange.template is not None
        exchange.held = not decision.template.differs_from(exchange.template, decision.status)
        pretended = not self.withholds and decision.verdict.action != ACKNOWLEDGE
        if not pretended:
            self.session.learn(exchange.statement, self._outcome(exchange))
        elif not exchange.held:  # nothing that was pretended can be relied on
            self.session.drop_promises()
            self.session.learn(exchange.statement, self._outcome(exchange))
            self.session.doubt()

    def _is_learnable(self, exchange: Exchange) -> bool:
        """Whether the server accepted the statement without a word more than OK, or with a small result."""
        reply, template = exchange.reply, exchange.template
        if reply.error is not None or reply.warnings or template is None or not template.whole:
            return False
        if exchange.statement.kind in RESULT_SETS:
            return exchange.statement.kind != WARNINGS or reply.rows == 0
        ok = reply.ok
        return ok is not None and not (reply.rows or ok.affected_rows or ok.last_insert_id or ok.info)

    def _outcome(self, exchange: Exchange) -> Outcome:
        """Return what the reply to a command says of the session."""
        reply = exchange.reply
        if reply.error is not None:
            return Outcome(failed=True)
        if reply.ok is None or not reply.ends_in_ok or not self._reports:
            return Outcome(status=reply.status, warnings=reply.warnings)
        return Outcome(
            status=reply.status,
            warnings=reply.warnings,
            tracker_spoke=True,
            reported=reply.ok.variables,
            schema=reply.ok.schema,
            transaction=reply.ok.transaction,
        )
