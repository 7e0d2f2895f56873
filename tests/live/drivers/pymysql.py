"""PyMySQL."""

import pymysql
from pymysql.constants import CLIENT
from pymysql.cursors import SSCursor

from ..targets import Account, Target, client_context
from .dbapi import DbApiSession, PythonDriver


def _connect(target: Target, account: Account) -> DbApiSession:
    connection = pymysql.connect(
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
        ssl_disabled=target.ca is None,
        read_timeout=60,
    )
    return DbApiSession(connection, target, account, SSCursor)


PYMYSQL = PythonDriver("PyMySQL", _connect, (pymysql.Error, OSError, RuntimeError))
