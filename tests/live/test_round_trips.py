"""What `--mode suppress` saves, seen from the server: which statements still reach it, and how often it is waited for.

A steady state is measured: what an application sends over and over, after WARM_UP rounds on the same connection.
"""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import pymysql
import pytest

from proxy.wire.constants import CLIENT_DEPRECATE_EOF, COM_QUERY
from proxy.wire.packet import packets
from rules.catalogue import REPORTING

from .conftest import StartProxy
from .counting import Cost, GeneralLog, Meter, Relay, counting_relay, general_log
from .drivers.dbapi import PythonDriver
from .drivers.mysqlclient import MYSQLCLIENT
from .drivers.pymysql import PYMYSQL
from .facts.conftest import TRACKING, Session
from .proxies import Proxy, serving
from .servers import Server
from .targets import Target

ROUNDS = 50
WARM_UP = 2
FEW_ROUNDS = 10
SLOW_ROUNDS = 7
DELAY = 0.03

PLAIN = ("--upstream-tls", "disabled", *(f"--rule={rule.name}=off" for rule in REPORTING))
SUPPRESS = ("--mode", "suppress", "--sample", "0", "--max-silence", "1m")
"""Nothing is forwarded only to verify it, or because a slow machine has been silent: counts are exact."""

Through = Callable[..., Proxy]
"""Takes options of `hushql serve` and starts it."""

SELECT = "SELECT n FROM rounds WHERE id = 1"
INSERT = "INSERT INTO rounds (n) VALUES (7)"
NO_TABLE = "SELECT 6 * 7"
"""Behind a table there can be stored code, which sets variables that not every server reports; not here."""
NAMES = "SET NAMES utf8mb4"
ISOLATION = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"


@dataclass(frozen=True)
class Work:
    """What an application sends for one unit of work, and what must be left of it."""

    texts: tuple[str, ...]
    reach: tuple[str, ...]
    """Those of them that reach the server."""
    waits: int
    """How many round trips the application waits for."""
    first: str = ""
    """Sent once, before the first unit."""
    tracked: tuple[str, ...] = ()
    """Those that do not reach it because the tracker reports nothing where a table is read."""

    @property
    def saved(self) -> int:
        return len(self.texts) - self.waits


WORK = {
    "pool": Work(("SET autocommit=0", SELECT, "COMMIT", "SET autocommit=1"), (SELECT, "COMMIT"), 2),
    "pool, writing": Work(("SET autocommit=0", INSERT, "COMMIT", "SET autocommit=1"), (INSERT, "COMMIT"), 2),
    "Exposed, read only": Work(
        (
            ISOLATION,
            "SET SESSION TRANSACTION READ ONLY",
            "SET autocommit=0",
            SELECT,
            "COMMIT",
            "SET SESSION TRANSACTION READ WRITE",
            "SET autocommit=1",
        ),
        (SELECT, "COMMIT"),
        2,
    ),
    "jOOQ": Work(
        (
            "SELECT @@session.transaction_isolation",
            "SELECT @@session.transaction_read_only",
            "SET autocommit=0",
            SELECT,
            "COMMIT",
            "SET autocommit=1",
        ),
        (SELECT, "COMMIT"),
        2,
        tracked=("SELECT @@session.transaction_isolation", "SELECT @@session.transaction_read_only"),
    ),
    "SQLAlchemy, writing": Work((INSERT, "COMMIT", "ROLLBACK"), (INSERT, "COMMIT"), 2, first="SET autocommit=0"),
    "Rails, saving": Work(("BEGIN", INSERT, "COMMIT"), ("BEGIN", INSERT, "COMMIT"), 2),
    "nothing": Work(("BEGIN", "COMMIT"), (), 0),
}

DJANGO = (
    NAMES,
    "SET AUTOCOMMIT = 0",
    "SET AUTOCOMMIT = 1",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    SELECT,
)
"""On each new connection."""

