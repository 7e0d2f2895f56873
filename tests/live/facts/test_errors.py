"""What is left of a transaction after ERR, whose packet does not say."""

import pytest

from proxy.wire.replies import OK

from ..servers import Server
from .conftest import Connect, Session

DUPLICATE_KEY = 1062
LOCK_WAIT_TIMEOUT = 1205
DEADLOCK = 1213


@pytest.fixture
def other(connect: Connect) -> Session:
    """A second session, which waits for locks one second."""
    return impatient(connect())


def impatient(session: Session) -> Session:
    session.do("SET lock_wait_timeout=1, innodb_lock_wait_timeout=1")
    return session


def test_a_duplicate_key_keeps_the_transaction(session: Session, table: str) -> None:
    session.do("BEGIN")
    session.do(f"UPDATE {table} SET n = 11 WHERE id = 1")
    assert session.ask(f"INSERT INTO {table} VALUES (1, 1)").error == DUPLICATE_KEY
    assert session.do("DO 1").in_transaction
    assert session.do(f"SELECT n FROM {table} WHERE id = 1").value == "11"
    session.do("ROLLBACK")
    assert session.do(f"SELECT n FROM {table} WHERE id = 1").value == "10"


def test_a_failed_write_opens_a_transaction(session: Session, table: str) -> None:
    session.do("SET autocommit=0")
    assert session.ask(f"INSERT INTO {table} VALUES (1, 1)").error == DUPLICATE_KEY
    assert session.do("DO 1").in_transaction


def test_a_lock_wait_timeout_rolls_back_the_statement_only(session: Session, other: Session, table: str) -> None:
    other.do("BEGIN")
    other.do(f"UPDATE {table} SET n = 21 WHERE id = 2")
    impatient(session).do("BEGIN")
    session.do(f"UPDATE {table} SET n = 11 WHERE id = 1")
    assert session.ask(f"UPDATE {table} SET n = 22 WHERE id = 2").error == LOCK_WAIT_TIMEOUT
    assert session.do("DO 1").in_transaction
    assert session.do(f"SELECT n FROM {table} WHERE id = 1").value == "11"


def test_a_deadlock_rolls_back_the_transaction(session: Session, other: Session, table: str) -> None:
    """Whoever waits last, the transaction that changed less is the victim."""
    other.do("BEGIN")
    other.do(f"UPDATE {table} SET n = n + 1 WHERE id IN (2, 3)")
    session.do("BEGIN")
    session.do(f"UPDATE {table} SET n = 11 WHERE id = 1")
    other.query(f"UPDATE {table} SET n = n + 1 WHERE id = 1")
    assert session.ask(f"UPDATE {table} SET n = 11 WHERE id = 2").error == DEADLOCK
    assert other.read()[1][0] == OK
    assert not session.do("DO 1").in_transaction
    assert session.do(f"SELECT n FROM {table} WHERE id = 1").value == "10"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("CREATE TABLE facts (a int)", 1050),
        ("CREATE TABLE nowhere.anything (a int)", 1142),
        ("DROP TABLE nothing", 1051),
        ("LOCK TABLES nothing READ", 1146),
    ],
)
def test_these_commit_even_if_they_fail(session: Session, other: Session, table: str, text: str, error: int) -> None:
    session.do("BEGIN")
    session.do(f"UPDATE {table} SET n = 11 WHERE id = 1")
    assert session.ask(text).error == error
    assert not session.do("DO 1").in_transaction
    assert other.do(f"SELECT n FROM {table} WHERE id = 1").value == "11"


@pytest.mark.parametrize("text", ["CREATE TABLE", "BEGIN HERE", "COMMIT NOW", "LOCK TABLES", "SET autocommit=9"])
def test_what_is_not_understood_does_nothing(session: Session, table: str, text: str) -> None:
    session.do("BEGIN")
    session.do(f"UPDATE {table} SET n = 11 WHERE id = 1")
    assert session.ask(text).error in (1064, 1231)
    assert session.do("DO 1").in_transaction
    session.do("ROLLBACK")
    assert session.do(f"SELECT n FROM {table} WHERE id = 1").value == "10"


def test_a_failed_select_keeps_a_metadata_lock_which_mysql_does_not_flag(
    session: Session, other: Session, server: Server, table: str
) -> None:
    session.do("SET autocommit=0")
    assert session.ask(f"SELECT nothing FROM {table}").error == 1054
    assert session.do("DO 1").in_transaction is (server.kind == "mariadb")
    assert other.ask(f"ALTER TABLE {table} COMMENT='altered'").error == LOCK_WAIT_TIMEOUT
    session.do("COMMIT")
    other.do(f"ALTER TABLE {table} COMMENT='altered'")


def test_a_select_that_fails_while_it_runs_opens_a_transaction(session: Session, table: str) -> None:
    session.do("SET autocommit=0")
    assert session.ask(f"SELECT (SELECT n FROM {table})").error == 1242
    assert session.do("DO 1").in_transaction


def test_a_select_of_a_missing_table_opens_and_locks_nothing(session: Session, other: Session, table: str) -> None:
    session.do("SET autocommit=0")
    assert session.ask(f"SELECT n FROM {table}, nothing").error == 1146
    assert not session.do("DO 1").in_transaction
    other.do(f"ALTER TABLE {table} COMMENT='altered'")


@pytest.mark.parametrize("wrong", ["time_zone='nowhere'", "autocommit=9", "nothing=1"])
def test_a_list_of_set_is_all_or_nothing_where_a_value_is_refused(session: Session, wrong: str) -> None:
    before = session.do("SELECT @@time_zone, @@autocommit").rows
    said = session.ask(f"SET time_zone='+03:00', autocommit=0, {wrong}")
    assert said.error in (1298, 1231, 1193)
    assert said.variables == {}
    after = session.do("SELECT @@time_zone, @@autocommit")
    assert after.rows == before
    assert after.autocommit
    assert after.variables == {}
