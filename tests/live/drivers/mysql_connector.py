"""mysql-connector-python, in its pure Python form: the only driver of Python which fetches from server-side cursors."""

import io
from typing import Any

import mysql.connector
from mysql.connector.constants import ClientFlag

from ..targets import Account, Target
from .dbapi import DbApiSession, PythonDriver
from .scenario import DIGITS, NUMBERS, Material, Step

_CURSOR_TYPE_READ_ONLY = 1


class _Session(DbApiSession):
    survives_missing_file = False

    def call(self, procedure: str, args: tuple[object, ...]) -> object:
        cursor = self.connection.cursor()
        try:
            out = cursor.callproc(procedure, args)
            return out, [(result.description, result.fetchall()) for result in cursor.stored_results()]
        finally:
            cursor.close()

    def stream(self, sql: str, rows: int) -> object:
        cursor = self.connection.cursor(buffered=False)
        try:
            cursor.execute(sql)
            read = cursor.fetchmany(rows)
            self.connection.consume_results()
            return read
        finally:
            cursor.close()

    def autocommit(self, on: bool) -> object:
        self.connection.autocommit = on
        return self.connection.autocommit

    def select_db(self, schema: str) -> object:
        return self.connection.cmd_init_db(schema)

    def own_steps(self, material: Material) -> list[Step]:
        connection, user, password = self.connection, self.account.user, self.account.password
        insert = "INSERT INTO things (word) VALUES (%s)"
        types = "SELECT * FROM every_type WHERE id >= %s ORDER BY id"
        return [
            ("prepared types", lambda: self.prepared(types, (1,), times=2)),
            ("prepared parameters", lambda: self.prepared("SELECT %s, %s, %s", ("\U0001f600", None, 1 << 40))),
            ("prepared long data", lambda: self.prepared("SELECT SHA2(%s, 256)", (io.BytesIO(b"long" * 100_000),))),
            ("prepared insert", lambda: self.prepared(insert, ("prepared",))),
            ("error prepare", lambda: self.prepared("SELEKT %s", (1,))),
            ("error prepared", lambda: self.prepared(insert, ("prepared",))),
            ("cursor fetch", self.cursor_fetch),
            ("statistics", lambda: sorted(connection.cmd_statistics())),
            ("reset connection", connection.cmd_reset_connection),
            ("after reset", lambda: self.run("SELECT DATABASE(), @variable")),
            ("change user", lambda: connection.cmd_change_user(user, password, self.target.schema)),
            ("as changed", lambda: self.run("SELECT DATABASE(), @variable")),
        ]

    def prepared(self, sql: str, args: tuple[object, ...], times: int = 1) -> object:
        """The statement in the binary protocol, prepared once."""
        cursor = self.connection.cursor(prepared=True)
        try:
            results = []
            for _ in range(times):
                cursor.execute(sql, args)
                rows = cursor.fetchall() if cursor.description else None
                results.append((cursor.description, rows, cursor.rowcount, cursor.lastrowid))
            return results
        finally:
            cursor.close()

    def cursor_fetch(self) -> object:
        """A cursor in the server, read in three fetches of which the last finds its end."""
        sql = f"SELECT {NUMBERS} AS n, 'row' FROM {DIGITS} ORDER BY n LIMIT 25"
        statement = self.connection.cmd_stmt_prepare(sql.encode())
        number = statement["statement_id"]
        executed: Any = self.connection.cmd_stmt_execute(number, flags=_CURSOR_TYPE_READ_ONLY)
        _, columns, eof = executed
        fetched = []
        for _ in range(3):
            self.connection.cmd_stmt_fetch(number, 10)
            fetched.append(self.connection.get_rows(binary=True, columns=columns))
        self.connection.cmd_stmt_reset(number)
        self.connection.cmd_stmt_close(number)
        return columns, eof, fetched


def _connect(target: Target, account: Account) -> DbApiSession:
    where: dict[str, object] = {"host": target.host, "port": target.port}
    if target.socket:
        where = {"unix_socket": target.socket}
    tls: dict[str, object] = {"ssl_disabled": True}
    if target.ca:
        tls = {"ssl_ca": target.ca, "ssl_verify_cert": True, "ssl_verify_identity": target.checks_name}
    connection = mysql.connector.connect(
        **where,
        **tls,
        user=account.user,
        password=account.password,
        database=target.schema,
        charset="utf8mb4",
        allow_local_infile=True,
        client_flags=[ClientFlag.MULTI_STATEMENTS, ClientFlag.LOCAL_FILES],
        use_pure=True,
        connection_timeout=60,
    )
    return _Session(connection, target, account)


MYSQL_CONNECTOR = PythonDriver("mysql-connector-python", _connect, (mysql.connector.Error, OSError))