RULES = {
    "redundant-variable": ("SET time_zone='+01:00'",),
    "redundant-schema": ("USE `{schema}`",),
    "deferred-autocommit": ("SET autocommit=0", "SET autocommit=1"),
    "deferred-isolation": ("SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", ISOLATION),
    "deferred-access-mode": ("SET SESSION TRANSACTION READ ONLY", "SET SESSION TRANSACTION READ WRITE"),
    "known-variable": ("SELECT @@session.autocommit",),
    "empty-commit": ("COMMIT",),
    "deferred-begin": ("BEGIN",),
    "empty-warnings": ("SHOW WARNINGS",),
    "redundant-autocommit": ("set autocommit=1",),
    "redundant-isolation": ("set session transaction isolation level repeatable read",),
    "redundant-access-mode": ("set session transaction read write",),
}
"""What each rule finds in a unit of work that has something for each of them (see `everything`).

What is equal again stands in a transaction, where none of it could be deferred instead.
"""


@pytest.fixture(scope="module", autouse=True)
def table(server: Server) -> Iterator[None]:
    """An InnoDB table `rounds (id, n)` with one row, 1."""
    name = f"{server.schema}.rounds"
    server.run(
        f"CREATE TABLE {name} (id int AUTO_INCREMENT PRIMARY KEY, n int) ENGINE=InnoDB",
        f"INSERT INTO {name} VALUES (1, 10)",
    )
    yield
    server.run(f"DROP TABLE {name}")


@pytest.fixture(scope="module")
def relay(server: Server) -> Iterator[Relay]:
    """In front of the server."""
    with counting_relay(server) as relay:
        yield relay


@pytest.fixture
def log(server: Server) -> Iterator[GeneralLog]:
    """The server's, of all that the test does."""
    with general_log(server) as log:
        yield log


@pytest.fixture(scope="module")
def observing(relay: Relay, short_folder: Path) -> Iterator[Proxy]:
    """`hushql serve` in front of the relay, told nothing of modes."""
    with serving(short_folder / "observing", *PLAIN, upstream=relay.address) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def suppressing(relay: Relay, short_folder: Path) -> Iterator[Proxy]:
    """`hushql serve` in front of the relay, with SUPPRESS."""
    with serving(short_folder / "suppressing", *PLAIN, *SUPPRESS, upstream=relay.address) as proxy:
        yield proxy


@pytest.fixture
def through(relay: Relay, hushql: StartProxy) -> Through:
    """Starts `hushql serve` in front of the relay, with these options."""

    def start(*options: str) -> Proxy:
        return hushql(*PLAIN, *options, upstream=relay.address)

    return start


def open_session(server: Server, way: Proxy | Relay, capabilities: int = CLIENT_DEPRECATE_EOF) -> Session:
    account = server.account
    # A raw client knows only the fast part of caching_sha2_password, which needs a full login before it.
    pymysql.connect(host=server.host, port=server.port, user=account.user, password=account.password).close()
    return Session(way.host, way.port, account.user, account.password, server.schema, capabilities)


def texts_for(server: Server, texts: tuple[str, ...]) -> list[str]:
    """The texts as this server takes them: MariaDB knows the variables by MySQL's names since 11.1."""
    named = [text.format(schema=server.schema) for text in texts]
    if server.kind == "mariadb" and server.version.startswith("10."):
        return [text.replace("@@session.transaction_", "@@session.tx_") for text in named]
    return named


def play(session: Session, texts: list[str], rounds: int = ROUNDS) -> None:
    """Send the texts over and over, each when the one before is answered."""
    for _ in range(rounds):
        for text in texts:
            session.do(text)


def waits(relay: Relay, act: Callable[[], object], pause: float = 0.0) -> float:
    """How often the server is waited for meanwhile, by the time it takes on a slow line.

    What it takes beyond that is this machine's own, which may stumble: hence the median. The application thinks for
    `pause` seconds before it does it again.
    """
    times = []
    for _ in range(SLOW_ROUNDS):
        with relay.slow(DELAY):
            started = time.monotonic()
            act()
            times.append(time.monotonic() - started)
            time.sleep(pause)
    return median(times) / DELAY


def warmed_up(session: Session, work: Work, texts: list[str]) -> None:
    if work.first:
        session.do(work.first)
    play(session, texts, WARM_UP)


