"""The fixtures of the rules against what real servers replied to them: every mark is what the rules say."""

import json
from collections import Counter
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import pytest

from proxy.conversation import Conversation
from proxy.events import Event, Peer, SettlementFailed, StatementDone, WentBlind
from proxy.wire.constants import (
    CLIENT_DEPRECATE_EOF,
    CLIENT_MULTI_STATEMENTS,
    CLIENT_SESSION_TRACK,
    COM_INIT_DB,
    COM_PING,
    COM_QUERY,
    COM_STMT_PREPARE,
    SERVER_SESSION_STATE_CHANGED,
)
from proxy.wire.exchange import Reply
from proxy.wire.packet import Framer, packets
from proxy.wire.replies import OK, ok
from rules.catalogue import RULES, Rule
from rules.engine import MAX_SILENCE, Engine
from tests.catalogue.fixtures import FOLDER, Line, Malformed, Session, load, parse, path_of
from tests.catalogue.player import payload
from tests.catalogue.record import RECORDINGS, SCHEMA, engine, wishes
from tests.wire.conversations import logged_in

SERVERS = ("mariadb-10.11", "mariadb-11.8", "mysql-9.7")
NAMES = [rule.name for rule in RULES]
ON = [rule.name for rule in RULES if rule.on_by_default]
BETWEEN = 0.001
"""Seconds between two lines."""
BY_ACTION = ("forwarded", "withheld", "promised", "acknowledged")
"""What the statement log calls what rules do."""


class Recording(NamedTuple):
    """What a server said to the sessions of all fixtures."""

    version: str
    kind: str
    asked: dict[str, str]
    """Its answers to what hushql asks of it for itself."""
    sessions: dict[str, dict[str, Any]]


@cache
def recording(server: str) -> Recording:
    return Recording(**json.loads((RECORDINGS / f"{server}.json").read_text()))


class Told(NamedTuple):
    """What became of a line."""

    done: StatementDone
    said: bytes
    """To the client."""
    recorded: bytes
    """What the server would have said, without the session state for which only the proxy asks."""
    trouble: list[str]
    """Why the proxy gives up on the connection, if it does."""


class Replay:
    """A session as the proxy sees it that suppresses, the server's side of it from a recording.

    What hushql sends of its own, nobody has recorded: the server says OK to it, with the flags that the client has been
    told last, for that is what it is sent for.
    """

    def __init__(self, engine: Engine, server: Recording, session: Session) -> None:
        said = server.sessions[session.name]
        self.session = session
        self._replies = [bytes.fromhex(reply) for _, reply in said["replies"]]
        self._capabilities: int = said["capabilities"]
        self._hides = session.capabilities & CLIENT_SESSION_TRACK == 0
        self._status: int = said["status"]
        self._asked = server.asked
        self._now = 1.0
        self._statement_ids: dict[str, int] = {}
        self._events: list[Event] = []
        login = logged_in(
            capabilities=self._capabilities & ~(CLIENT_SESSION_TRACK if self._hides else 0),
            server_capabilities=self._capabilities,
            status=self._status,
            schema=SCHEMA,
            reported_schema=SCHEMA.encode(),
            at=self._now,
        )
        peer = Peer(id=1, client="test", opened=0.0, server_version=server.version)
        self._conversation = Conversation(peer, login, self._events.append, engine)

    def play(self) -> list[Told]:
        """Play all lines, or up to the one at which the proxy gives up."""
        found = []
        for line, reply in zip(self.session.lines, self._replies, strict=True):
            found.append(self._play(line, reply))
            if found[-1].trouble:
                break
        return found

    def _play(self, line: Line, reply: bytes) -> Told:
        self._now += 2 * MAX_SILENCE if line.after_pause else BETWEEN
        command = payload(line, SCHEMA, self._statement_ids)
        if line.command == COM_STMT_PREPARE:
            self._statement_ids[line.text] = len(self._statement_ids) + 1
        self._conversation.from_client(packets(command, 0), self._now)
        while sent := b"".join(self._conversation.to_server):
            self._conversation.to_server.clear()
            for one in payloads(sent):
                self._conversation.from_server(reply if one == command else self._answer(one), self._now)
        said = b"".join(self._conversation.to_client)
        self._conversation.to_client.clear()
        recorded = self._as_told(line, reply)
        done = [event for event in self._events if isinstance(event, StatementDone)]
        trouble = [event.detail for event in self._events if isinstance(event, WentBlind | SettlementFailed)]
        self._events.clear()
        return Told(done[0], said, recorded, trouble)

    def _answer(self, own: bytes) -> bytes:
        """Return the server's answer to a statement of hushql's own: to a query the one that it had before."""
        for line, reply in zip(self.session.lines, self._replies, strict=True):
            if own[1:] == line.text.encode() and line.command == COM_QUERY and reply[4] != OK:
                return reply
        asked = [answer for wish, answer in self._asked.items() if own[1:].startswith(wish.encode())]
        answer = bytes.fromhex(max(asked, key=len)) if asked else ok(0)
        changed = int.from_bytes(answer[3:5], "little") & SERVER_SESSION_STATE_CHANGED
        return packets(answer[:3] + (self._status | changed).to_bytes(2, "little") + answer[5:], 1)

    def _as_told(self, line: Line, reply: bytes) -> bytes:
        """Note the flags of a recorded reply, and return it as the client has to get it."""
        taken, found = Reply(line.command, self._capabilities), []
        for packet in payloads(reply):
            before = taken.ok
            taken.take(packet, len(packet))
            is_new = taken.ok is not None and taken.ok is not before
            found.append(taken.ok.without_state(packet) if taken.ok and is_new and self._hides else packet)
        self._status = self._status if taken.status is None else taken.status
        return b"".join(packets(packet, number) for number, packet in enumerate(found, 1))


