"""What a text asks for: each spelling that is matched, each look-alike that is not, and what PLAIN texts may do."""

import re
import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import lexer
from rules.functions import BUILT_IN, TIGHT
from rules.statement import (
    BEGIN,
    CHARSETS,
    END,
    ONE_SHOT,
    OTHER,
    PLAIN,
    PROBE,
    READ,
    READABLE,
    SET,
    SETTABLE,
    USE,
    WARNINGS,
    Assignment,
    Statement,
    literal,
    read,
)

from .test_lexer import BYTES, HOSTILE

MATCHED = (SET, ONE_SHOT, BEGIN, END, USE, READ, WARNINGS, PROBE)

SETS = {
    "autocommit OFF": r"""
        set autocommit=0 | SET autocommit=0 | SET AUTOCOMMIT = 0 | SET @@session.autocommit = OFF
        SET autocommit=off;
        SET SESSION autocommit=FALSE | SET LOCAL autocommit := 0 | SET @@autocommit=0 | SET@@local.autocommit='off'
        SET `autocommit`='OFF' | SET @@`autocommit`=0 | SET @@session.`autocommit`=0 | SET/**/autocommit/**/=/**/0
        SET autocommit=0 -- x | # x\nSET autocommit=0 | SET autocommit=0;;""",
    "autocommit ON": "set autocommit=1 | SET AUTOCOMMIT = on | SET @@SESSION.AUTOCOMMIT = True | SET autocommit='ON'",
    "isolation READ-UNCOMMITTED": "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
    "isolation READ-COMMITTED": """
        SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED
        set session transaction isolation level read committed;
        SET LOCAL TRANSACTION ISOLATION LEVEL READ COMMITTED | SET transaction_isolation='READ-COMMITTED'
        SET tx_isolation = 'read-committed' | SET SESSION tx_isolation='READ-COMMITTED'
        SET @@session.transaction_isolation='READ-COMMITTED' | SET @@local.tx_isolation := 'READ-COMMITTED'""",
    "isolation REPEATABLE-READ": """
        SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ
        SET SESSION transaction_isolation='REPEATABLE-READ'""",
    "isolation SERIALIZABLE": """
        SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE | SET transaction_isolation=serializable""",
    "access ON": """
        SET SESSION TRANSACTION READ ONLY | set session transaction read only | SET LOCAL TRANSACTION READ ONLY
        SET @@session.transaction_read_only=1 | SET transaction_read_only=ON | SET SESSION tx_read_only='on'""",
    "access OFF": "SET SESSION TRANSACTION READ WRITE | set session transaction read write | SET tx_read_only=false",
    "isolation READ-COMMITTED, access ON": "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY",
    "access OFF, isolation SERIALIZABLE": "SET SESSION TRANSACTION READ WRITE, ISOLATION LEVEL SERIALIZABLE",
    "names utf8mb4": "SET NAMES utf8mb4 | SET NAMES utf8mb4; | SET NAMES 'utf8mb4' | set  names UTF8MB4",
    "names utf8": "SET NAMES utf8 | SET NAMES 'UTF8'",
    "names binary": "SET NAMES binary",
    "names gbk": "SET NAMES gbk",
    "names utf8mb4 COLLATE utf8mb4_bin": """
        SET NAMES utf8mb4 COLLATE utf8mb4_bin | SET NAMES 'utf8mb4' COLLATE 'utf8mb4_bin'
        set names 'UTF8MB4' collate 'UTF8MB4_BIN'""",
    "character_set_results NULL": "SET character_set_results = NULL | SET @@session.character_set_results=null",
    "character_set_client latin1": "SET character_set_client = 'latin1' | SET character_set_client=LATIN1",
    "character_set_connection utf8mb4": "SET character_set_connection = 'utf8mb4'",
    "collation_connection utf8mb4_bin": "SET collation_connection=utf8mb4_bin | SET collation_connection='utf8mb4_BIN'",
    "time_zone '+00:00'": """
        SET time_zone='+00:00' | SET SESSION time_zone = '+00:00'; | SET @@session.time_zone = '+00:00'
        SET @@time_zone='+00:00'""",
    "sql_mode 'STRICT_TRANS_TABLES,NO_ZERO_DATE'": """
        SET sql_mode='STRICT_TRANS_TABLES,NO_ZERO_DATE' | SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_DATE'
        SET @@session.sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_DATE'""",
    "sql_mode ''": "SET sql_mode=''",
    "sql_auto_is_null 0": "SET SQL_AUTO_IS_NULL = 0",
    "wait_timeout 2147483": "SET @@wait_timeout = 2147483 | SET @@SESSION.wait_timeout = 2147483",
    "sql_select_limit 18446744073709551615": "SET sql_select_limit=18446744073709551615",
    "net_write_timeout 600": "SET net_write_timeout=600",
    "innodb_lock_wait_timeout 5": "SET innodb_lock_wait_timeout=5",
    "foreign_key_checks 0": "SET foreign_key_checks=0",
    "foreign_key_checks OFF": "SET foreign_key_checks=off",
    "lc_time_names 'de_DE'": "SET lc_time_names='de_DE'",
    "autocommit OFF, names latin1": "SET autocommit=0, NAMES latin1",
    "names utf8mb4 COLLATE utf8mb4_unicode_ci, sql_mode 'ANSI_QUOTES,NO_ZERO_DATE'": """
        SET NAMES 'utf8mb4' COLLATE 'utf8mb4_unicode_ci', SESSION sql_mode='ANSI_QUOTES,NO_ZERO_DATE';""",
    "names utf8mb4, character_set_results latin1": "SET NAMES utf8mb4, character_set_results=latin1",
    "isolation SERIALIZABLE, access ON": "SET transaction_isolation='SERIALIZABLE', @@session.transaction_read_only=1",
}
"""What is assigned, and the texts that do."""