def steady_cost(relay: Relay, log: GeneralLog, session: Session, work: Work, texts: list[str]) -> Cost:
    """What ROUNDS of the work cost, once it is nothing new."""
    warmed_up(session, work, texts)
    return Meter(relay, log).cost(partial(play, session, texts))


def counts(proxy: Proxy, metric: str, label: str, **labels: str) -> Counter[str]:
    """A metric's values by one label, where the others are these."""
    found: Counter[str] = Counter()
    for (name, present), value in proxy.metrics().items():
        have = dict(present)
        if name == metric and value and labels.items() <= have.items():
            found[have[label]] += int(value)
    return found


def acted(proxy: Proxy, *actions: str) -> Counter[str]:
    """How many statements each rule has done one of these to."""
    total: Counter[str] = Counter()
    for action in actions:
        total += counts(proxy, "hushql_redundant_statements_total", "rule", action=action)
    return total


# The counting itself, without hushql


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_directly_each_statement_is_a_round_trip(server: Server, relay: Relay, log: GeneralLog, work: Work) -> None:
    texts = texts_for(server, work.texts)
    with open_session(server, relay) as session:
        assert steady_cost(relay, log, session, work, texts) == Cost(texts * ROUNDS, len(texts) * ROUNDS)
        assert waits(relay, partial(play, session, texts, 1)) == pytest.approx(len(texts), abs=0.5)


def test_two_commands_in_one_write_are_one_round_trip(server: Server, relay: Relay, log: GeneralLog) -> None:
    both = b"".join(packets(bytes([COM_QUERY]) + text.encode(), 0) for text in ("SET @a=1", "SET @a=2"))
    with open_session(server, relay) as session:

        def send() -> None:
            session.socket.sendall(both)
            for _ in range(2):
                session.read()

        assert Meter(relay, log).cost(send) == Cost(["SET @a=1", "SET @a=2"], 1)
        assert waits(relay, send) == pytest.approx(1, abs=0.5)


# Observing


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_by_default_everything_reaches_the_server(
    server: Server, relay: Relay, log: GeneralLog, observing: Proxy, work: Work
) -> None:
    texts = texts_for(server, work.texts)
    with open_session(server, observing) as session:
        assert steady_cost(relay, log, session, work, texts) == Cost(texts * ROUNDS, len(texts) * ROUNDS)
        first = [work.first] if work.first else []
        assert Meter(relay, log).whole_cost().statements == first + texts * (WARM_UP + ROUNDS)


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_observe_mode_counts_what_suppress_mode_saves(
    server: Server, relay: Relay, log: GeneralLog, observing: Proxy, suppressing: Proxy, work: Work
) -> None:
    """Round trips, that is: a BEGIN that is sent together with the next statement reaches the server, and costs none.

    Suppress mode may have to settle what is open when the rounds begin or end; observe mode looks at each statement by
    itself and does not see that. Hence the tolerance of one promise on either side.
    """
    texts = texts_for(server, work.texts)
    with open_session(server, suppressing) as session:
        saved = len(texts) * ROUNDS - steady_cost(relay, log, session, work, texts).flights
    with open_session(server, observing) as session:
        warmed_up(session, work, texts)
        before, matched = acted(observing, "observed"), counts(observing, "hushql_predictions_total", "result")
        play(session, texts)
        observed = (acted(observing, "observed") - before).total()
        predictions = counts(observing, "hushql_predictions_total", "result")
    assert saved == work.saved * ROUNDS
    assert saved - 2 <= observed <= saved + 2
    assert predictions["mismatch"] == 0
    assert predictions["match"] - matched["match"] == observed


# Suppressing


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_in_suppress_mode_only_this_reaches_the_server(
    server: Server, relay: Relay, log: GeneralLog, suppressing: Proxy, work: Work
) -> None:
    texts = texts_for(server, work.texts)
    with open_session(server, suppressing) as session:
        cost = steady_cost(relay, log, session, work, texts)
        assert cost == Cost(list(work.reach) * ROUNDS, work.waits * ROUNDS)
        before = acted(suppressing, "withheld", "promised")
        play(session, texts)
        assert (acted(suppressing, "withheld", "promised") - before).total() == work.saved * ROUNDS
    assert acted(suppressing, "observed") == Counter()