def payloads(data: bytes) -> list[bytes]:
    framer, found = Framer(1 << 24), []
    framer.feed(data)
    while framer.advance():
        found.append(framer.payload)
    return found


def problems(line: Line, told: Told) -> list[str]:
    """What a line's mark says otherwise than the rules do."""
    done, found = told.done, [f"{line}: {trouble}" for trouble in told.trouble]
    if (done.rule, done.action) != (line.rule, line.action):
        found.append(
            f"{line}: {done.action or 'forwarded'} {done.rule}, and not {line.action or 'forwarded'} {line.rule}"
        )
    if told.said != told.recorded:
        found.append(f"{line}: {told.said!r}, but the server says {told.recorded!r}")
    error = done.error.code if done.error else 0
    if error != line.error:
        found.append(f"{line}: error {error}, and not {line.error}")
    return found


def replayed(server: Recording, rule: str) -> list[tuple[Session, list[Told]]]:
    """A rule's fixture, once the texts of all fixtures have been accepted."""
    judge = engine(rule)
    for session in (session for name in {*ON, rule} for session in load(name, server.kind, server.version)):
        Replay(judge, server, session).play()
    return [(session, Replay(judge, server, session).play()) for session in load(rule, server.kind, server.version)]


def checked(server: Recording, rule: str) -> list[str]:
    return [
        f"{session.name}: {problem}"
        for session, told in replayed(server, rule)
        for line, one in zip(session.lines, told, strict=False)
        for problem in problems(line, one)
    ]


@pytest.mark.parametrize("rule", NAMES)
@pytest.mark.parametrize("server", SERVERS)
def test_every_mark_is_what_the_rules_say(server: str, rule: str) -> None:
    found = checked(recording(server), rule)
    assert not found, "\n".join(found)


# The fixtures themselves


def test_every_rule_has_a_fixture_and_every_fixture_a_rule() -> None:
    assert sorted(FOLDER.glob("*.sql")) == sorted(path_of(name) for name in NAMES)


@pytest.mark.parametrize("rule", NAMES)
def test_a_fixture_shows_what_its_rule_does_and_above_all_what_it_does_not_do(rule: str) -> None:
    for kind, version in (("mysql", "9.7.4"), ("mariadb", "11.8.6")):
        marks = Counter((line.mark, line.rule) for session in load(rule, kind, version) for line in session.lines)
        assert marks["forwarded", ""] >= 3, kind
        own = sum(count for (_, whose), count in marks.items() if whose == rule)
        assert (own > 0) is (rule != "empty-warnings" or kind == "mysql"), "MariaDB's warnings outlive their count"


@pytest.mark.parametrize("rule", NAMES)
def test_a_mark_names_a_rule_that_does_so(rule: str) -> None:
    actions = {"": ""} | {one.name: BY_ACTION[one.action] for one in RULES}
    for line in (line for session in parse(rule, path_of(rule).read_text()) for line in session.lines):
        assert line.action == actions[line.rule], line


