"""What a session makes of texts that no fixture has, and what it keeps."""

import pytest

from rules.dialect import Dialect
from rules.engine import LEARNED_LIMIT, REPLIES_LIMIT, Engine
from rules.session import AUTOCOMMIT, Outcome, Session
from rules.statement import read

MYSQL = Dialect("9.7.4-2")
MANY_DIGITS = b"9" * 6000
"""More than int() takes: a server cuts such a number with a warning."""


def learned(text: bytes) -> Session:
    session = Session(AUTOCOMMIT, MYSQL)
    session.learn(read(text), Outcome(status=AUTOCOMMIT))
    return session


@pytest.mark.parametrize(
    ("text", "patience"),
    [
        (b"SET wait_timeout=400", 100.0),
        (b"SET @a=1, wait_timeout=400", 100.0),
        (b"SET wait_timeout=@a", 0.0),
        (b"SET wait_timeout=" + MANY_DIGITS, 0.0),
        (b"SET @a=1, wait_timeout=" + MANY_DIGITS, 0.0),
        (b"SET innodb_lock_wait_timeout=1", float("inf")),
        (b"SET idle_transaction_timeout=1000", 0.0),
    ],
    ids=lambda value: value[:40].decode() if isinstance(value, bytes) else str(value),
)
def test_a_session_is_no_more_patient_than_its_own_timeouts(text: bytes, patience: float) -> None:
    assert learned(text).patience == patience


def test_what_is_remembered_is_bounded() -> None:
    engine = Engine({}, chance=lambda: 1.0)
    session = Session(AUTOCOMMIT, MYSQL)
    for number in range(LEARNED_LIMIT + 10):
        for text in (
            b"SELECT @@autocommit AS a%d" % number,
            b"SET time_zone='+00:%02d' /* %d */" % (number % 60, number),
        ):
            statement = read(text)
            engine.learned(engine.key(statement, session, 3), statement, session, number)
    assert len(session.replies) == REPLIES_LIMIT
    assert len(engine._learned) == LEARNED_LIMIT
    assert engine.recall(engine.key(statement, session, 3), session) == LEARNED_LIMIT + 9


def test_a_reply_that_is_in_use_does_not_go_for_those_that_are_not() -> None:
    engine = Engine({}, chance=lambda: 1.0)
    session = Session(AUTOCOMMIT, MYSQL, client_tracks=True)
    toggle = read(b"SET autocommit=0")
    key = engine.key(toggle, session, 3)
    engine.learned(key, toggle, session, "OK")
    for number in range(3 * REPLIES_LIMIT):
        once = read(b"SELECT @@autocommit AS a%d" % number)
        engine.learned(engine.key(once, session, 3), once, session, number)
        assert engine.recall(key, session) == "OK"


def test_servers_that_only_speak_the_protocol_are_not_trusted() -> None:
    """MySQL from 5.7, MariaDB from 10.2, and what distributions add to their versions."""
    trusted = ("9.7.4-2", "8.0.36", "8.4.0-0ubuntu0.22.04.1", "5.7.44-log", "8.0.35-27", "10.11.6-MariaDB-1:10.11.6")
    for version in (*trusted, "5.5.5-10.2.44-MariaDB", "11.8.9-MariaDB-0+deb13u1 from Debian"):
        assert Dialect(version).is_trusted, version
    others = (
        "5.6.51",
        "5.5.5-10.1.48-MariaDB",
        "8.0.11-TiDB-v7.5.1",
        "8.0.30-Vitess",
        "9.7.4-router",
        "5.7.25-TiDB-v6",
    )
    for version in (*others, "8.0.mysql_aurora.3.04.0", "", "garbage", "5.1.0"):
        assert not Dialect(version).is_trusted, version
        assert Dialect(version, trusted=True).is_trusted
