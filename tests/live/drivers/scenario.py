"""What every Python driver is asked to do, and how what it sees is written down."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from ..targets import Target

Observations = dict[str, Any]
Step = tuple[str, Callable[[], object]]


@dataclass(frozen=True)
class Material:
    """What a scenario needs from outside."""

    kind: str
    """`mysql` or `mariadb`."""
    rows_file: Path
    """A tab-separated file for LOAD DATA LOCAL: a number and a word a line."""
    parameter_bytes: int
    """The length of the large parameter; 0 leaves the large values out."""


class Session(Protocol):
    """A logged-in connection of some driver, in its schema."""

    target: Target
    loads_local: bool
    """Whether the driver can do LOAD DATA LOCAL at all."""
    survives_missing_file: bool
    """Whether LOAD DATA LOCAL of a missing file leaves the driver in step with the server."""

    def run(self, sql: str, args: tuple[object, ...] = ()) -> object: ...
    def run_many(self, sql: str, rows: list[tuple[object, ...]]) -> object: ...
    def call(self, procedure: str, args: tuple[object, ...]) -> object: ...
    def stream(self, sql: str, rows: int) -> object: ...
    def autocommit(self, on: bool) -> object: ...
    def commit(self) -> object: ...
    def rollback(self) -> object: ...
    def ping(self) -> object: ...
    def select_db(self, schema: str) -> object: ...
    def own_steps(self, material: Material) -> list[Step]: ...
    def last_steps(self) -> list[Step]: ...
    def close(self) -> object: ...


LOGIN = "SELECT 1, SUBSTRING_INDEX(USER(), '@', 1) = SUBSTRING_INDEX(CURRENT_USER(), '@', 1), DATABASE()"

TYPES = {
    "c_tinyint": ("TINYINT", "-128"),
    "c_bool": ("BOOLEAN", "TRUE"),
    "c_smallint": ("SMALLINT UNSIGNED", "65535"),
    "c_mediumint": ("MEDIUMINT", "-8388608"),
    "c_int": ("INT UNSIGNED ZEROFILL", "42"),
    "c_bigint": ("BIGINT UNSIGNED", "18446744073709551615"),
    "c_decimal": ("DECIMAL(65, 30)", "-12345678901234567890.123456789012345678901234567890"),
    "c_float": ("FLOAT", "1.5e10"),
    "c_double": ("DOUBLE", "-2.2250738585072014e-308"),
    "c_bit": ("BIT(64)", "b'1000000000000000000000000000000000000000000000000000000000000001'"),
    "c_date": ("DATE", "'1000-01-01'"),
    "c_time": ("TIME(6)", "'-838:59:58.999999'"),
    "c_datetime": ("DATETIME(6)", "'9999-12-31 23:59:59.123456'"),
    "c_timestamp": ("TIMESTAMP(3) NULL", "'2001-09-09 01:46:40.125'"),
    "c_year": ("YEAR", "2155"),
    "c_char": ("CHAR(10)", "'ü'"),
    "c_varchar": ("VARCHAR(300)", "REPEAT('ß', 300)"),
    "c_binary": ("BINARY(4)", "x'00ff'"),
    "c_varbinary": ("VARBINARY(300)", "REPEAT(x'fe', 251)"),
    "c_tinytext": ("TINYTEXT", "''"),
    "c_text": ("TEXT", "REPEAT('0123456789abcdef', 4095)"),
    "c_mediumtext": ("MEDIUMTEXT", "REPEAT('m', 70000)"),
    "c_longtext": ("LONGTEXT", "'long'"),
    "c_tinyblob": ("TINYBLOB", "x'00'"),
    "c_blob": ("BLOB", "x'fb'"),
    "c_mediumblob": ("MEDIUMBLOB", "x'fc'"),
    "c_longblob": ("LONGBLOB", "x'fffeff'"),
    "c_enum": ("ENUM('one', 'two')", "'two'"),
    "c_set": ("SET('a', 'b', 'c')", "'a,c'"),
    "c_json": ("JSON", """'{"a": [1, null, "\U0001f600"]}'"""),
    "c_point": ("POINT", "ST_GeomFromText('POINT(1 2)')"),
}
MARIADB_TYPES = {
    "c_uuid": ("UUID", "'123e4567-e89b-12d3-a456-426655440000'"),
    "c_inet6": ("INET6", "'2001:db8::ff00:42:8329'"),
}

DIGITS = "digits a, digits b, digits c, digits d"
NUMBERS = "a.d + 10 * b.d + 100 * c.d + 1000 * d.d"


def every_type(kind: str) -> list[str]:
    """Statements which make the table `every_type` with a full row and one of NULLs."""
    types = TYPES | (MARIADB_TYPES if kind == "mariadb" else {})
    columns = ", ".join(f"{name} {sql_type}" for name, (sql_type, _) in types.items())
    values = ", ".join(value for _, value in types.values())
    return [
        "SET time_zone = '+00:00'",
        f"CREATE TABLE every_type (id INT AUTO_INCREMENT PRIMARY KEY, {columns})",
        f"INSERT INTO every_type VALUES (1, {values})",
        "INSERT INTO every_type (id) VALUES (NULL)",
    ]


TABLES = ("every_type", "things", "loaded")

STATEMENTS = (
    "SELECT VERSION(), @@version_comment",
    "SELECT DATABASE(), @@autocommit, @@character_set_client, @@collation_connection, @@sql_mode",
    "CREATE TABLE things (id INT AUTO_INCREMENT PRIMARY KEY, word VARCHAR(20) UNIQUE, n INT)",
    "CREATE TABLE IF NOT EXISTS things (id INT)",
    "INSERT INTO things (word, n) VALUES ('one', 1), ('two', 2), ('three', 3)",
    "INSERT INTO things (word, n) VALUES ('four', 4)",
    "INSERT IGNORE INTO things (word, n) VALUES ('four', 44), ('five', '5x')",
    "SHOW WARNINGS",
    "UPDATE things SET n = n + 1 WHERE n > 1",
    "UPDATE things SET n = n",
    "INSERT INTO things (word, n) VALUES ('one', 7) ON DUPLICATE KEY UPDATE n = VALUES(n)",
    "REPLACE INTO things (word, n) VALUES ('two', 22)",
    "DELETE FROM things WHERE word = 'three'",
    "SELECT * FROM things ORDER BY id",
    "SELECT * FROM things WHERE FALSE",
    "SELECT 'a' AS `a column ü`, NULL, 1.50, -1, 18446744073709551615, x'00ff', CAST('1-2-3' AS DATE)",
    "SELECT " + ", ".join(f"{n} AS c{n}" for n in range(300)),
    f"SELECT {NUMBERS} AS n, REPEAT('x', a.d * 50) FROM {DIGITS} ORDER BY n LIMIT 2000",
    "SET @variable = 'kept'",
    "SELECT @variable",
    "DO 1 + 1",
    "/* only a comment before */ SELECT 1",
    "PREPARE by_text FROM 'SELECT ? + 1'",
    "EXECUTE by_text USING @variable",
    "DEALLOCATE PREPARE by_text",
    "SHOW TABLES LIKE 'thing%'",
    "EXPLAIN SELECT 1",
    "ANALYZE TABLE things",
    "TRUNCATE TABLE things",
    "BEGIN",
    "SAVEPOINT here",
    "INSERT INTO things (word) VALUES ('undone')",
    "ROLLBACK TO SAVEPOINT here",
    "COMMIT",
    "SELECT COUNT(*) FROM things",
    "INSERT INTO things (id, word) VALUES (1, 'one')",
)

FAILING = (
    "SELEKT 1",
    "SELECT * FROM no_such_table",
    "SELECT no_such_column FROM things",
    "INSERT INTO things (word) VALUES ('one')",
    "SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 3001, MESSAGE_TEXT = 'ein Umlaut: ü'",
    "CALL no_such_procedure()",
    "CALL fails()",
    "SELECT 1; SELEKT 2; SELECT 3",
    "KILL 4294967295",
    "",
)


def prepare(session: Session) -> None:
    """Drop what an earlier run left."""
    for table in TABLES:
        session.run(f"DROP TABLE IF EXISTS {table}")


def login_steps(session: Session) -> list[Step]:
    """The short scenario."""
    return [("who", lambda: session.run(LOGIN))]


def all_steps(session: Session, material: Material) -> Iterator[Step]:
    """The long scenario."""
    for statement in (*STATEMENTS, *every_type(material.kind), "SELECT * FROM every_type ORDER BY id"):
        yield statement[:100], partial(session.run, statement)
    for statement in FAILING:
        yield f"error {statement}", partial(session.run, statement)
    yield from _transactions(session)
    yield from _data(session, material)
    yield from _connection(session)
    yield from session.own_steps(material)
    if material.parameter_bytes:
        yield from _large(session, material.parameter_bytes)
    yield from session.last_steps()


def _transactions(session: Session) -> Iterator[Step]:
    yield "autocommit off", lambda: session.autocommit(False)
    yield "insert", lambda: session.run("INSERT INTO things (word) VALUES ('rolled back')")
    yield "rollback", session.rollback
    yield "after rollback", lambda: session.run("SELECT word, @@autocommit FROM things ORDER BY id")
    yield "insert again", lambda: session.run("INSERT INTO things (word) VALUES ('committed')")
    yield "commit", session.commit
    yield "autocommit on", lambda: session.autocommit(True)
    yield "after commit", lambda: session.run("SELECT word, @@autocommit FROM things ORDER BY id")


def _data(session: Session, material: Material) -> Iterator[Step]:
    emoji = "\U0001f600 ü 日本 \u0000 ' \" \\ %"
    insert = "INSERT INTO things (word, n) VALUES (%s, %s)"
    load = f"LOAD DATA LOCAL INFILE '{material.rows_file}' INTO TABLE loaded (n, word)"
    yield "parameters", lambda: session.run("SELECT %s, %s, %s, HEX(%s)", (emoji, None, -1.5, emoji))
    yield "run many", lambda: session.run_many(insert, [(f"many {n}", n) for n in range(500)])
    yield "call", lambda: session.call("several", (3, 0))
    yield "stream part", lambda: session.stream(f"SELECT {NUMBERS}, 'row' FROM {DIGITS}", 10)
    yield "stream all", lambda: session.stream(f"SELECT {NUMBERS} AS n FROM {DIGITS} ORDER BY n", 10_000)
    if session.loads_local:
        yield "table to load", lambda: session.run("CREATE TABLE loaded (n INT, word VARCHAR(10))")
        yield "load local", lambda: session.run(load)
        yield "loaded", lambda: session.run("SELECT COUNT(*), SUM(n), MAX(word) FROM loaded")
    if session.survives_missing_file:
        yield "error load local", lambda: session.run(load.replace(".tsv", ".missing"))


def _connection(session: Session) -> Iterator[Step]:
    yield "ping", session.ping
    yield "other schema", lambda: session.select_db("information_schema")
    yield "in other schema", lambda: session.run("SELECT DATABASE()")
    yield "error no schema", lambda: session.select_db("no_such_schema")
    yield "own schema", lambda: session.select_db(session.target.schema)
    yield "still alive", lambda: session.run("SELECT 1")


def _large(session: Session, size: int) -> Iterator[Step]:
    text = (hashlib.sha256(b"large").hexdigest() * (size // 64 + 1))[:size]
    yield "large parameter", lambda: session.run("SELECT LENGTH(%s)", (text,))
    yield "large checksum", lambda: session.run("SELECT SHA2(%s, 256), %s = 1", (text, 2))
    yield "large value", lambda: session.run(f"SELECT REPEAT('0123456789', {size // 10}) AS large")


def observe(steps: Iterator[Step] | list[Step], errors: tuple[type[Exception], ...]) -> Observations:
    """What came of each step: its value or, for those errors, what the driver raised."""
    seen: Observations = {}
    for name, step in steps:
        try:
            seen[name] = shown(step())
        except errors as error:
            seen[name] = shown_error(error)
    return seen


def shown_error(error: Exception) -> Observations:
    """An error as the caller of a driver sees it."""
    state = getattr(error, "sqlstate", None)
    return {"error": type(error).__qualname__, "args": [shown(arg) for arg in error.args], "sqlstate": state}


def shown(value: object) -> Any:
    """A value with its type, for comparison: large ones by their checksum."""
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    text = repr(value)
    if len(text) > 1000:
        digest = hashlib.sha256(text.encode()).hexdigest()
        return f"{type(value).__name__} of {len(text)} characters, sha256 {digest}"
    return text


def write_rows(path: Path, rows: int = 30_000) -> None:
    """The file which scenarios load: large enough to need several packets."""
    path.write_text("".join(f"{n}\tword {n % 100}\n" for n in range(rows)))
