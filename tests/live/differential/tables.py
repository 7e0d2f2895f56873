"""What scenarios find in their schema: tables, views, triggers, functions and procedures; and how it is put back."""

import re
from typing import Final

PEOPLE: Final = (1, 2, 3, 10, 11, 12, 20, 21, 22, 30, 31, 32)
"""Ids of rows: 1 to 3 are everybody's, 10 to 19 the first connection's, and so on."""

_FUNCTIONS: Final = {
    "f_zone(zone CHAR(6))": "BEGIN SET time_zone = zone; RETURN 1; END",
    "f_limit(rows_wanted INT)": "BEGIN SET sql_select_limit = rows_wanted; RETURN 1; END",
    "f_names()": "BEGIN SET character_set_results = latin1; RETURN 1; END",
    "f_mode()": "BEGIN SET sql_mode = 'ANSI_QUOTES'; RETURN 1; END",
    "f_user(value INT)": "BEGIN SET @a = value; RETURN value; END",
    "f_write(who INT)": "BEGIN UPDATE people SET n = n + 1 WHERE id = who; RETURN ROW_COUNT(); END",
    "f_read(who INT)": "RETURN (SELECT n FROM people WHERE id = who)",
    "f_row_count()": "RETURN ROW_COUNT()",
    "f_found_rows()": "RETURN FOUND_ROWS()",
    "f_warnings()": "RETURN @@warning_count",
    "f_warn()": "RETURN CAST('abc' AS SIGNED)",
    "f_autocommit()": "RETURN @@autocommit",
}

_PROCEDURES: Final = {
    "p_autocommit(wanted INT)": "SET autocommit = wanted",
    "p_isolation()": "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "p_serializable()": "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "p_read_only()": "SET SESSION TRANSACTION READ ONLY",
    "p_read_write()": "SET SESSION TRANSACTION READ WRITE",
    "p_one_shot()": "SET TRANSACTION READ ONLY",
    "p_zone(zone CHAR(6))": "SET time_zone = zone",
    "p_names()": "SET NAMES latin1",
    "p_mode()": "SET sql_mode = 'NO_BACKSLASH_ESCAPES'",
    "p_completion(wanted INT)": "SET completion_type = wanted",
    "p_limit()": "SET sql_select_limit = 1",
    "p_begin()": "START TRANSACTION",
    "p_begin_write(who INT)": "BEGIN START TRANSACTION; UPDATE people SET n = n + 1 WHERE id = who; END",
    "p_commit()": "COMMIT",
    "p_rollback()": "ROLLBACK",
    "p_chain()": "COMMIT AND CHAIN",
    "p_nothing()": "BEGIN END",
    "p_rows()": "BEGIN SELECT 1 AS one; SELECT id, n FROM people WHERE id < 3 ORDER BY id; END",
    "p_rows_autocommit(wanted INT)": "BEGIN SELECT 1 AS one; SET autocommit = wanted; SELECT @@autocommit; END",
    "p_rows_begin()": "BEGIN SELECT 1 AS one; START TRANSACTION; SELECT n FROM people WHERE id = 1; END",
    "p_row_count()": "SELECT ROW_COUNT()",
    "p_found_rows()": "SELECT FOUND_ROWS()",
    "p_diagnostics()": "BEGIN GET DIAGNOSTICS @number = NUMBER, @rows = ROW_COUNT; END",
    "p_warnings()": "SHOW WARNINGS",
    "p_warn()": "BEGIN SELECT CAST('abc' AS SIGNED) INTO @a; END",
    "p_fail()": "BEGIN SET autocommit = 0; SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'as asked'; END",
    "p_caught(who INT)": (
        "BEGIN DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET @a = -1;"
        " INSERT INTO people VALUES (1, 0, 'again'); UPDATE people SET n = n + 1 WHERE id = who; END"
    ),
    "p_out(OUT found INT)": "SELECT n INTO found FROM people WHERE id = 1",
    "p_prepared()": "BEGIN PREPARE p FROM 'SET autocommit = 0'; EXECUTE p; DEALLOCATE PREPARE p; END",
}

