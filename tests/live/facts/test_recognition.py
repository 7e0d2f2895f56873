"""Texts that look alike and are not: comments, quotes, terminators, and modes and charsets that change the lexing."""

import pytest

from proxy.wire.constants import (
    CLIENT_MULTI_STATEMENTS,
    COM_QUERY,
    SERVER_STATUS_ANSI_QUOTES,
    SERVER_STATUS_NO_BACKSLASH_ESCAPES,
)

from ..servers import Server
from .conftest import TRACKING, Connect, Said, Session

SYNTAX = 1064


def in_transaction_after(session: Session, text: str) -> bool:
    """Whether a transaction is open after BEGIN and the text, which must not fail."""
    session.do("BEGIN")
    return session.do(text).in_transaction


def flags(said: Said, mask: int) -> bool:
    assert said.status is not None
    return said.status & mask != 0


def ask_bytes(session: Session, text: bytes) -> Said:
    return session.command(bytes([COM_QUERY]) + text)


COMMITS = [
    "commit",
    " \t\r\n\v\fCOMMIT\f\v ",
    "COMMIT WORK",
    "COMMIT AND NO CHAIN NO RELEASE",
    "/* x */COMMIT/**/WORK/* x */",
    "-- x\nCOMMIT",
    "--\nCOMMIT",
    "#x\nCOMMIT",
    "COMMIT -- x",
    "COMMIT --",
    "COMMIT --\tx",
    "COMMIT --\x01x",
    "COMMIT#x",
    "COMMIT\0",
    "/*+ x */ COMMIT",
    "COMMIT /* AND CHAIN */",
    "COMMIT /*!*/",
    "/*! COMMIT */",
    "/*!50000 COMMIT*/",
    "COMMIT /*!999999 AND CHAIN */",
    "COMMIT /*! AND NO CHAIN */",
]


@pytest.mark.parametrize("text", COMMITS)
def test_these_commit(session: Session, text: str) -> None:
    assert not in_transaction_after(session, text)


@pytest.mark.parametrize("text", ["COMMIT AND CHAIN", "COMMIT /*! AND CHAIN */", "COMMIT/*!50000 AND*/ CHAIN"])
def test_these_start_the_next_transaction(session: Session, text: str) -> None:
    assert in_transaction_after(session, text)


@pytest.mark.parametrize(
    "text", ["/**/-- x\rCOMMIT", "/*/COMMIT/**/", "#COMMIT", "/* COMMIT */", "/*!999999 COMMIT */", "--\x01x\rCOMMIT"]
)
def test_these_are_comments_and_answered_by_ok(session: Session, text: str) -> None:
    """A carriage return does not end a comment; slash, star, slash opens one and does not close it."""
    assert in_transaction_after(session, text)


def test_what_a_version_comment_says_depends_on_server_and_version(session: Session, server: Server) -> None:
    """MariaDB passes over the versions of MySQL 5.7 and later, and has some of its own."""
    mysql = server.kind == "mysql"
    assert in_transaction_after(session, "COMMIT /*!80000 AND CHAIN */") is mysql
    assert in_transaction_after(session, "COMMIT /*!100100 AND CHAIN */") is not mysql
    assert in_transaction_after(session, "COMMIT /*M! AND CHAIN */") is not mysql


@pytest.mark.parametrize(
    "text",
    [
        "--x\nCOMMIT",
        "COMMIT --x",
        ";COMMIT",
        "COM/**/MIT",
        "`COMMIT`",
        "(COMMIT)",
        "COMMIT \\g",
        "COMMIT /* x",
        "COMMIT /* /* */ */",
        "COMMIT /*!1 AND CHAIN */",
        "COMMIT\xa0",
        "\ufeffCOMMIT",
        "COMMIT \x1a",
        "STARTTRANSACTION",
        "USE'mysql'",
        "SET 'autocommit'=0",
        "SET @@ autocommit=0",
    ],
)
def test_these_are_wrong(session: Session, text: str) -> None:
    session.do("BEGIN")
    assert session.ask(text).error == SYNTAX
    assert session.do("DO 1").in_transaction


def test_nothing_is_an_error_of_its_own_but_a_comment_is_answered(session: Session) -> None:
    for text in ("", " ", ";", "\n;"):
        assert session.ask(text).error == 1065
    assert not session.ask("/**/").error


@pytest.mark.parametrize(
    ("text", "results"),
    [
        ("COMMIT;", 1),
        ("COMMIT;;", 1),
        ("COMMIT; ; \n", 1),
        ("COMMIT;-- x", 2),
        ("COMMIT; /* x */", 2),
        ("COMMIT;#", 2),
        ("COMMIT; COMMIT", 2),
    ],
)
def test_a_comment_after_the_semicolon_has_a_result_of_its_own(session: Session, text: str, results: int) -> None:
    """With CLIENT_MULTI_STATEMENTS; white space and further semicolons have none."""
    session.query(text)
    assert len(session.read_all()) == results