@pytest.mark.parametrize("server", SERVERS)
def test_the_recordings_are_of_the_fixtures_as_they_are(server: str) -> None:
    """Else `python -m tests.catalogue.record` is to be run again."""
    recorded = recording(server)
    fixtures = {session.name: session for name in NAMES for session in load(name, recorded.kind, recorded.version)}
    assert recorded.sessions.keys() == fixtures.keys()
    for name, session in fixtures.items():
        assert [text for text, _ in recorded.sessions[name]["replies"]] == [line.text for line in session.lines]
        for wish in wishes(session, recorded.version, recorded.sessions[name]["capabilities"]):
            assert wish.decode() in recorded.asked, "hushql asks for something else now"


TEXT = """-- A comment.

-- session: one
-- only: mariadb 10
-- client: CLIENT_SESSION_TRACK CLIENT_MULTI_STATEMENTS
SET @a = ';'; DO 1;  -- redundant, for a reason
COMMIT;              -- promised if tracked: empty-commit
-- COM_PING          -- error 7
-- pause
-- COM_INIT_DB {schema}

-- session: two
-- not in observe mode
COMMIT;
"""


def test_a_fixture_is_read_line_by_line() -> None:
    one, two = parse("liveness", TEXT)
    assert (one.what, one.only, one.observed) == ("one", "mariadb 10", True)
    assert (two.what, two.only, two.observed) == ("two", "", False)
    assert one.capabilities == CLIENT_SESSION_TRACK | CLIENT_MULTI_STATEMENTS
    assert two.capabilities == CLIENT_DEPRECATE_EOF
    assert one.lines == (
        Line(6, COM_QUERY, "SET @a = ';'; DO 1", "redundant", "liveness"),
        Line(7, COM_QUERY, "COMMIT", "promised", "empty-commit", if_tracked=True),
        Line(8, COM_PING, "", "forwarded", error=7),
        Line(10, COM_INIT_DB, "{schema}", after_pause=True),
    )
    assert one.on("mysql") == one
    assert one.on("mariadb").lines[:2] == (one.lines[0], Line(7, COM_QUERY, "COMMIT", "forwarded", if_tracked=True))
    servers = (("mariadb", "10.11.1"), ("mariadb", "11.8.6"), ("mysql", "10.0.0"))
    assert [server for server in servers if one.is_for(*server)] == [("mariadb", "10.11.1")]
    assert all(two.is_for(*server) for server in servers)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("COMMIT", "no statement"),
        ("COMMIT; -- redundnt", "no mark"),
        ("COMMIT; -- error", "no mark"),
        ("COMMIT; -- forwarded if tracked", "no mark"),
        ("-- COM_QUIT", "no fixture has"),
        ("-- only: postgres", "no kind of server"),
        ("-- client: CLIENT_NONE", "no capability flag"),
        ("COMMIT;\n-- only: mysql", "head of a session"),
        ("COMMIT;\n-- pause", "nothing follows"),
        ("-- session: two\nCOMMIT;", "nothing follows"),
    ],
)
def test_what_is_none_of_a_fixtures_lines_is_refused(line: str, problem: str) -> None:
    with pytest.raises(Malformed, match=problem):
        parse("liveness", f"-- session: one\n{line}\n")


def test_a_line_in_no_session_is_refused() -> None:
    with pytest.raises(Malformed, match="in no session"):
        parse("liveness", "COMMIT;\n-- session: one\nCOMMIT;\n")


# What would be noticed


def test_a_wrong_mark_is_noticed() -> None:
    for session, told in replayed(recording("mysql-9.7"), "deferred-begin"):
        for line, one in zip(session.lines, told, strict=True):
            for mark, rule in (("", ""), ("redundant", "empty-commit"), ("promised", "deferred-begin")):
                changed = replace(line, mark=mark, rule=rule)
                is_wrong = (changed.action, changed.rule) != (line.action, line.rule)
                assert bool(problems(changed, one)) is is_wrong, changed
            assert problems(replace(line, error=line.error + 1), one)


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_a_rule_that_never_speaks_is_noticed(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "_judge", lambda *_: False)
    found = checked(recording("mysql-9.7"), rule.name)
    assert any(problem.endswith(f", and not {BY_ACTION[rule.action]} {rule.name}") for problem in found)


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_a_rule_that_has_lost_its_conditions_is_noticed(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for known-variable, which has none that matter: a reply is only found under the facts under which it came."""
    monkeypatch.setattr(rule, "_judge", lambda *_: True)
    found = [problem for server in SERVERS for problem in checked(recording(server), rule.name)]
    wrongly = [problem for problem in found if f" {rule.name}, and not forwarded" in problem]
    assert bool(wrongly) is (rule.name != "known-variable")
