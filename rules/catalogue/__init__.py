"""The catalogue of rules, in the order in which they are asked.

A rule is one module: its docstring is its documentation, its NAME is the module's with dashes, and its GUARANTEE says
how sure it is. Rules do not know one another. There are two sorts.

One that can withhold has an ACTION, what it looks at (the variables it SETS, or the KINDS of statements), and `judge`,
which is asked before a statement is sent, in the client's view of the session, and answers yes or no. The headings of
its docstring are *Wasteful because*, *Withheld when*, *Forwarded when*, *Guarantee* and *Manual*. A fixture of the same
name, in SQL, says for each statement of a session what becomes of it.

One that only reports has a WATCHER, a class whose instances are told of a connection's statements when these have
finished (rules.watch). Its headings are *Wasteful because*, *Reported when*, *Not reported when*, *Guarantee* and
*Manual*.

Either may say under *Instead* what to change in the application. rules.manual makes `hushql rules` and docs/rules.md of
all this.
"""

from collections.abc import Callable, Collection
from types import ModuleType
from typing import Any, Final

from rules.catalogue import (
    connect_chatter,
    deferred_access_mode,
    deferred_autocommit,
    deferred_begin,
    deferred_isolation,
    deferred_names,
    duplicate_read,
    empty_commit,
    empty_warnings,
    known_variable,
    liveness,
    metadata_read,
    n_plus_one,
    read_only_commit,
    redundant_access_mode,
    redundant_autocommit,
    redundant_isolation,
    redundant_names,
    redundant_schema,
    redundant_variable,
    repeated_prepare,
    single_statement_transaction,
)
from rules.session import Session
from rules.statement import Assignment, Statement
from rules.watch import Watch, Watcher


class Entry:
    """One entry of the catalogue."""

    def __init__(self, module: ModuleType) -> None:
        """Take a module of the catalogue."""
        self.name: str = module.NAME
        self.guarantee: str = module.GUARANTEE
        self.on_by_default: bool = getattr(module, "ON_BY_DEFAULT", True)
        self.doc: str = module.__doc__ or ""


class Rule(Entry):
    """One that can withhold."""

    def __init__(self, module: ModuleType) -> None:
        """Take a module of the catalogue that judges."""
        super().__init__(module)
        self.action: int = module.ACTION
        self.sets: tuple[str, ...] = getattr(module, "SETS", ())
        self.kinds: tuple[int, ...] = getattr(module, "KINDS", ())
        self._judge: Callable[..., Any] = module.judge

    def judge_assignment(self, assignment: Assignment, session: Session) -> bool:
        """Ask of one member of a SET."""
        return bool(self._judge(assignment, session))

    def judge_statement(self, statement: Statement, session: Session, now: float) -> bool:
        """Ask of a statement of any other kind."""
        return bool(self._judge(statement, session, now))


class Report(Entry):
    """One that only reports."""

    def __init__(self, module: ModuleType) -> None:
        """Take a module of the catalogue that watches."""
        super().__init__(module)
        self.work_remains: bool = getattr(module, "WORK_REMAINS", False)
        """Whether the server would have to do the same some other way, so that only the round trips are wasted."""
        self._watcher: type[Watcher] = module.WATCHER

    def watcher(self) -> Watcher:
        """Return what watches one connection for it."""
        return self._watcher()


RULES: Final = tuple(
    Rule(module)
    for module in (
        redundant_autocommit,
        deferred_autocommit,
        redundant_isolation,
        deferred_isolation,
        redundant_access_mode,
        deferred_access_mode,
        redundant_names,
        deferred_names,
        redundant_variable,
        redundant_schema,
        empty_commit,
        read_only_commit,
        deferred_begin,
        known_variable,
        empty_warnings,
        liveness,
    )
)
"""The rules that can withhold."""

REPORTING: Final = tuple(
    Report(module)
    for module in (
        duplicate_read,
        n_plus_one,
        single_statement_transaction,
        repeated_prepare,
        metadata_read,
        connect_chatter,
    )
)
"""The rules that only report. The last one leaves to the others what these have spoken of."""

ALL: Final[dict[str, Entry]] = {entry.name: entry for entry in (*RULES, *REPORTING)}
"""All rules by name."""


def watch(names: Collection[str]) -> Watch:
    """Begin to watch a connection for those of the rules that only report which are named."""
    return Watch([(report.name, report.watcher()) for report in REPORTING if report.name in names])


BY_ASSIGNMENT: Final[dict[str, tuple[Rule, ...]]] = {
    name: tuple(rule for rule in RULES if name in rule.sets) for name in {name for rule in RULES for name in rule.sets}
}
BY_KIND: Final[dict[int, tuple[Rule, ...]]] = {
    kind: tuple(rule for rule in RULES if kind in rule.kinds)
    for kind in {kind for rule in RULES for kind in rule.kinds}
}