SETUP: Final = (
    "CREATE TABLE people (id INT PRIMARY KEY, n INT NOT NULL, word VARCHAR(12) NOT NULL, UNIQUE (word)) ENGINE=InnoDB",
    "CREATE TABLE old (id INT PRIMARY KEY, n INT) ENGINE=MyISAM",
    "CREATE TABLE numbered (id INT AUTO_INCREMENT PRIMARY KEY, word VARCHAR(12)) ENGINE=InnoDB",
    "CREATE TABLE watched (id INT PRIMARY KEY, n INT) ENGINE=InnoDB",
    "CREATE TABLE journal (word VARCHAR(12), n INT) ENGINE=InnoDB",
    "CREATE VIEW plain AS SELECT id, n FROM people",
    *(f"CREATE FUNCTION {name} RETURNS INT DETERMINISTIC {body}" for name, body in _FUNCTIONS.items()),
    *(f"CREATE PROCEDURE {name} {body}" for name, body in _PROCEDURES.items()),
    "CREATE VIEW zoned AS SELECT id, f_zone('+02:00') AS zone FROM people WHERE id < 3",
    "CREATE VIEW writing AS SELECT id, f_write(id) AS written FROM people WHERE id = 2",
    "CREATE TRIGGER added BEFORE INSERT ON watched FOR EACH ROW INSERT INTO journal VALUES ('added', NEW.n)",
    "CREATE TRIGGER gone BEFORE DELETE ON watched FOR EACH ROW SET time_zone = '+03:00'",
    "CREATE TRIGGER changed BEFORE UPDATE ON watched FOR EACH ROW SET NEW.n = NEW.n + CAST('x1' AS SIGNED)",
    "CREATE PROCEDURE put_back() BEGIN START TRANSACTION;"
    " DELETE FROM people; INSERT INTO people VALUES "
    + ", ".join(f"({number}, {number}, 'word {number}')" for number in PEOPLE)
    + "; DELETE FROM watched; INSERT INTO watched VALUES (10, 1), (20, 2), (30, 3); DELETE FROM journal; COMMIT;"
    " DELETE FROM old; INSERT INTO old VALUES (1, 1), (10, 10), (20, 20), (30, 30); END",
    (
        "CREATE PROCEDURE contents() BEGIN SELECT * FROM people ORDER BY id; SELECT * FROM old ORDER BY id;"
        " SELECT * FROM numbered ORDER BY id; SELECT * FROM watched ORDER BY id;"
        " SELECT * FROM journal ORDER BY word, n; END"
    ),
)
"""Statements that furnish the schema; the current schema is the scenarios'."""

TABLES: Final = ("people", "old", "numbered", "watched", "journal")

_MADE: Final = re.compile(r"\bmade\w*")


def leftovers(texts: str, schema: str) -> list[str]:
    """Return statements that remove what the statements of a script, all in one, may have left."""
    found = [f"DROP TABLE IF EXISTS {name}" for name in sorted(set(_MADE.findall(texts)))]
    if "numbered" in texts:
        found.append("TRUNCATE TABLE numbered")
    if "{db}_b" in texts and "CREATE" in texts:
        found += [f"DROP DATABASE {schema}_b", *second_schema(schema)]
    if "{db}_c" in texts and ("CREATE" in texts or "DATABASE {db}_c" in texts):
        found += [f"DROP DATABASE IF EXISTS {schema}_c", third_schema(schema)]
    return found


def second_schema(schema: str) -> list[str]:
    """Return statements that make the schema beside the scenarios' own; it has a table of its own."""
    return [f"CREATE DATABASE {schema}_b CHARACTER SET utf8mb4", f"CREATE TABLE {schema}_b.elsewhere (a INT)"]


def third_schema(schema: str) -> str:
    """Return the statement that makes the schema that a scenario may alter and drop."""
    return f"CREATE DATABASE {schema}_c CHARACTER SET latin1"
