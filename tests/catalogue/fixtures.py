"""Fixtures of the catalogue: sessions in SQL that show what a rule does, and above all what it does not do.

`rules/catalogue/<rule>.sql` belongs to `rules/catalogue/<rule>.py`. One statement a line, with a semicolon that is not
part of it; `{schema}` stands for the schema that the session has logged in to, where it finds what shop.py has. At the
end of a line stands what becomes of it in suppress mode, once the server has accepted all of these texts before:

    -- session: an empty transaction vanishes
    BEGIN;                            -- promised
    COMMIT;                           -- redundant: empty-commit
    BEGIN;                            -- promised
    UPDATE shop SET n = 0;
    COMMIT;                           -- forwarded, there is something to end

- `redundant`: it is answered, and never sent
- `promised`: it is answered, and sent ahead of the next line that is forwarded, if it still matters then
- `acknowledged`: it is sent, and answered before the server has done it
- `forwarded`: it is sent, and whoever thinks that it need not be is wrong
- `error 1062`: it is forwarded, and this is the server's answer

Behind a colon stands the rule, where it is not the fixture's own; behind a comma the reason. A line without a mark is
forwarded, too. `if tracked` behind one of the first two marks says: only where the server tells what stored code has
changed, which MySQL does once it has been asked, and MariaDB does not; else it is forwarded. In observe mode nobody
asks, nor for what makes up `acknowledged`.

All else begins with two dashes:

    -- session: what it shows         a session begins
    -- only: mysql                    or mariadb, or mariadb 10: it is not for other servers
    -- client: CLIENT_SESSION_TRACK   its capability flags beside those that all have, instead of CLIENT_DEPRECATE_EOF
    -- not in observe mode            there nobody asks the server, and what is predicted may not come true
    -- COM_INIT_DB {schema}           a command that is not SQL, with its argument; it may have a mark
    -- COM_STMT_PREPARE SELECT 1      a statement is prepared,
    -- COM_STMT_EXECUTE SELECT 1      and executed, by its text
    -- pause                          nothing happens for longer than --max-silence
    -- Without autocommit ...         a comment
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeAlias

import rules.catalogue
from proxy.wire import constants
from proxy.wire.constants import (
    CLIENT_DEPRECATE_EOF,
    COM_INIT_DB,
    COM_PING,
    COM_QUERY,
    COM_RESET_CONNECTION,
    COM_STMT_EXECUTE,
    COM_STMT_PREPARE,
)

FOLDER: Final = Path(rules.catalogue.__file__).parent
ANY: Final = ""
"""All servers."""
COMMANDS: Final = {
    "COM_INIT_DB": COM_INIT_DB,
    "COM_PING": COM_PING,
    "COM_RESET_CONNECTION": COM_RESET_CONNECTION,
    "COM_STMT_PREPARE": COM_STMT_PREPARE,
    "COM_STMT_EXECUTE": COM_STMT_EXECUTE,
}
ACTIONS: Final = {"redundant": "withheld", "promised": "promised", "acknowledged": "acknowledged"}
"""By mark, as the statement log has them."""

_STATEMENT: Final = re.compile(r"(?P<text>.+?);(?:\s+-- (?P<mark>.*))?")
_COMMAND: Final = re.compile(r"-- (?P<command>COM_\w+)(?: (?P<text>.*?))??(?:\s+-- (?P<mark>.*))?")
_DIRECTIVE: Final = re.compile(r"-- (only|client|not in observe mode)(?:: (.*))?")
_SERVERS: Final = re.compile(r"(?:mysql|mariadb)(?: \d+)?")
_MARK: Final = re.compile(
    r"(?:(?P<action>redundant|promised|acknowledged)(?P<tracked> if tracked)?(?:: (?P<rule>[a-z-]+))?"
    r"|forwarded|error (?P<error>\d+))(?:, .+)?"
)

_Numbered: TypeAlias = tuple[int, str]


class Malformed(ValueError):
    """What is none of a fixture's; says what and where."""


@dataclass(frozen=True)
class Line:
    """One command of a session, and what becomes of it."""

    number: int
    """In the file, from 1."""
    command: int
    text: str
    """SQL, or the command's argument."""
    mark: str = ""
    """A key of ACTIONS, or `forwarded`, also where the server's answer is an error; empty where there is none."""
    rule: str = ""
    """Whose doing a mark of ACTIONS is."""
    if_tracked: bool = False
    error: int = 0
    after_pause: bool = False

    @property
    def action(self) -> str:
        """What the statement log calls it; empty where the line is forwarded."""
        return ACTIONS.get(self.mark, "")

    def __str__(self) -> str:
        return f"line {self.number}: {self.text}"