OTHERS = {
    ONE_SHOT: """
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED | SET  TRANSACTION ISOLATION LEVEL SERIALIZABLE;
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY | SET TRANSACTION READ WRITE
        set transaction read only, isolation level repeatable read | SET @@transaction_read_only = ON
        SET @@transaction_isolation='REPEATABLE-READ' | SET @@tx_isolation='SERIALIZABLE', @@tx_read_only=0""",
    BEGIN: """
        BEGIN | BEGIN; | begin | BEGIN WORK | START TRANSACTION | START TRANSACTION; | start transaction;
        START TRANSACTION READ ONLY | START TRANSACTION READ WRITE | /* x */ BEGIN -- x""",
    END: r"""
        COMMIT | COMMIT; | commit | COMMIT WORK | COMMIT/**/WORK/* AND CHAIN */ | ROLLBACK | rollback;
        ROLLBACK WORK
        -- x\nCOMMIT | --\nCOMMIT | COMMIT -- | COMMIT#x | COMMIT;; | COMMIT ;\n""",
    USE: r"USE `db` | use `db`; | USE db | use\ndb -- x | USE/**/db | USE`db`",
    READ: """
        SELECT @@session.transaction_isolation | select @@session.tx_isolation | SELECT @@transaction_read_only
        SELECT @@session.tx_read_only | SELECT @@transaction_read_only AS READ_ONLY | SELECT @@autocommit;
        SELECT @@SESSION.sql_mode | SELECT @@sql_mode | SELECT @@max_allowed_packet
        SELECT @@lower_case_table_names
        SELECT @@local.time_zone tz, @@`autocommit` AS `a`, @@version AS 'v' | /* x */SELECT  @@version_comment""",
    WARNINGS: "SHOW WARNINGS | SHOW WARNINGS; | show warnings | SHOW ERRORS",
    PROBE: "SELECT 1 | select 1; | SELECT NULL | /* ping */ SELECT 1 | SELECT/**/1",
}

