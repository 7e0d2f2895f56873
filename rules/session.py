"""Session: what a server has said of one connection, and what its client has been promised.

The status flags of every OK and EOF packet tell autocommit and transactions; the session tracker tells variables, where
it has been asked to; and a SET of a literal that the server accepted tells that value. Whatever else may have changed
a fact makes it unknown. An unknown value still has an identity, as long as nothing can have changed it (`token`).

A promise is a change that the client has been told of and the server has not. The client's view is the server's facts
with the promises on top.
"""

import re
from collections import deque
from typing import Final

from rules.dialect import MYSQL, Dialect
from rules.statement import (
    BEGIN,
    END,
    ONE_SHOT,
    OTHER,
    PING,
    PLAIN,
    RESET,
    RESULT_SETS,
    SET,
    USE,
    WARNINGS,
    Assignment,
    Statement,
    literal,
)

# Status flags, https://dev.mysql.com/doc/dev/mysql-server/latest/mysql__com_8h.html
IN_TRANS: Final = 0x0001
AUTOCOMMIT: Final = 0x0002
NO_BACKSLASH_ESCAPES: Final = 0x0200
IN_TRANS_READONLY: Final = 0x2000
STATE_CHANGED: Final = 0x4000
ANSI_QUOTES: Final = 0x8000
_MODES: Final = NO_BACKSLASH_ESCAPES | ANSI_QUOTES
"""Flags of the session's modes, which are in every reply."""

ON: Final = b"ON"
OFF: Final = b"OFF"
NO_CHAIN: Final = b"NO_CHAIN"
WITHHELD_LIMIT: Final = 16
"""How many withheld statements are remembered for who asks for their diagnostics."""
PATIENCE: Final = 4
"""A session's own idle timeout is taken by a fourth."""

TIMEOUT_DIGITS: Final = 8
"""The longest timeout of the servers, a year in seconds, has so many."""

_CHARSETS: Final = (
    "names",
    "character_set_client",
    "character_set_connection",
    "character_set_results",
    "collation_connection",
)
_CONSTANT: Final = frozenset(["version", "version_comment", "license", "lower_case_table_names", "max_allowed_packet"])
"""Variables that nobody can change while a session lasts."""
_SEEN_APART: Final = frozenset(["autocommit", "isolation", "access", "time_zone"])
"""Variables that no answered result set depends on, unless it shows them."""
_LOCKLESS: Final = frozenset([b"set", b"call", b"kill", b"xa", b"handler", b"prepare", b"deallocate"])
"""First words of statements that cannot lock tables: routines may not, and the others do not."""
_SAYING_NOTHING: Final = RESULT_SETS | {PING}
"""Kinds that change nothing that the tracker reports."""
_SETS_FOUND_ROWS: Final = frozenset([b"select", b"with", b"values", b"table", b"show"])
_TIMEOUT: Final = re.compile(rb"(?<!\w)(\w*)timeout\b(?:['`]?\s*:?=\s*(\d+))?", re.IGNORECASE)


class Outcome:
    """The end of a reply, as far as it says something of the session."""

    def __init__(
        self,
        *,
        status: int | None = None,
        warnings: int = 0,
        failed: bool = False,
        tracker_spoke: bool = False,
        reported: dict[str, bytes] | None = None,
        schema: bytes | None = None,
        transaction: bytes | None = None,
    ) -> None:
        """Take a reply apart: `status` is None where it had no flags, `tracker_spoke` says that it ended in OK."""
        self.status = status
        self.warnings = warnings
        self.failed = failed
        self.tracker_spoke = tracker_spoke
        self.reported = reported or {}
        self.schema = schema
        self.transaction = transaction


class Settlement:
    """A statement of hushql's own that goes ahead of a client's."""

    def __init__(
        self, statement: Statement, rules: tuple[str, ...] = (), *, optional: bool = False, tracks: bool = False
    ) -> None:
        """Send `statement` for the promises of `rules`; an `optional` one may be refused.

        `tracks` says that it asks for the tracker's list of variables.
        """
        self.statement = statement
        self.rules = rules
        self.optional = optional
        self.tracks = tracks
        self.expected: int | None = None
        """The status flags that the client has been shown, where this is the last that goes ahead."""


