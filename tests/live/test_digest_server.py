"""What the lexer believes, asked of a real server: its own reading of each text is the result it returns."""

from typing import Any, Protocol

import pymysql
import pytest

from rules import lexer
from rules.digest import digest
from rules.lexer import COMMENT, NUMBER, SIGN, STRING, UNTERMINATED, WORD


class Server(Protocol):
    """Where a server is, and who may log in."""

    host: str
    port: int
    user: str
    password: str
    schema: str


def ask(server: Server, text: bytes) -> tuple[Any, ...]:
    """Return the first row, if any, or the number of the error."""
    connection = pymysql.connect(
        host=server.host, port=server.port, user=server.user, password=server.password, database=server.schema
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("create temporary table lexed (`1b` int, `5` int, x int)")
        cursor.execute("insert into lexed values (7, 8, 9)")
        try:
            connection.query(text)
        except pymysql.MySQLError as error:
            return ("error", error.args[0])
        rows = connection._result.rows
        return tuple(rows[0]) if rows else ()


SYNTAX_ERROR = ("error", 1064)


@pytest.mark.parametrize(
    ("text", "row", "kinds"),
    [
        (b"select 5--1", (6,), [WORD, NUMBER, SIGN, SIGN, NUMBER]),
        (b"select 5-- 1", (5,), [WORD, NUMBER, COMMENT]),
        (b"select 5--", (5,), [WORD, NUMBER, COMMENT]),
        (b"select 5--\x011", (5,), [WORD, NUMBER, COMMENT]),
        (b"select 5--\x7f1", (5,), [WORD, NUMBER, COMMENT]),
        (b"select 1 # c\n+1", (2,), [WORD, NUMBER, COMMENT, SIGN, NUMBER]),
        (b"select 1 /* /* */ + 1", (2,), [WORD, NUMBER, COMMENT, SIGN, NUMBER]),
        (b"select 1 /* x", SYNTAX_ERROR, [WORD, NUMBER, UNTERMINATED]),
        (b"select 1e1", (10.0,), [WORD, NUMBER]),
        (b"select 1e+1", (10.0,), [WORD, NUMBER]),
        (b"select 1e5x", (100000.0,), [WORD, NUMBER, WORD]),
        (b"select 0x41", (b"A",), [WORD, NUMBER]),
        (b"select 0X41", ("error", 1054), [WORD, WORD]),
        (b"select 0b1", (b"\x01",), [WORD, NUMBER]),
        (b"select 0b12", ("error", 1054), [WORD, WORD]),
        (b"select 0xZZ", ("error", 1054), [WORD, WORD]),
        (b"select 1e", ("error", 1054), [WORD, WORD]),
        (b"select lexed.1b from lexed", (7,), [WORD, WORD, WORD, WORD]),
        (b"select lexed.5 from lexed", (8,), [WORD, WORD, WORD, WORD]),
        (b"select lexed .5 from lexed", SYNTAX_ERROR, [WORD, WORD, NUMBER, WORD, WORD]),
        (b"select 1\xc2\xa0", ("error", 1054), [WORD, WORD]),
        (b"select 1\x0c+\x0b1", (2,), [WORD, NUMBER, SIGN, NUMBER]),
        (b"select 1\x01", SYNTAX_ERROR, [WORD, NUMBER, lexer.CONTROL]),
        (b"select 'a''b'", ("a'b",), [WORD, STRING]),
        (rb"select 'a\'b'", ("a'b",), [WORD, STRING]),
        (b"select N'x'", ("x",), [WORD, STRING]),
        (b"select x'41'", (b"A",), [WORD, STRING]),
        (b"select 'a' -- x\n 'b'", ("ab",), [WORD, STRING, COMMENT, STRING]),
        (b"select _latin1 0x41", ("A",), [WORD, WORD, NUMBER]),
        (b"select 2*/*x*/3", (6,), [WORD, NUMBER, lexer.OPERATOR, COMMENT, NUMBER]),
        (b"select /*! 2*/*3", (6,),
         [WORD, lexer.CODE_START, NUMBER, lexer.CODE_END, lexer.OPERATOR, NUMBER]),
        (b"select 1 /*! + 1 /* x */ + 1 */", (3,),
         [WORD, NUMBER, lexer.CODE_START, SIGN, NUMBER, COMMENT, SIGN, NUMBER, lexer.CODE_END]),
        (b"select /*!40101 2 */ + 1", (3,), [WORD, lexer.CODE_START, NUMBER, lexer.CODE_END, SIGN, NUMBER]),
        (b"select /*!401012 */ + 1", (1,), [WORD, lexer.CODE_START, lexer.CODE_END, SIGN, NUMBER]),
    ],
)  # fmt: skip
def test_server_reads_it_so(server: Server, text: bytes, row: tuple[Any, ...], kinds: list[int]) -> None:
    answer = ask(server, text)
    assert answer == row
    assert [kind for kind, _, _ in lexer.tokens(text)] == kinds


@pytest.mark.parametrize(
    ("mode", "text", "row"),
    [
        ("ANSI_QUOTES", b'select "x" from lexed', (9,)),
        ("NO_BACKSLASH_ESCAPES", b"select 'a\\'", ("a\\",)),
        ("", b'select "x" from lexed', ("x",)),
    ],
)
def test_sql_mode_changes_the_reading(server: Server, mode: str, text: bytes, row: tuple[Any, ...]) -> None:
    connection = pymysql.connect(
        host=server.host, port=server.port, user=server.user, password=server.password, database=server.schema
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("create temporary table lexed (x int)")
        cursor.execute("insert into lexed values (9)")
        cursor.execute("set sql_mode = %s", (mode,))
        connection.query(text)
        assert tuple(connection._result.rows[0]) == row
    kinds = [
        kind
        for kind, _, _ in lexer.tokens(
            text, ansi_quotes=mode == "ANSI_QUOTES", no_backslash_escapes=mode == "NO_BACKSLASH_ESCAPES"
        )
    ]
    assert kinds[1] == (lexer.QUOTED if mode == "ANSI_QUOTES" else STRING)


@pytest.mark.parametrize(
    "text",
    [
        b"select - -5, 5--1, x , `x`, lexed . x from lexed where x in (1,9) and x between -1 and +10 and x is not null",
        b"select count( * ), max(x) from lexed where (x, `5`) in ((9,8),(1,2)) limit 0, 5",
        b"select /*!50000 sql_no_cache */ @@autocommit, @y, @`y z` from lexed -- x",
    ],
)
def test_a_digest_with_values_in_it_runs(server: Server, text: bytes) -> None:
    """The normalised text is SQL still: with numbers for its placeholders a server takes it."""
    assert ask(server, text)[:1] != ("error",)
    again = (
        digest(text).text.replace("(?+)", "(?)").replace("(x, `5`) in (?)", "(x, `5`) in ((?, ?))").replace("?", "9")
    )
    assert ask(server, again.encode())[:1] != ("error",)
