"""That statements do what rules.statement says of their texts, and nothing else: the recognised ones, and mutations."""

from collections.abc import Iterator
from random import Random

import pytest

from proxy.wire.constants import CLIENT_MULTI_STATEMENTS, COM_QUERY, COM_RESET_CONNECTION
from rules.functions import BUILT_IN, TIGHT
from rules.statement import (
    BEGIN,
    CHARSETS,
    END,
    ONE_SHOT,
    OTHER,
    PLAIN,
    READ,
    SET,
    SETTABLE,
    USE,
    Assignment,
    Statement,
    literal,
    read,
)
from tests.unit.test_statement import MATCHED, RECOGNISED, mutated

from ..servers import Server
from .conftest import TRACKING, Connect, Said, Session

SYNTAX = 1064
UNKNOWN_VARIABLE = 1193
WRONG_NUMBER_OF_ARGUMENTS = 1318
IN_A_TRANSACTION = 1568
NOT_A_SESSION_VARIABLE = 1238
NOT_ALLOWED = 1227

VOLATILE = {
    "error_count",
    "identity",
    "insert_id",
    "last_gtid",
    "last_insert_id",
    "pseudo_thread_id",
    "rand_seed1",
    "rand_seed2",
    "statement_id",
    "timestamp",
    "warning_count",
}
"""Session variables that every statement, or every session, has a value of its own of."""
CONTRARY = (
    "SET autocommit=0, NAMES latin1, time_zone='-07:00', sql_mode='NO_ZERO_DATE', lc_time_names='fr_FR'",
    "SET foreign_key_checks=0, unique_checks=0, sql_safe_updates=1, sql_auto_is_null=1",
    "SET wait_timeout=1234, interactive_timeout=1234, net_read_timeout=1234, net_write_timeout=1234",
    "SET innodb_lock_wait_timeout=1234, lock_wait_timeout=1234, sql_select_limit=1234, group_concat_max_len=1234",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY",
)
"""Makes everything different from what a new session has, so that a SET of that shows too."""
MUTATIONS = 20_000
STARTS: tuple[tuple[str, ...], ...] = ((), CONTRARY, ("BEGIN",))
"""Where a session may start from."""

SHOWN_AS = {
    "autocommit": ("autocommit", "AUTOCOMMIT"),
    "isolation": ("tx_isolation", "transaction_isolation"),
    "access": ("tx_read_only", "transaction_read_only"),
    "names": CHARSETS,
    "character_set_connection": ("character_set_connection", "collation_connection"),
    "collation_connection": ("character_set_connection", "collation_connection"),
}
"""What an assignment sets, where that is not the variable of that name."""
TRANSACTION = {"IN_TRANS", "IN_TRANS_READONLY", "in_transaction"}
OF_SCHEMA = {"DATABASE()", "character_set_database", "collation_database"}

View = dict[str, str | None]
"""What can be seen of a session: its variables, its schema, the status flags."""


