"""SET autocommit: when it changes nothing, and when it commits."""

from ..servers import Server
from .conftest import Connect, Session


def test_the_same_value_again_changes_nothing_outside_a_transaction(session: Session) -> None:
    for value in (1, 0, 0, 1, 1):
        said = session.do(f"SET autocommit={value}")
        assert said.autocommit is bool(value)
        assert not said.in_transaction


def test_the_same_value_again_commits_nothing(connect: Connect, table: str) -> None:
    """Neither 1 in a transaction that BEGIN opened, nor 0 in one that the first statement opened."""
    one, other = connect(), connect()
    for opening, value in (("BEGIN", 1), ("SET autocommit=0", 0)):
        one.do(opening)
        one.do(f"UPDATE {table} SET n = n + 1 WHERE id = 1")
        said = one.do(f"SET autocommit={value}")
        assert said.in_transaction
        assert other.do(f"SELECT n FROM {table} WHERE id = 1").value == "10"
        one.do("ROLLBACK")
        assert one.do(f"SELECT n FROM {table} WHERE id = 1").value == "10"
        one.do("ROLLBACK")


def test_turning_it_on_commits(connect: Connect, table: str) -> None:
    one, other = connect(), connect()
    one.do("SET autocommit=0")
    one.do(f"UPDATE {table} SET n = 11 WHERE id = 1")
    assert not one.do("SET autocommit=1").in_transaction
    assert other.do(f"SELECT n FROM {table} WHERE id = 1").value == "11"


def test_turning_it_off_in_a_transaction_does_not_commit(session: Session, table: str) -> None:
    session.do("BEGIN")
    session.do(f"UPDATE {table} SET n = 11 WHERE id = 1")
    assert session.do("SET autocommit=0").in_transaction
    session.do("ROLLBACK")
    assert session.do(f"SELECT n FROM {table} WHERE id = 1").value == "10"


def test_a_read_opens_a_transaction_without_autocommit(session: Session, table: str) -> None:
    session.do("SET autocommit=0")
    assert session.do(f"SELECT n FROM {table}").in_transaction
    assert not session.do("COMMIT").in_transaction
    assert not session.do("SELECT 1").in_transaction, "no table, no transaction"


def test_the_tracker_reports_it_by_default(session: Session) -> None:
    assert session.do("SET autocommit=0").variables == {"autocommit": "OFF"}
    assert session.do("SET @@session.autocommit=ON").variables == {"autocommit": "ON"}


def test_whether_the_tracker_reports_the_same_value_again(session: Session, server: Server) -> None:
    assert session.do("SET autocommit=1").variables == {"autocommit": "ON"}, server.version
