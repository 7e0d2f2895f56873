"""The administrator's connection of a run: puts the tables back, looks at contents and locks, ends waits."""

import contextlib
import re
import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

import pymysql

from ..servers import Server
from .script import Script
from .tables import SETUP, TABLES, leftovers, second_schema, third_schema

LOCKED: Final = (1205, 3572)
"""ER_LOCK_WAIT_TIMEOUT, ER_LOCK_NOWAIT."""
GONE_SECONDS: Final = 10


class Observer:
    """One connection with all rights, in the scenarios' schema."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._mysql = server.kind == "mysql"
        self._connection = server.connect()
        self.schema = f"{server.schema}_d"
        """The scenarios' own; two more have names that begin so."""
        self._run("SET lock_wait_timeout = 5, innodb_lock_wait_timeout = 5, sql_mode = ''")
        self._at_once = "" if self._mysql else "SET STATEMENT lock_wait_timeout = 0 FOR "

    def close(self) -> None:
        """Leave."""
        self._connection.close()

    def _run(self, statement: str) -> list[tuple[Any, ...]]:
        """Execute one statement; the rows of all its results."""
        rows: list[tuple[Any, ...]] = []
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            rows += cursor.fetchall()
            while cursor.nextset():
                rows += cursor.fetchall()
        return rows

    def furnish(self) -> None:
        """Make the schemas with all that is in them; the scenarios' account has all rights on them."""
        schema = self.schema
        self._run(f"CREATE DATABASE {schema} CHARACTER SET utf8mb4")
        self._run(f"USE {schema}")
        for statement in (*SETUP, *second_schema(schema), third_schema(schema)):
            self._run(statement)
        for name in self._schemas():
            self._run(f"GRANT ALL ON {name}.* TO '{self._server.account.user}'@'%'")

    def clear(self) -> None:
        """Drop the schemas."""
        for name in self._schemas():
            self._run(f"DROP DATABASE IF EXISTS {name}")

    def _schemas(self) -> tuple[str, ...]:
        return self.schema, f"{self.schema}_b", f"{self.schema}_c"

    # ---- between scripts ----

    def put_back(self, script: Script) -> None:
        """Make all that a script can have changed as it was at first; none of its connections is left."""
        texts = str(script)
        if "XA " in texts:
            self._end_prepared()
        for statement in leftovers(texts, self.schema):
            self._run(statement)
        self._run("CALL put_back()")

    def _end_prepared(self) -> None:
        for _, size, _, data in self._run("XA RECOVER"):
            name = str(data)[: int(size)]
            if name.startswith(self.schema):
                self._run(f"XA ROLLBACK '{name}'")

    def await_gone(self, numbers: Iterable[int]) -> None:
        """Wait until the server has ended these connections, and with them their transactions."""
        wanted = ", ".join(map(str, numbers))
        if not wanted:
            return
        column, table = ("processlist_id", "performance_schema.threads") if self._mysql else _PROCESSLIST
        deadline = time.monotonic() + GONE_SECONDS
        while self._run(f"SELECT {column} FROM {table} WHERE {column} IN ({wanted})"):
            if time.monotonic() > deadline:
                raise AssertionError(f"connections {wanted} do not end")
            time.sleep(0.0005)

    def is_idle(self, number: int) -> bool:
        """Wait until a connection is idle or gone; say which."""
        query = (_MYSQL_DOES if self._mysql else _MARIADB_DOES).format(number=number)
        idle = 0
        while idle < 2:  # at the end of a statement it seems so for a moment
            rows = self._run(query)
            if not rows:
                return False
            idle = idle + 1 if rows == [("Sleep",)] else 0
        return True

    # ---- while a statement is late ----

    def end_wait(self, number: int) -> None:
        """Interrupt a connection's statement if it waits for a lock: all others of the script are idle."""
        if self._run((_MYSQL_WAITS if self._mysql else _MARIADB_WAITS).format(number=number)) or (
            not self._mysql and any("LOCK WAIT" in text for who, text in self._innodb() if who == number)
        ):
            with contextlib.suppress(pymysql.OperationalError):  # it has just left
                self._run(f"KILL QUERY {number}")

    def _innodb(self) -> Iterator[tuple[int, str]]:
        """Yield what InnoDB's monitor says of each open transaction; innodb_trx is a tenth of a second old."""
        [(_, _, text)] = self._run("SHOW ENGINE INNODB STATUS")
        for part in text.split("---TRANSACTION ")[1:]:
            if found := re.search(r"^.*, ACTIVE .*?thread id (\d+),", part, re.DOTALL):
                yield int(found[1]), part.split("\n--------\n")[0]

    # ---- what a script has done so far ----

    def contents(self) -> list[tuple[Any, ...]]:
        """Return the committed rows of all tables, or that somebody has locked one."""
        if self._mysql and self._run(_LOCKED_AGAINST_READS.format(schema=self.schema)):
            return [("locked",)]
        try:
            return self._run(f"{self._at_once}CALL contents()")
        except pymysql.OperationalError as error:
            if error.args[0] not in LOCKED:
                raise
            return [("locked",)]

    def tables(self, script: Script) -> list[tuple[Any, ...]]:
        """Return the names of all tables, if the script can have made some."""
        return self._run("SHOW TABLES") if _MAKES.search(str(script)) else []

    def locks(self, numbers: dict[int, int]) -> list[tuple[Any, ...]]:
        """Return who of these holds which metadata locks; `numbers` are the script's, by the server's.

        On MariaDB, which does not tell, which tables have none. And which rows are not locked, unless somebody has the
        whole table.
        """
        found = self._metadata_locks(numbers) if self._mysql else self._lockable()
        if any(str(lock) in _AGAINST_WRITES for row in found for lock in row):
            return found
        try:
            return found + sorted(self._run(f"{self._at_once}{_FREE_ROWS}"))
        except pymysql.OperationalError as error:
            if error.args[0] not in LOCKED:
                raise
            return [*found, ("locked",)]

    def _metadata_locks(self, numbers: dict[int, int]) -> list[tuple[Any, ...]]:
        if not numbers:
            return []
        rows = self._run(_METADATA_LOCKS.format(numbers=", ".join(map(str, numbers))))
        return sorted((numbers[row[0]], *map(str, row[1:])) for row in rows)

    def _lockable(self) -> list[tuple[Any, ...]]:
        if self._can_lock(*TABLES):
            return [(table,) for table in TABLES]
        return [(table,) for table in TABLES if self._can_lock(table)]

    def _can_lock(self, *tables: str) -> bool:
        try:
            self._run(f"LOCK TABLES {' WRITE, '.join(tables)} WRITE NOWAIT")
        except pymysql.OperationalError as error:
            if error.args[0] not in LOCKED:
                raise
            return False
        self._run("UNLOCK TABLES")
        return True

    def transactions(self, numbers: dict[int, int]) -> list[tuple[Any, ...]]:
        """Return the transactions that these have begun to work in.

        On MySQL with access mode, isolation and savepoints; on MariaDB whether they have a snapshot.
        """
        if not numbers:
            return []
        if self._mysql:
            rows = self._run(_TRANSACTIONS.format(numbers=", ".join(map(str, numbers))))
            return sorted((numbers[row[0]], *map(str, row[1:])) for row in rows)
        return sorted((numbers[who], "read view" in text) for who, text in self._innodb() if who in numbers)


