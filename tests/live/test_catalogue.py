"""The fixtures of the rules on a real server: what is withheld is what the marks say, and nobody can tell."""

import contextlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import pymysql
import pytest

from proxy.wire.constants import COM_QUERY, COM_STMT_EXECUTE
from rules.catalogue import REPORTING, RULES
from rules.statement import BEGIN, END, PLAIN, Statement, read
from tests.catalogue.fixtures import Line, Session, load
from tests.catalogue.player import Packets, Player

from .proxies import Proxy, serving
from .servers import Server
from .witness import Witness

NAMES: Final = [rule.name for rule in RULES]
ON: Final = frozenset(rule.name for rule in RULES if rule.on_by_default)
MAX_SILENCE: Final = 2.0
PATIENCE: Final = 10.0
KEPT_BACK: Final = ("redundant", "promised")
CLOSED: Final = [(0, b"closed")]
"""In place of a reply."""

Parts: TypeAlias = tuple[list[Line], list[Line]]
"""Lines of a session, and the late ones: a server hears of them only if there is one more statement."""


@dataclass
class Play:
    """All that can be seen of a session while it is played, and after."""

    address: str = ""
    replies: dict[Line, Packets] = field(default_factory=dict)
    left: dict[str, object] = field(default_factory=dict)
    variables: dict[str, str | None] = field(default_factory=dict)


class Stage:
    """Where sessions are played: directly, and through hushql in one mode or the other."""

    def __init__(self, server: Server, witness: Witness, folder: Path, stack: contextlib.ExitStack) -> None:
        self.server = server
        self._witness = witness
        self._folder = folder
        self._stack = stack
        self._proxies: dict[tuple[str, ...], Proxy] = {}
        self._plays: dict[Session, Play] = {}

    def sessions(self, rule: str, mode: str = "suppress") -> list[Session]:
        """Those of a rule's fixture that are for this server and mode."""
        sessions = load(rule, self.server.kind, self.server.version)
        return [session for session in sessions if session.observed or mode != "observe"]

    def direct(self, session: Session) -> Play:
        """The session as it is, without hushql."""
        if session not in self._plays:
            self._plays[session] = self.play(session, self.server)
        return self._plays[session]

    def proxy(self, mode: str, rule: str) -> Proxy:
        """A proxy in front of the server that has met with all texts before."""
        options = ["--mode", mode, "--sample", "0", "--max-silence", f"{MAX_SILENCE}s"]
        options += [] if rule in ON else ["--rule", f"{rule}={mode}"]
        options += [f"--rule={only_reports.name}=off" for only_reports in REPORTING]
        if (found := self._proxies.get(tuple(options))) is not None:
            return found
        folder = self._folder / f"proxy-{len(self._proxies)}"
        upstream = f"{self.server.host}:{self.server.port}"
        proxy = self._stack.enter_context(serving(folder, *options, upstream=upstream))
        self._proxies[tuple(options)] = proxy
        for session in (session for name in sorted({*ON, rule}) for session in self.sessions(name, mode)):
            with self._login(session, proxy) as player:
                for line in session.lines:
                    said(player, line)
        return proxy

    @contextlib.contextmanager
    def _login(self, session: Session, where: Server | Proxy) -> Iterator[Player]:
        """A client that finds the tables as they are at first, and is gone at the end."""
        account = self.server.account
        self._witness.put_back()
        with Player(session, where.host, where.port, account.user, account.password, self.server.schema) as player:
            yield player
        self._witness.await_gone(player.thread)

    def play(self, session: Session, where: Server | Proxy, parts: Parts | None = None) -> Play:
        """Play a session, or these lines of it; look what is left before the late ones."""
        play = Play()
        lines, late = parts or (list(session.lines), [])
        with self._login(session, where) as player:
            play.address = player.address
            for line in lines:
                if line.after_pause and where is not self.server:
                    time.sleep(MAX_SILENCE * 1.1)
                play.replies[line] = said(player, line)
            play.left = self._witness.left_by(player.thread)
            play.replies |= {line: said(player, line) for line in late}
            if CLOSED not in play.replies.values():
                play.variables = self._witness.variables(player)
        return play

    def log(self, proxy: Proxy, play: Play, session: Session) -> list[dict[str, Any]]:
        """What the statement log says of each line."""
        deadline = time.monotonic() + PATIENCE
        while True:
            found = [entry for entry in proxy.log_lines() if entry["client"] == play.address]
            found = [entry for entry in found if entry["conn"] == found[-1]["conn"]]  # the port may have had others
            if len(found) > len(session.lines) or (found and CLOSED in play.replies.values()):
                return found[: len(session.lines)]  # the last one asks for the variables
            assert time.monotonic() < deadline, f"{session.name}: only {len(found)} lines in the log"
            time.sleep(0.02)


def said(player: Player, line: Line) -> Packets:
    """Play a line; the reply, or CLOSED."""
    try:
        return player.play(line)
    except (EOFError, ConnectionError):
        return CLOSED