class Sessions:
    """Two sessions of the same server, which are brought to the same state again and again."""

    def __init__(self, one: Session, reference: Session, server: Server) -> None:
        self.one = one
        self.reference = reference
        self.server = server
        self.known = set(self._variables())
        self.isolation = "tx_isolation" if "tx_isolation" in self.known else "transaction_isolation"
        self.access = "tx_read_only" if "tx_read_only" in self.known else "transaction_read_only"
        self._names = sorted(self.known - VOLATILE)
        self._select = f"SELECT DATABASE(), {', '.join(f'@@session.`{name}`' for name in self._names)} LIMIT 1"

    def _variables(self) -> Iterator[str]:
        for name, _ in self.one.do("SHOW SESSION VARIABLES").rows:
            said = self.one.ask(f"SELECT @@session.`{name}`")
            assert said.error in (0, NOT_A_SESSION_VARIABLE, NOT_ALLOWED, UNKNOWN_VARIABLE), (name, said.message)
            if not said.error:
                yield str(name)

    def begin(self, session: Session, start: tuple[str, ...]) -> None:
        """Bring a session to a start."""
        assert not session.command(bytes([COM_RESET_CONNECTION])).error
        for text in (f"USE {self.server.schema}", *start):
            session.do(text)

    def view(self, session: Session) -> View:
        """Look at a session, which changes nothing."""
        said = session.do(self._select)
        [row] = said.rows
        flags = {
            "IN_TRANS": str(int(said.in_transaction)),
            "IN_TRANS_READONLY": str(int(said.in_read_only_transaction)),
            "AUTOCOMMIT": str(int(said.autocommit)),
        }
        return dict(zip(("DATABASE()", *self._names), row, strict=True)) | flags

    def assign(self, assignments: tuple[Assignment, ...], start: tuple[str, ...]) -> View:
        """Make assignments in their canonical form with the other session; what is seen of it then."""
        self.begin(self.reference, start)
        self.reference.do("SET " + ", ".join([self._member(one) for one in assignments]))
        return self.view(self.reference)

    def _member(self, one: Assignment) -> str:
        if one.name == "isolation":
            return f"SESSION {self.isolation}='{one.value.decode()}'"
        if one.name == "access":
            return f"SESSION {self.access}={one.value.decode()}"
        return literal(one.name, one.value).decode()

    def does_as_said(self, statement: Statement, start: tuple[str, ...]) -> bool:
        """Run a recognised text and check that it has the effect that is said of it; whether the server took it."""
        self.begin(self.one, start)
        before = self.view(self.one)
        said = ask(self.one, statement.text)
        after = self.view(self.one)
        changed = {name for name, value in after.items() if value != before[name]}
        if said.error:
            assert not changed
        elif statement.kind == SET:
            self._check_set(statement, start, changed, after)
        elif statement.kind == BEGIN:
            assert changed <= TRANSACTION
            read_only = statement.access == "READ ONLY" or (not statement.access and before[self.access] == "1")
            assert (after["IN_TRANS"], after["IN_TRANS_READONLY"]) == ("1", str(int(read_only)))
        elif statement.kind == END:
            assert changed <= TRANSACTION
            assert after["IN_TRANS"] == "0"
        elif statement.kind == USE:
            assert changed <= OF_SCHEMA
            assert after["DATABASE()"] == statement.schema.decode()
        else:
            assert not changed
            if statement.kind == READ:
                self._check_read(statement, said, before)
        return not said.error

    def _check_set(self, statement: Statement, start: tuple[str, ...], changed: set[str], after: View) -> None:
        assert after == self.assign(statement.assignments, start)
        assert changed <= {name for one in statement.assignments for name in SHOWN_AS.get(one.name, (one.name,))}
        for name, value in {one.name: one.value.decode() for one in statement.assignments}.items():
            if name in ("autocommit", "isolation", "access"):
                shown = {"ON": "1", "OFF": "0"}.get(value, value)
                assert {after[variable] for variable in SHOWN_AS[name] if variable in after} == {shown}

    def _check_read(self, statement: Statement, said: Said, before: View) -> None:
        [row] = said.rows
        for name, value in zip(statement.variables, row, strict=True):
            if name not in ("version", "version_comment", "license", "lower_case_table_names"):
                variable = {"isolation": self.isolation, "access": self.access}.get(name, name)
                assert before[variable] == value


def ask(session: Session, text: bytes) -> Said:
    return session.command(bytes([COM_QUERY]) + text)


def in_schema(text: bytes, server: Server) -> bytes:
    """A text of the unit tests, which name a schema that is not there."""
    return text.replace(b"db", server.schema.encode()) if b"use" in text.lower() else text


@pytest.fixture(params=[True, False], ids=["several", "one"])
def several(request: pytest.FixtureRequest) -> bool:
    """Whether a text may hold several statements."""
    return bool(request.param)


@pytest.fixture
def sessions(connect: Connect, server: Server, several: bool) -> Iterator[Sessions]:
    account, without = server.account, 0 if several else CLIENT_MULTI_STATEMENTS
    where = (server.host, server.port, account.user, account.password, server.schema, TRACKING, without)
    with connect() as reference, Session(*where) as one:
        yield Sessions(one, reference, server)


