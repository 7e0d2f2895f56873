"""USE and COM_INIT_DB: of the same schema again, of one that is gone, and what the tracker says."""

from collections.abc import Iterator

import pytest

from proxy.wire.constants import COM_INIT_DB, COM_RESET_CONNECTION, SERVER_STATUS_DB_DROPPED

from ..servers import Server
from .conftest import Connect, Said, Session

UNKNOWN_DATABASE = 1049


@pytest.fixture
def other_schema(server: Server) -> Iterator[str]:
    """A schema of latin1 that a test may drop; the account of the sessions has all rights on it."""
    name = f"{server.schema}_other"
    user = f"'{server.account.user}'@'%'"
    server.run(f"CREATE DATABASE {name} CHARACTER SET latin1", f"GRANT ALL ON {name}.* TO {user}")
    yield name
    server.run(f"DROP DATABASE IF EXISTS {name}", f"REVOKE ALL ON {name}.* FROM {user}")


def init_db(session: Session, schema: str) -> Said:
    return session.command(bytes([COM_INIT_DB]) + schema.encode())


def test_the_same_schema_again_is_reported_again(session: Session, server: Server) -> None:
    for said in (session.do(f"USE {server.schema}"), init_db(session, server.schema)):
        assert said.schema == server.schema
        assert (said.affected, said.warnings, said.variables) == (0, 0, {})


def test_use_commits_nothing(session: Session, server: Server, table: str) -> None:
    session.do("BEGIN")
    session.do(f"UPDATE {table} SET n = 0")
    assert session.do(f"USE {server.schema}").in_transaction
    assert init_db(session, server.schema).in_transaction
    session.do("ROLLBACK")
    assert session.do(f"SELECT n FROM {table} WHERE id = 1").value == "10"


def test_a_schema_that_does_not_exist_leaves_the_old_one(session: Session, server: Server) -> None:
    for said in (session.ask("USE nosuch_schema"), init_db(session, "nosuch_schema")):
        assert said.error in (UNKNOWN_DATABASE, 1044)
        assert session.do("SELECT DATABASE()").value == server.schema
    assert init_db(session, "").error == 1046


def test_com_init_db_takes_a_name_as_it_is(session: Session, server: Server) -> None:
    """Neither quotes nor `;` are syntax there."""
    for name in (f"`{server.schema}`", f"{server.schema};", f" {server.schema}"):
        assert init_db(session, name).error, name
    for text in (f"USE `{server.schema}`;", f"USE/**/{server.schema}", f"use {server.schema} -- x"):
        assert session.do(text).schema == server.schema


def test_case_matters_where_lower_case_table_names_is_0(session: Session, server: Server) -> None:
    assert session.do("SELECT @@lower_case_table_names").value == "0"
    assert session.ask(f"USE {server.schema.upper()}").error
    assert init_db(session, server.schema.upper()).error
    assert session.do("USE INFORMATION_SCHEMA").schema == "information_schema", "whose name the server makes its own"


def test_dropping_the_current_schema_leaves_none(session: Session, other_schema: str) -> None:
    session.do(f"USE {other_schema}")
    said = session.do(f"DROP DATABASE {other_schema}")
    assert said.status is not None
    assert said.status & SERVER_STATUS_DB_DROPPED
    assert said.schema == ""
    again = session.do("SELECT DATABASE()")
    assert again.value is None
    assert again.status is not None
    assert not again.status & SERVER_STATUS_DB_DROPPED, "the flag comes once"
    assert session.ask(f"USE {other_schema}").error == UNKNOWN_DATABASE


def test_a_reset_keeps_the_schema_and_says_nothing(session: Session, server: Server, other_schema: str) -> None:
    session.do(f"USE {other_schema}")
    assert session.command(bytes([COM_RESET_CONNECTION])).schema is None
    assert session.do("SELECT DATABASE()").value == other_schema


def test_nobody_is_told_that_another_session_dropped_his_schema(
    session: Session, server: Server, other_schema: str
) -> None:
    """DATABASE() still names it; only USE of it tells."""
    session.do(f"USE {other_schema}")
    server.run(f"DROP DATABASE {other_schema}")
    said = session.do("SELECT DATABASE()")
    assert (said.value, said.schema) == (other_schema, None)
    assert session.ask(f"USE {other_schema}").error == UNKNOWN_DATABASE
    assert init_db(session, other_schema).error == UNKNOWN_DATABASE
    assert session.do("SELECT DATABASE()").value == other_schema


def test_use_of_the_same_schema_after_another_session_altered_it(
    session: Session, server: Server, other_schema: str
) -> None:
    """MySQL takes the new collation; MariaDB only on coming back from another schema."""
    session.do(f"USE {other_schema}")
    server.run(f"ALTER DATABASE {other_schema} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    assert session.do("SELECT @@collation_database").value == "latin1_swedish_ci"
    session.do(f"USE {other_schema}")
    again = "utf8mb4_bin" if server.kind == "mysql" else "latin1_swedish_ci"
    assert session.do("SELECT @@collation_database").value == again
    session.do(f"USE {server.schema}")
    session.do(f"USE {other_schema}")
    assert session.do("SELECT @@collation_database").value == "utf8mb4_bin"


def test_a_login_without_a_schema_has_none(connect: Connect) -> None:
    assert connect(schema="").do("SELECT DATABASE()").value is None
