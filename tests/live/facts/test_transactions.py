"""BEGIN, COMMIT and ROLLBACK: when there is nothing to end, when there is after all, and what a late BEGIN changes."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from ..servers import Server
from .conftest import Connect, Session

LOCK_WAIT_TIMEOUT = 1205
XAER_RMFAIL = 1399
ENDINGS = ("COMMIT", "COMMIT WORK", "COMMIT AND NO CHAIN NO RELEASE", "ROLLBACK", "ROLLBACK WORK")


@pytest.fixture
def other(connect: Connect) -> Session:
    """A second session, which waits for locks one second."""
    other = connect()
    other.do("SET lock_wait_timeout=1, innodb_lock_wait_timeout=1")
    return other


@pytest.fixture(scope="module")
def myisam(server: Server) -> Iterator[str]:
    """A MyISAM table `old (n int)` with one row; dropped when no session of a test can hold it any more."""
    name = f"{server.schema}.old"
    server.run(f"CREATE TABLE {name} (n int) ENGINE=MyISAM", f"INSERT INTO {name} VALUES (10)")
    yield "old"
    server.run(f"DROP TABLE {name}")


def metadata_locked(table: str, other: Session) -> bool:
    """Whether somebody keeps others from altering the table."""
    said = other.ask(f"ALTER TABLE {table} COMMENT='altered'")
    assert said.error in (0, LOCK_WAIT_TIMEOUT), said
    return said.error == LOCK_WAIT_TIMEOUT


# Nothing to end


@pytest.mark.parametrize("autocommit", [1, 0])
@pytest.mark.parametrize("ending", ENDINGS)
def test_ending_nothing_changes_nothing(session: Session, autocommit: int, ending: str) -> None:
    session.do(f"SET autocommit={autocommit}")
    before, said = session.do("DO 1"), session.do(ending)
    assert said == before
    assert not said.in_transaction
    assert said.autocommit is bool(autocommit)


@pytest.mark.parametrize("autocommit", [1, 0])
@pytest.mark.parametrize("ending", ENDINGS)
def test_begin_and_end_with_nothing_between_leave_nothing(session: Session, autocommit: int, ending: str) -> None:
    session.do(f"SET autocommit={autocommit}")
    before = session.do("DO 1")
    assert session.do("BEGIN").in_transaction
    session.do(ending)
    assert session.do("DO 1") == before


def test_boundaries_keep_temporary_tables_user_locks_and_handlers(session: Session, table: str) -> None:
    session.do("CREATE TEMPORARY TABLE mine (a int)")
    session.do("SELECT GET_LOCK('facts', 0)")
    session.do(f"HANDLER {table} OPEN")
    for text in (*ENDINGS, "BEGIN", "COMMIT"):
        session.do(text)
        assert session.do("SELECT COUNT(*) FROM mine").value == "0"
        assert session.do("SELECT IS_USED_LOCK('facts') = CONNECTION_ID()").value == "1"
        assert session.do(f"HANDLER {table} READ FIRST").rows == [["1", "10"]]


# Something to end after all


@pytest.mark.parametrize("emptiness", [["COMMIT"], ["ROLLBACK"], ["BEGIN", "COMMIT"], ["BEGIN", "ROLLBACK"]])
def test_ending_nothing_uses_up_a_pending_set_transaction(session: Session, emptiness: list[str]) -> None:
    session.do("SET TRANSACTION READ ONLY")
    assert session.do("BEGIN").in_read_only_transaction
    session.do("COMMIT")
    session.do("SET TRANSACTION READ ONLY")
    for text in emptiness:
        session.do(text)
    assert not session.do("BEGIN").in_read_only_transaction


@pytest.mark.parametrize("ending", ["COMMIT", "ROLLBACK"])
def test_ending_nothing_opens_a_transaction_with_chain(session: Session, ending: str) -> None:
    assert session.do(f"{ending} AND CHAIN").in_transaction
    assert not session.do(ending).in_transaction
    session.do("SET completion_type=CHAIN")
    assert session.do(ending).in_transaction
    assert session.do(ending).in_transaction
    session.do("SET completion_type=NO_CHAIN")
    assert not session.do(ending).in_transaction


@pytest.mark.parametrize("texts", [["COMMIT RELEASE"], ["ROLLBACK RELEASE"], ["SET completion_type=2", "COMMIT"]])
def test_ending_nothing_closes_the_connection_with_release(session: Session, texts: list[str]) -> None:
    for text in texts:
        session.do(text)
    with pytest.raises((EOFError, ConnectionError)):
        session.do("DO 1")


def test_a_savepoint_without_a_transaction_flag_ends_with_commit(session: Session) -> None:
    """Without autocommit, COMMIT is not empty although IN_TRANS is 0."""
    session.do("SET autocommit=0")
    assert not session.do("SAVEPOINT here").in_transaction
    session.do("ROLLBACK TO here")
    session.do("COMMIT")
    assert session.ask("ROLLBACK TO here").error == 1305


def test_a_savepoint_in_autocommit_mode_is_gone_at_once(session: Session) -> None:
    session.do("SAVEPOINT here")
    assert session.ask("ROLLBACK TO here").error == 1305


def test_mysql_keeps_the_metadata_lock_of_a_myisam_read_until_commit(
    session: Session, other: Session, server: Server, myisam: str
) -> None:
    """Without autocommit, COMMIT is not empty although IN_TRANS is 0."""
    for ending in ("COMMIT", "ROLLBACK", "BEGIN", "SET autocommit=1"):
        session.do("COMMIT")
        session.do("SET autocommit=0")
        assert not session.do(f"SELECT n FROM {myisam}").in_transaction
        assert metadata_locked(myisam, other) is (server.kind == "mysql")
        session.do(ending)
        assert not metadata_locked(myisam, other)


def test_a_read_in_autocommit_mode_leaves_no_metadata_lock(
    session: Session, other: Session, table: str, myisam: str
) -> None:
    for name in (table, myisam):
        session.do(f"SELECT n FROM {name}")
        assert not metadata_locked(name, other)


def test_mysql_opens_a_transaction_for_information_schema(session: Session, server: Server) -> None:
    session.do("SET autocommit=0")
    said = session.do("SELECT table_name FROM information_schema.tables LIMIT 1")
    assert said.in_transaction is (server.kind == "mysql")


# LOCK TABLES, FLUSH TABLES WITH READ LOCK, XA


def test_commit_keeps_locked_tables_and_begin_releases_them(session: Session, other: Session, table: str) -> None:
    assert not session.do(f"LOCK TABLES {table} WRITE").in_transaction
    session.do("COMMIT")
    session.do("ROLLBACK")
    assert other.ask(f"SELECT n FROM {table}").error == LOCK_WAIT_TIMEOUT
    session.do("BEGIN")
    assert len(other.do(f"SELECT n FROM {table}").rows) == 3


def test_without_autocommit_locked_tables_outlive_the_transaction_flag(
    session: Session, other: Session, table: str
) -> None:
    session.do("SET autocommit=0")
    assert session.do(f"LOCK TABLES {table} WRITE").in_transaction
    assert not session.do("COMMIT").in_transaction
    assert other.ask(f"SELECT n FROM {table}").error == LOCK_WAIT_TIMEOUT
    session.do("UNLOCK TABLES")
    assert len(other.do(f"SELECT n FROM {table}").rows) == 3


def test_lock_tables_commits(session: Session, other: Session, table: str) -> None:
    session.do("BEGIN")
    session.do(f"UPDATE {table} SET n = 11 WHERE id = 1")
    assert not session.do(f"LOCK TABLES {table} READ").in_transaction
    assert other.do(f"SELECT n FROM {table} WHERE id = 1").value == "11"


def test_neither_begin_nor_commit_ends_flush_tables_with_read_lock(server: Server, other: Session, table: str) -> None:
    with closing(server.connect()) as holder, holder.cursor() as cursor:
        cursor.execute("SET lock_wait_timeout=5")
        for text in ("FLUSH TABLES WITH READ LOCK", "COMMIT", "BEGIN"):
            cursor.execute(text)
        assert other.ask(f"UPDATE {table} SET n = 11 WHERE id = 1").error == LOCK_WAIT_TIMEOUT
        cursor.execute("ROLLBACK")
        cursor.execute("UNLOCK TABLES")
        other.do(f"UPDATE {table} SET n = 12 WHERE id = 1")


def test_under_a_global_read_lock_only_the_commit_of_writes_waits(
    server: Server, session: Session, other: Session, table: str
) -> None:
    other.do("BEGIN")
    other.do(f"UPDATE {table} SET n = 11 WHERE id = 1")
    with closing(server.connect()) as holder, holder.cursor() as cursor:
        cursor.execute("SET lock_wait_timeout=5")
        cursor.execute("FLUSH TABLES WITH READ LOCK")
        for text in ("COMMIT", "BEGIN", "COMMIT", "BEGIN", f"SELECT n FROM {table}", "COMMIT"):
            session.do(text)
        assert other.ask("COMMIT").error == LOCK_WAIT_TIMEOUT


def test_an_xa_transaction_is_flagged_and_refuses_the_plain_boundaries(session: Session, server: Server) -> None:
    xid = f"'{server.schema}'"
    assert session.do(f"XA START {xid}").in_transaction
    for state in ("DO 1", f"XA END {xid}"):
        assert session.do(state).in_transaction
        for text in ("BEGIN", "COMMIT", "ROLLBACK"):
            assert session.ask(text).error == XAER_RMFAIL
    assert not session.do(f"XA ROLLBACK {xid}").in_transaction


def test_a_prepared_xa_transaction_leaves_the_session_on_mysql_only(session: Session, server: Server) -> None:
    xid = f"'{server.schema}'"
    session.do(f"XA START {xid}")
    session.do(f"XA END {xid}")
    try:
        assert session.do(f"XA PREPARE {xid}").in_transaction is (server.kind == "mariadb")
        assert session.ask("COMMIT").error == (XAER_RMFAIL if server.kind == "mariadb" else 0)
    finally:
        session.do(f"XA ROLLBACK {xid}")


# BEGIN, and what it would change if it came later


@pytest.mark.parametrize("begin", ["BEGIN", "START TRANSACTION", "START TRANSACTION READ ONLY"])
def test_the_snapshot_is_taken_at_the_first_read(session: Session, other: Session, table: str, begin: str) -> None:
    """So a BEGIN that reaches the server together with the first read shows the same rows."""
    session.do(begin)
    other.do(f"UPDATE {table} SET n = 11 WHERE id = 1")
    assert session.do(f"SELECT n FROM {table} WHERE id = 1").value == "11"
    other.do(f"UPDATE {table} SET n = 12 WHERE id = 1")
    assert session.do(f"SELECT n FROM {table} WHERE id = 1").value == "11"


def test_with_consistent_snapshot_takes_it_at_once(session: Session, other: Session, table: str) -> None:
    session.do("START TRANSACTION WITH CONSISTENT SNAPSHOT")
    other.do(f"UPDATE {table} SET n = 11 WHERE id = 1")
    assert session.do(f"SELECT n FROM {table} WHERE id = 1").value == "10"


def test_a_statement_without_a_table_takes_no_snapshot(session: Session, other: Session, table: str) -> None:
    session.do("BEGIN")
    session.do("SELECT 1, NOW(), @@autocommit")
    other.do(f"UPDATE {table} SET n = 11 WHERE id = 1")
    assert session.do(f"SELECT n FROM {table} WHERE id = 1").value == "11"


def test_begin_commits_what_is_open(session: Session, other: Session, table: str) -> None:
    for opening in ("BEGIN", "SET autocommit=0"):
        session.do(opening)
        session.do(f"UPDATE {table} SET n = n + 1 WHERE id = 1")
        assert session.do("BEGIN").in_transaction
        session.do("ROLLBACK")
    assert other.do(f"SELECT n FROM {table} WHERE id = 1").value == "12"


def test_begin_takes_a_new_snapshot(session: Session, other: Session, table: str) -> None:
    session.do("BEGIN")
    session.do(f"SELECT n FROM {table}")
    other.do(f"UPDATE {table} SET n = 11 WHERE id = 1")
    session.do("BEGIN")
    assert session.do(f"SELECT n FROM {table} WHERE id = 1").value == "11"


def test_begin_holds_no_metadata_lock_before_the_first_statement(session: Session, other: Session, table: str) -> None:
    session.do("BEGIN")
    assert not metadata_locked(table, other)
    session.do(f"SELECT n FROM {table}")
    assert metadata_locked(table, other)
