"""What a session of a fixture leaves, as others see it: contents, locks and transactions; and its own variables."""

import time
from typing import Any, Final, Self

import pymysql

from proxy.wire.constants import COM_QUERY
from tests.catalogue import shop
from tests.catalogue.player import Player

from .facts.conftest import fields_of
from .servers import Server

BOOKS_SECONDS: Final = 0.2
STATUS_AT: Final = 3
GONE_SECONDS: Final = 10
LOCKED: Final = (1205, 3572)
"""ER_LOCK_WAIT_TIMEOUT, ER_LOCK_NOWAIT."""
FLEETING: Final = frozenset(
    ["timestamp", "pseudo_thread_id", "rand_seed1", "rand_seed2", "statement_id", "warning_count", "error_count"]
)
"""Variables that differ from one moment to the next."""

_Rows = tuple[tuple[Any, ...], ...]


class Witness:
    """One connection with all rights, in the sessions' schema, which it furnishes and clears."""

    def __init__(self, server: Server) -> None:
        self._mysql = server.kind == "mysql"
        self._connection = server.connect()
        for statement in (f"USE {server.schema}", "SET lock_wait_timeout = 1", *shop.FURNISH):
            self._run(statement)
        names = [str(name).lower() for (name,) in self._run(_VARIABLES[server.kind])]
        # The tracker's own are set by hushql, as is documented.
        self._variables = [name for name in names if name not in FLEETING and not name.startswith("session_track_")]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for statement in shop.CLEAR:
            self._run(statement)
        self._connection.close()

    def _run(self, statement: str) -> _Rows:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            rows: _Rows = cursor.fetchall()
            return rows

    def _try(self, statement: str) -> object:
        """Return the rows, or that a lock is in the way."""
        try:
            return self._run(statement)
        except pymysql.OperationalError as error:
            if error.args[0] not in LOCKED:
                raise
            return "locked"

    def put_back(self) -> None:
        """Make the tables what a session finds at its beginning."""
        for statement in shop.PUT_BACK:
            self._run(statement)

    def await_gone(self, thread: int) -> None:
        """Wait until the server has ended a connection, and with it its transaction."""
        deadline = time.monotonic() + GONE_SECONDS
        while self._run(f"SELECT 1 FROM information_schema.processlist WHERE id = {thread}"):
            assert time.monotonic() < deadline, f"connection {thread} does not end"
            time.sleep(0.001)

    def left_by(self, thread: int) -> dict[str, object]:
        """Return what there is to see of a connection that is idle now."""
        return {
            "transactions": self._transactions(thread),
            "metadata locks": self._run(_METADATA_LOCKS.format(thread=thread))
            if self._mysql
            else self._locked_tables(),
            "rows without locks": self._try("SELECT id FROM shop ORDER BY id FOR UPDATE SKIP LOCKED"),
            "contents": [self._try(f"SELECT * FROM {table}") for table in shop.TABLES],
        }

    def _transactions(self, thread: int) -> object:
        """Return what is open in InnoDB; that a BEGIN is, the status flags among the session's variables show.

        INNODB_TRX may be a tenth of a second old, or older, so it is asked only where there may be something: MySQL's
        performance_schema also shows what was over long ago, where a statement without autocommit has read the data
        dictionary.
        """
        if self._mysql:
            if not (found := self._run(_TRANSACTIONS.format(thread=thread))):
                return []
            time.sleep(BOOKS_SECONDS)
            open_there = self._run(f"SELECT 1 FROM information_schema.innodb_trx WHERE trx_mysql_thread_id = {thread}")
            return found if open_there else []
        ((_, _, status),) = self._run("SHOW ENGINE INNODB STATUS")
        return [
            "with a snapshot" if "Trx read view" in transaction else "without a snapshot"
            for transaction in str(status).split("---TRANSACTION")
            if f"MariaDB thread id {thread}," in transaction and ", ACTIVE" in transaction
        ]

    def _locked_tables(self) -> list[str]:
        found = [table for table in shop.TABLES if self._try(f"LOCK TABLES {table} WRITE NOWAIT") == "locked"]
        self._run("UNLOCK TABLES")
        return found

    def variables(self, player: Player) -> dict[str, str | None]:
        """Ask the session itself for all of its variables."""
        asked = ", ".join(f"@@session.{name}" for name in self._variables)
        packets = player.ask(bytes([COM_QUERY]) + f"SELECT DATABASE(), {asked}".encode())
        values = fields_of(packets[-2][1])
        flags = packets[-1][1][STATUS_AT : STATUS_AT + 2]  # of an EOF packet of either kind
        return dict(zip(["status flags", "DATABASE()", *self._variables], [flags.hex(), *values], strict=True))


_VARIABLES: Final = {
    "mysql": (
        "SELECT variable_name FROM performance_schema.variables_by_thread WHERE thread_id = PS_CURRENT_THREAD_ID()"
        " ORDER BY variable_name"
    ),
    "mariadb": (
        "SELECT variable_name FROM information_schema.system_variables WHERE variable_scope LIKE 'SESSION%'"
        " ORDER BY variable_name"
    ),
}
"""The names of those that sessions have."""
_TRANSACTIONS: Final = (
    "SELECT access_mode, isolation_level FROM performance_schema.events_transactions_current"
    " JOIN performance_schema.threads USING (thread_id) WHERE processlist_id = {thread} AND state = 'ACTIVE'"
)
_METADATA_LOCKS: Final = (
    "SELECT object_type, object_name, lock_type, lock_duration FROM performance_schema.metadata_locks"
    " JOIN performance_schema.threads ON thread_id = owner_thread_id"
    " WHERE processlist_id = {thread} AND lock_status = 'GRANTED' AND lock_duration <> 'STATEMENT' ORDER BY 1, 2, 3, 4"
)