NEAR_MISSES = r"""
    SET autocommit=2 | SET autocommit='1' | SET autocommit=01 | SET autocommit=+1 | SET autocommit=-1
    SET autocommit=1.0
    SET autocommit=0x1 | SET autocommit=(SELECT 1) | SET autocommit=@x | SET autocommit=!1 | SET autocommit= !1
    SET autocommit=1--1 | SET autocommit=1+0 | SET autocommit=DEFAULT | SET autocommit=NULL | SET autocommit="ON"
    SET autocommit=`on` | SET autocommit=b'1' | SET autocommit=N'ON' | SET autocommit='' | SET autocommit
    SET autocommit=
    SET autocommit=0 1 | SET autocommit==0 | SET autocommit 0 | SET =0 | SET | SET , | SET autocommit=0,
    SET ,autocommit=0
    SET autocommit=0, SESSION autocommit=1 | SET tx_isolation='SERIALIZABLE', transaction_isolation='SERIALIZABLE'
    SET autocommit=0,,autocommit=1 | SET autocommit=0 autocommit=1 | SET 'autocommit'=0 | SET "autocommit"=0
    SET @@ autocommit=0 | SET @ autocommit=0 | SET @autocommit=0 | SET @`autocommit`=0 | SET session.autocommit=0
    SET @@global.autocommit=0 | SET GLOBAL autocommit=0 | SET PERSIST autocommit=0 | SET PERSIST_ONLY autocommit=0
    SET @@persist.autocommit=0 | SET @@session.local.autocommit=0 | SET @@.autocommit=0
    SET @@`session`.autocommit=0
    SET SESSION @@autocommit=0 | SET SESSION SESSION autocommit=0 | SET SESSION autocommit=0, GLOBAL wait_timeout=1
    SET autocommit=0, @a=1 | SET autocommit=0, nosuch=1 | SET STATEMENT autocommit=0 FOR SELECT 1
    SET autocommit=off_
    SET autocommit=/*!0*/ | SET autocommit=/*!0+*/1 | SET /*+ x */ autocommit=0 | SET autocommit=0 /* x
    SET (autocommit=0)
    /*!40101 SET autocommit=0 */ | /*! SET autocommit=0 */ | /*M! SET autocommit=0 */ | (SET autocommit=0)
    SET autocommit=0;SET autocommit=1 | SET autocommit=0; SELECT 1 | ;SET autocommit=0 | --x\nSET autocommit=0
    /*/SET autocommit=0 | SET autocommit=0\x00 | SET autocommit=0 \x1a | SET autocommit=0 \g | SET\xa0autocommit=0
    SET TRANSACTION | SET SESSION TRANSACTION | SET TRANSACTION READ | SET TRANSACTION ISOLATION LEVEL READ
    SET TRANSACTION ISOLATION LEVEL READ-COMMITTED | SET GLOBAL TRANSACTION READ ONLY
    SET TRANSACTION READ ONLY, READ WRITE
    SET SESSION TRANSACTION READ ONLY, autocommit=1 | SET SESSION TRANSACTION ISOLATION LEVEL 'READ COMMITTED'
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED READ ONLY | SET @@session TRANSACTION READ ONLY
    SET @@transaction_isolation='SERIALIZABLE', autocommit=0 | SET tx_read_only=0, @@tx_isolation='SERIALIZABLE'
    SET transaction_isolation='READ COMMITTED' | SET transaction_isolation=2 | SET transaction_isolation='nosuch'
    SET transaction_isolation=N'SERIALIZABLE' | SET transaction_isolation="SERIALIZABLE"
    SET tx_isolation=READ-COMMITTED
    SET NAMES | SET NAMES DEFAULT | SET NAMES utf8mb4 COLLATE | SET NAMES utf8mb4 COLLATE DEFAULT
    SET NAMES 'default'
    SET NAMES _latin1'latin1' | SET NAMES "utf8mb4" | SET NAMES `utf8mb4` | SET NAMES @x | SET NAMES = utf8
    SET NAMES NULL
    SET SESSION NAMES utf8 | SET NAMES utf8 utf8_bin | SET NAMES utf8.x | SET NAMES 'utf8\' | SET NAMES ut\xc3f8
    SET CHARACTER SET utf8 | SET CHARSET utf8 | SET CHARACTER SET DEFAULT | SET character_set_server=utf8
    SET character_set_client=NULL | SET character_set_results='NULL' | SET character_set_results=DEFAULT
    SET character_set_results=8 | SET collation_connection=DEFAULT | SET character_set_database=latin1
    SET time_zone='a\'' | SET time_zone='a''b' | SET time_zone="+00:00" | SET time_zone='\xc3'
    SET time_zone='+0' '1'
    SET time_zone=DEFAULT | SET time_zone=@@global.time_zone | SET time_zone=SYSTEM | SET time_zone=CONCAT('+', '1')
    SET sql_mode=CONCAT(@@sql_mode,',STRICT_TRANS_TABLES') | SET sql_mode=(SELECT CONCAT(@@sql_mode,',ANSI'))
    SET sql_select_limit=DEFAULT | SET wait_timeout=1e3 | SET wait_timeout=0x10 | SET wait_timeout=1.
    SET wait_timeout=007
    SET wait_timeout=123456789012345678901 | SET wait_timeout=? | SET max_statement_time=1 | SET autocommit_=1
    SET completion_type=1 | SET session_track_schema=0 | SET PASSWORD='x' | SET ROLE x | SET RESOURCE GROUP x
    BEGIN NOT ATOMIC SET autocommit=0; END | BEGIN SET autocommit=0; END | BEGIN WORK WORK | BEGIN TRANSACTION
    BEGIN; COMMIT
    BEGIN x | START | START TRANSACTION WITH CONSISTENT SNAPSHOT | START TRANSACTION READ ONLY, READ WRITE
    START TRANSACTION READ | START TRANSACTION READ ONLY, WITH CONSISTENT SNAPSHOT | START REPLICA
    STARTTRANSACTION
    START /*! TRANSACTION */ | `BEGIN` | 'BEGIN' | BEGIN()
    COMMIT AND CHAIN | COMMIT AND NO CHAIN NO RELEASE | COMMIT RELEASE | COMMIT /*! AND CHAIN */
    COMMIT /*M! AND CHAIN */
    COMMIT/*!50000 AND*/ CHAIN | /*!50000 COMMIT*/ | COMMIT WORK AND CHAIN | COMMIT --x | COM/**/MIT | COMMIT \g
    (COMMIT)
    COMMIT /*+ x */ | /*+ x */ COMMIT | COMMIT /* /* */ */ | COMMIT; COMMIT | COMMIT\xa0 | \xef\xbb\xbfCOMMIT
    `COMMIT`
    COMMIT /*!*/ | COMMIT 'x' | COMMIT TO x | COMMIT, | # COMMIT | /* COMMIT */ | /**/-- x\rCOMMIT
    ROLLBACK AND CHAIN | ROLLBACK RELEASE | ROLLBACK WORK WORK | ROLLBACK /*! TO x */ | ROLLBACK TO x; COMMIT
    USE | USE 'db' | USE "db" | USE db.x | USE db x | USE `d``b` | USE `d b` | USE d\xc3\xa9 | USE `d\xc3`
    USE @db | USE db; USE x
    USE /*! db */ | USE d\b | USE 1.5
"""
"""None of these is matched, and each may do anything."""

PLAIN_LOOK_ALIKES = """
    SELECT @@global.autocommit | SELECT @@nosuch | SELECT @@autocommit FROM t | SELECT @@autocommit LIMIT 1
    SELECT @@a.b
    SELECT @@autocommit, 1 | SELECT @@autocommit, | SELECT , @@autocommit | SELECT @@autocommit + 1
    SELECT (@@autocommit)
    SELECT @autocommit | SELECT @@autocommit INTO @x | SELECT @@autocommit AS | SELECT @@autocommit AS a b
    SELECT @@warning_count
    SELECT @@init_connect | SELECT DISTINCT @@autocommit | SELECT @@autocommit := 1 | SELECT /*+ x */ 1
    SELECT /*! 1, */ 1
    (SELECT @@autocommit) | (SELECT 1) | SELECT 1, 2 | SELECT 1 FROM t | SELECT 01 | SELECT 1.0 | SELECT '1'
    SELECT 1 AS x
    SELECT -1 | SELECT NULL, NULL | SELECT NULLIF(1, 2) | SELECT | SELECT 1 + 1 | SELECT 1 /*! + f() */
    SHOW WARNINGS LIMIT 1 | SHOW COUNT(*) WARNINGS | SHOW TABLES | SHOW | SHOW WARNINGS, ERRORS
    SHOW ERRORS LIKE 'x'
    ROLLBACK TO x | ROLLBACK TO SAVEPOINT x; | ROLLBACK WORK TO `x` | SAVEPOINT x | RELEASE SAVEPOINT x
"""


