"""The rules that only report: what they speak of, and above all what they do not.

A Connection plays a client and the server's word on transactions, in virtual time; what the rules say is read off the
proxy's own events, so that the way from these to the rules is tried as well.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.events import ConnectionClosed, Event, Peer, ServerError, StatementDone, WentBlind
from proxy.metrics import Metrics
from proxy.sinks import Sinks
from proxy.statement_log import StatementLog
from proxy.watching import Watching
from proxy.wire.constants import (
    COM_CHANGE_USER,
    COM_INIT_DB,
    COM_PING,
    COM_QUERY,
    COM_QUIT,
    COM_RESET_CONNECTION,
    COM_STATISTICS,
    COM_STMT_CLOSE,
    COM_STMT_EXECUTE,
    COM_STMT_FETCH,
    COM_STMT_PREPARE,
)
from rules.catalogue import ALL, REPORTING
from rules.catalogue.connect_chatter import SHORT
from rules.catalogue.n_plus_one import TOLERATED, is_lookup
from rules.catalogue.single_statement_transaction import AT_ONCE
from rules.digest import digest
from rules.reads import is_plain_read
from rules.watch import QUERY, REMEMBERED, UNIT, Finished, Recent, Watch, Watcher

NAMES = [rule.name for rule in REPORTING]
DUPLICATE, N_PLUS_ONE, SINGLE = "duplicate-read", "n-plus-one", "single-statement-transaction"
PREPARE, METADATA, CHATTER = "repeated-prepare", "metadata-read", "connect-chatter"

TOOK = 0.000_5
GAP = 0.000_1


class Connection:
    """One connection that is watched: runs statements and says which rule speaks of each."""

    def __init__(self, reporting: list[str] | None = None) -> None:
        self.watching = Watching(NAMES if reporting is None else reporting)
        self.peer = Peer(id=7, client="unix", opened=0.0)
        self.now = 100.0
        self.n = 0
        self.autocommit = True
        self.in_transaction = False

    def run(self, *texts: str, command: int = COM_QUERY, **fields: Any) -> list[str]:
        """Run texts one after another; return the rule that speaks of each, empty where none does."""
        return [self.command(command, text, **fields).rule for text in texts]

    def command(self, command: int, text: str | None = None, gap: float = GAP, **fields: Any) -> StatementDone:
        self.now += gap
        self.n += 1
        if text is not None and command != COM_STMT_PREPARE:
            self._follow(text)
        event = StatementDone(self.peer, self.n, command, self.now, 40, text=None if text is None else text.encode())
        self.now += TOOK
        event.ended = self.now
        event.in_transaction = None if fields.get("error") else self.in_transaction
        for name, value in fields.items():
            setattr(event, name, value)
        self.watching.statement(event, digest(event.text) if event.text is not None else digest(b""))
        return event

    def _follow(self, text: str) -> None:
        """Do to the transaction what a server does with InnoDB tables."""
        lowered = text.lower()
        if "autocommit" in lowered and lowered.startswith("set"):
            self.autocommit = not lowered.rstrip("; ").endswith(("0", "off"))
            self.in_transaction = self.in_transaction if not self.autocommit else False
        elif lowered.startswith(("begin", "start transaction")):
            self.in_transaction = True
        elif lowered.startswith(("commit", "rollback")) and " to " not in lowered:
            self.in_transaction = "and chain" in lowered
        elif " from " in lowered or lowered.startswith(("insert", "update", "delete", "replace")):
            self.in_transaction = self.in_transaction or not self.autocommit

    def prepared(self, text: str, executions: int = 1) -> str:
        """Prepare, execute and close; return the rule that speaks of the PREPARE."""
        spoken = self.command(COM_STMT_PREPARE, text).rule
        for _ in range(executions):
            self.command(COM_STMT_EXECUTE, text)
        self.command(COM_STMT_CLOSE)
        return spoken

    def close(self) -> list[tuple[str, int, float]]:
        self.command(COM_QUIT)
        return self.watching.closed(ConnectionClosed(self.peer, self.now))


@pytest.fixture
def one() -> Connection:
    return Connection()


def nothing(count: int) -> list[str]:
    return [""] * count


ROW = "SELECT name FROM customer WHERE id = 7"
OTHER_ROW = "SELECT name FROM customer WHERE id = 8"
BEGIN = "BEGIN"


def rows(count: int, first: int = 1) -> list[str]:
    return [f"SELECT name FROM customer WHERE id = {number}" for number in range(first, first + count)]


# ---- duplicate-read ----


def test_a_read_that_was_answered_in_this_transaction(one: Connection) -> None:
    assert one.run(BEGIN, ROW, ROW, OTHER_ROW, ROW, OTHER_ROW) == ["", "", DUPLICATE, "", DUPLICATE, DUPLICATE]


def test_a_transaction_that_its_first_statement_begins(one: Connection) -> None:
    assert one.run("SET autocommit=0", ROW, ROW, "COMMIT", ROW, ROW) == ["", "", DUPLICATE, "", "", DUPLICATE]


def test_the_next_transaction_may_read_it_again(one: Connection) -> None:
    assert one.run(BEGIN, ROW, OTHER_ROW, "COMMIT", BEGIN, ROW, BEGIN, ROW) == nothing(8)


def test_outside_of_transactions_a_read_may_be_repeated(one: Connection) -> None:
    assert one.run(ROW, ROW, ROW) == nothing(3)


@pytest.mark.parametrize(
    "between",
    [
        "UPDATE customer SET name = 'x' WHERE id = 9",
        "INSERT INTO customer VALUES (1, 'x')",
        "SELECT name FROM customer WHERE id = 9 FOR UPDATE",
        "SELECT name FROM customer WHERE id = 9 LOCK IN SHARE MODE",
        "SELECT GET_LOCK('x', 1)",
        "SELECT f(1) FROM customer",
        "SET time_zone = '+00:00'",
        "SET @x = 1",
        "USE other",
        "CALL p()",
        "ROLLBACK TO SAVEPOINT s",
        "SAVEPOINT s",
        "SELECT name FROM customer; DELETE FROM customer",
    ],
)
def test_anything_else_in_between_makes_a_read_a_new_one(one: Connection, between: str) -> None:
    assert one.run(BEGIN, ROW, between, ROW) == nothing(4)


def test_commands_in_between(one: Connection) -> None:
    one.run(BEGIN, ROW)
    one.command(COM_PING)
    one.command(COM_STMT_CLOSE)
    assert one.run(ROW) == [DUPLICATE]
    one.command(COM_INIT_DB)
    assert one.run(ROW) == [""]
    one.command(COM_STATISTICS)
    assert one.run(ROW) == [""]


def test_an_error_in_between(one: Connection) -> None:
    one.run(BEGIN, ROW)
    one.command(COM_QUERY, ROW, error=ServerError(1213, "40001"))
    assert one.run(ROW, ROW) == ["", DUPLICATE]


def test_a_read_that_fails_has_no_answer(one: Connection) -> None:
    one.run(BEGIN)
    error = ServerError(1205, "HY000")
    assert [one.command(COM_QUERY, ROW, error=error, in_transaction=True).rule for _ in range(3)] == nothing(3)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT NOW() FROM t",
        "SELECT a FROM t WHERE b < CURRENT_TIMESTAMP",
        "SELECT RAND() FROM t",
        "SELECT UUID() FROM t",
        "SELECT next_number(3) FROM t",
        "SELECT s.next_number (3) FROM t",
        "SELECT `f`(1) FROM t",
        "SELECT NEXT VALUE FOR s FROM t",
        "SELECT @x FROM t",
        "SELECT @@sql_mode FROM t",
        "SELECT a INTO @x FROM t",
        "SELECT a FROM t FOR UPDATE",
        "SELECT a FROM t FOR SHARE SKIP LOCKED",
        "SELECT /*! SQL_NO_CACHE */ f(a) FROM t",
        "SELECT * FROM information_schema.innodb_trx",
        "SELECT * FROM performance_schema.threads",
        "SELECT * FROM mysql.user",
        "SELECT * FROM `mysql`.user",
        "SELECT * FROM sys.session",
        "SELECT SLEEP(1)",
        "SELECT 1",
        "SELECT FOUND_ROWS()",
        "SHOW STATUS",
        "CALL p()",
    ],
)
def test_what_can_have_another_answer_is_no_duplicate(one: Connection, text: str) -> None:
    assert not is_plain_read(digest(text.encode()).text)
    assert one.run(BEGIN, text, text, text) == nothing(4)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT COUNT(*), MAX(a) FROM t WHERE b IN (1, 2) AND (c = 'x' OR d <> -1) ORDER BY a LIMIT 10",
        "SELECT t.*, COALESCE(a, 1), CAST(b AS DECIMAL(10,2)) FROM t JOIN u USING (id) WHERE EXISTS (SELECT 1 FROM v)",
        "select distinct (a) from `t` where match(a) against('x' in boolean mode)",
        "SELECT row_number() OVER (PARTITION BY a ORDER BY b) FROM t",
        "SELECT a FROM t WHERE note = 'for update now() @x ; /* … */'",
        "SELECT a FROM t UNION ALL SELECT b FROM u",
    ],
)
def test_what_reads_the_same_again(one: Connection, text: str) -> None:
    assert one.run(BEGIN, text, text) == ["", "", DUPLICATE]


def test_a_read_that_comes_later_may_wait_for_what_others_write(one: Connection) -> None:
    one.run(BEGIN, ROW)
    one.now += UNIT
    assert one.run(ROW, ROW) == ["", DUPLICATE]


def test_parameters_are_not_in_the_text(one: Connection) -> None:
    parameterised = "SELECT name FROM customer WHERE id = ?"
    one.run(BEGIN)
    assert one.run(parameterised, parameterised, parameterised, command=COM_STMT_EXECUTE) == nothing(3)
    assert one.run(ROW, ROW, command=COM_STMT_EXECUTE) == ["", DUPLICATE]


def test_a_text_that_is_only_known_in_part_is_not_compared(one: Connection) -> None:
    one.run(BEGIN)
    assert one.run(ROW, ROW, truncated=True) == nothing(2)


def test_a_comment_of_sqlcommenter_does_not_make_it_another_text(one: Connection) -> None:
    one.run(BEGIN)
    texts = [f"{ROW} /*route='%2Fshop',traceparent='00-{number:032x}-01-01'*/" for number in range(3)]
    assert one.run(*texts) == ["", DUPLICATE, DUPLICATE]


# ---- n-plus-one ----


def test_each_further_lookup_in_a_transaction(one: Connection) -> None:
    one.run(BEGIN)
    spoken = one.run(*rows(TOLERATED + 3))
    assert spoken == nothing(TOLERATED) + [N_PLUS_ONE] * 3


def test_lookups_behind_a_list_need_no_transaction(one: Connection) -> None:
    one.run("SELECT * FROM orders WHERE day = 3", rows=12)
    assert one.run(*rows(20), rows=1) == nothing(TOLERATED) + [N_PLUS_ONE] * 2 + nothing(8)


def test_requests_that_follow_one_another_on_a_connection_are_no_loop(one: Connection) -> None:
    """A service that looks up one session for each request, on a busy pool's connection."""
    assert one.run(*rows(500), rows=1) == nothing(500)