def test_without_multi_statements_only_comments_may_follow_a_semicolon(connect: Connect, server: Server) -> None:
    connect()
    account = server.account
    with Session(
        server.host, server.port, account.user, account.password, "", TRACKING, CLIENT_MULTI_STATEMENTS
    ) as session:
        for text in ("COMMIT;", "COMMIT;;", "COMMIT; ;", "COMMIT;-- x", "COMMIT; /* x */"):
            session.query(text)
            assert len(session.read_all()) == 1, text
        assert session.ask("COMMIT; COMMIT").error == SYNTAX


@pytest.mark.parametrize(
    "text",
    [
        "SET@@autocommit=0",
        "SET@@session.autocommit=0",
        "SET @@session . autocommit = off",
        "SET/**/autocommit/**/=/**/0",
        "SET `autocommit`=0",
        "SET @@`autocommit`=0",
        "SET autocommit='OFF';",
        'SET autocommit="off";;',
        "SET autocommit=`off`",
        "SET autocommit:=FALSE",
    ],
)
def test_these_turn_autocommit_off(session: Session, text: str) -> None:
    assert not session.do(text).autocommit


def test_begin_not_atomic_and_execute_immediate_run_anything_on_mariadb(session: Session, server: Server) -> None:
    for text in ("BEGIN NOT ATOMIC SET autocommit=0; END", "EXECUTE IMMEDIATE 'SET autocommit=0'"):
        said = session.ask(text)
        if server.kind == "mysql":
            assert said.error == SYNTAX
        else:
            assert not said.autocommit
            session.do("SET autocommit=1")


def test_begin_opens_a_block_in_mariadbs_oracle_mode(session: Session, server: Server) -> None:
    """The mode brings ANSI_QUOTES, which is in the status flags."""
    said = session.ask("SET sql_mode='ORACLE'")
    if server.kind == "mysql":
        assert said.error == 1231
        return
    assert flags(said, SERVER_STATUS_ANSI_QUOTES)
    for text in ("BEGIN", "BEGIN WORK"):
        assert session.ask(text).error == SYNTAX
    assert not session.do("BEGIN SET autocommit=0; END").autocommit
    assert session.do("START TRANSACTION").in_transaction


def test_ansi_quotes_makes_double_quotes_those_of_names(session: Session, server: Server) -> None:
    """Only MariaDB has a status flag for it. SET takes a name for a word as it takes a string for one."""
    name, word = 'SET "autocommit"=0', 'SET autocommit="ON"'
    assert session.do('SELECT "autocommit"').value == "autocommit"
    assert session.ask(name).error == SYNTAX
    assert session.ask(f'USE "{server.schema}"').error == SYNTAX
    said = session.do("SET sql_mode='ANSI_QUOTES'")
    assert flags(said, SERVER_STATUS_ANSI_QUOTES) is (server.kind == "mariadb")
    assert session.ask('SELECT "autocommit"').error == 1054
    assert not session.do(name).autocommit
    assert session.do(word).autocommit
    assert session.do(f'USE "{server.schema}"').schema == server.schema


TWO_STRINGS = b"SELECT 'a%s', 'b' -- '"
"""Two strings where what is put in does not escape the quote; else one string, and a third that has no end."""


def test_no_backslash_escapes_ends_a_string_earlier(session: Session) -> None:
    """It is in the status flags of both."""
    text = TWO_STRINGS % b"\\"
    assert ask_bytes(session, text).error == SYNTAX
    assert flags(session.do("SET sql_mode='NO_BACKSLASH_ESCAPES'"), SERVER_STATUS_NO_BACKSLASH_ESCAPES)
    assert ask_bytes(session, text).rows == [["a\\", "b"]]


@pytest.mark.parametrize(
    ("charset", "first"),
    [("gbk", b"\xbf"), ("big5", b"\xbf"), ("sjis", b"\x81"), ("cp932", b"\x81"), ("gb18030", b"\xbf")],
)
def test_a_charsets_second_byte_may_look_like_a_backslash(
    session: Session, server: Server, charset: str, first: bytes
) -> None:
    text = TWO_STRINGS % (first + b"\\")
    session.do("SET NAMES latin1")
    assert ask_bytes(session, text).error == SYNTAX
    if charset == "gb18030" and server.kind == "mariadb":
        assert session.ask(f"SET NAMES {charset}").error == 1115
        return
    session.do(f"SET NAMES {charset}")
    [row] = ask_bytes(session, text).rows
    assert len(row) == 2
    assert row[1] == "b"


def test_in_comments_bytes_are_only_bytes(session: Session) -> None:
    """No charset makes a character of the star that ends one, and none need be valid."""
    for charset in ("gbk", "utf8mb4"):
        session.do(f"SET NAMES {charset}")
        for text in (b"COMMIT /* \xbf*/", b"COMMIT -- \xff", b"/*\xff\xfe*/COMMIT"):
            session.do("BEGIN")
            assert not ask_bytes(session, text).in_transaction