_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|([ntr]))")


def _escaped(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else {"n": "\n", "t": "\t", "r": "\r"}[match[2]]


def texts(block: str) -> list[bytes]:
    r"""The texts of a block, which ` | ` and the ends of lines separate; `\n` and `\x00` stand for such bytes."""
    found = [part.strip() for line in block.splitlines() for part in line.split(" | ")]
    return [_ESCAPE.sub(_escaped, part).encode("latin-1") for part in found if part]


def assigned(block: str) -> tuple[Assignment, ...]:
    """The assignments that a key of SETS means."""
    members = re.findall(r"(\w+) ('[^']*'|[^',]+)", block)
    return tuple(Assignment(name, value.encode()) for name, value in members)


def meaning(statement: Statement) -> tuple[object, ...]:
    """All that a statement says, but how it is written."""
    return (
        statement.kind,
        statement.assignments,
        statement.access,
        statement.variables,
        statement.schema,
        statement.reads_diagnostics,
        statement.touches_tables,
    )


ALL_SETS = [(text, assigned(what)) for what, block in SETS.items() for text in texts(block)]
RECOGNISED = [text for text, _ in ALL_SETS] + [text for block in OTHERS.values() for text in texts(block)]


# ---- what is matched ----


@pytest.mark.parametrize(("text", "assignments"), ALL_SETS)
def test_set(text: bytes, assignments: tuple[Assignment, ...]) -> None:
    statement = read(text)
    assert (statement.kind, statement.assignments) == (SET, assignments)
    assert (statement.text, statement.word) == (text, b"set")
    assert not statement.touches_tables
    assert not statement.reads_diagnostics


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, block in OTHERS.items() for text in texts(block)])
def test_kinds(kind: int, text: bytes) -> None:
    statement = read(text)
    assert statement.kind == kind
    assert statement.assignments == ()
    assert statement.text == text
    assert statement.reads_diagnostics is (kind == WARNINGS)
    assert not statement.touches_tables
    assert statement.schema == (b"db" if kind == USE else b"")
    assert (statement.variables != ()) is (kind == READ)


def test_begin_says_its_access_mode() -> None:
    for text, access in (("BEGIN", ""), ("START TRANSACTION", ""), ("START TRANSACTION READ ONLY", "READ ONLY")):
        assert read(text.encode()).access == access
    assert read(b"start\ntransaction read/**/write").access == "READ WRITE"


def test_read_says_which_variables_in_order() -> None:
    text = b"SELECT @@time_zone, @@session.tx_isolation AS i, @@TRANSACTION_READ_ONLY ro, @@Local.Character_Set_Results"
    assert read(text).variables == ("time_zone", "isolation", "access", "character_set_results")


@pytest.mark.parametrize("name", [*READABLE, *CHARSETS])
def test_each_readable_variable(name: str) -> None:
    for scope in ("@@", "@@session.", "@@LOCAL."):
        assert read(f"select {scope}{name}".encode()).variables == (name,)


@pytest.mark.parametrize("name", SETTABLE)
def test_each_settable_variable(name: str) -> None:
    for value in (b"1", b"'1'", b"OFF"):
        for form in ("{}", "SESSION {}", "@@{}", "@@session.{}"):
            text = f"SET {form.format(name.upper())} = ".encode() + value
            assert read(text).assignments == (Assignment(name, value),)


def test_the_settable_variables_are_in_order() -> None:
    assert list(SETTABLE) == sorted(SETTABLE)


@pytest.mark.parametrize("text", texts(NEAR_MISSES))
@pytest.mark.parametrize("several", [False, True])
def test_near_misses_may_do_anything(text: bytes, several: bool) -> None:
    statement = read(text, several=several)
    assert statement.kind == OTHER
    assert statement.assignments == ()
    assert statement.touches_tables
    assert statement.reads_diagnostics


@pytest.mark.parametrize("text", texts(PLAIN_LOOK_ALIKES))
def test_look_alikes_that_are_plain(text: bytes) -> None:
    assert read(text).kind == PLAIN


def test_a_set_of_one_shot_forms_and_others_is_neither() -> None:
    assert read(b"SET @@tx_read_only=1, @@session.tx_isolation='SERIALIZABLE'").kind == OTHER


# ---- setting it again ----


@pytest.mark.parametrize(
    ("name", "value", "member"),
    [
        ("names", b"utf8mb4 COLLATE utf8mb4_bin", b"NAMES utf8mb4 COLLATE utf8mb4_bin"),
        ("autocommit", b"OFF", b"autocommit=0"),
        ("autocommit", b"ON", b"autocommit=1"),
        ("time_zone", b"'+00:00'", b"time_zone='+00:00'"),
        ("character_set_results", b"NULL", b"character_set_results=NULL"),
        ("wait_timeout", b"5", b"wait_timeout=5"),
    ],
)
def test_literal(name: str, value: bytes, member: bytes) -> None:
    assert literal(name, value) == member