def test_without_a_transaction_they_come_within_a_second(one: Connection) -> None:
    one.run("SELECT * FROM orders WHERE day = 3", rows=100)
    spoken = one.run(*rows(60), gap=0.02)
    assert spoken[TOLERATED] == N_PLUS_ONE
    assert spoken[-1] == ""


def test_in_a_transaction_they_may_take_their_time(one: Connection) -> None:
    one.run(BEGIN)
    assert one.run(*rows(TOLERATED + 1), gap=0.5)[-1] == N_PLUS_ONE


def test_another_statement_ends_the_row_of_lookups(one: Connection) -> None:
    one.run(BEGIN, *rows(TOLERATED))
    assert one.run("SELECT a FROM t WHERE b = 1", *rows(TOLERATED, 100)) == nothing(TOLERATED + 1)
    assert one.run("UPDATE t SET a = 1", *rows(TOLERATED, 200)) == nothing(TOLERATED + 1)
    one.command(COM_PING)
    assert one.run(*rows(TOLERATED, 300)) == nothing(TOLERATED)


def test_the_same_values_again_are_no_further_lookup(one: Connection) -> None:
    one.run(BEGIN, *rows(TOLERATED))
    assert one.run(*rows(TOLERATED)) == [DUPLICATE] * TOLERATED
    assert one.run(OTHER_ROW, *rows(1, 100)) == [DUPLICATE, N_PLUS_ONE]


