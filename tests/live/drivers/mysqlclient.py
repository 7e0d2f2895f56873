"""mysqlclient (MySQLdb), on MariaDB's C library."""

import re

import MySQLdb
from MySQLdb.constants import CLIENT
from MySQLdb.cursors import SSCursor

from ..targets import Account, Target
from .dbapi import DbApiSession, PythonDriver
from .scenario import Material, Step

# The library calls it a TLS error (2026) where the server hangs up without TLS's own farewell, as MySQL does.
_LOST = (1053, 1927, 2006, 2013, 2026)
_MULTI_STATEMENTS_ON, _MULTI_STATEMENTS_OFF = 0, 1


class _Session(DbApiSession):
    def warnings(self, cursor: object) -> object:
        return self.connection.warning_count(), self.connection.info()

    def own_steps(self, material: Material) -> list[Step]:
        connection = self.connection
        return [
            ("statistics", lambda: re.sub(r"[\d.]+", "N", str(connection.stat()))),
            ("multi statements off", lambda: connection.set_server_option(_MULTI_STATEMENTS_OFF)),
            ("error two statements", lambda: self.run("SELECT 1; SELECT 2")),
            ("multi statements on", lambda: connection.set_server_option(_MULTI_STATEMENTS_ON)),
            ("two statements", lambda: self.run("SELECT 1; SELECT 2")),
            (
                "change user",
                lambda: connection.change_user(self.account.user, self.account.password, self.target.schema),
            ),
            ("as changed", lambda: self.run("SELECT DATABASE(), @variable, CONNECTION_ID() > 0")),
            ("character set", lambda: connection.set_character_set("latin1")),
        ]

    def last_steps(self) -> list[Step]:
        connection, user, schema = self.connection, self.account.user, self.target.schema
        return [
            ("error change user", lambda: connection.change_user(user, "wrong", schema)),
            ("after refusal", self.is_alive),
        ]

    def is_alive(self) -> bool:
        """After a refused change of user MariaDB goes on with the former one, and MySQL hangs up."""
        try:
            self.run("SELECT 1")
        except MySQLdb.OperationalError as error:
            if error.args[0] not in _LOST:
                raise
            return False
        return True


def _connect(target: Target, account: Account) -> DbApiSession:
    tls = {"ssl": {"ca": target.ca}} if target.ca else {}
    # MariaDB's library verifies either both the authority and the name, or nothing.
    mode = "VERIFY_IDENTITY" if target.checks_name else "REQUIRED"
    where = {"unix_socket": target.socket} if target.socket else {"host": target.host, "port": target.port}
    connection = MySQLdb.connect(
        **where,
        user=account.user,
        password=account.password,
        database=target.schema,
        charset="utf8mb4",
        local_infile=True,
        client_flag=CLIENT.MULTI_STATEMENTS,
        connect_timeout=10,
        ssl_mode=mode if target.ca else "DISABLED",
        **tls,
    )
    return _Session(connection, target, account, SSCursor)


MYSQLCLIENT = PythonDriver("mysqlclient", _connect, (MySQLdb.Error,))