@pytest.mark.parametrize("assignments", {assignments for _, assignments in ALL_SETS})
def test_a_literal_means_its_assignment(assignments: tuple[Assignment, ...]) -> None:
    own = tuple(one for one in assignments if one.name not in ("isolation", "access"))
    if own:
        again = b"SET " + b", ".join([literal(one.name, one.value) for one in own])
        assert read(again).assignments == own


# ---- several statements, odd sessions, truncated texts ----


@pytest.mark.parametrize("text", [b"COMMIT;-- x", b"COMMIT; /* x */", b"COMMIT;#", b"SET autocommit=0;\n-- x"])
def test_a_comment_behind_the_semicolon_is_a_statement_where_there_can_be_several(text: bytes) -> None:
    assert read(text).kind in (END, SET)
    assert read(text, several=True).kind == OTHER


@pytest.mark.parametrize("text", [b"COMMIT;", b"COMMIT;;", b"COMMIT; ; \n", b"COMMIT -- ;", b"COMMIT /* ; */ ;"])
def test_trailing_semicolons_are_none(text: bytes) -> None:
    assert read(text, several=True).kind == END


@pytest.mark.parametrize(
    ("text", "one"),
    [
        (b"SELECT ';'", True),
        (b"SELECT ';';", True),
        (b'SELECT `;`, "a;b" -- ;', True),
        (b"SELECT '\\';', 1", True),
        (b"SELECT 2; ", True),
        (b"SELECT 2; SELECT 2", False),
        (b"SELECT ';'; SET autocommit=0", False),
        (b"SELECT 2;-- x", False),
        (b"SELECT '\\\\'; SET autocommit=0 -- '", False),
        (b"SELECT 1 /*!999999 ' */; SET autocommit=0 -- '", False),
        (b"SELECT /*+ QB_NAME(`a*/`) */ 1; SET autocommit=0 -- `", False),
        (b"SELECT 1 /* ' */; SET autocommit=0 -- '", False),
        (b"CREATE PROCEDURE p() BEGIN SELECT 1; END", False),
    ],
)
def test_what_is_one_statement_where_there_can_be_several(text: bytes, one: bool) -> None:
    assert read(text, several=True).kind == (PLAIN if one else OTHER)
    assert read(text).kind == PLAIN, "the server refuses it"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"SET autocommit=0", SET),
        (b" set @@session.autocommit = OFF ;", SET),
        (b"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", SET),
        (b"SET NAMES utf8mb4", SET),
        (b"SET TRANSACTION READ ONLY", ONE_SHOT),
        (b"COMMIT", END),
        (b"START TRANSACTION", BEGIN),
        (b"START TRANSACTION READ ONLY", BEGIN),
        (b"USE db", USE),
        (b"SELECT @@autocommit", READ),
        (b"SHOW WARNINGS", WARNINGS),
        (b"SELECT 1;", PROBE),
        (b"ROLLBACK TO x", PLAIN),
        (b"BEGIN", OTHER),
        (b"BEGIN WORK", OTHER),
        (b"USE `db`", OTHER),
        (b"SET autocommit='ON'", OTHER),
        (b"SET time_zone='+00:00'", OTHER),
        (b"SET autocommit=0, NAMES utf8mb4", OTHER),
        (b"COMMIT /* x */", OTHER),
        (b"COMMIT -- x", OTHER),
        (b"SELECT 'a;b'", OTHER),
        (b"SELECT 'a';", PLAIN),
        (b"/* x */ SELECT 'a', \"b\" FROM t", PLAIN),
    ],
)
def test_an_odd_session(text: bytes, kind: int) -> None:
    assert read(text, odd=True).kind == kind


def test_in_an_odd_session_any_parenthesis_may_be_that_of_a_call() -> None:
    """In sjis the second byte of a name's last character can be a bracket or a backslash."""
    for text in (b"SELECT \x83\x5c(1)", b"SELECT ABS(1)"):
        assert read(text, odd=True).reads_diagnostics
        assert read(text, odd=True).touches_tables


@pytest.mark.parametrize("text", RECOGNISED)
def test_a_truncated_text_is_never_matched(text: bytes) -> None:
    assert read(text, truncated=True).kind in (PLAIN, OTHER)


def test_a_truncated_text_is_plain_by_its_first_word_where_there_can_be_no_second_statement() -> None:
    statement = read(b"INSERT INTO t VALUES ('it''s", truncated=True)
    assert (statement.kind, statement.touches_tables, statement.reads_diagnostics) == (PLAIN, True, True)
    assert read(b"SELECT 1", truncated=True, several=True).kind == OTHER
    assert read(b"ROLLBACK TO ", truncated=True).kind == OTHER


# ---- PLAIN ----


