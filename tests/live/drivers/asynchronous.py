"""aiomysql and asyncmy: connections of coroutines, driven as if they blocked."""

import asyncio
import inspect
import warnings
from collections.abc import Awaitable
from typing import Any

import aiomysql
import asyncmy
import asyncmy.constants.CLIENT
import asyncmy.cursors
import asyncmy.errors
import pymysql
from aiomysql.cursors import SSCursor
from pymysql.constants import CLIENT

from ..targets import Account, Target, client_context
from .dbapi import DbApiSession, PythonDriver
from .scenario import Material, Step

TIMEOUT = 60


class Blocking:
    """An object whose coroutines are run to their end by whoever calls them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, inner: Any) -> None:
        self.loop = loop
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.inner, name)
        if not callable(attribute):
            return attribute

        def call(*args: Any, **kwargs: Any) -> Any:
            value = attribute(*args, **kwargs)
            return run(self.loop, value) if inspect.isawaitable(value) else value

        return call


def run(loop: asyncio.AbstractEventLoop, awaitable: Awaitable[Any]) -> Any:
    """The value of the awaitable; TimeoutError after a minute."""

    async def main() -> Any:
        async with asyncio.timeout(TIMEOUT):
            return await awaitable

    return loop.run_until_complete(main())


class _Session(DbApiSession):
    """The connection's cursors have coroutines too."""

    def __init__(self, connecting: Awaitable[Any], target: Target, account: Account, streaming: Any) -> None:
        self.loop = asyncio.new_event_loop()
        try:
            connection = run(self.loop, connecting)
        except BaseException:
            self._end()
            raise
        super().__init__(_Connection(self.loop, connection), target, account, streaming)

    def close(self) -> object:
        self.connection.ensure_closed()
        self._end()
        return None

    def _end(self) -> None:
        # A transport closes in the turn after it was told to.
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()


class _Connection(Blocking):
    def cursor(self, *args: Any) -> Blocking:
        made = self.inner.cursor(*args)
        return Blocking(self.loop, run(self.loop, made) if inspect.isawaitable(made) else made)


class _AiomysqlSession(_Session):
    def run(self, sql: str, args: tuple[object, ...] = ()) -> object:
        """The results, and the warnings of the server, which aiomysql raises as Python's."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", pymysql.Warning)
            results = super().run(sql, args)
        return results, [str(warning.message) for warning in caught]


class _AsyncmySession(_Session):
    # asyncmy 0.2.18 passes the file's name on as bytes to what wants a str, and is out of step afterwards.
    loads_local = False
    survives_missing_file = False

    def own_steps(self, material: Material) -> list[Step]:
        insert = "INSERT INTO things (word) VALUES (?)"
        types = "SELECT * FROM every_type WHERE id >= ? ORDER BY id"
        values = ("\U0001f600", None, 1 << 40, 1.5)
        steps: list[Step] = [
            ("prepared types", lambda: self.prepared(types, (1,), times=2)),
            ("prepared parameters", lambda: self.prepared("SELECT ?, ?, ?, ?", values)),
            ("prepared insert", lambda: self.prepared(insert, ("prepared",))),
            ("error prepare", lambda: self.prepared("SELEKT ?", (1,))),
            ("error prepared", lambda: self.prepared(insert, ("prepared",))),
        ]
        # Over TLS asyncmy asks for MariaDB's extended capabilities too late: direct to the server it is refused.
        if material.kind == "mariadb" and self.target.ca is None:
            steps.append(("bulk insert", self.bulk_insert))
        return steps

    def prepared(self, sql: str, args: tuple[object, ...], times: int = 1) -> object:
        """The statement in the binary protocol, prepared once."""
        statement = Blocking(self.loop, self.connection.prepare(sql))
        try:
            results = [statement.execute(args) for _ in range(times)]
            return [(r.rows, r.affected_rows, r.insert_id, r.description) for r in results]
        finally:
            statement.close()

    def bulk_insert(self) -> object:
        """MariaDB's COM_STMT_BULK_EXECUTE."""
        statement = Blocking(self.loop, self.connection.prepare("INSERT INTO things (word, n) VALUES (?, ?)"))
        try:
            result = statement.execute_bulk([(f"bulk {n}", n) for n in range(300)])
            return result.affected_rows, result.insert_id
        finally:
            statement.close()


def _connect_aiomysql(target: Target, account: Account) -> DbApiSession:
    connecting = aiomysql.connect(
        host=target.host,
        port=target.port,
        unix_socket=target.socket,
        user=account.user,
        password=account.password,
        db=target.schema,
        charset="utf8mb4",
        local_infile=True,
        client_flag=CLIENT.MULTI_STATEMENTS,
        ssl=client_context(target),
    )
    return _AiomysqlSession(connecting, target, account, SSCursor)


def _connect_asyncmy(target: Target, account: Account) -> DbApiSession:
    connecting = asyncmy.connect(
        host=target.host,
        port=target.port,
        unix_socket=target.socket,
        user=account.user,
        password=account.password,
        database=target.schema,
        charset="utf8mb4",
        local_infile=True,
        client_flag=CLIENT.MULTI_STATEMENTS,
        ssl=client_context(target),
    )
    return _AsyncmySession(connecting, target, account, asyncmy.cursors.SSCursor)


AIOMYSQL = PythonDriver("aiomysql", _connect_aiomysql, (pymysql.Error, OSError, RuntimeError))
ASYNCMY = PythonDriver("asyncmy", _connect_asyncmy, (asyncmy.errors.Error, OSError, RuntimeError))