@pytest.fixture(scope="module")
def stage(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    account = server.account
    # A raw client knows only the fast part of caching_sha2_password, which needs a full login before it.
    pymysql.connect(host=server.host, port=server.port, user=account.user, password=account.password).close()
    with Witness(server) as witness, contextlib.ExitStack() as stack:
        yield Stage(server, witness, tmp_path_factory.mktemp("catalogue"), stack)


def differences(one: Play, other: Play, lines: Iterable[Line]) -> Iterator[str]:
    """What is to be seen of the one play and not of the other: replies to `lines`, and what is left."""
    for line in lines:
        if one.replies[line] != other.replies[line]:
            yield f"{line}: {shown(one.replies[line])}, but {shown(other.replies[line])}"
    for name, left in one.left.items():
        if left != other.left[name]:
            yield f"{name} at the end: {left}, but {other.left[name]}"
    for name, value in one.variables.items() if other.variables else ():
        if value != other.variables[name]:
            yield f"{name} at the end: {value}, but {other.variables[name]}"


def shown(reply: Packets) -> str:
    return " ".join(f"{sequence_id}:{packet!r}" for sequence_id, packet in reply)


def unlike_marks(session: Session, log: list[dict[str, Any]], *, observed: bool = False) -> Iterator[str]:
    """What the statement log says otherwise than the marks do; `observed` says that nothing was withheld."""
    for line, entry in zip(session.lines, log, strict=False):
        expected = (line.rule, "observed" if observed and line.action else line.action, line.error)
        found = (entry.get("rule", ""), entry.get("action", ""), entry.get("error", {}).get("code", 0))
        unseen = observed and (line.if_tracked or line.mark == "acknowledged") and found == ("", "", line.error)
        if found != expected and not unseen:
            yield f"{line}: {found}, and not {expected}"


def asked(line: Line) -> Statement:
    """What a line asks for."""
    text = line.text.encode()
    return read(text) if line.command in (COM_QUERY, COM_STMT_EXECUTE) else Statement(PLAIN, text, b"")


def reduced(session: Session) -> Parts:
    """What a server gets of a session if the marks are right; and what it gets only if there is one more statement.

    A promised line comes right before the next one that is forwarded. COMMIT takes away a BEGIN that the server has
    not heard of. Where a line may read diagnostics, the last one that was withheld comes before it: they are its own.
    """
    sent, promised, last = list[Line](), list[Line](), list[Line]()
    for line in session.lines:
        if line.mark in KEPT_BACK:
            if asked(line).kind == END:
                promised = [one for one in promised if asked(one).kind != BEGIN]
            promised += [line] if line.mark == "promised" else []
            last = [line]
        else:
            sent += promised
            if asked(line).reads_diagnostics and last != promised[-1:]:
                sent += last
            sent.append(line)
            promised, last = [], []
    return sent, promised


def visible(stage: Stage, mode: str, rule: str) -> list[str]:
    """What a proxy's log says otherwise than the marks of a fixture, and how clients could tell that it is there."""
    proxy, found = stage.proxy(mode, rule), list[str]()
    plays = [(session, stage.play(session, proxy)) for session in stage.sessions(rule, mode)]
    for session, play in plays:
        log = stage.log(proxy, play, session)
        problems = [*unlike_marks(session, log, observed=mode == "observe")]
        problems += differences(stage.direct(session), play, session.lines)
        found += [f"{session.name}: {problem}" for problem in problems]
    return found


@pytest.mark.parametrize("rule", NAMES)
def test_what_is_withheld_is_what_the_marks_say_and_nobody_can_tell(stage: Stage, rule: str) -> None:
    found = visible(stage, "suppress", rule)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("rule", NAMES)
def test_what_is_predicted_is_what_the_marks_say_and_comes_true(stage: Stage, rule: str) -> None:
    """What does not come true is said on stderr."""
    said_before = stage.proxy("observe", rule).unexpected_stderr()
    found = visible(stage, "observe", rule)
    found += stage.proxy("observe", rule).unexpected_stderr()[len(said_before) :]
    assert not found, "\n".join(found)


def test_predictions_are_counted(stage: Stage) -> None:
    counts = Counter[str]()
    for (name, labels), value in stage.proxy("observe", "liveness").metrics().items():
        if name == "hushql_predictions_total":
            counts[dict(labels)["result"]] += int(value)
    assert counts["match"] > 100
    assert counts["mismatch"] == 0


@pytest.mark.parametrize("rule", NAMES)
def test_without_hushql_the_marked_lines_are_not_missed(stage: Stage, rule: str) -> None:
    found = []
    for session in stage.sessions(rule):
        play = stage.play(session, stage.server, reduced(session))
        kept = [line for line in session.lines if line.mark not in KEPT_BACK]
        found += [f"{session.name}: {one}" for one in differences(stage.direct(session), play, kept)]
    assert not found, "\n".join(found)