@pytest.mark.parametrize("start", STARTS, ids=["new", "contrary", "in a transaction"])
def test_each_recognised_text_does_what_is_said_of_it(
    sessions: Sessions, server: Server, start: tuple[str, ...], several: bool
) -> None:
    """Or is refused: where the server lacks a variable, and one-shot forms in a transaction."""
    names = {"tx_isolation", "transaction_isolation", "tx_read_only", "transaction_read_only"}
    lacks = [name.encode() for name in names - sessions.known]
    for text in RECOGNISED:
        statement = read(in_schema(text, server), several=several)
        assert statement.kind in MATCHED
        refused = any(name in text.lower() for name in lacks) or (statement.kind == ONE_SHOT and start == ("BEGIN",))
        assert sessions.does_as_said(statement, start) is not refused, text


@pytest.mark.parametrize("name", [*SETTABLE, *CHARSETS])
def test_each_settable_variable_is_one_of_the_session_and_set_by_its_literal(sessions: Sessions, name: str) -> None:
    values = {"lc_time_names": b"'de_DE'", "time_zone": b"'+01:00'", "sql_mode": b"'NO_ZERO_DATE'"}
    value = values.get(
        name, b"latin1_bin" if name == "collation_connection" else b"latin1" if name in CHARSETS else b"1"
    )
    for form in ("{}", "SESSION {}", "LOCAL {}", "@@{}", "@@session.{}", "@@local.{}"):
        statement = read(b"SET %b=%b" % (form.format(name).encode(), value))
        assert statement.assignments == (Assignment(name, value),)
        assert sessions.does_as_said(statement, CONTRARY) is (name in sessions.known)


def test_mutations_that_are_recognised_do_what_is_said_of_them(
    sessions: Sessions, server: Server, several: bool
) -> None:
    """Tokens left out, doubled, moved, replaced and put in; at least a third of what is recognised is no error."""
    random = Random(20261125)
    tried, taken = set(), 0
    for _ in range(MUTATIONS):
        text = random.choice(RECOGNISED)
        for _ in range(random.randrange(1, 3)):
            text = mutated(text, random) or text
        statement = read(in_schema(text, server), several=several)
        if statement.kind in MATCHED and statement.text not in tried:
            tried.add(statement.text)
            taken += sessions.does_as_said(statement, random.choice(STARTS))
    assert len(tried) > MUTATIONS / 50
    assert taken > len(tried) / 3


# ---- what is not matched, and why ----


def test_a_list_that_names_a_variable_twice_takes_both_values_one_after_the_other(session: Session) -> None:
    session.do("BEGIN")
    text = "SET autocommit=0, autocommit=1"
    assert not session.do(text).in_transaction, "it has committed"
    assert read(text.encode()).kind == OTHER


def test_a_version_comment_can_hide_a_second_statement(session: Session) -> None:
    """From who takes the quote in it for the beginning of a string; here the server passes over it."""
    text = "SELECT 2 /*!999999 ' */; SET autocommit=0 -- '"
    session.query(text)
    session.read_all()
    assert not session.do("DO 1").autocommit
    assert read(text.encode(), several=True).kind == OTHER


@pytest.mark.parametrize("word", ["do", "truncate", "checksum", "repair", "savepoint", "x"])
def test_the_first_word_of_a_plain_text_is_no_label(session: Session, word: str) -> None:
    assert session.ask(f"{word}: BEGIN NOT ATOMIC SET autocommit=0; END").error == SYNTAX


