"""What a scenario is: logins and steps, and their text, in which a difference is reported and can be run again.

A text has one line a step; `0+` is in the same write as the line before, `0~3` is sent in three pieces:

    login 0 track eof multi charset=45 schema={db}
    0 query "SET autocommit=0"
    0+ query "COMMIT"
    0~3 prepare s "SELECT n FROM people WHERE id = ?"
    0 execute s [1]
    look
    0 drop
"""

import json
import re
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from proxy.wire.constants import (
    CLIENT_DEPRECATE_EOF,
    CLIENT_FOUND_ROWS,
    CLIENT_INTERACTIVE,
    CLIENT_MULTI_STATEMENTS,
    CLIENT_OPTIONAL_RESULTSET_METADATA,
    CLIENT_QUERY_ATTRIBUTES,
    CLIENT_SESSION_TRACK,
)

Argument: TypeAlias = int | str | None

VARIANTS: Final = {
    "track": CLIENT_SESSION_TRACK,
    "eof": CLIENT_DEPRECATE_EOF,
    "multi": CLIENT_MULTI_STATEMENTS,
    "found": CLIENT_FOUND_ROWS,
    "interactive": CLIENT_INTERACTIVE,
    "attributes": CLIENT_QUERY_ATTRIBUTES,
    "optional": CLIENT_OPTIONAL_RESULTSET_METADATA,
}
"""The capability flags in which logins differ, by their word in a text."""

CHARSET: Final = 45
"""utf8mb4_general_ci, which every server knows."""
LEAVING: Final = ("quit", "drop", "half")
"""Kinds of commands that end a connection: COM_QUIT, no word at all, and the first bytes of a COM_QUERY."""
LOOK: Final = "look"
OBSERVER: Final = -1
"""The number of the connection that only looks: at what is committed, and at what is locked."""

RELEASING: Final = re.compile(r"completion_type ?= ?'?(2|release)|release(?! savepoint|_)", re.IGNORECASE)
"""Texts that have the server close the connection, at once or with the end of the next transaction."""

PLACEHOLDERS: Final = ("{db}", "{isolation}", "{access}")
"""What stands for the schema, and for the server's own names of two variables, in texts and schema names."""


@dataclass(frozen=True)
class Login:
    """How a connection logs in: the VARIANTS it asks for, the collation of its texts, its schema or none."""

    variants: tuple[str, ...] = ("track", "eof", "multi")
    charset: int = CHARSET
    schema: str = "{db}"

    @property
    def capabilities(self) -> int:
        """The flags of its variants."""
        return sum(VARIANTS[variant] for variant in self.variants)


@dataclass(frozen=True)
class Command:
    """One command; `kind` is the word of its line."""

    kind: str
    text: str = ""
    """The statement, or the name of a schema."""
    name: str = ""
    """Of a prepared statement."""
    arguments: tuple[Argument, ...] = ()

    def __str__(self) -> str:
        words = [self.kind, self.name]
        if self.kind in ("query", "prepare", "init_db", "change_user"):
            words.append(json.dumps(self.text))
        elif self.kind == "execute":
            words.append(json.dumps(self.arguments))
        return " ".join(word for word in words if word)


@dataclass(frozen=True)
class Step:
    """Commands of one connection in one write, or in several pieces of it."""

    connection: int
    commands: tuple[Command, ...]
    pieces: int = 1

    def lines(self) -> list[str]:
        """Its text."""
        if self.connection == OBSERVER:
            return [LOOK]
        number = f"{self.connection}~{self.pieces}" if self.pieces > 1 else str(self.connection)
        first, *others = self.commands
        return [f"{number} {first}", *(f"{self.connection}+ {command}" for command in others)]


@dataclass(frozen=True)
class Script:
    """A scenario: for each connection its first and its later logins, and the steps."""

    logins: tuple[Login, ...]
    steps: tuple[Step, ...]
    seed: int = field(default=0, compare=False)

    def __str__(self) -> str:
        lines = []
        for number, login in enumerate(self.logins):
            details = [*login.variants, f"charset={login.charset}", f"schema={login.schema}"]
            lines.append(" ".join([f"login {number}", *details]))
        for step in self.steps:
            lines += step.lines()
        return "\n".join(lines)


def query(text: str) -> Command:
    """COM_QUERY."""
    return Command("query", text)


def parse(text: str) -> Script:
    """Read a script's text; lines that are empty or start with # are passed over."""
    logins, steps = [], []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        first, _, rest = line.strip().partition(" ")
        if first == "login":
            logins.append(_parsed_login(rest.split()[1:]))
        elif first == LOOK:
            steps.append(Step(OBSERVER, (Command(LOOK),)))
        elif first.endswith("+"):
            before = steps.pop()
            steps.append(Step(before.connection, (*before.commands, _parsed_command(rest)), before.pieces))
        else:
            number, _, pieces = first.partition("~")
            steps.append(Step(int(number), (_parsed_command(rest),), int(pieces or 1)))
    return Script(tuple(logins), tuple(steps))


def _parsed_login(words: list[str]) -> Login:
    details = dict(word.split("=", 1) for word in words if "=" in word)
    variants = tuple(word for word in words if "=" not in word)
    return Login(variants, int(details.get("charset", "45")), details.get("schema", ""))


def _parsed_command(text: str) -> Command:
    kind, _, rest = text.partition(" ")
    if kind in ("prepare", "execute", "close", "reset_statement"):
        name, _, rest = rest.partition(" ")
    else:
        name = ""
    if kind == "execute":
        return Command(kind, name=name, arguments=tuple(json.loads(rest)))
    return Command(kind, json.loads(rest) if rest else "", name)