@dataclass(frozen=True)
class Session:
    """What one client sends, from its login on."""

    rule: str
    what: str
    only: str = ANY
    """The servers that it is for: their kind, perhaps with the first number of their version."""
    capabilities: int = CLIENT_DEPRECATE_EOF
    """The client's flags beside those that all clients have."""
    observed: bool = True
    """Whether it is for observe mode, too."""
    lines: tuple[Line, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.rule}: {self.what}"

    def is_for(self, kind: str, version: str) -> bool:
        """Say whether it is for this server."""
        return self.only in (ANY, kind, f"{kind} {version.split('.', maxsplit=1)[0]}")

    def on(self, kind: str) -> "Session":
        """Return the session with the marks that it has on a kind of server."""
        if kind == "mysql":
            return self
        untracked = (replace(line, mark="forwarded", rule="") if line.if_tracked else line for line in self.lines)
        return replace(self, lines=tuple(untracked))


def path_of(rule: str) -> Path:
    """Return where a rule's fixture is."""
    return FOLDER / f"{rule.replace('-', '_')}.sql"


def load(rule: str, kind: str, version: str) -> tuple[Session, ...]:
    """Read what a rule's fixture has for a server, with the marks as they are there; raises Malformed."""
    sessions = parse(rule, path_of(rule).read_text(encoding="utf-8"))
    return tuple(session.on(kind) for session in sessions if session.is_for(kind, version))


def parse(rule: str, text: str) -> tuple[Session, ...]:
    """Take a fixture apart; raises Malformed."""
    return tuple(_session(Session(rule, what), numbered) for what, numbered in _parts(rule, text))


def _parts(rule: str, text: str) -> Iterator[tuple[str, list[_Numbered]]]:
    """Cut a text into sessions: what each shows, and its lines. Ahead of the first there are only comments."""
    what, numbered = "", list[_Numbered]()
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("-- session: "):
            if what:
                yield what, numbered
            what, numbered = line.removeprefix("-- session: "), []
        elif what and line:
            numbered.append((number, line))
        elif line and not line.startswith("--"):
            raise Malformed(f"{rule}, line {number}: in no session")
    yield what, numbered


def _session(session: Session, numbered: list[_Numbered]) -> Session:
    lines, after_pause = list[Line](), False
    for number, line in numbered:
        try:
            if (directive := _DIRECTIVE.fullmatch(line)) is not None:
                session = _directed(session, lines, *directive.groups())
            elif line == "-- pause":
                after_pause = True
            elif (found := _line(session.rule, number, line)) is not None:
                lines.append(replace(found, after_pause=after_pause))
                after_pause = False
        except Malformed as problem:
            raise Malformed(f"{session.rule}, line {number}: {problem}: {line}") from None
    if not lines or after_pause:
        raise Malformed(f"{session.name}: nothing follows")
    return replace(session, lines=tuple(lines))


def _directed(session: Session, lines: list[Line], name: str, text: str | None) -> Session:
    if lines:
        raise Malformed("this belongs to the head of a session")
    if name == "not in observe mode":
        return replace(session, observed=False)
    if name == "client":
        return replace(session, capabilities=_capabilities(text or ""))
    if text is None or _SERVERS.fullmatch(text) is None:
        raise Malformed("no kind of server")
    return replace(session, only=text)


def _capabilities(text: str) -> int:
    found = 0
    for name in text.split():
        flag = getattr(constants, name, None)
        if not name.startswith("CLIENT_") or not isinstance(flag, int):
            raise Malformed(f"no capability flag {name}")
        found |= flag
    return found


def _line(rule: str, number: int, line: str) -> Line | None:
    """Read a line; None where it is a comment."""
    if (found := _COMMAND.fullmatch(line)) is not None:
        if found["command"] not in COMMANDS:
            raise Malformed("a command that no fixture has")
        command = COMMANDS[found["command"]]
    elif line.startswith("--"):
        return None
    elif (found := _STATEMENT.fullmatch(line)) is not None:
        command = COM_QUERY
    else:
        raise Malformed("no statement, and no comment")
    made = Line(number, command, found["text"] or "")
    return made if found["mark"] is None else _marked(made, rule, found["mark"])


def _marked(line: Line, rule: str, mark: str) -> Line:
    found = _MARK.fullmatch(mark)
    if found is None:
        raise Malformed("no mark that there is")
    if found["action"]:
        return replace(line, mark=found["action"], rule=found["rule"] or rule, if_tracked=bool(found["tracked"]))
    return replace(line, mark="forwarded", error=int(found["error"] or 0))
