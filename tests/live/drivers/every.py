"""The drivers of the matrix."""

from . import Driver
from .asynchronous import AIOMYSQL, ASYNCMY
from .command_line import COMMAND_LINE
from .connector_j import CONNECTOR_J
from .mysql_connector import MYSQL_CONNECTOR
from .mysqlclient import MYSQLCLIENT
from .pymysql import PYMYSQL

DRIVERS: tuple[Driver, ...] = (
    PYMYSQL,
    AIOMYSQL,
    ASYNCMY,
    MYSQLCLIENT,
    MYSQL_CONNECTOR,
    COMMAND_LINE,
    CONNECTOR_J,
)
