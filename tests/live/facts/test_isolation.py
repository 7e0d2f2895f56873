"""Isolation level and access mode: of the session, of the next transaction, and what tells of either."""

import pytest

from ..servers import Server
from .conftest import Connect, Session

LOCK_WAIT_TIMEOUT = 1205
UNKNOWN_VARIABLE = 1193
IN_A_TRANSACTION = 1568
READ_ONLY_TRANSACTION = 1792


@pytest.fixture
def isolation(server: Server) -> str:
    """The variable's name: MariaDB from 11.1 on knows both, but only this one on all MariaDBs."""
    return "transaction_isolation" if server.kind == "mysql" else "tx_isolation"


@pytest.fixture
def access(server: Server) -> str:
    return "transaction_read_only" if server.kind == "mysql" else "tx_read_only"


@pytest.fixture
def other(connect: Connect) -> Session:
    """A second session, which waits for locks one second."""
    other = connect()
    other.do("SET innodb_lock_wait_timeout=1")
    return other


def renamed(server: Server) -> bool:
    """Whether this MariaDB knows the variables by MySQL's names too."""
    return server.kind == "mariadb" and int(server.version.split(".")[0]) >= 11


def reads_lock(session: Session, other: Session, table: str) -> bool:
    """Whether reads of the open transaction keep others from writing: only SERIALIZABLE does that."""
    session.do(f"SELECT n FROM {table} WHERE id = 1")
    said = other.ask(f"UPDATE {table} SET n = n + 1 WHERE id = 1")
    assert said.error in (0, LOCK_WAIT_TIMEOUT), said
    return said.error == LOCK_WAIT_TIMEOUT


# Names


def test_the_names_of_the_variables(session: Session, server: Server) -> None:
    old, new = {"tx_isolation", "tx_read_only"}, {"transaction_isolation", "transaction_read_only"}
    known = {name for name in old | new if session.ask(f"SELECT @@{name}").error != UNKNOWN_VARIABLE}
    assert known == (new if server.kind == "mysql" else old | new if renamed(server) else old)


def test_setting_the_old_name_warns_where_there_is_a_new_one(session: Session, server: Server, isolation: str) -> None:
    assert session.do(f"SET SESSION {isolation}='REPEATABLE-READ'").warnings == (1 if renamed(server) else 0)


def test_the_words_of_the_values(session: Session, isolation: str, access: str) -> None:
    for level in ("READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"):
        session.do(f"SET SESSION TRANSACTION ISOLATION LEVEL {level}")
        assert session.do(f"SELECT @@{isolation}").value == level.replace(" ", "-")
    for mode, value in (("READ ONLY", "1"), ("READ WRITE", "0")):
        session.do(f"SET SESSION TRANSACTION {mode}")
        assert session.do(f"SELECT @@{access}").value == value


@pytest.mark.parametrize("form", ["{}", "SESSION {}", "LOCAL {}", "@@session.{}", "@@local.{}"])
def test_these_forms_set_the_session_and_only_a_bare_at_at_does_not(
    session: Session, isolation: str, access: str, form: str
) -> None:
    session.do(f"SET {form.format(isolation)}='SERIALIZABLE'")
    session.do(f"SET {form.format(access)}=ON")
    assert session.do(f"SELECT @@{isolation}, @@{access}").rows == [["SERIALIZABLE", "1"]]
    for _ in range(2):
        assert session.do("BEGIN").in_read_only_transaction
        session.do("COMMIT")


# Equal again


EQUAL = (
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET SESSION TRANSACTION READ WRITE",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE",
    "SET LOCAL TRANSACTION READ WRITE",
)


@pytest.mark.parametrize("text", EQUAL)
@pytest.mark.parametrize("autocommit", [1, 0])
def test_the_same_value_again_changes_nothing(session: Session, text: str, autocommit: int) -> None:
    session.do(f"SET autocommit={autocommit}")
    assert session.do(text) == session.do("DO 1")