PLAIN_TEXTS = """
    SELECT * FROM facts FOR UPDATE; INSERT INTO facts VALUES (4, 40); REPLACE INTO facts VALUES (4, 41);
    UPDATE facts SET n = 42 WHERE id = 4; DELETE FROM facts WHERE id = 4; WITH x AS (SELECT 1) SELECT * FROM x;
    (SELECT n FROM facts) UNION (SELECT 2); VALUES ROW(1); VALUES (1); TABLE facts; DO 1; SELECT 1 INTO @a;
    EXPLAIN SELECT n FROM facts; DESC facts; DESCRIBE facts; ANALYZE TABLE facts; SHOW TABLES; SHOW VARIABLES;
    SAVEPOINT a; ROLLBACK TO a; RELEASE SAVEPOINT a; CREATE TABLE more (a int); ALTER TABLE more ADD b int;
    CREATE TEMPORARY TABLE mine (a int); DROP TEMPORARY TABLE mine; OPTIMIZE TABLE more; CHECK TABLE more;
    REPAIR TABLE more; CHECKSUM TABLE more; TRUNCATE more; RENAME TABLE more TO again; DROP TABLE again;
    SELECT SQL_CALC_FOUND_ROWS n FROM facts LIMIT 1; SELECT LAST_INSERT_ID(5); CREATE VIEW v AS SELECT 1; DROP VIEW v;
    SELECT GET_LOCK('facts', 0); DO RELEASE_LOCK('facts'); CREATE DATABASE nosuch.x; GRANT nosuch; REVOKE nosuch;
    LOAD DATA INFILE '/nosuch' INTO TABLE facts; ANALYZE SELECT 1; SELECT 1 /*!, 2 */; SELECT /*+ NO_ICP(facts) */ 1
"""


@pytest.mark.parametrize("start", STARTS, ids=["new", "contrary", "in a transaction"])
def test_plain_texts_change_no_variable(sessions: Sessions, table: str, start: tuple[str, ...]) -> None:
    assert table == "facts"
    sessions.begin(sessions.one, start)
    before = sessions.view(sessions.one)
    succeeded = 0
    for text in PLAIN_TEXTS.split(";"):
        assert read(text.strip().encode()).kind == PLAIN
        succeeded += not sessions.one.ask(text).error
        after = sessions.view(sessions.one)
        assert {name for name in after if after[name] != before[name]} <= TRANSACTION, text
    assert succeeded > (15 if start == CONTRARY else 35), "the contrary session is a read-only one"


# ---- functions ----


@pytest.fixture
def functions(server: Server) -> Iterator[str]:
    """Functions in the schema, whose name this is: f, é, f$, abs, count and sum, each of one argument."""
    made = [f"{server.schema}.`{name}`" for name in ("f", "é", "f$", "abs", "count", "sum")]
    server.run(*[f"CREATE FUNCTION {name}(x int) RETURNS int DETERMINISTIC NO SQL RETURN 4711" for name in made])
    yield server.schema
    server.run(*[f"DROP FUNCTION {name}" for name in made])


CALLS = (
    *("f(1)", "F(1)", "`f`(1)", "f (1)", "f\n(1)", "f/**/(1)", "f/* ( */(1)", "f -- abs\n(1)", "f # abs\n (1)"),
    *("é(1)", "f$(1)", "(f(1))", "abs(f(1))", "count (1)", "sum\t(1)", "count/**/(1)"),
    *("{0}.f(1)", "{0}.abs(1)", "{0} . abs(1)", "{0}.\nabs (1)", "`{0}`.abs(1)", "{0}.`abs`(1)"),
    *("{0}./**/abs(1)", "{0}.-- x\nabs(1)", "{0}/**/.abs(1)"),
)


def test_these_call_a_stored_function_and_count_as_such(session: Session, functions: str) -> None:
    for call in CALLS:
        text = f"SELECT {call.format(functions)}"
        assert session.do(text).value == "4711", text
        statement = read(text.encode())
        assert statement.touches_tables, text
        assert statement.reads_diagnostics, text


def test_no_name_that_counts_as_built_in_calls_a_stored_function(server: Server, session: Session) -> None:
    """Tried without, and where that matters with white space before the parenthesis."""
    with server.connect() as administrator, administrator.cursor() as cursor:
        cursor.execute(f"USE {server.schema}")
        for name in sorted(word.decode() for word in BUILT_IN):
            cursor.execute(f"CREATE FUNCTION `{name}`() RETURNS int DETERMINISTIC NO SQL RETURN 4711")
            for gap in ("",) if name.encode() in TIGHT else ("", " "):
                for arguments in ("", "1", "1, 1", "1, 1, 1"):
                    said = session.ask(f"SELECT {name}{gap}({arguments})")
                    assert said.error != WRONG_NUMBER_OF_ARGUMENTS, name
                    assert said.rows != [["4711"]], name
            cursor.execute(f"DROP FUNCTION `{name}`")