@pytest.mark.parametrize("capabilities", [0, TRACKING], ids=["plain EOF", "tracking"])
@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_where_the_tracker_cannot_vouch_for_reads_their_variables_are_asked_for_and_set_again(
    server: Server, relay: Relay, log: GeneralLog, suppressing: Proxy, work: Work, capabilities: int
) -> None:
    """The end of a result set in plain EOF has no room for its word; a client that listens to it has its own list.

    A function behind the table may then have changed a variable unseen. What is set anew goes with the next statement.
    """
    texts = texts_for(server, work.texts)
    tracked = texts_for(server, work.tracked)
    with open_session(server, suppressing, capabilities) as session:
        warmed_up(session, work, texts)  # longer: what the tracker says to such a client depends on what was before
        cost = steady_cost(relay, log, session, work, texts)
    assert cost.flights == (work.waits + len(tracked)) * ROUNDS
    settlements = [text for text in cost.statements if text.startswith("SET ")]
    assert len(settlements) <= cost.flights
    assert [text for text in cost.statements if text not in settlements] == [*tracked, *work.reach] * ROUNDS


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_the_application_waits_no_more_often(server: Server, relay: Relay, suppressing: Proxy, work: Work) -> None:
    texts = texts_for(server, work.texts)
    with open_session(server, suppressing) as session:
        warmed_up(session, work, texts)
        assert waits(relay, partial(play, session, texts, 1)) == pytest.approx(work.waits, abs=0.5)


@pytest.mark.parametrize("pause", [0.0, 2 * DELAY])
@pytest.mark.parametrize(("name", "waited"), [("pool", 1), ("pool, writing", 2)])
def test_with_read_only_commit_nobody_waits_for_the_commit_of_reads(
    server: Server, relay: Relay, log: GeneralLog, through: Through, name: str, waited: int, pause: float
) -> None:
    """Also not the next unit of work, where it comes at once: it is sent behind the COMMIT."""
    work = WORK[name]
    texts = list(work.texts)
    with open_session(server, through(*SUPPRESS, "--rule", "read-only-commit=suppress")) as session:
        assert steady_cost(relay, log, session, work, texts).statements == list(work.reach) * ROUNDS
        assert waits(relay, partial(play, session, texts, 1), pause) == pytest.approx(waited, abs=0.5)


def test_a_new_connection_of_django_waits_once(
    server: Server, relay: Relay, log: GeneralLog, suppressing: Proxy
) -> None:
    """It has settled what was promised in front of its query, in the same write."""
    for _ in range(WARM_UP):
        with open_session(server, suppressing) as session:
            play(session, list(DJANGO), 1)
    times = []
    for _ in range(SLOW_ROUNDS):
        with open_session(server, suppressing) as session, relay.slow(DELAY):
            started = time.monotonic()
            play(session, list(DJANGO), 1)
            times.append(time.monotonic() - started)
            cost = Meter(relay, log).whole_cost()
        assert cost.flights == 1
        assert cost.statements[-1] == SELECT
        assert len(cost.statements) <= 2
    assert median(times) / DELAY == pytest.approx(1, abs=0.5)


# Drivers


def commit_reads(connection: Any, rounds: int) -> None:
    """As a pool does that hands out connections in autocommit mode."""
    for _ in range(rounds):
        connection.autocommit(False)
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(SELECT)
            cursor.fetchall()
        connection.commit()
        connection.autocommit(True)


@pytest.mark.parametrize("driver", [PYMYSQL, MYSQLCLIENT], ids=lambda driver: driver.name)
def test_a_driver_saves_half(
    server: Server, relay: Relay, log: GeneralLog, suppressing: Proxy, driver: PythonDriver
) -> None:
    costs = []
    ways: tuple[Proxy | Relay, ...] = (relay, suppressing)
    for way in ways:
        target = Target(way.host, way.port, server.schema)
        PYMYSQL.login(server.target(tls=True), server.account)
        with contextlib.closing(driver.connect(target, server.account)) as session:
            commit_reads(session.connection, WARM_UP)
            costs.append(Meter(relay, log).cost(partial(commit_reads, session.connection, ROUNDS)))
    direct, suppressed = costs
    assert (len(direct.statements), direct.flights) == (4 * ROUNDS, 4 * ROUNDS)
    assert suppressed == Cost([SELECT, "COMMIT"] * ROUNDS, 2 * ROUNDS)


