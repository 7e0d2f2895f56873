"""Which server this is, by the version in its greeting, and what that means for session variables."""

import re
from typing import Final

MYSQL: Final = "mysql"
MARIADB: Final = "mariadb"

_TRACKED: Final = (
    "autocommit",
    "time_zone",
    "character_set_client",
    "character_set_connection",
    "character_set_results",
    "collation_connection",
    "completion_type",
    "foreign_key_checks",
    "group_concat_max_len",
    "innodb_lock_wait_timeout",
    "interactive_timeout",
    "lc_time_names",
    "lock_wait_timeout",
    "net_read_timeout",
    "net_write_timeout",
    "sql_auto_is_null",
    "sql_mode",
    "sql_safe_updates",
    "sql_select_limit",
    "unique_checks",
    "wait_timeout",
)
"""What MySQL's tracker is asked to report, beside the transactions' characteristics, whose names differ, and the list
itself, which nobody is to change unseen."""
_TRANSACTIONS: Final = frozenset(["isolation", "access"])
_CHARSETS: Final = (
    "names",
    "character_set_client",
    "character_set_connection",
    "character_set_results",
)

# A distribution's or a build's own suffixes: 8.0.36-28, 9.7.4-2, 8.4.0-0ubuntu0.22.04.1, 8.0.35-log, 5.7.44-48-57.
_MYSQL: Final = re.compile(r"(\d+)\.(\d+)\.\d+(?:-(?:\d[\w.+~]*|log|debug|commercial|enterprise|community|cluster))*")
_MARIADB: Final = re.compile(r"(?:5\.5\.5-)?(\d+)\.(\d+)\.\d+(?:-\d+)?-MariaDB\b", re.IGNORECASE)


class Dialect:
    """A server's kind, and how much its word is worth."""

    def __init__(self, version: str, *, trusted: bool = False) -> None:
        """Take the version of a greeting; `trusted` says that the user vouches for a server of another make."""
        mariadb, mysql = _MARIADB.match(version), _MYSQL.fullmatch(version)
        found = mariadb or mysql
        self.version = version
        self.kind = MARIADB if mariadb else MYSQL
        self.release = (int(found[1]), int(found[2])) if found else (0, 0)
        self.is_trusted = trusted or (found is not None and self.release >= ((10, 2) if mariadb else (5, 7)))
        """Whether its status flags and its tracker can be relied on: MySQL from 5.7, MariaDB from 10.2.

        Some servers that only speak the protocol never set the AUTOCOMMIT flag.
        """
        old = mariadb is not None and self.release < (11, 1)
        self.isolation = "tx_isolation" if old else "transaction_isolation"
        self.access = "tx_read_only" if old else "transaction_read_only"
        if mysql and self.release < (5, 8):  # 5.7 has both, and MySQL 8 only the new ones
            self.isolation, self.access = "tx_isolation", "tx_read_only"

    @property
    def tracking(self) -> bytes:
        """The member of a SET list that asks the tracker for what the rules need.

        MariaDB does not report what is set with two at signs and no scope, so that its word is worth something only
        where that form does not set the session's value. And it flags a change of anything on the list in EOF packets,
        which the client sees: so there the list only becomes longer.
        """
        names = ",".join((self.isolation, self.access, "session_track_system_variables"))
        if self.kind == MARIADB:
            return f"session_track_system_variables=CONCAT(@@session_track_system_variables,',{names}')".encode()
        return f"session_track_system_variables='{','.join(_TRACKED)},{names}'".encode()

    @property
    def resets_keep_schema(self) -> bool:
        """Whether USE of the same schema does nothing after COM_RESET_CONNECTION."""
        return self.kind == MYSQL or self.release >= (11, 0)

    @property
    def survivors(self) -> frozenset[str]:
        """The facts that stored code cannot change unseen, once the tracker has been asked."""
        return _TRANSACTIONS.union((*_TRACKED, *_CHARSETS) if self.kind == MYSQL else ())

    @property
    def usual_survivors(self) -> frozenset[str]:
        """The same, as far as the tracker's usual list goes, and for transactions in good faith: to observe by."""
        return _TRANSACTIONS.union(("time_zone", *_CHARSETS) if self.kind == MYSQL else ())

    @property
    def transaction_tracking(self) -> bytes:
        """The member of a SET list that asks for what a transaction has done."""
        return b"session_track_transaction_info='STATE'"

    def canonical(self, name: str) -> str:
        """Return the name under which facts are kept, of one that the tracker reports."""
        if name in ("transaction_isolation", "tx_isolation"):
            return "isolation"
        return "access" if name in ("transaction_read_only", "tx_read_only") else name