def test_two_values_in_turn_are_no_row_of_lookups(one: Connection) -> None:
    one.run("SELECT * FROM orders WHERE day = 3", rows=100)
    assert one.run(*[ROW, OTHER_ROW] * 20, rows=1) == nothing(40)


def test_values_count_anew_in_the_next_row_of_lookups(one: Connection) -> None:
    one.run(BEGIN, *rows(5), "UPDATE t SET a = 1")
    assert one.run(*rows(TOLERATED + 1))[-1] == N_PLUS_ONE


def test_a_list_that_failed_is_none(one: Connection) -> None:
    one.command(COM_QUERY, "SELECT * FROM orders", error=ServerError(3024, "HY000"), rows=100)
    assert one.run(*rows(20), rows=1) == nothing(20)


@pytest.mark.parametrize(
    "form",
    [
        "SELECT * FROM t WHERE id > {} ORDER BY id LIMIT 1000",  # Rails' find_each, Laravel's chunkById
        "SELECT * FROM t WHERE a = 1 AND id > {} ORDER BY id LIMIT 1000",
        "SELECT * FROM t WHERE a = 1 LIMIT 100 OFFSET {}",
        "SELECT * FROM t WHERE a = 1 LIMIT {}, 100",
        "SELECT * FROM t WHERE (a, b) > (1, {}) AND c = 1 LIMIT 10",
        "SELECT * FROM t WHERE a = 1 AND id BETWEEN {} AND 100",
        "SELECT * FROM t WHERE id IN ({}, 2, 3)",  # Hibernate's @BatchSize, Rails' preload
        "SELECT * FROM t WHERE a = 1 AND id IN ({})",
        "SELECT * FROM t WHERE a = 1 AND name LIKE '{}%'",
        "SELECT * FROM t WHERE id = {} FOR UPDATE",
        "SELECT COUNT(*) FROM t",
        "SELECT {}",
        "INSERT INTO t VALUES ({})",
        "UPDATE t SET a = 1 WHERE id = {}",
        "CALL p({})",
    ],
)
def test_what_is_no_lookup(one: Connection, form: str) -> None:
    texts = [form.format(number) for number in range(30)]
    assert not is_lookup(digest(texts[0].encode()).text)
    one.run(BEGIN, "SELECT * FROM orders WHERE day = 3", rows=100)
    assert N_PLUS_ONE not in one.run(*texts)


def test_lookups_of_prepared_statements_need_a_list_before(one: Connection) -> None:
    text = "SELECT name FROM customer WHERE id = ?"
    one.run(BEGIN)
    assert one.run(*[text] * 30, command=COM_STMT_EXECUTE, rows=1) == nothing(30)
    one.run("SELECT * FROM orders WHERE day = 3", rows=15)
    one.command(COM_STMT_PREPARE, text)
    spoken = one.run(*[text] * 20, command=COM_STMT_EXECUTE, rows=1)
    assert spoken == nothing(TOLERATED) + [N_PLUS_ONE] * 5 + nothing(5)


def test_prepare_and_close_belong_to_the_lookups(one: Connection) -> None:
    text = "SELECT name FROM customer WHERE id = ?"
    one.run("SELECT * FROM orders WHERE day = 3", rows=15)
    spoken = []
    for _ in range(12):
        one.command(COM_STMT_PREPARE, text)
        spoken += one.run(text, command=COM_STMT_EXECUTE, rows=1)
        one.command(COM_STMT_FETCH)
        one.command(COM_STMT_CLOSE)
    assert spoken == nothing(TOLERATED) + [N_PLUS_ONE] * 2