_AGAINST_WRITES: Final = ("SHARED_READ_ONLY", "SHARED_NO_WRITE", "SHARED_NO_READ_WRITE", "EXCLUSIVE")
"""Metadata locks that SELECT ... FOR UPDATE waits for."""
_FREE_ROWS: Final = " UNION ALL ".join(
    f"(SELECT '{table}', id FROM {table} FORCE INDEX (PRIMARY) FOR UPDATE SKIP LOCKED)"
    for table in ("people", "numbered", "watched")
)
_LOCKED_AGAINST_READS: Final = (
    "SELECT 1 FROM performance_schema.metadata_locks WHERE object_schema = '{schema}' AND object_type = 'TABLE'"
    " AND lock_status = 'GRANTED' AND lock_type IN ('SHARED_NO_READ_WRITE', 'EXCLUSIVE') LIMIT 1"
)
_PROCESSLIST: Final = ("id", "information_schema.processlist")
_MYSQL_DOES: Final = "SELECT processlist_command FROM performance_schema.threads WHERE processlist_id = {number}"
_MARIADB_DOES: Final = "SELECT command FROM information_schema.processlist WHERE id = {number}"
_MYSQL_WAITS: Final = (
    "SELECT 1 FROM performance_schema.threads t WHERE processlist_id = {number} AND (processlist_state LIKE"
    " 'Waiting for %lock%' OR thread_id IN (SELECT requesting_thread_id FROM performance_schema.data_lock_waits))"
)
_MARIADB_WAITS: Final = (
    "SELECT 1 FROM information_schema.processlist WHERE id = {number} AND state LIKE 'Waiting for %lock%'"
)
_MAKES: Final = re.compile("CREATE|RENAME|DROP", re.IGNORECASE)
_METADATA_LOCKS: Final = (
    "SELECT t.processlist_id, object_type, object_schema, object_name, lock_type, lock_duration, lock_status"
    " FROM performance_schema.metadata_locks m JOIN performance_schema.threads t ON t.thread_id = m.owner_thread_id"
    " WHERE t.processlist_id IN ({numbers}) AND lock_duration <> 'STATEMENT' AND object_type IN"
    " ('TABLE', 'FUNCTION', 'PROCEDURE', 'USER LEVEL LOCK')"
)
_TRANSACTIONS: Final = (
    "SELECT processlist_id, access_mode, isolation_level, autocommit, number_of_savepoints"
    " FROM performance_schema.events_transactions_current e JOIN performance_schema.threads t USING (thread_id)"
    " WHERE state = 'ACTIVE' AND processlist_id IN ({numbers}) AND thread_id IN (SELECT owner_thread_id"
    " FROM performance_schema.metadata_locks WHERE lock_duration = 'TRANSACTION' AND object_type = 'TABLE')"
)
"""Of a BEGIN alone nobody else can know; who has worked in a transaction holds a metadata lock."""