@pytest.mark.parametrize(
    "text",
    texts(r"""
    SELECT * FROM t | INSERT INTO t VALUES (1) | UPDATE t SET a=1 | DELETE FROM t | REPLACE INTO t VALUES (1)
    WITH x AS (SELECT 1) SELECT * FROM x | TABLE t | VALUES ROW(1) | (SELECT * FROM t) UNION (SELECT 1)
    ((SELECT 1))
    EXPLAIN SELECT 1 | DESC t | DESCRIBE t | ANALYZE TABLE t | ANALYZE SELECT 1 | SHOW TABLES | DO 1 | SAVEPOINT a
    RELEASE SAVEPOINT a | CREATE TABLE t (a int) | ALTER TABLE t ADD b int | DROP TABLE t | TRUNCATE t
    RENAME TABLE t TO u
    GRANT ALL ON *.* TO a | REVOKE ALL ON *.* FROM a | OPTIMIZE TABLE t | CHECK TABLE t | REPAIR TABLE t
    CHECKSUM TABLE t
    LOAD DATA INFILE 'x' INTO TABLE t | /* x */ # y\nSELECT * FROM t | select*from t | SELECT'a'
    /*+ x */ SELECT 1 FROM t
    CREATE TABLE t (a int) /*!40100 DEFAULT CHARSET=utf8 */ | SELECT 1 INTO @x | SELECT @x := 1
    """),
)
def test_plain(text: bytes) -> None:
    assert read(text).kind == PLAIN
    assert read(text + b";", several=True).kind == PLAIN


@pytest.mark.parametrize(
    "text",
    texts(r"""
    CALL p() | EXECUTE s | EXECUTE IMMEDIATE 'SET autocommit=0' | PREPARE s FROM 'x' | DEALLOCATE PREPARE s
    LOCK TABLES t READ
    UNLOCK TABLES | FLUSH TABLES | XA START 'x' | HANDLER t OPEN | KILL 1 | IF 1 THEN SELECT 1; END IF
    x: LOOP END LOOP
    HELP 'x' | RESET MASTER | SHUTDOWN | INSTALL PLUGIN x SONAME 'y' | SIGNAL SQLSTATE '45000'
    GET DIAGNOSTICS @n = NUMBER
    BINLOG 'x' | CHANGE MASTER TO x | SELECTED | SELECT.x | `SELECT` 1 | (CALL p()) | (INSERT INTO t VALUES (1))
    /* x */ | ;
    ; SELECT 1 | /*! SELECT */ 1 | 'SELECT' | 1 | ? | @x | \x00SELECT 1 | \xffSELECT 1 | (DO 1) | (SHOW TABLES)
    {SELECT 1}
    """),
)
def test_other(text: bytes) -> None:
    assert read(text).kind == OTHER


def test_nothing_is_other() -> None:
    for text in (b"", b" ", b"\n\t"):
        assert (read(text).kind, read(text).word) == (OTHER, b"")


def test_the_first_word() -> None:
    for text, word in ((b" /* x */ Select 1", b"select"), (b"((SELECT 1))", b"select"), (b"CALL p()", b"call")):
        assert read(text).word == word


@pytest.mark.parametrize(
    ("text", "touches"),
    [
        (b"SELECT 1 + 1", False),
        (b"SELECT NOW(), VERSION(), DATABASE()", False),
        (b"SELECT @@hostname", False),
        (b"SELECT 1 FROM t", True),
        (b"SELECT (TABLE t)", True),
        (b"SELECT f(1)", True),
        (b"SELECT db.abs(1)", True),
        (b"VALUES ROW(1)", False),
        (b"DO SLEEP(1)", False),
        (b"DO f()", True),
        (b"TABLE t", True),
        (b"WITH x AS (SELECT 1) TABLE x", True),
        (b"SHOW TABLES FROM db", False),
        (b"SHOW COLUMNS FROM t WHERE field = f('x')", True),
        (b"SHOW TABLES WHERE 1 IN (SELECT a FROM v)", True),
        (b"SAVEPOINT a", False),
        (b"ROLLBACK TO a", False),
        (b"EXPLAIN SELECT 1", True),
        (b"INSERT INTO t VALUES (1)", True),
        (b"CREATE TABLE t (a int)", True),
        (b"SELECT 1 /*! FROM t */", True),
    ],
)
def test_what_touches_tables(text: bytes, touches: bool) -> None:
    assert read(text).touches_tables is touches


@pytest.mark.parametrize(
    "text",
    texts(r"""
    SELECT ROW_COUNT() | SELECT row_count ( ) | SELECT FOUND_ROWS() FROM t | SELECT @@warning_count
    SELECT @@session.error_count
    SELECT @@`warning_count` | SHOW COUNT(*) WARNINGS | SHOW COUNT(*) ERRORS | SHOW WARNINGS LIMIT 1
    SHOW VARIABLES LIKE 'w%'
    SELECT * FROM performance_schema.session_variables | INSERT INTO t SELECT ROW_COUNT()
    UPDATE t SET n = found_rows()
    DO 1 | SELECT f(1) | SELECT db.f(1) | SELECT `f`(1) | SELECT "f"(1) | SELECT f (1) | SELECT f\n(1)
    SELECT f/**/(1)
    SELECT /* ( */ f(1) | SELECT f -- in\n(1) | SELECT f # in\n (1) | SELECT db.abs(1) | SELECT db . abs(1)
    SELECT db.\nabs(1)
    SELECT `db`.abs(1) | SELECT db./**/abs(1) | SELECT db.-- x\nabs(1) | SELECT count (*) FROM t | SELECT now ()
    SELECT sum\t(a)
    SELECT abs(f(1)) | SELECT abs(1)+f(1) | SELECT '(', f(1) | SELECT f\xc3\xa9(1) | SELECT \xc3\xa9(1)
    SELECT $abs(1)
    SELECT 1abs(1) | INSERT INTO t VALUES (1),(f(1)) | INSERT INTO t (a) VALUES (1), (f(1))
    INSERT INTO t SELECT f(1)
    INSERT INTO t VALUES ('lo'),(wer(1)) | UPDATE t SET a = f(1) | DELETE FROM t WHERE a = f(b)
    WITH x (a) AS (SELECT f(1)) SELECT 1
    SELECT 1 /*! , f(1) */ | SELECT 1 /*M! , 1 */ | EXPLAIN SELECT f(1) | SHOW TABLES WHERE f(1)
    CREATE TABLE t SELECT f(1)
    SELECT REGEXP_REPLACE(a, 'b', 'c') FROM t
    """),
)
def test_what_may_read_diagnostics(text: bytes) -> None:
    statement = read(text)
    assert statement.kind == PLAIN
    assert statement.reads_diagnostics