# One rule at a time


EVERYTHING_WAITS = 2
"""For the query, which brings the BEGIN with it, and for ROLLBACK."""


def everything(server: Server) -> list[str]:
    """A unit of work with something for each rule, a query after its BEGIN, and a ROLLBACK at its end."""
    texts = [text for rule in rules_on(server) for text in RULES[rule]]
    behind_begin = texts.index("BEGIN") + 1
    return texts_for(server, (*texts[:behind_begin], NO_TABLE, *texts[behind_begin:], "ROLLBACK"))


def rules_on(server: Server) -> list[str]:
    """MariaDB's replies do not tell whether there are warnings: what ran before may have left some."""
    return [rule for rule in RULES if rule != "empty-warnings" or server.kind == "mysql"]


def found_by(server: Server, without: str = "") -> Counter[str]:
    """How many statements each rule finds in FEW_ROUNDS of everything."""
    return Counter({rule: len(RULES[rule]) * FEW_ROUNDS for rule in rules_on(server) if rule != without})


def test_every_rule_has_its_share(server: Server, relay: Relay, log: GeneralLog, suppressing: Proxy) -> None:
    texts = everything(server)
    with open_session(server, suppressing) as session:
        play(session, texts, WARM_UP)
        before = acted(suppressing, "withheld", "promised")
        cost = Meter(relay, log).cost(partial(play, session, texts, FEW_ROUNDS))
        assert cost == Cost(["BEGIN", NO_TABLE, "ROLLBACK"] * FEW_ROUNDS, EVERYTHING_WAITS * FEW_ROUNDS)
        assert acted(suppressing, "withheld", "promised") - before == found_by(server)


@pytest.mark.parametrize(("rule", "setting"), [*((rule, "off") for rule in RULES), ("deferred-autocommit", "observe")])
def test_a_rule_can_be_switched_off_and_no_other_goes_with_it(
    server: Server, relay: Relay, log: GeneralLog, through: Through, rule: str, setting: str
) -> None:
    proxy = through(*SUPPRESS, "--rule", f"{rule}={setting}")
    texts = everything(server)
    own = texts_for(server, RULES[rule]) if rule in rules_on(server) else []
    reaching = [text for text in texts if text in (*own, "BEGIN", NO_TABLE, "ROLLBACK")]
    with open_session(server, proxy) as session:
        play(session, texts, WARM_UP)
        before, observed = acted(proxy, "withheld", "promised"), acted(proxy, "observed")
        cost = Meter(relay, log).cost(partial(play, session, texts, FEW_ROUNDS))
        assert cost == Cost(reaching * FEW_ROUNDS, (EVERYTHING_WAITS + len(own)) * FEW_ROUNDS)
        assert acted(proxy, "withheld", "promised") - before == found_by(server, without=rule)
        seen = {rule: len(own) * FEW_ROUNDS} if setting == "observe" else {}
        assert acted(proxy, "observed") - observed == Counter(seen)


@pytest.mark.parametrize(
    ("off", "reach"),
    [("liveness", [NO_TABLE]), ("deferred-names", [NO_TABLE]), ("redundant-names", [NAMES, NO_TABLE])],
)
def test_names_that_are_equal_again_are_for_one_rule(
    server: Server, relay: Relay, log: GeneralLog, through: Through, off: str, reach: list[str]
) -> None:
    """Apart from everything: once they are sent, what is known of replies with text in them is so no more."""
    with open_session(server, through(*SUPPRESS, "--rule", f"{off}=off")) as session:
        texts = [NAMES, NO_TABLE]
        play(session, texts, WARM_UP)
        assert Meter(relay, log).cost(partial(play, session, texts)).statements == reach * ROUNDS


