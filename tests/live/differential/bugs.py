"""Bugs to plant in the proxy, to see that the suite finds them; and `hushql serve` with one of them in it.

The command under the tests is `python -m tests.live.differential.bugs serve ...`: it changes what the bug of
HUSHQL_PLANTED_BUG names, then runs the product's own main. The product knows nothing of it.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final
from unittest.mock import patch

from rules import statement as statements
from rules.catalogue import RULES, Rule
from rules.engine import Engine
from rules.session import ON, Outcome, Session, Settlement
from rules.statement import BEGIN, END, Statement

from .. import proxies

VARIABLE: Final = "HUSHQL_PLANTED_BUG"
COMMAND: Final = (sys.executable, "-m", "tests.live.differential.bugs", "serve")

Plant = Callable[[], None]

BUGS: Final[dict[str, Plant]] = {}
"""What plants them, by name."""


def _bug(name: str) -> Callable[[Plant], Plant]:
    def enter(plant: Plant) -> Plant:
        BUGS[name] = plant
        return plant

    return enter


def _judge_by(name: str, judge: Callable[..., Any]) -> None:
    """Have a rule of the catalogue judge by another function."""
    rule: Rule = next(rule for rule in RULES if rule.name == name)
    rule._judge = judge


def _replace(owner: type, name: str, value: object) -> None:
    """Put something in the place of a method or property, of which none may be missing."""
    assert hasattr(owner, name), f"{owner.__name__} has no {name} any more"
    setattr(owner, name, value)


# ---- what the server's word is taken for ----


@_bug("after an error no transaction is open")
def _error_ends() -> None:
    learn = Session.learn

    def learned(self: Session, statement: Statement, outcome: Outcome) -> None:
        learn(self, statement, outcome)
        if outcome.failed:
            self.in_transaction = self.read_only = False

    _replace(Session, "learn", learned)


@_bug("stored code and expressions change nothing")
def _others_do_nothing() -> None:
    _replace(Session, "_take_other", lambda *_: None)


@_bug("a function in a SELECT changes no variable")
def _functions_do_nothing() -> None:
    _replace(Session, "_take_plain", lambda *_: None)


@_bug("what the tracker reports is not taken over")
def _deaf() -> None:
    _replace(Session, "_take_reports", lambda *_: None)


@_bug("a reset changes nothing")
def _reset_does_nothing() -> None:
    _replace(Session, "_start_anew", lambda *_: None)


@_bug("SET NAMES leaves the collation as it was")
def _names_are_charsets() -> None:
    assign = Session._assign

    def assigned(self: Session, name: str, value: bytes) -> None:
        before = dict(self._facts)
        assign(self, name, value)
        self._facts = before | self._facts

    _replace(Session, "_assign", assigned)


# ---- what a text is taken for ----


@_bug("SET @@transaction_isolation is the session's")
def _no_one_shot() -> None:
    statements._is_one_shot = lambda *_: False


@_bug("COMMIT AND CHAIN is a COMMIT")
def _chain() -> None:
    for word in (b"commit", b"rollback"):
        statements._WHOLE[word + b" and chain"] = (END, "", ())


@_bug("START TRANSACTION WITH CONSISTENT SNAPSHOT is a BEGIN")
def _snapshot() -> None:
    statements._WHOLE[b"start transaction with consistent snapshot"] = (BEGIN, "", ())


# ---- what is withheld ----


@_bug("COMMIT is empty whatever is pending for the next transaction")
def _commit_and_one_shot() -> None:
    _judge_by("empty-commit", lambda _, session, __: session.is_empty and session.commits_plainly)


@_bug("completion_type does not matter")
def _completion_type() -> None:
    take_other = Session._take_other

    def taken(self: Session, statement: Statement, outcome: Outcome) -> None:
        if b"completion" not in statement.text:
            take_other(self, statement, outcome)

    _replace(Session, "_take_other", taken)


@_bug("COMMIT is empty where no transaction is flagged")
def _commit_and_metadata_locks() -> None:
    _replace(Session, "is_empty", property(lambda session: session.in_transaction is False))


@_bug("BEGIN is deferred where tables are locked")
def _begin_and_locks() -> None:
    _judge_by(
        "deferred-begin",
        lambda statement, session, _: session.is_empty and session.begins_read_only(statement) is not None,
    )


@_bug("SET autocommit=1 is deferred in a transaction")
def _autocommit_in_transaction() -> None:
    _judge_by("deferred-autocommit", lambda assignment, _: assignment.value == ON)


@_bug("USE of any schema is redundant")
def _any_schema() -> None:
    _judge_by("redundant-schema", lambda _, session, __: session.value("schema") is not None)


@_bug("a variable's reply is said again whatever its value")
def _any_value() -> None:
    def key(self: Engine, statement: Statement, session: Session, form: int) -> object:
        return form, statement.text, self, id(session)

    _replace(Engine, "key", key)


# ---- how promises are kept ----


@_bug("nothing is settled ahead of a SELECT")
def _select_too_early() -> None:
    settle = Session.settle

    def settled(self: Session, statement: Statement) -> list[Settlement]:
        return [] if statement.word == b"select" else settle(self, statement)

    _replace(Session, "settle", settled)


@_bug("nothing is sent for who reads diagnostics")
def _no_diagnostics() -> None:
    settle = Session.settle

    def settled(self: Session, statement: Statement) -> list[Settlement]:
        statement.reads_diagnostics = False
        return settle(self, statement)

    _replace(Session, "settle", settled)


@_bug("BEGIN is settled ahead of SET")
def _wrong_order() -> None:
    settle = Session.settle
    _replace(Session, "settle", lambda self, statement: settle(self, statement)[::-1])


@_bug("promised flags are not shown")
def _wrong_flags() -> None:
    value = Session.server_value

    def status(self: Session) -> int:
        flags = 2 if value(self, "autocommit") == ON else 0
        return self.modes | flags | (1 if self.in_transaction else 0) | (0x2000 if self.read_only else 0)

    _replace(Session, "status", status)


# ---- the command under the tests ----


@contextlib.contextmanager
def planted(name: str) -> Iterator[None]:
    """Have proxies that are started meanwhile contain that bug; none if the name is empty."""
    if not name:
        yield
        return
    with patch.object(proxies, "COMMAND", COMMAND), patch.dict(os.environ, {VARIABLE: name}):
        yield


def main() -> None:
    """Plant the bug, run the product."""
    from proxy.cli import main as hushql

    BUGS[os.environ[VARIABLE]]()
    hushql()


if __name__ == "__main__":
    main()