@pytest.mark.parametrize(
    "text",
    texts(r"""
    SELECT * FROM t WHERE a IN (1, 2) AND (b = 1 OR c = 2) | SELECT COUNT(*), MAX(a) FROM t | SELECT now()
    SELECT ABS( 1 )
    SELECT COALESCE (a, b) FROM t | SELECT a FROM t JOIN u USING (id) | SELECT 1 FROM (SELECT 1) AS x
    SELECT (1), -(2)
    INSERT INTO t (a, b) VALUES (1, 2) | INSERT INTO t(a,b) VALUES(1,2),(3,4)
    INSERT IGNORE INTO `db`.`t` (a) VALUES (1)
    INSERT t (a) VALUES (NOW()) | REPLACE INTO db.t (a) VALUES (1), (2)
    insert low_priority into T (a) select max(b) from t
    INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE a = VALUES(a)
    UPDATE t SET a = CONCAT(a, 'x') WHERE b = (SELECT 1)
    WITH RECURSIVE x (a) AS (SELECT 1 UNION ALL (SELECT 2)) SELECT a FROM x | WITH x AS (SELECT 1) SELECT * FROM x
    DELETE FROM t WHERE EXISTS (SELECT 1) AND NOT (a <=> 1)
    SELECT CAST(a AS CHAR(10)), CAST(b AS DECIMAL(10, 2)) FROM t
    SELECT a FROM t USE INDEX (a) WHERE a IN (1) | -- name: get\nSELECT a FROM t WHERE b IN (1)
    /* x */ (SELECT 1) | SELECT view_count, error_log FROM warnings_seen | SHOW TABLES | SHOW CREATE TABLE t
    SAVEPOINT a
    SELECT CASE WHEN (a) THEN (b) ELSE (c) END FROM t | SELECT a FROM t /*controller='x',action='y'*/
    SELECT IF(a, b, c)
    """),
)
def test_what_does_not_read_diagnostics(text: bytes) -> None:
    statement = read(text)
    assert statement.kind == PLAIN
    assert not statement.reads_diagnostics


def test_names_of_functions_are_in_lower_case_and_those_with_diagnostics_are_known() -> None:
    assert all(name == name.lower() for name in BUILT_IN)
    assert TIGHT < BUILT_IN
    assert {b"row_count", b"found_rows"} < BUILT_IN, "they are found by their names"


def test_what_covers_what() -> None:
    commit, one, zone = read(b"COMMIT"), read(b"SELECT 1"), read(b"SET time_zone='+00:00'")
    assert zone.covers(commit)
    assert one.covers(read(b"SELECT 1"))
    assert not commit.covers(one)
    assert not one.covers(commit)


# ---- any text ----

ALIAS = r"(?: (?:as )?(?:[\w$]+|`[\w$]+`)| as '.*?'| as \".*?\")?"
FLAG = r"(?:on|off|true|false|[01]|'on'|'off')"
CHARSET = r"(?:\w+|'\w+')"
TARGET = r"(?:(?:session |local )?`?{0}`?|@@(?:session\.|local\.)?`?{0}`?)"
CHARACTERISTIC = r"(?:isolation level (?:read (?:un)?committed|repeatable read|serializable)|read (?:only|write))"
MEMBER = "|".join(
    [
        f"names {CHARSET}(?: collate {CHARSET})?",
        TARGET.format("(?:autocommit|transaction_read_only|tx_read_only)") + f" :?= {FLAG}",
        TARGET.format("(?:transaction|tx)_isolation")
        + " :?= (?:'(?:read-(?:un)?committed|repeatable-read|serializable)'|serializable)",
        TARGET.format(f"(?:{'|'.join(CHARSETS)})") + f" :?= {CHARSET}",
        TARGET.format(f"(?:{'|'.join(SETTABLE)})") + r" :?= (?:\d+|'[^'\\\"]*'|on|off|true|false)",
    ]
)
READING = rf"@@(?:session\.|local\.)?`?(?:{'|'.join([*READABLE, *CHARSETS])}|(?:transaction|tx)_\w+)`?{ALIAS}"
GRAMMAR = re.compile(
    rf"set (?:session |local )?transaction {CHARACTERISTIC}(?: , {CHARACTERISTIC})?"
    rf"|set (?:{MEMBER})(?: , (?:{MEMBER}))*"
    r"|begin(?: work)?|start transaction(?: read only| read write)?|(?:commit|rollback)(?: work)?"
    rf"|use (?:[\w$]+|`[\w$]+`)|select {READING}(?: , {READING})*|show (?:warnings|errors)|select (?:1|null)"
)
"""All texts that may be matched, as tokens in lower case with a blank between: once more, in another form."""

