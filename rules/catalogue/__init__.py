"""The catalogue of rules, in the order in which they are asked.

A rule is one module: its docstring is its documentation, with the headings *Wasteful because*, *Withheld when*,
*Forwarded when*, *Guarantee* and *Manual*. It has a NAME, a GUARANTEE, an ACTION, what it looks at (the variables it SETS,
or the KINDS of statements), and `judge`, which is asked in the client's view of the session and answers yes or no. Rules
do not know one another. A fixture of the same name, in SQL, says for each statement of a session what becomes of it.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from rules.catalogue import (
    deferred_access_mode,
    deferred_autocommit,
    deferred_begin,
    deferred_isolation,
    deferred_names,
    empty_commit,
    empty_warnings,
    known_variable,
    liveness,
    read_only_commit,
    redundant_access_mode,
    redundant_autocommit,
    redundant_isolation,
    redundant_names,
    redundant_schema,
    redundant_variable,
)
from rules.session import Session
from rules.statement import Assignment, Statement


class Rule:
    """One entry of the catalogue."""

    def __init__(self, module: ModuleType) -> None:
        """Take a module of the catalogue."""
        self.name: str = module.NAME
        self.guarantee: str = module.GUARANTEE
        self.action: int = module.ACTION
        self.sets: tuple[str, ...] = getattr(module, "SETS", ())
        self.kinds: tuple[int, ...] = getattr(module, "KINDS", ())
        self.on_by_default: bool = getattr(module, "ON_BY_DEFAULT", True)
        self.doc: str = module.__doc__ or ""
        self._judge: Callable[..., Any] = module.judge

    def judge_assignment(self, assignment: Assignment, session: Session) -> bool:
        """Ask of one member of a SET."""
        return bool(self._judge(assignment, session))

    def judge_statement(self, statement: Statement, session: Session, now: float) -> bool:
        """Ask of a statement of any other kind."""
        return bool(self._judge(statement, session, now))


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

BY_ASSIGNMENT: Final[dict[str, tuple[Rule, ...]]] = {
    name: tuple(rule for rule in RULES if name in rule.sets) for name in {name for rule in RULES for name in rule.sets}
}
BY_KIND: Final[dict[int, tuple[Rule, ...]]] = {
    kind: tuple(rule for rule in RULES if kind in rule.kinds)
    for kind in {kind for rule in RULES for kind in rule.kinds}
}