class Session:
    """One connection's facts and promises."""

    def __init__(
        self, status: int, dialect: Dialect, *, schema: bytes | None = None, client_tracks: bool = False
    ) -> None:
        """Begin after a login whose OK had these flags and reported this schema, None where it reported none.

        `client_tracks` says that the client sees the tracker's word.
        """
        self.dialect = dialect
        self.client_tracks = client_tracks
        self.autocommit: bool | None = None
        self.in_transaction: bool | None = None
        self.read_only: bool | None = None
        self.modes = 0
        self.clean = True
        """Whether nothing ran since the last boundary that a COMMIT could end. Without autocommit, metadata locks and
        savepoints live on while IN_TRANS is 0."""
        self.one_shot = True
        """Whether a SET TRANSACTION for the next transaction may be pending: after a login, init_connect's."""
        self.locked = False
        """Whether tables may be locked."""
        self.has_ended_plainly = False
        """Whether a COMMIT came back without a new transaction, and no statement since then can have been meant to
        change that: a weaker word than `commits_plainly`, for who looks at the reply."""
        self.warnings: int | None = None
        """How many the last statement left; None where it failed, or is not known."""
        self.work = b""
        """The transaction tracker's letters; empty where it is not known."""
        self.survivors: frozenset[str] = frozenset()
        """The facts that stored code cannot change without the tracker's word, as far as it has been asked for it."""
        self.heard = 0.0
        """When the server last said something, by the caller's clock."""
        self.patience = float("inf")
        """For how long after that the session lets itself be spoken for, in seconds."""
        self.replies: dict[object, object] = {}
        """Replies that are worth something in this session only."""
        self.promises: dict[str, bytes] = {}
        self.begun: Statement | None = None
        """A promised BEGIN."""
        self._promised_by: dict[str, str] = {}
        self._facts: dict[str, bytes] = {} if schema is None else {"schema": schema}
        self._epochs = [0, 0]  # of variables that stored code may change unseen, and of the others
        self.owes_report = False
        """Whether the next OK may report to a client of its own what an earlier reply had no room for."""
        self.reporting = 0
        """Changes when what the tracker reports to a client of its own may have changed."""
        self.scenery = 0
        """Changes when anything that a result set can depend on may have changed."""
        self._access_is_settled = True  # what the next BEGIN shows of the access mode holds for those after it
        self._began_read_only: bool | None = None  # the last BEGIN, if nothing has named the access mode since
        self._withheld: deque[Statement] = deque(maxlen=WITHHELD_LIMIT)  # since the server was sent something
        self._left_warnings = False  # whether the server's last statement did
        self._last_read_withheld: Statement | None = None
        self._take_flags(status)

    # ---- the client's view ----

    def server_value(self, name: str) -> bytes | None:
        """Return a variable's value at the server, None where it is unknown."""
        if name == "autocommit":
            return None if self.autocommit is None else ON if self.autocommit else OFF
        return self._facts.get(name)

    def value(self, name: str) -> bytes | None:
        """Return a variable's value as the client must see it, None where it is unknown."""
        promised = self.promises.get(name)
        return self.server_value(name) if promised is None else promised

    def token(self, name: str) -> object:
        """Return the value as `value` does; of an unknown one, what stays equal while nothing can have changed it."""
        value = self.value(name)
        return self._epochs[name in self.survivors or name in _CONSTANT] if value is None else value

    @property
    def is_idle(self) -> bool:
        """Whether there is surely no transaction, in the client's view."""
        return self.in_transaction is False and self.begun is None

    @property
    def is_empty(self) -> bool:
        """Whether a COMMIT would end nothing but, at most, a BEGIN that was promised."""
        return self.in_transaction is False and (self.autocommit is True or self.clean)

    @property
    def commits_plainly(self) -> bool:
        """Whether a COMMIT neither begins a new transaction nor ends the connection (completion_type)."""
        return self._facts.get("completion_type") == NO_CHAIN

    def begins_read_only(self, statement: Statement) -> bool | None:
        """Say whether this BEGIN's transaction is a read-only one, None where it is unknown."""
        if statement.access:
            return statement.access == "READ ONLY"
        access = self.value("access")
        return self._began_read_only if access is None else access == ON

    def status(self) -> int:
        """Return the status flags that an OK of the server would have now, were the promises kept."""
        flags = self.modes | (AUTOCOMMIT if self.value("autocommit") == ON else 0)
        if self.begun is not None:
            return flags | IN_TRANS | (IN_TRANS_READONLY if self.begins_read_only(self.begun) else 0)
        return flags | (IN_TRANS if self.in_transaction else 0) | (IN_TRANS_READONLY if self.read_only else 0)

    def status_after(self, statement: Statement) -> int:
        """Return the flags that an OK to this statement has, where it does nothing that is not in its text."""
        flags = self.status()
        for assignment in statement.assignments:
            if assignment.name == "autocommit":
                flags = flags | AUTOCOMMIT if assignment.value == ON else flags & ~AUTOCOMMIT
        if statement.kind == BEGIN:
            return flags | IN_TRANS | (IN_TRANS_READONLY if self.begins_read_only(statement) else 0)
        return flags & ~(IN_TRANS | IN_TRANS_READONLY) if statement.kind == END else flags

    # ---- what is withheld ----

    def answered(self, statement: Statement) -> None:
        """Note that the client was answered without the server, and nothing else."""
        if statement.kind == END:
            self.begun = None
        self._withhold(statement)

    def promise(self, statement: Statement, rule: str) -> None:
        """Note that the client has been told that this was done."""
        if statement.kind == BEGIN:
            self.begun = statement
            self._promised_by["begin"] = rule
        for assignment in statement.assignments:
            # A SET that may still drop a pending SET TRANSACTION has to be sent, whatever its value.
            counts = self.one_shot and assignment.name in ("isolation", "access")
            if self.server_value(assignment.name) == assignment.value and not counts:
                self.promises.pop(assignment.name, None)
            else:
                self.promises[assignment.name] = assignment.value
                self._promised_by[assignment.name] = rule
        if any(assignment.name not in _SEEN_APART for assignment in statement.assignments):
            self.scenery += 1
        self._withhold(statement)

    def _withhold(self, statement: Statement) -> None:
        if statement.text:  # COM_PING and COM_INIT_DB leave the warnings alone
            self.warnings = 0
        self._withheld.append(statement)
        if statement.kind in RESULT_SETS:
            self._last_read_withheld = statement

    def ended(self) -> None:
        """Take the transaction for ended, though the server has not said so yet."""
        self.in_transaction = self.read_only = False
        self.clean = True
        self.work = b""
        self.warnings = 0
        self._withheld.clear()

    def settle(self, statement: Statement) -> list[Settlement]:
        """Return what has to go ahead of a statement, in order, and take it for sent."""
        rules = tuple(self._promised_by[name] for name in sorted(self._promised_by) if self._is_promised(name))
        if self._wants_diagnostics(statement):
            ahead = self._all_withheld(statement)
            if ahead:
                ahead[-1].rules = rules
        else:
            ahead = self._promised()
        self.drop_promises()
        if statement.text or ahead:
            self._withheld.clear()
        if statement.word in _SETS_FOUND_ROWS:
            self._last_read_withheld = None
        return ahead

    def _promised(self) -> list[Settlement]:
        """Return what the promises amount to: one SET, and BEGIN."""
        ahead = []
        if self.promises:
            names = sorted(self.promises)
            ahead.append(Settlement(self._combined(names), tuple(self._promised_by[name] for name in names)))
        if self.begun is not None:
            ahead.append(Settlement(self.begun, (self._promised_by["begin"],)))
        return ahead

    def _wants_diagnostics(self, statement: Statement) -> bool:
        """Say whether a statement may see what the withheld ones would have done to the diagnostics.

        COM_PING and COM_INIT_DB set ROW_COUNT() and keep the rest: they count where a result set was withheld.
        """
        if statement.reads_diagnostics:
            return True
        if statement.kind not in (PING, USE) or statement.text:
            return False
        counts = self.is_mysql and self._left_warnings and bool(self._withheld)  # their OK repeats the last count
        return counts or any(one.kind in RESULT_SETS for one in self._withheld)

    def _all_withheld(self, statement: Statement) -> list[Settlement]:
        """Return all that was withheld since the server was sent something, as the client sent it.

        And the statement that FOUND_ROWS() is still of, for only another query changes that.
        """
        ahead = self._promised() if len(self._withheld) == WITHHELD_LIMIT else []
        read = self._last_read_withheld
        if read is not None and read not in self._withheld and b"found_rows" in statement.text.lower():
            ahead.append(Settlement(read))
        return ahead + [Settlement(one) for one in self._withheld]

    def _is_promised(self, name: str) -> bool:
        return name in self.promises or (name == "begin" and self.begun is not None)

    def drop_promises(self) -> None:
        """Forget the promises: they are kept, or nobody is left to miss them."""
        self.promises.clear()
        self._promised_by.clear()
        self.begun = None

    def _combined(self, names: list[str]) -> Statement:
        assignments = tuple(Assignment(name, self.promises[name]) for name in names)
        text = b"SET " + b", ".join([self.fragment(assignment) for assignment in assignments])
        return Statement(SET, text, b"set", assignments=assignments)

    def fragment(self, assignment: Assignment) -> bytes:
        """Return the member of a SET list that makes an assignment on this server."""
        if assignment.name == "isolation":
            return b"SESSION %s='%s'" % (self.dialect.isolation.encode(), assignment.value)
        if assignment.name == "access":
            return b"SESSION %s=%d" % (self.dialect.access.encode(), assignment.value == ON)
        return literal(assignment.name, assignment.value)

    def doubt(self) -> None:
        """Forget all that the server has not said in its last reply."""
        self._forget()
        self.clean = self.has_ended_plainly = False
        self._began_read_only = None
        self.one_shot = self.locked = True

    # ---- what the server says ----

    def learn(self, statement: Statement, outcome: Outcome) -> None:
        """Take over what the reply to a statement says, and what may have changed without a word."""
        if statement.kind == RESET and not outcome.failed:
            self._start_anew(statement)
        if outcome.status is not None:
            self._take_flags(outcome.status)
        if outcome.failed:
            self.in_transaction = self.read_only = None
            self.warnings = None
            self.work = b""
        elif statement.text and statement.kind != WARNINGS:  # commands without a text keep the warnings
            self.warnings = None if statement.reads_diagnostics else outcome.warnings
        if statement.text:
            self._left_warnings = outcome.failed or outcome.warnings != 0
        if outcome.transaction is not None:
            self.work = outcome.transaction
        if outcome.tracker_spoke and (self.is_mysql or (outcome.status or 0) & STATE_CHANGED):
            self.owes_report = False  # MariaDB says what is late only along with something else
        elif not outcome.tracker_spoke and statement.kind not in _SAYING_NOTHING:
            flagged = self.is_mysql or outcome.failed or (outcome.status or 0) & STATE_CHANGED != 0
            self.owes_report = self.owes_report or (self.client_tracks and flagged)  # MariaDB flags it in the EOF
            self.work = b""
        self._take_effect(statement, outcome)
        if self.autocommit and self.in_transaction is False:
            self.clean = True

    def _take_flags(self, status: int) -> None:
        self.autocommit = status & AUTOCOMMIT != 0
        self.in_transaction = status & IN_TRANS != 0
        self.read_only = status & IN_TRANS_READONLY != 0
        self.modes = status & _MODES

    def _take_effect(self, statement: Statement, outcome: Outcome) -> None:
        kind = statement.kind
        if kind == SET:
            self._take_set(statement, outcome)
        elif kind == ONE_SHOT:
            self.one_shot = True
        elif kind == BEGIN:
            self._take_begin(statement, outcome)
        elif kind == END:
            self._take_end(outcome)
        elif kind == PLAIN:
            self._take_plain(statement, outcome)
        elif kind == OTHER or (kind == RESET and outcome.failed):
            self._take_other(statement, outcome)
        if outcome.schema is not None:
            self._facts["schema"] = outcome.schema
        elif kind == USE and not outcome.failed:
            self._facts["schema"] = statement.schema

    def _take_set(self, statement: Statement, outcome: Outcome) -> None:
        """Take over a list that was accepted: it is all or nothing, so a refused one changes nothing."""
        if outcome.failed:
            return
        for assignment in statement.assignments:
            self._assign(assignment.name, assignment.value)
            if assignment.name == "wait_timeout":
                self.patience = _patience(assignment.value)
        names = [assignment.name for assignment in statement.assignments]
        if not any(name in _CHARSETS for name in names):
            self._take_reports(outcome.reported, names)

    def _assign(self, name: str, value: bytes) -> None:
        if name in _CHARSETS:
            # Which collation the results have, no variable shows: only the same SET again is surely the same.
            alone = name in ("character_set_client", "character_set_results")
            for other in ("names",) if alone else _CHARSETS:
                self._facts.pop(other, None)
        if name not in _SEEN_APART:
            self.scenery += 1
        if name == "access":
            self._began_read_only = None
            self._access_is_settled = True
        if name != "autocommit":
            self._facts[name] = value

    def _take_reports(self, reported: dict[str, bytes], known: list[str]) -> None:
        """Take over what the tracker says of variables that a statement did not name itself."""
        for reported_name, value in reported.items():
            name = self.dialect.canonical(reported_name)
            if name in known or name in ("autocommit", "sql_mode"):  # of a routine's sql_mode its word may be wrong
                continue
            if name == "session_track_system_variables":
                self.survivors = frozenset()
                self._forget()
                return
            if name in _CHARSETS:
                for charset in _CHARSETS:
                    self._facts.pop(charset, None)
                self._epochs[1] += 1
            elif name in self.survivors:
                self._facts[name] = value
            if name not in _SEEN_APART:
                self.scenery += 1

    def _take_begin(self, statement: Statement, outcome: Outcome) -> None:
        self.clean = False
        if (
            not (outcome.failed or statement.access or self.one_shot)
            and self.in_transaction
            and self._access_is_settled
        ):
            self._began_read_only = self.read_only

    def _take_end(self, outcome: Outcome) -> None:
        if outcome.failed or self.in_transaction:
            self._facts.pop("completion_type", None)
            self.clean = False
        else:
            self._facts["completion_type"] = NO_CHAIN
            self.has_ended_plainly = True
            self.clean = True
            self.one_shot = False

    def _take_plain(self, statement: Statement, outcome: Outcome) -> None:
        self.clean = False
        if not statement.touches_tables:
            return
        schema = self._facts.get("schema")
        if outcome.tracker_spoke:
            self._forget(self.survivors)
            self._take_reports(outcome.reported, [])
        else:
            self._forget()
        self._doubt_characteristics(statement, outcome)
        if schema is not None and (outcome.tracker_spoke or statement.word not in (b"drop", b"alter", b"")):
            self._facts["schema"] = schema  # USE is not for stored code

    def _doubt_characteristics(self, statement: Statement, outcome: Outcome) -> None:
        """Believe no isolation level or access mode that stored code may have set.

        On MySQL what a function sets is reported at once and in force only after the next transaction; on MariaDB it
        may even be for the next one only. Where such code hides in a view or a trigger and the tracker has no word of
        it, the flags of the next BEGIN give it away.
        """
        names = [self.dialect.canonical(name) for name in outcome.reported]
        if "isolation" in names or "access" in names:
            self._facts.pop("isolation", None)
            self._facts.pop("access", None)
            self._epochs[1] += 1
            self._began_read_only = None
            self._access_is_settled = False
        if statement.reads_diagnostics:  # as everything does that calls a function which is not built in
            self.one_shot = self.one_shot or not self.is_mysql
            if not (outcome.tracker_spoke and self.survivors):  # nobody would have told
                self._began_read_only = None
                self._access_is_settled = False

    def _take_other(self, statement: Statement, outcome: Outcome) -> None:
        self._forget()
        self.reporting += 1
        self.clean = False
        self.one_shot = True
        self.has_ended_plainly = False
        self._began_read_only = None
        if statement.word != b"set" or b"session_track" in statement.text.lower():
            self.survivors = frozenset()
        if outcome.failed:
            self.autocommit = None
        if statement.word not in _LOCKLESS or b";" in statement.text:
            self.locked = True
        self._look_for_timeouts(statement.text)

    def _forget(self, survivors: frozenset[str] = frozenset()) -> None:
        """Let the facts become unknown, but for these, and for those that the status flags tell."""
        self._facts = {name: value for name, value in self._facts.items() if name in survivors}
        self._epochs[0] += 1
        if not survivors:
            self._epochs[1] += 1
            self.scenery += 1

    def _look_for_timeouts(self, text: bytes) -> None:
        """Be no more patient than the session's own timeouts; where one is not understood, not at all."""
        for match in _TIMEOUT.finditer(text):
            prefix = match[1].lower()
            if prefix.endswith((b"idle_transaction_", b"idle_write_transaction_", b"idle_readonly_transaction_")):
                self.patience = 0.0
            elif prefix.endswith(b"wait_") and not prefix.endswith(b"lock_wait_") and prefix != b"net_wait_":
                self.patience = _patience(match[2] or b"")

    def _start_anew(self, statement: Statement) -> None:
        """Begin as after a login: nothing is left but, after COM_RESET_CONNECTION, the schema."""
        schema = self._facts.get("schema")
        self._forget()
        self.reporting += 1
        self._began_read_only = None
        self._access_is_settled = True
        self.has_ended_plainly = False
        self.survivors = frozenset()
        self.replies.clear()
        self.drop_promises()
        # MariaDB 10 keeps the schema and forgets its character set, which only USE brings back.
        if schema is not None and statement.word == b"reset" and self.dialect.resets_keep_schema:
            self._facts["schema"] = schema
        self.clean = True
        self.one_shot = statement.word == b"change"
        self.locked = False
        self.patience = float("inf")
        self._withheld.clear()
        self._last_read_withheld = None

    @property
    def is_mysql(self) -> bool:
        """Whether the server is MySQL, not MariaDB."""
        return self.dialect.kind == MYSQL


def _patience(timeout: bytes) -> float:
    """Return for how many seconds a session with this timeout may be spoken for; not at all where it is no number."""
    return int(timeout) / PATIENCE if timeout.isdigit() and len(timeout) <= TIMEOUT_DIGITS else 0.0