PIECES = sorted({text[start:end] for text in RECOGNISED for _, start, end in lexer.tokens(text)})
SENTENCES = st.lists(st.sampled_from(PIECES), max_size=8).map(b" ".join)
ODD_PIECES = [b"1", b"'x'", b"@x", b"=", b"(", b")", b",", b";", b"+", b"x", b"/*! x */", b"/*!", b"\0", b"\\", b"`"]
ODDITIES = st.lists(st.sampled_from(ODD_PIECES), max_size=6).map(b" ".join)
NOISE = st.sampled_from([b" ", b"\n", b"\t\r\v\f", b"/**/", b"/* ; ' */", b"-- x\n", b"#'\n", b"--\n", b"/*x*/ "])


def mutated(text: bytes, random: Random) -> bytes:
    """A text with one token left out, doubled, moved, replaced or put in; the tokens are joined by a blank."""
    tokens = [text[start:end] for _, start, end in lexer.tokens(text)]
    at = random.randrange(len(tokens))
    stranger = random.choice([*PIECES, *ODD_PIECES])
    change = random.randrange(5)
    if change == 0:
        del tokens[at]
    elif change == 1:
        tokens.insert(at, random.choice(tokens))
    elif change == 2:
        tokens.insert(random.randrange(len(tokens)), tokens.pop(at))
    elif change == 3:
        tokens[at] = stranger
    else:
        tokens.insert(at + random.randrange(2), stranger)
    return b" ".join(tokens)


def is_in_grammar(text: bytes) -> bool:
    """Whether nothing but comments and semicolons surrounds the tokens of a text that may be matched."""
    tokens = [text[start:end] for kind, start, end in lexer.tokens(text) if kind != lexer.COMMENT]
    while tokens and tokens[-1] == b";":
        tokens.pop()
    return GRAMMAR.fullmatch(b" ".join(tokens).decode("latin-1").lower()) is not None


@pytest.mark.parametrize("text", RECOGNISED)
def test_what_is_recognised_is_in_the_grammar(text: bytes) -> None:
    assert is_in_grammar(text)


@given(text=BYTES | SENTENCES, several=st.booleans(), odd=st.booleans(), truncated=st.booleans())
@settings(deadline=None)
def test_any_bytes_will_do(text: bytes, several: bool, odd: bool, truncated: bool) -> None:
    statement = read(text, several=several, odd=odd, truncated=truncated)
    assert statement.text == text
    assert SET <= statement.kind <= OTHER
    if statement.kind in MATCHED:
        assert not truncated
        assert is_in_grammar(text)
        assert meaning(statement) == meaning(read(text)), "who matches less does not match otherwise"


@given(base=st.sampled_from(RECOGNISED), suffix=BYTES | SENTENCES | ODDITIES)
@settings(deadline=None)
def test_what_follows_does_not_go_unseen(base: bytes, suffix: bytes) -> None:
    if read(base + b" " + suffix).kind in MATCHED:
        assert is_in_grammar(base + b" " + suffix)


@given(base=st.sampled_from(RECOGNISED), prefix=BYTES | SENTENCES)
@settings(deadline=None)
def test_what_goes_ahead_does_not_go_unseen(base: bytes, prefix: bytes) -> None:
    if read(prefix + b" " + base).kind in MATCHED:
        assert is_in_grammar(prefix + b" " + base)


@given(base=st.sampled_from(RECOGNISED), random=st.randoms(use_true_random=False), times=st.integers(1, 3))
@settings(deadline=None, max_examples=1000)
def test_a_mutation_is_matched_only_if_it_is_in_the_grammar(base: bytes, random: Random, times: int) -> None:
    text = base
    for _ in range(times):
        text = mutated(text, random) or base
    if read(text).kind in MATCHED:
        assert is_in_grammar(text)


@given(data=st.data(), base=st.sampled_from(RECOGNISED + texts(PLAIN_LOOK_ALIKES)))
@settings(deadline=None)
def test_comments_white_space_and_case_change_nothing(data: st.DataObject, base: bytes) -> None:
    expected = read(base)
    pieces = []
    for kind, start, end in lexer.tokens(base):
        if kind != lexer.COMMENT:
            word = kind in (lexer.WORD, lexer.VARIABLE) and b"`" not in base and expected.kind != USE
            token = base[start:end]
            pieces.append(data.draw(st.sampled_from([token, token.upper(), token.lower()])) if word else token)
        pieces.append(data.draw(NOISE))
    text = data.draw(NOISE) + b"".join(pieces)
    assert meaning(read(text))[:5] == meaning(expected)[:5]


@pytest.mark.parametrize("part", HOSTILE)
@pytest.mark.parametrize("before", ["", "SET a=", "SELECT @@", "SELECT 1;", "SELECT ", "INSERT INTO t ("])
def test_time_is_proportional_to_length(part: str, before: str) -> None:
    text = ((before + part * (1 << 17))[: 1 << 17]).encode("latin-1")
    start = time.process_time()
    read(text, several=True)
    read(text + b";\n", odd=True)
    assert time.process_time() - start < 1, "(it takes a tenth of that)"
