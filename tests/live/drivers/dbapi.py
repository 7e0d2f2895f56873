"""A PEP 249 connection as a session; drivers that differ override what differs."""

from collections.abc import Callable
from typing import Any

from ..targets import Account, Target
from .scenario import Material, Observations, Step, all_steps, login_steps, observe, prepare, shown_error


class DbApiSession:
    """PyMySQL's dialect of PEP 249, which most drivers speak."""

    loads_local = True
    survives_missing_file = True

    def __init__(self, connection: Any, target: Target, account: Account, streaming: Any = None) -> None:
        self.connection = connection
        self.target = target
        self.account = account
        self.streaming = streaming

    def run(self, sql: str, args: tuple[object, ...] = ()) -> object:
        """Every result of the text, as the cursor tells it."""
        cursor = self.connection.cursor()
        try:
            cursor.execute(sql, args or None)
            return self.results(cursor)
        finally:
            cursor.close()

    def results(self, cursor: Any) -> list[object]:
        """Each result set: columns, rows, and the counts of its OK."""
        results: list[object] = []
        while True:
            rows = cursor.fetchall() if cursor.description else None
            columns = [tuple(column) for column in cursor.description or ()]
            results.append((columns, rows, cursor.rowcount, cursor.lastrowid, self.warnings(cursor)))
            if not cursor.nextset():
                return results

    def warnings(self, cursor: Any) -> object:
        return getattr(cursor, "warning_count", None)

    def run_many(self, sql: str, rows: list[tuple[object, ...]]) -> object:
        cursor = self.connection.cursor()
        try:
            return cursor.executemany(sql, rows), cursor.rowcount, cursor.lastrowid
        finally:
            cursor.close()

    def call(self, procedure: str, args: tuple[object, ...]) -> object:
        """Its result sets, and the OUT parameters."""
        cursor = self.connection.cursor()
        try:
            cursor.callproc(procedure, args)
            results = self.results(cursor)
            cursor.execute(f"SELECT @_{procedure}_0, @_{procedure}_1")
            return results, self.results(cursor)
        finally:
            cursor.close()

    def stream(self, sql: str, rows: int) -> object:
        """That many rows of a result which the driver does not buffer."""
        cursor = self.connection.cursor(self.streaming)
        try:
            cursor.execute(sql)
            return cursor.fetchmany(rows)
        finally:
            cursor.close()

    def autocommit(self, on: bool) -> object:
        return self.connection.autocommit(on)

    def commit(self) -> object:
        return self.connection.commit()

    def rollback(self) -> object:
        return self.connection.rollback()

    def ping(self) -> object:
        return self.connection.ping()

    def select_db(self, schema: str) -> object:
        return self.connection.select_db(schema)

    def own_steps(self, material: Material) -> list[Step]:
        """What only this driver can do."""
        return []

    def last_steps(self) -> list[Step]:
        """What may cost the connection."""
        return []

    def close(self) -> object:
        return self.connection.close()


class PythonDriver:
    """A driver of Python: how it connects, and which errors are its own."""

    def __init__(
        self,
        name: str,
        connect: Callable[[Target, Account], DbApiSession],
        errors: tuple[type[Exception], ...],
    ) -> None:
        self.name = name
        self.connect = connect
        self.errors = errors

    def login(self, target: Target, account: Account) -> Observations:
        """Log in, say who one is, and leave."""
        try:
            session = self.connect(target, account)
        except self.errors as error:
            return {"error login": shown_error(error)}
        try:
            return observe(login_steps(session), self.errors)
        finally:
            session.close()

    def everything(self, target: Target, account: Account, material: Material) -> Observations:
        """The long scenario."""
        session = self.connect(target, account)
        try:
            prepare(session)
            return observe(all_steps(session, material), self.errors)
        finally:
            session.close()