@pytest.mark.parametrize("text", EQUAL)
def test_the_same_value_again_keeps_a_transaction_and_its_snapshot(
    session: Session, other: Session, table: str, text: str
) -> None:
    session.do("BEGIN")
    session.do(f"UPDATE {table} SET n = 21 WHERE id = 2")
    session.do(f"SELECT n FROM {table}")
    other.do(f"UPDATE {table} SET n = 11 WHERE id = 1")
    assert session.do(text).in_transaction
    assert session.do(f"SELECT n FROM {table} WHERE id < 3").rows == [["10"], ["21"]]
    session.do("ROLLBACK")
    assert session.do(f"SELECT n FROM {table} WHERE id < 3").rows == [["11"], ["20"]]


def test_the_same_value_again_drops_a_pending_set_transaction_of_its_kind(
    session: Session, other: Session, table: str
) -> None:
    """So it is redundant only while none is pending."""
    session.do("SET TRANSACTION READ ONLY")
    session.do("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    assert session.do("BEGIN").in_read_only_transaction
    session.do("COMMIT")
    session.do("SET TRANSACTION READ ONLY")
    session.do("SET SESSION TRANSACTION READ WRITE")
    assert not session.do("BEGIN").in_read_only_transaction
    session.do("COMMIT")
    for text, kept in ((EQUAL[0], False), (EQUAL[1], True)):
        session.do("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        session.do(text)
        session.do("BEGIN")
        assert reads_lock(session, other, table) is kept
        session.do("COMMIT")


# Another value


@pytest.mark.parametrize("read_first", [False, True])
def test_a_running_transaction_keeps_its_isolation(
    session: Session, other: Session, table: str, read_first: bool
) -> None:
    session.do("BEGIN")
    if read_first:
        session.do(f"SELECT n FROM {table}")
    assert session.do("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").in_transaction
    session.do(f"SELECT n FROM {table}")
    other.do(f"UPDATE {table} SET n = 11 WHERE id = 1")
    assert session.do(f"SELECT n FROM {table} WHERE id = 1").value == "10"
    session.do("COMMIT")
    session.do("BEGIN")
    assert session.do(f"SELECT n FROM {table} WHERE id = 1").value == "11"
    other.do(f"UPDATE {table} SET n = 12 WHERE id = 1")
    assert session.do(f"SELECT n FROM {table} WHERE id = 1").value == "12"


def test_a_running_transaction_keeps_its_access_mode(session: Session, table: str) -> None:
    session.do("BEGIN")
    assert not session.do("SET SESSION TRANSACTION READ ONLY").in_read_only_transaction
    session.do(f"UPDATE {table} SET n = 11 WHERE id = 1")
    session.do("COMMIT")
    assert session.do("BEGIN").in_read_only_transaction


def test_without_autocommit_it_is_in_force_from_the_next_statement(
    session: Session, other: Session, table: str
) -> None:
    session.do("SET autocommit=0")
    session.do("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    assert session.do(f"SELECT n FROM {table} WHERE id = 1").value == "10"
    other.do(f"UPDATE {table} SET n = 11 WHERE id = 1")
    assert session.do(f"SELECT n FROM {table} WHERE id = 1").value == "11"


def test_read_only_holds_in_autocommit_mode_and_gives_way_to_begin(session: Session, table: str) -> None:
    session.do("SET SESSION TRANSACTION READ ONLY")
    assert session.ask(f"UPDATE {table} SET n = 11").error == READ_ONLY_TRANSACTION
    assert not session.do(f"SELECT n FROM {table}").in_read_only_transaction
    assert not session.do("START TRANSACTION READ WRITE").in_read_only_transaction
    session.do(f"UPDATE {table} SET n = 11 WHERE id = 1")
    session.do("COMMIT")
    assert session.do("START TRANSACTION").in_read_only_transaction


# One-shot forms


@pytest.mark.parametrize("form", ["TRANSACTION ISOLATION LEVEL SERIALIZABLE", "@@{}='SERIALIZABLE'"])
def test_a_one_shot_form_leaves_no_trace_until_the_next_transaction(
    session: Session, other: Session, table: str, isolation: str, form: str
) -> None:
    session.do(f"SET session_track_system_variables='{isolation}'")
    said = session.do(f"SET {form.format(isolation)}")
    assert said.variables == {}
    assert session.do(f"SELECT @@{isolation}").value == "REPEATABLE-READ"
    for kept in (True, False):
        session.do("BEGIN")
        assert reads_lock(session, other, table) is kept
        session.do("COMMIT")


@pytest.mark.parametrize("form", ["TRANSACTION READ ONLY", "@@{}=1", "@@{}=ON"])
def test_a_one_shot_access_mode_leaves_no_trace_either(session: Session, access: str, form: str) -> None:
    session.do(f"SET session_track_system_variables='{access}'")
    assert session.do(f"SET {form.format(access)}").variables == {}
    assert session.do(f"SELECT @@{access}").value == "0"
    for read_only in (True, False):
        assert session.do("BEGIN").in_read_only_transaction is read_only
        session.do("COMMIT")


def test_only_the_tracker_of_characteristics_tells_of_a_one_shot_form(session: Session, access: str) -> None:
    session.do("SET session_track_transaction_info='CHARACTERISTICS'")
    for text in ("SET TRANSACTION READ ONLY", f"SET @@{access}=1"):
        assert session.do(text).characteristics == "SET TRANSACTION READ ONLY;"
        assert session.do("COMMIT").in_transaction is False


def test_a_one_shot_form_is_refused_in_a_transaction(session: Session, isolation: str, access: str) -> None:
    session.do("BEGIN")
    for text in ("TRANSACTION READ WRITE", f"@@{isolation}='REPEATABLE-READ'", f"@@{access}=0"):
        assert session.ask(f"SET {text}").error == IN_A_TRANSACTION
        assert session.do("DO 1").in_transaction


@pytest.mark.parametrize(
    ("between", "kept"),
    [
        ("DO 1", True),
        ("SELECT 1", True),
        ("SELECT 1 FROM nothing", True),
        ("no SQL", True),
        ("SET autocommit=1", True),
        ("USE information_schema", True),
        ("SELECT n FROM facts", False),
        ("SELECT (SELECT n FROM facts)", False),
        ("COMMIT", False),
    ],
)
def test_what_uses_up_a_one_shot_form(session: Session, table: str, between: str, kept: bool) -> None:
    assert table == "facts"
    session.do("SET TRANSACTION READ ONLY")
    session.ask(between)
    assert session.do("BEGIN").in_read_only_transaction is kept


def test_on_mysql_a_one_shot_isolation_outlives_a_transaction_that_begin_ends(
    session: Session, other: Session, server: Server, table: str
) -> None:
    session.do("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    session.do("BEGIN")
    session.do("BEGIN")
    assert reads_lock(session, other, table) is (server.kind == "mysql")


# The tracker


def test_the_tracker_reports_neither_by_default(session: Session) -> None:
    assert session.do("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY").variables == {}


def test_the_tracker_reports_both_under_the_listed_names(session: Session, isolation: str, access: str) -> None:
    session.do(f"SET session_track_system_variables='{isolation},{access}'")
    for _ in range(2):
        said = session.do("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY")
        assert said.variables == {isolation: "READ-COMMITTED", access: "ON"}
    assert session.do(f"SET {isolation}='SERIALIZABLE'").variables == {isolation: "SERIALIZABLE"}
    session.do("BEGIN")
    assert session.do("SET SESSION TRANSACTION READ WRITE").variables == {access: "OFF"}


def test_of_two_names_mariadb_keeps_one(session: Session, server: Server) -> None:
    """Each server knows what its own list holds: names are to be read back, not assumed."""
    said = session.ask("SET session_track_system_variables='transaction_isolation,tx_isolation'")
    kept = session.do("SELECT @@session_track_system_variables").value
    if server.kind == "mysql":
        assert (said.warnings, kept) == (1, "transaction_isolation,tx_isolation")
    elif renamed(server):
        assert (said.warnings, kept) == (0, "transaction_isolation")
    else:
        assert said.error == UNKNOWN_VARIABLE
