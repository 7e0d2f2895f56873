"""The engine: judges by the rules that are on, learns what this server answers, and switches off what is wrong.

    judge    before a statement is sent: forward it, answer it, promise it, or acknowledge it early, and by which rule
    learned  after a reply: a text that was accepted may be withheld from now on
    recall   the reply that a withheld statement gets: one that this server gave to this text under the same facts
    refuted  a prediction was wrong: the rule is off until the process ends

One engine serves all connections to one server. It holds replies as it is given them and does not look inside.
"""

from collections.abc import Callable
from typing import Final

from rules.catalogue import BY_ASSIGNMENT, BY_KIND, RULES, Rule
from rules.dialect import Dialect
from rules.session import Session
from rules.statement import RESULT_SETS, SET, WARNINGS, Assignment, Statement
from rules.verdict import ACKNOWLEDGE, OFF, PROMISE, SUPPRESS, Verdict

LEARNED_LIMIT: Final = 4096
"""How many texts are remembered for a server."""
REPLIES_LIMIT: Final = 64
"""How many replies are remembered for a session: some hundred bytes each, for what it sends over and over."""
SAMPLE: Final = 1000
MAX_SILENCE: Final = 1.0


class Engine:
    """What is known of a server, and what is done about it."""

    def __init__(
        self,
        modes: dict[str, int],
        *,
        sample: int = SAMPLE,
        max_silence: float = MAX_SILENCE,
        trusted: bool = False,
        chance: Callable[[], float],
    ) -> None:
        """Apply each rule in its mode (OFF where `modes` lacks it).

        One in `sample` withheld statements is forwarded and compared after all, 0 for none, as `chance` has it, which
        returns random numbers from 0 to 1. After `max_silence` seconds without a word of the server all is forwarded.
        `trusted` vouches for servers of other makes than MySQL and MariaDB.
        """
        self._dialects: dict[str, Dialect] = {}
        self._trusted = trusted
        self._modes = {rule.name: modes.get(rule.name, OFF) for rule in RULES}
        self._sample = sample
        self._max_silence = max_silence
        self._chance = chance
        self._learned: dict[object, object] = {}
        self.disabled: set[str] = set()
        """The rules that a wrong prediction has switched off."""
        self.refused_tracking: set[str] = set()
        """The versions of servers that did not take the list of variables to track."""
        self.accepted_tracking: set[str] = set()

    @property
    def suppresses(self) -> bool:
        """Whether anything is withheld at all; else all promises are only pretended."""
        return SUPPRESS in self._modes.values()

    @property
    def observes(self) -> bool:
        """Whether there is anything to judge."""
        return any(self._modes.values())

    def dialect(self, version: str) -> Dialect:
        """Return what is known of a server of this version."""
        found = self._dialects.get(version)
        if found is None:
            found = self._dialects[version] = Dialect(version, trusted=self._trusted)
        return found

    def tracking(self, dialect: Dialect, *, with_work: bool) -> bytes:
        """Return the members of a SET list that ask for what the rules need of the tracker.

        `with_work` says that what a transaction has done can be told on this connection.
        """
        if self._modes["read-only-commit"] == OFF or not with_work:
            return dialect.tracking
        return dialect.tracking + b", " + dialect.transaction_tracking

    def mode(self, rule: str) -> int:
        """Return what is done about a rule: OFF, OBSERVE or SUPPRESS."""
        return OFF if rule in self.disabled else self._modes[rule]

    # ---- before ----

    def judge(self, statement: Statement, session: Session, now: float) -> Verdict | None:
        """Say what is to become of a statement, None where no rule speaks: it is forwarded.

        To be asked only while no reply to the client is under way, so that all of the server's words have been taken
        over. `now` is by the same clock as the session's `heard`.
        """
        if session.autocommit is None or session.in_transaction is None:
            return None
        found = self._find(statement, session, now)
        if found is None or now - session.heard > min(self._max_silence, session.patience):
            return None
        name, action = found
        withhold = self.mode(name) == SUPPRESS and session.dialect.is_trusted
        if withhold and action != ACKNOWLEDGE and self._sample and self._chance() * self._sample < 1:
            withhold = False
        return Verdict(action, name, withhold=withhold)

    def _find(self, statement: Statement, session: Session, now: float) -> tuple[str, int] | None:
        if statement.kind != SET:
            for rule in BY_KIND.get(statement.kind, ()):
                if self.mode(rule.name) != OFF and rule.judge_statement(statement, session, now):
                    return rule.name, rule.action
            return None
        spoken = [self._find_assignment(assignment, session) for assignment in statement.assignments]
        rules = [rule for rule in spoken if rule is not None]
        if len(rules) < len(spoken) or not rules:
            return None
        promising = [rule for rule in rules if rule.action == PROMISE]
        first = (promising or rules)[0]
        if any(self.mode(rule.name) != self.mode(first.name) for rule in rules):
            return None
        return first.name, first.action

    def _find_assignment(self, assignment: Assignment, session: Session) -> Rule | None:
        for rule in BY_ASSIGNMENT.get(assignment.name, ()):
            if self.mode(rule.name) != OFF and rule.judge_assignment(assignment, session):
                return rule
        return None

    # ---- replies ----

    def key(self, statement: Statement, session: Session, form: int) -> object:
        """Return under what a reply to this statement is remembered; `form` is the command that brings it."""
        if statement.kind in RESULT_SETS:
            tokens = tuple([session.token(name) for name in statement.variables])
            found = (
                form,
                statement.text,
                tokens,
                session.scenery,
                session.value("names"),
                statement.kind == WARNINGS and session.warnings,
            )
            return (*found, session.status(), session.work) if session.client_tracks else found
        if session.client_tracks:
            return (form, statement.text, statement.schema, session.status(), session.work, session.reporting)
        return (session.dialect.version, form, statement.text, statement.schema)

    def recall(self, key: object, session: Session) -> object | None:
        """Return what was learned under a key, None where nothing was."""
        found = session.replies.pop(key, None)
        if found is None:
            return self._learned.get(key)
        session.replies[key] = found  # as the youngest: what is in use is not to go for what is not
        return found

    def learned(self, key: object, statement: Statement, session: Session, reply: object) -> None:
        """Remember the reply to a statement that the server accepted; `key` is from before it was sent."""
        local = session.client_tracks or statement.kind in RESULT_SETS
        store = session.replies if local else self._learned
        if len(store) >= (
            REPLIES_LIMIT if local else LEARNED_LIMIT
        ):  # the oldest goes: what is sent all the time is soon there again
            del store[next(iter(store))]
        store[key] = reply

    def refuted(self, rule: str) -> bool:
        """Take note that a prediction was wrong; return whether the rule was on until now."""
        was_on = rule not in self.disabled and self._modes[rule] == SUPPRESS
        if was_on:
            self.disabled.add(rule)
        return was_on