def test_a_rule_alone_can_suppress(server: Server, relay: Relay, log: GeneralLog, through: Through) -> None:
    """In observe mode, which is the default."""
    proxy = through("--sample", "0", "--max-silence", "1m", "--rule", "empty-commit=suppress")
    with open_session(server, proxy) as session:
        texts = ["COMMIT", "set autocommit=1", NO_TABLE]
        play(session, texts, WARM_UP)
        cost = Meter(relay, log).cost(partial(play, session, texts, FEW_ROUNDS))
    assert cost == Cost(texts[1:] * FEW_ROUNDS, 2 * FEW_ROUNDS)
    assert acted(proxy, "withheld") == Counter({"empty-commit": acted(proxy, "withheld").total()})


# What is forwarded after all


def test_one_in_so_many_withheld_statements_is_sent_to_verify_it(
    server: Server, relay: Relay, log: GeneralLog, through: Through
) -> None:
    """One in one is all of them; one in four may be any."""
    for sample, least, most in ((1, 200, 200), (4, 20, 100)):
        proxy = through("--mode", "suppress", "--sample", str(sample), "--max-silence", "1m")
        with open_session(server, proxy) as session:
            play(session, ["set autocommit=1"], WARM_UP)
            matched = counts(proxy, "hushql_predictions_total", "result", rule="redundant-autocommit")
            cost = Meter(relay, log).cost(partial(play, session, ["set autocommit=1"], 200))
            found = counts(proxy, "hushql_predictions_total", "result", rule="redundant-autocommit")
        assert least <= len(cost.statements) <= most
        assert found - matched == Counter({"match": len(cost.statements)})


def test_after_a_silence_the_server_is_asked_again(
    server: Server, relay: Relay, log: GeneralLog, through: Through
) -> None:
    text = "set autocommit=1"
    with open_session(server, through("--mode", "suppress", "--sample", "0", "--max-silence", "500ms")) as session:
        play(session, [text, SELECT], WARM_UP)
        meter = Meter(relay, log)
        for pause, reach in ((0.0, [SELECT]), (0.7, [SELECT, text])):

            def after_a_pause(pause: float = pause) -> None:
                session.do(SELECT)
                time.sleep(pause)
                session.do(text)

            assert meter.cost(after_a_pause).statements == reach


# The statement log


def lines_of_last_round(proxy: Proxy, server: Server, texts: list[str]) -> list[dict[str, Any]]:
    """What the statement log says of these texts once they are nothing new."""
    with open_session(server, proxy) as session:
        play(session, texts, WARM_UP + 1)
        deadline = time.monotonic() + 5
        lines: list[dict[str, Any]] = []
        while len(lines) < len(texts) * (WARM_UP + 1) and time.monotonic() < deadline:
            time.sleep(0.02)
            lines = [line for line in proxy.log_lines() if line["command"] == "COM_QUERY"]
    last = lines[len(texts) * WARM_UP :]
    assert [line["query"] for line in last] == texts
    return last


def test_the_statement_log_says_which_rule_did_what(server: Server, through: Through) -> None:
    """Of two toggles the second takes the first one's promise back: that may be called either."""
    texts = everything(server)
    lines = lines_of_last_round(through(*SUPPRESS, "--log-literals"), server, texts)
    by_text = {text: rule for rule in rules_on(server) for text in texts_for(server, RULES[rule])}
    assert [line.get("rule") for line in lines] == [by_text.get(text) for text in texts]
    for line in lines:
        rule = line.get("rule", "")
        expected = {"promised", "withheld"} if rule.startswith("deferred-") else {"withheld"} if rule else {None}
        assert line.get("action") in expected, line
    assert lines[texts.index("BEGIN")]["action"] == "promised"
    assert lines[texts.index("SET autocommit=0")]["action"] == "promised"


def test_the_statement_log_says_what_was_observed(server: Server, through: Through) -> None:
    lines = lines_of_last_round(through("--mode", "observe", "--log-literals"), server, list(WORK["pool"].texts))
    toggle, forwarded = ("deferred-autocommit", "observed"), (None, None)
    assert [(line.get("rule"), line.get("action")) for line in lines] == [toggle, forwarded, forwarded, toggle]