def test_a_failed_lookup_ends_the_row_of_them(one: Connection) -> None:
    one.run(BEGIN, *rows(TOLERATED))
    one.command(COM_QUERY, ROW, error=ServerError(1205, "HY000"))
    assert one.run(*rows(TOLERATED, 100)) == nothing(TOLERATED)


# ---- single-statement-transaction ----

WRITE = "UPDATE customer SET name = 'x' WHERE id = 7"


@pytest.mark.parametrize("begin", ["BEGIN", "begin work", "START TRANSACTION", "START TRANSACTION READ ONLY;"])
@pytest.mark.parametrize("only", [ROW, WRITE, "INSERT INTO t VALUES (1)", "DELETE FROM t", "REPLACE INTO t VALUES (1)"])
@pytest.mark.parametrize("commit", ["COMMIT", "commit;", "COMMIT WORK"])
def test_a_transaction_around_one_statement(one: Connection, begin: str, only: str, commit: str) -> None:
    assert one.run(begin, only, commit) == ["", "", SINGLE]
    assert one.run(only, commit) == nothing(2)


def test_with_autocommit_off(one: Connection) -> None:
    assert one.run("SET autocommit=0", ROW, "COMMIT", "SET autocommit=1") == ["", "", SINGLE, ""]
    assert one.run("SET autocommit=0", ROW, "COMMIT", WRITE, "COMMIT") == ["", "", SINGLE, "", SINGLE]


@pytest.mark.parametrize(
    "texts",
    [
        [BEGIN, "COMMIT"],
        [BEGIN, ROW, "ROLLBACK"],
        [BEGIN, ROW, WRITE, "COMMIT"],
        [BEGIN, ROW, ROW + " AND 1", "COMMIT"],
        [BEGIN, "SAVEPOINT s", ROW, "COMMIT"],
        [BEGIN, ROW, "SAVEPOINT s", "COMMIT"],
        [BEGIN, "SET time_zone = '+01:00'", ROW, "COMMIT"],
        [BEGIN, "SELECT @@session.autocommit", ROW, "COMMIT"],
        [BEGIN, "SELECT name FROM customer WHERE id = 7 FOR UPDATE", "COMMIT"],
        [BEGIN, "SELECT name FROM customer WHERE id = 7 FOR SHARE", "COMMIT"],
        [BEGIN, "SELECT name FROM customer WHERE id = 7 LOCK IN SHARE MODE", "COMMIT"],
        [BEGIN, "SELECT GET_LOCK('x', 10) FROM dual", "COMMIT"],
        [BEGIN, "CALL p()", "COMMIT"],
        [BEGIN, "CREATE TEMPORARY TABLE t (a INT)", "COMMIT"],
        [BEGIN, "INSERT INTO t VALUES (1); INSERT INTO u VALUES (1)", "COMMIT"],
        [BEGIN, ROW, "COMMIT AND CHAIN"],
        ["START TRANSACTION WITH CONSISTENT SNAPSHOT", ROW, "COMMIT"],
        [BEGIN, ROW, BEGIN, "COMMIT"],
        ["BEGIN; UPDATE t SET a = 1; COMMIT", ROW, "COMMIT"],
        ["SET autocommit=0", "SELECT 1", "COMMIT"],
        ["SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", BEGIN, ROW, "COMMIT"],
        ["SET transaction_isolation = 'SERIALIZABLE'", BEGIN, ROW, "COMMIT"],
        ["SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET autocommit=0", ROW, "COMMIT"],
        [ROW, "COMMIT"],
    ],
)
def test_transactions_that_may_have_a_reason(one: Connection, texts: list[str]) -> None:
    assert one.run(*texts) == nothing(len(texts))


