"""A database server in pure Python: mysql-mimic with the demo's tables in memory.

Run as `python -m proxy.demo.embedded SOCKET`.
"""

import asyncio
import sys
from typing import Any

from mysql_mimic import MysqlServer, Session
from mysql_mimic.errors import ErrorCode, MysqlError
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.executor import execute

from proxy.demo.shop import DATABASE, ORDERS

VISITS_KEPT = 1000

TABLES: dict[str, list[dict[str, Any]]] = {"orders": ORDERS, "visits": []}
SCHEMA = {DATABASE: {"orders": {"id": "INT", "customer": "TEXT", "cents": "INT"}, "visits": {"order_id": "INT"}}}


class ShopSession(Session):  # type: ignore[misc] # the package is not typed
    """SELECT and INSERT on the tables; SET, COMMIT and their like are the package's own."""

    async def schema(self) -> dict[str, dict[str, dict[str, str]]]:
        """Return the tables' columns, for SHOW and INFORMATION_SCHEMA."""
        return SCHEMA

    async def query(self, expression: exp.Expression, sql: str, attrs: dict[str, str]) -> tuple[Any, Any]:
        """Return the rows and the column names of a statement."""
        try:
            tables = {table.name: _rows(table) for table in expression.find_all(exp.Table)}
            if isinstance(expression, exp.Insert):
                return _insert(expression)
            result = execute(expression, tables=tables)
        except (SqlglotError, LookupError, ValueError) as error:
            raise MysqlError(f"the embedded server cannot do this: {error}", ErrorCode.NOT_SUPPORTED_YET) from error
        return result.rows, result.columns


def _rows(table: exp.Table) -> list[dict[str, Any]]:
    if table.name not in TABLES or table.db not in {"", DATABASE}:
        raise LookupError(f"there is no table {table.name}")
    table.set("db", None)
    return TABLES[table.name]


def _insert(insert: exp.Insert) -> tuple[list[Any], list[str]]:
    """Add the rows of INSERT INTO table (columns) VALUES (literals), ..."""
    if not isinstance(insert.this, exp.Schema) or not isinstance(insert.expression, exp.Values):
        raise SqlglotError("INSERT wants a list of columns, and VALUES")
    columns = [column.name for column in insert.this.expressions]
    rows = TABLES[insert.this.this.name]
    for values in insert.expression.expressions:
        rows.append(dict(zip(columns, (value.to_py() for value in values.expressions), strict=True)))
    del rows[:-VISITS_KEPT]
    return [], []


async def serve(socket: str) -> None:
    """Serve on a Unix socket until the process is ended."""
    server = MysqlServer(session_factory=ShopSession)
    await server.start_unix_server(path=socket)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
