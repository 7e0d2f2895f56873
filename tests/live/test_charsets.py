"""Character sets: which of the server's cannot be read byte by byte, and that nothing of theirs is logged."""

import contextlib
import time

import pymysql

from rules.charsets import UNREADABLE, is_unreadable

from .conftest import StartProxy
from .servers import Server


def test_all_collations_of_these_character_sets_are_known(server: Server) -> None:
    """And no others. Ids above 2,047 belong to collations that no login can name."""
    rows = server.run(
        "SELECT id, character_set_name FROM information_schema.collations"
        if server.kind == "mysql"
        else "SELECT id, character_set_name FROM information_schema.collation_character_set_applicability"
    )
    for number, name in rows:
        if number is not None and int(number) < 2048:
            assert is_unreadable(int(number)) is (name.encode() in UNREADABLE), (number, name)


def test_a_value_that_looks_like_the_end_of_a_string_is_not_logged(server: Server, hushql: StartProxy) -> None:
    """0x815C is one character in gbk; read byte by byte, its second half would escape the closing quote."""
    proxy = hushql()
    account = server.account
    with contextlib.closing(
        pymysql.connect(host=proxy.host, port=proxy.port, user=account.user, password=account.password, charset="gbk")
    ) as connection:
        connection.query(b"SELECT '\x81\x5c', 'hidden'".decode("gbk"))
    deadline = time.monotonic() + 5
    while "COM_QUIT" not in proxy.log_path.read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "hidden" not in proxy.log_path.read_text()
    assert "COM_QUERY" in proxy.log_path.read_text()