def test_a_level_that_takes_no_locks(one: Connection) -> None:
    one.run("SET transaction_isolation = 'SERIALIZABLE'")
    one.run("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    assert one.run(BEGIN, ROW, "COMMIT")[-1] == SINGLE
    one.run("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    assert one.run(BEGIN, ROW, "COMMIT")[-1] == ""
    assert one.run(BEGIN, WRITE, "COMMIT")[-1] == SINGLE
    one.command(COM_RESET_CONNECTION)
    assert one.run(BEGIN, ROW, "COMMIT")[-1] == SINGLE


def test_a_write_may_have_waited_for_somebody_s_word(one: Connection) -> None:
    one.run(BEGIN, WRITE)
    assert one.run("COMMIT", gap=AT_ONCE * 1.5) == [""]
    one.run(BEGIN, ROW)
    assert one.run("COMMIT", gap=AT_ONCE * 1.5) == [SINGLE]


def test_a_failed_statement_or_commit(one: Connection) -> None:
    one.run(BEGIN)
    one.command(COM_QUERY, WRITE, error=ServerError(1062, "23000"))
    assert one.run("COMMIT") == [""]
    one.run(BEGIN)
    one.command(COM_QUERY, WRITE, error=ServerError(1062, "23000"))
    assert one.run(WRITE, "COMMIT") == nothing(2)
    one.run(BEGIN, WRITE)
    assert one.command(COM_QUERY, "COMMIT", error=ServerError(1180, "HY000")).rule == ""


def test_what_failed_does_not_count_whatever_is_said_of_the_transaction(one: Connection) -> None:
    one.run(BEGIN)
    one.command(COM_QUERY, WRITE, error=ServerError(1062, "23000"), in_transaction=True)
    assert one.run("COMMIT") == [""]


def test_a_commit_that_chains_by_the_session_s_completion_type(one: Connection) -> None:
    one.run(BEGIN, WRITE)
    assert one.command(COM_QUERY, "COMMIT", in_transaction=True).rule == ""


def test_a_prepared_statement_in_a_transaction(one: Connection) -> None:
    one.run(BEGIN)
    one.prepared("UPDATE t SET a = ?")
    assert one.run("COMMIT") == [SINGLE]
    one.run(BEGIN)
    one.prepared("UPDATE t SET a = ?", executions=2)
    assert one.run("COMMIT") == [""]


def test_a_text_that_goes_on_may_hold_more_than_one_statement(one: Connection) -> None:
    one.run(BEGIN)
    one.run("INSERT INTO t VALUES (1), (2)", truncated=True)
    assert one.run("COMMIT") == [""]


# ---- repeated-prepare ----


def test_what_is_prepared_for_one_execution_each_time(one: Connection) -> None:
    assert [one.prepared(ROW) for _ in range(4)] == ["", PREPARE, PREPARE, PREPARE]
    assert one.prepared(OTHER_ROW) == ""


def test_several_at_a_time_are_closed_when_the_last_one_is(one: Connection) -> None:
    for text in (ROW, OTHER_ROW):
        one.command(COM_STMT_PREPARE, text)
        one.command(COM_STMT_EXECUTE, text)
    one.command(COM_STMT_CLOSE)
    assert one.command(COM_STMT_PREPARE, ROW).rule == ""
    one.command(COM_STMT_EXECUTE, ROW)
    one.command(COM_STMT_CLOSE)
    one.command(COM_STMT_CLOSE)
    assert one.prepared(OTHER_ROW) == PREPARE
    assert one.prepared(ROW) == ""


def test_what_is_kept_is_not_prepared_for_nothing(one: Connection) -> None:
    """A driver with a cache of statements closes only what falls out of it."""
    one.command(COM_STMT_PREPARE, "SELECT 1")
    assert [one.prepared(ROW) for _ in range(4)] == nothing(4)


@pytest.mark.parametrize("executions", [0, 2, 5])
def test_what_is_executed_more_than_once_or_never(one: Connection, executions: int) -> None:
    assert [one.prepared(ROW, executions) for _ in range(3)] == nothing(3)


def test_what_was_worth_it_in_the_meantime(one: Connection) -> None:
    assert [one.prepared(ROW), one.prepared(ROW, 9), one.prepared(ROW)] == ["", PREPARE, ""]


def test_an_execution_in_one_write_with_its_prepare_costs_nothing(one: Connection) -> None:
    """MariaDB Connector/J does so, with the id -1."""
    for _ in range(3):
        prepared = one.command(COM_STMT_PREPARE, ROW)
        one.command(COM_STMT_EXECUTE, ROW, started=prepared.started)
        one.command(COM_STMT_CLOSE)
        assert prepared.rule == ""


@pytest.mark.parametrize("command", [COM_RESET_CONNECTION, COM_CHANGE_USER])
def test_a_reset_closes_what_was_prepared(one: Connection, command: int) -> None:
    one.prepared(ROW)
    one.command(command)
    assert one.prepared(ROW) == ""


def test_failures_of_prepared_statements_do_not_count(one: Connection) -> None:
    assert one.command(COM_STMT_PREPARE, ROW, error=ServerError(1146, "42S02")).rule == ""
    one.command(COM_STMT_PREPARE, ROW)
    one.command(COM_STMT_EXECUTE, ROW, error=ServerError(1205, "HY000"))
    one.command(COM_STMT_CLOSE)
    assert one.prepared(ROW) == ""


def test_a_prepare_that_fails_is_not_for_nothing(one: Connection) -> None:
    one.prepared(ROW)
    assert one.command(COM_STMT_PREPARE, ROW, error=ServerError(1461, "42000")).rule == ""


def test_an_execution_of_what_is_not_known(one: Connection) -> None:
    one.command(COM_STMT_PREPARE, ROW)
    one.command(COM_STMT_EXECUTE, ROW)
    one.command(COM_STMT_EXECUTE)
    one.command(COM_STMT_CLOSE)
    assert one.prepared(ROW) == ""


# ---- metadata-read ----


@pytest.mark.parametrize(
    "text",
    [
        "SELECT VERSION()",
        "select version() as version",
        "SELECT DATABASE()",
        "SELECT @@version, @@version_comment",
        "select @@version_comment limit 1",
        "SELECT @@global.port",
    ],
)
def test_what_does_not_change_is_asked_once(one: Connection, text: str) -> None:
    assert one.run(text, text) == ["", METADATA]
    one.now += 3600
    assert one.run("SET autocommit=0", ROW, WRITE, "COMMIT", text) == ["", "", "", "", METADATA]


@pytest.mark.parametrize("change", ["USE other", "CALL p()", "CREATE DATABASE x", "SET a = 1; USE x", "EXECUTE s"])
def test_the_schema_can_be_another_one(one: Connection, change: str) -> None:
    assert one.run("SELECT DATABASE()", change, "SELECT DATABASE()") == nothing(3)
    one.command(COM_INIT_DB)
    assert one.run("SELECT DATABASE()") == [""]
    one.command(COM_CHANGE_USER)
    assert one.run("SELECT DATABASE()") == [""]


def test_a_question_that_failed_was_not_answered(one: Connection) -> None:
    one.command(COM_QUERY, "SELECT DATABASE()", error=ServerError(1040, "08004"))
    assert one.run("SELECT DATABASE()") == [""]
    one.command(COM_QUERY, "SELECT DATABASE()", error=ServerError(1040, "08004"))
    assert one.run("SELECT DATABASE()") == [""]


DEFINITIONS = [
    "SHOW VARIABLES LIKE 'sql_mode'",
    "SHOW GLOBAL VARIABLES",
    "SHOW FULL COLUMNS FROM `wp_options`",
    "SHOW TABLES LIKE 'wp_options'",
    "SHOW CREATE TABLE t",
    "SELECT @@global.max_connections",
    "SELECT COUNT(*) FROM information_schema.TABLES WHERE table_schema = DATABASE() AND table_name = 't'",
    "SELECT a.column_name FROM information_schema.columns AS a JOIN information_schema.tables b ON a.x = b.x",
    "SELECT * FROM `information_schema`.`SCHEMATA`, information_schema.views v ORDER BY 1",
]


@pytest.mark.parametrize("text", DEFINITIONS)
def test_what_hardly_changes_is_asked_once_in_a_second(one: Connection, text: str) -> None:
    assert one.run(text, ROW, text) == ["", "", METADATA]
    one.now += UNIT
    assert one.run(text) == [""]
    assert one.run("SET sql_mode = ''", text, "ALTER TABLE t ADD b INT", text) == nothing(4)


@pytest.mark.parametrize(
    "text",
    [
        "SHOW STATUS LIKE 'Threads%'",
        "SHOW PROCESSLIST",
        "SHOW ENGINE INNODB STATUS",
        "SHOW WARNINGS",
        "SHOW TABLE STATUS",
        "SELECT * FROM information_schema.innodb_trx",
        "SELECT * FROM information_schema.processlist",
        "SELECT * FROM information_schema.tables, t",
        "SELECT * FROM information_schema.tables JOIN t ON 1",
        "SELECT * FROM (SELECT table_name, f(1) FROM information_schema.tables) AS a",
        "SELECT table_name, NOW() FROM information_schema.tables",
        "SELECT @@session.sql_mode",
        "SELECT VERSION(), NOW()",
        "SELECT VERSION() FROM t",
        "SELECT CONNECTION_ID()",
        "SELECT 'information_schema' FROM t",
        ROW,
    ],
)
def test_what_changes_may_be_asked_for_again(one: Connection, text: str) -> None:
    assert one.run(text, text, text) == nothing(3)


def test_another_question_is_another_question(one: Connection) -> None:
    assert one.run("SHOW TABLES LIKE 'a'", "SHOW TABLES LIKE 'b'", "SELECT VERSION()", "SELECT @@version") == nothing(4)


# ---- connect-chatter ----

SET_UP = ["SET NAMES utf8mb4", "SET autocommit=0", "SELECT @@session.transaction_isolation", "SELECT VERSION()"]


def test_a_connection_that_was_hardly_worth_its_set_up(one: Connection) -> None:
    assert one.run(*SET_UP, ROW, WRITE, "COMMIT") == nothing(7)
    ((rule, count, seconds),) = one.close()
    assert (rule, count) == (CHATTER, 4)
    assert seconds == pytest.approx(4 * TOOK)


@pytest.mark.parametrize("useful", [0, 4, 5, 100])
def test_a_connection_that_did_nothing_or_enough(one: Connection, useful: int) -> None:
    one.run(*SET_UP, *[WRITE] * useful)
    assert one.close() == []


def test_a_health_check_is_no_work(one: Connection) -> None:
    one.run("SET NAMES utf8mb4", "SET autocommit=1", "SELECT 1")
    one.command(COM_PING)
    assert one.close() == []


def test_what_comes_later_is_not_set_up(one: Connection) -> None:
    one.run("SET NAMES utf8mb4", WRITE, "SET time_zone = '+00:00'", "SET sql_mode = ''", "USE a")
    assert one.close() == []


def test_only_what_comes_first_is_set_up(one: Connection) -> None:
    one.run(*SET_UP, WRITE, *SET_UP, WRITE)
    assert [count for _, count, _ in one.close()] == [4]


def test_a_connection_that_lived_longer(one: Connection) -> None:
    one.run(*SET_UP, WRITE)
    one.now += SHORT
    assert one.close() == []


def test_set_up_that_another_rule_spoke_of_is_its_own(one: Connection) -> None:
    one.run(*SET_UP[:2], rule="redundant-names", action="observed")
    one.run("SELECT VERSION()", "SELECT VERSION()", WRITE)
    assert [(rule, count) for rule, count, _ in one.close()] == [(CHATTER, 1)]
    two = Connection()
    two.run(*SET_UP, WRITE, rule="redundant-names", action="withheld")
    assert two.close() == []


def test_nothing_is_said_of_a_connection_that_went_blind(one: Connection) -> None:
    one.run(*SET_UP, WRITE)
    one.watching.forget(one.peer)
    assert one.watching.closed(ConnectionClosed(one.peer, one.now)) == []


# ---- what frameworks really send, and what may be said of it ----

FRAMEWORKS: dict[str, tuple[list[str], set[str]]] = {
    "Exposed on HikariCP": (["SET autocommit=0", ROW, "COMMIT", "SET autocommit=1"], {SINGLE}),
    "Exposed, read-only": (
        [
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            "SET SESSION TRANSACTION READ ONLY",
            "SET autocommit=0",
            ROW,
            "COMMIT",
            "SET SESSION TRANSACTION READ WRITE",
            "SET autocommit=1",
        ],
        {SINGLE},
    ),
    "jOOQ": (
        [
            "SELECT @@session.transaction_isolation",
            "SELECT @@session.transaction_read_only",
            "SET autocommit=0",
            ROW,
            WRITE,
            "COMMIT",
            "SET autocommit=1",
        ],
        set(),
    ),
    "Django, a request that writes": (["set autocommit=0", ROW, WRITE, "commit", "set autocommit=1"], set()),
    "Django, one query": ([ROW], set()),
    "SQLAlchemy, a read": (["SET AUTOCOMMIT = 0", ROW, "ROLLBACK"], set()),
    "SQLAlchemy, a unit of work": (["SET AUTOCOMMIT = 0", ROW, WRITE, "COMMIT", "ROLLBACK"], set()),
    "Rails, save": (["BEGIN", "INSERT INTO t VALUES (1)", "COMMIT"], {SINGLE}),
    "Rails, save in save": (
        ["BEGIN", "SAVEPOINT active_record_1", WRITE, "RELEASE SAVEPOINT active_record_1", "COMMIT"],
        set(),
    ),
    "Laravel, a request": (["use `shop`;", ROW, OTHER_ROW], set()),
    "sqlx": ([ROW, "BEGIN", WRITE, ROW, "COMMIT"], set()),
    "a queue that is polled": (["SELECT * FROM jobs WHERE state = 'new' LIMIT 1"] * 40, set()),
    "a job that takes a row": (
        ["BEGIN", "SELECT * FROM jobs WHERE state = 'new' LIMIT 1 FOR UPDATE SKIP LOCKED", "COMMIT"],
        set(),
    ),
    "a job that works through a table": (
        [f"SELECT * FROM t WHERE id > {number}000 ORDER BY id LIMIT 1000" for number in range(30)],
        set(),
    ),
    "a load": (["BEGIN", *[f"INSERT INTO t VALUES ({number})" for number in range(50)], "COMMIT"], set()),
    "optimistic locking": (["BEGIN", ROW, "UPDATE customer SET version = 2 WHERE id = 7", ROW, "COMMIT"], set()),
}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_of_what_frameworks_send(framework: str, one: Connection) -> None:
    texts, expected = FRAMEWORKS[framework]
    spoken: set[str] = set()
    for _ in range(3):
        spoken |= set(one.run(*texts))
        one.now += 0.05
    assert spoken - {""} == expected


# ---- what holds for all ----


def test_a_statement_has_one_rule(one: Connection) -> None:
    one.run(BEGIN, ROW)
    event = one.command(COM_QUERY, ROW, rule="known-variable", action="withheld")
    assert (event.rule, event.action) == ("known-variable", "withheld")
    event = one.command(COM_QUERY, ROW)
    assert (event.rule, event.action) == (DUPLICATE, "observed")


def test_the_first_rule_that_speaks_is_heard_and_all_are_told() -> None:
    told: list[tuple[str, str, bool | None]] = []

    class Speaker(Watcher):
        def __init__(self, name: str) -> None:
            self.name = name

        def take(self, done: Finished) -> bool:
            told.append((self.name, done.rule, done.was_in_transaction))
            return True

    watch = Watch([("first", Speaker("first")), ("second", Speaker("second"))])
    for rule, in_transaction in (("", True), ("empty-commit", False)):
        done = Finished(QUERY, digest(b"COMMIT"), 1, False, 0.0, 0.0, 0, False, in_transaction, rule)
        assert watch.take(done) == (rule or "first")
    assert told == [
        ("first", "", None),
        ("second", "first", None),
        ("first", "empty-commit", True),
        ("second", "empty-commit", True),
    ]
    assert watch.closed(1.0) == []


@pytest.mark.parametrize("off", NAMES)
def test_each_can_be_off(off: str) -> None:
    def said(reporting: list[str]) -> set[str]:
        one = Connection(reporting)
        spoken = set(
            one.run(*SET_UP, "SELECT VERSION()", BEGIN, ROW, ROW, *rows(12, 100), "COMMIT", BEGIN, WRITE, "COMMIT")
        )
        spoken |= {one.prepared(ROW), one.prepared(ROW)}
        two = Connection(reporting)
        two.run(*SET_UP, ROW)
        return spoken | {rule for rule, _, _ in two.close()}

    assert said(NAMES) - {""} == set(NAMES)
    assert said([name for name in NAMES if name != off]) - {""} == set(NAMES) - {off}
    assert said([]) == {""}


def test_what_is_remembered_has_a_bound() -> None:
    recent = Recent()
    for number in range(1000):
        assert recent.see(number, 1.0) is None
    assert [number in recent for number in (1000 - REMEMBERED - 1, 1000 - REMEMBERED, 999)] == [False, True, True]
    assert recent.see(1000 - REMEMBERED, 2.0) == 1.0
    recent.see(1000, 3.0)
    assert 1000 - REMEMBERED in recent


def size(value: Any) -> int:
    """How many things a watcher holds, all the way down."""
    if isinstance(value, dict | list | tuple | set):
        return len(value) + sum(map(size, value.values() if isinstance(value, dict) else value))
    return sum(size(part) for part in vars(value).values()) if hasattr(value, "__dict__") else 0


def test_memory_is_bounded_whatever_comes(one: Connection) -> None:
    one.run(BEGIN)
    for number in range(2000):
        one.run(
            f"SELECT {number} FROM t WHERE a = {number}", f"SHOW TABLES LIKE '{number}'", f"SELECT a FROM t{number}"
        )
        one.command(COM_STMT_PREPARE, f"SELECT {number}")
        one.command(COM_STMT_EXECUTE, f"SELECT {number}")
    assert size(one.watching._watches) < 6 * 2 * REMEMBERED
    one.close()
    assert one.watching._watches == {}


def test_connections_are_watched_apart() -> None:
    one = Connection()
    two = Connection()
    two.watching, two.peer = one.watching, Peer(id=8, client="unix", opened=0.0)
    assert [*one.run(BEGIN, ROW), *two.run(BEGIN, ROW), *one.run(ROW)] == ["", "", "", "", DUPLICATE]


COMMANDS = st.sampled_from(
    [COM_QUERY, COM_STMT_PREPARE, COM_STMT_EXECUTE, COM_STMT_CLOSE, COM_PING, COM_RESET_CONNECTION, 250, 99]
)
TEXTS = st.sampled_from([*SET_UP, ROW, OTHER_ROW, WRITE, BEGIN, "COMMIT", "ROLLBACK", *DEFINITIONS]) | st.text()


@given(
    st.lists(
        st.tuples(
            COMMANDS, st.none() | TEXTS, st.floats(0, 3), st.none() | st.booleans(), st.booleans(), st.booleans()
        ),
        max_size=60,
    )
)
def test_whatever_comes_nothing_breaks_and_no_failure_is_spoken_of(
    commands: list[tuple[int, str | None, float, bool | None, bool, bool]],
) -> None:
    one = Connection()
    for command, text, gap, in_transaction, fails, truncated in commands:
        error = ServerError(1064, "42000") if fails else None
        event = one.command(
            command, text and text.encode("utf-8", "replace").decode(), gap,
            in_transaction=in_transaction, error=error, truncated=truncated,
        )  # fmt: skip
        assert event.rule in ("", *NAMES)
        assert (event.action == "observed") == (event.rule != "")
        assert not (event.rule and fails)
    for rule, count, seconds in one.close():
        assert rule == CHATTER
        assert 0 < count <= len(commands)
        assert seconds >= 0


# ---- the sinks ----


def through_sinks(events: list[Event], path: Path, reporting: list[str]) -> Metrics:
    metrics = Metrics(version="1", compiled=False)
    due: list[Callable[[], None]] = []
    sinks = Sinks(metrics, StatementLog(str(path)), due.append, reporting)
    for event in events:
        sinks.put(event)
    sinks.close(5)
    return metrics


def session(*texts: str) -> list[Event]:
    recorded: list[Event] = []
    one = Connection([])
    recorded += [one.command(COM_QUERY, text) for text in texts]
    recorded.append(ConnectionClosed(one.peer, one.now))
    return recorded


def test_what_is_spoken_of_is_in_log_and_metrics(tmp_path: Path) -> None:
    path = tmp_path / "log"
    metrics = through_sinks(session(*SET_UP[:1], BEGIN, ROW, ROW, "COMMIT"), path, NAMES)
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [(line.get("rule"), line.get("action")) for line in lines] == [
        (None, None),
        (None, None),
        (None, None),
        (DUPLICATE, "observed"),
        (None, None),
    ]
    assert metrics.redundant[DUPLICATE, "observed"] == 1
    assert metrics.redundant_seconds[DUPLICATE] == pytest.approx(TOOK)
    assert metrics.redundant_seconds[SINGLE] == 0
    assert metrics.predictions.total() == 0
    assert metrics.round_trip == pytest.approx(TOOK)  # SET and BEGIN's, and not of what was reported
    assert metrics.statements == 5


def test_the_end_of_a_connection_is_in_the_metrics(tmp_path: Path) -> None:
    metrics = through_sinks(session(*SET_UP, ROW), tmp_path / "log", NAMES)
    assert metrics.redundant[CHATTER, "observed"] == 4
    assert metrics.redundant_seconds[CHATTER] == pytest.approx(4 * TOOK)
    blind: list[Event] = session(*SET_UP, ROW)
    blind.insert(-1, WentBlind(Peer(id=7, client="unix", opened=0.0), 1.0, "malformed", ""))
    assert through_sinks(blind, tmp_path / "blind", NAMES).redundant[CHATTER, "observed"] == 0


def test_nothing_is_watched_unless_asked_for(tmp_path: Path) -> None:
    metrics = through_sinks(session(*SET_UP, BEGIN, ROW, ROW, "COMMIT"), tmp_path / "log", [])
    assert metrics.redundant.total() == 0
    assert "rule" not in (tmp_path / "log").read_text()


def test_names_are_the_modules(tmp_path: Path) -> None:
    for path in (Path(__file__).parents[2] / "rules" / "catalogue").glob("[a-z]*.py"):
        assert re.sub("_", "-", path.stem) in ALL
