r"""Statements: what a text asks for, as far as that is certain.

A text is matched whole or not at all: a SET counts as one only where all of it is a list of session variables and
literals, COMMIT only where it is COMMIT and nothing else. White space, comments, case and quotes do not matter. What
is not matched is PLAIN, if its first word can change no fact of a session unseen, or OTHER, which may do anything.

A statement never says what is so: only the server does. It says what will be so, once the server has said OK.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from rules import lexer
from rules.functions import BUILT_IN, TIGHT
from rules.lexer import COMMENT, HINT, NUMBER, OPEN, OPERATOR, QUOTED, SEMICOLON, STRING, VARIABLE, WORD

SET: Final = 1
"""SET of session variables to literals."""
ONE_SHOT: Final = 2
"""SET of isolation level or access mode for the next transaction only."""
BEGIN: Final = 3
"""BEGIN, BEGIN WORK, START TRANSACTION [READ ONLY | READ WRITE]."""
END: Final = 4
"""COMMIT or ROLLBACK, perhaps with WORK."""
USE: Final = 5
READ: Final = 6
"""SELECT of session variables, all in READABLE."""
WARNINGS: Final = 7
"""SHOW WARNINGS or SHOW ERRORS."""
PROBE: Final = 8
"""SELECT 1 or SELECT NULL."""
PLAIN: Final = 9
"""By itself changes no fact of the session but those that status flags and the session tracker report."""
OTHER: Final = 10
"""May do anything."""
PING: Final = 11
"""No text but COM_PING."""
RESET: Final = 12
"""No text but COM_RESET_CONNECTION or COM_CHANGE_USER."""

RESULT_SETS: Final = frozenset([PROBE, READ, WARNINGS])
"""Kinds that are answered by a result set, which depends on more of a session than can be compared between two."""

SETTABLE: Final = (
    "foreign_key_checks",
    "group_concat_max_len",
    "innodb_lock_wait_timeout",
    "interactive_timeout",
    "lc_time_names",
    "lock_wait_timeout",
    "max_execution_time",
    "net_read_timeout",
    "net_write_timeout",
    "sql_auto_is_null",
    "sql_mode",
    "sql_safe_updates",
    "sql_select_limit",
    "time_zone",
    "unique_checks",
    "wait_timeout",
)
"""Variables that SET recognises under their own names; besides autocommit, isolation, access and the charsets."""
CHARSETS: Final = (
    "character_set_client",
    "character_set_connection",
    "character_set_results",
    "collation_connection",
)
"""Variables whose values are names of a charset or collation."""

_TRANSACTION: Final = {
    b"transaction_isolation": "isolation",
    b"tx_isolation": "isolation",
    b"transaction_read_only": "access",
    b"tx_read_only": "access",
}
_SETTABLE: Final = {name.encode(): name for name in ("autocommit", *SETTABLE, *CHARSETS)} | _TRANSACTION
READABLE: Final = (
    "auto_increment_increment",
    "autocommit",
    "foreign_key_checks",
    "interactive_timeout",
    "license",
    "lower_case_table_names",
    "max_allowed_packet",
    "net_write_timeout",
    "sql_mode",
    "sql_select_limit",
    "time_zone",
    "unique_checks",
    "version",
    "version_comment",
    "wait_timeout",
)
"""Variables that READ recognises, besides isolation, access and the charsets: only the session can change them."""
_READABLE: Final = {name.encode(): name for name in (*READABLE, *CHARSETS)} | _TRANSACTION


class Assignment:
    """One variable and the value that a SET gives it."""

    name: str
    """`isolation`, `access`, `names`, or the variable's own in lower case."""
    value: bytes
    """
    Of autocommit and access ON or OFF; of isolation as the server shows it, READ-COMMITTED; of names and the charsets
    in lower case without quotes, `utf8mb4 COLLATE utf8mb4_bin`, or NULL. Of others the literal: a string in its
    quotes, a number, ON, OFF, TRUE or FALSE.
    """

    def __init__(self, name: str, value: bytes) -> None:
        self.name = name
        self.value = value

    def __repr__(self) -> str:
        return f"Assignment({self.name!r}, {self.value!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Assignment) and self.name == other.name and self.value == other.value

    def __hash__(self) -> int:
        return hash((self.name, self.value))


class Statement:
    """What a text asks for."""

    kind: int
    text: bytes
    """As it came."""
    word: bytes
    """The first keyword in lower case, comments and parentheses before it aside; empty if there is none."""
    assignments: tuple[Assignment, ...]
    """Of SET, in order, none twice; of `names` and a charset the later one holds."""
    access: str
    """Of BEGIN: "READ ONLY", "READ WRITE", or empty."""
    variables: tuple[str, ...]
    """Of READ, in order, named as in Assignment."""
    schema: bytes
    """Of USE, without its quotes; ASCII."""
    touches_tables: bool
    """Whether it may read or write a table or view, or call a stored function: code may run that it does not show."""
    reads_diagnostics: bool
    """
    Whether it may read ROW_COUNT(), FOUND_ROWS(), warnings or errors, or call stored code that does. What views and
    triggers do no text shows; see touches_tables.
    """

    def __init__(  # noqa: PLR0913 - all but three by name
        self,
        kind: int,
        text: bytes,
        word: bytes,
        *,
        assignments: tuple[Assignment, ...] = (),
        access: str = "",
        variables: tuple[str, ...] = (),
        schema: bytes = b"",
        touches_tables: bool = False,
        reads_diagnostics: bool = False,
    ) -> None:
        self.kind = kind
        self.text = text
        self.word = word
        self.assignments = assignments
        self.access = access
        self.variables = variables
        self.schema = schema
        self.touches_tables = touches_tables
        self.reads_diagnostics = reads_diagnostics

    def covers(self, other: "Statement") -> bool:
        """Say whether what reads diagnostics finds the same behind this as behind the other one."""
        return self.text == other.text or (self.kind in _WITHOUT_ROWS and other.kind in _WITHOUT_ROWS)


_WITHOUT_ROWS: Final = (SET, ONE_SHOT, BEGIN, END, USE)

_Tokens: TypeAlias = list[tuple[int, bytes]]
"""Kinds and texts."""
_Whole: TypeAlias = tuple[int, str, tuple[Assignment, ...]]
"""Kind, access, assignments."""

# First words.
_QUERIES: Final = frozenset(b"select with values table".split())
"""These may be in parentheses."""
_READING: Final = frozenset(b"select values do".split())
"""These touch a table only where the text names one."""
_SAVEPOINTS: Final = frozenset(b"savepoint release".split())
_PLAIN: Final = (
    _QUERIES
    | _SAVEPOINTS
    | frozenset(
        b"insert update delete replace load do show explain desc describe create alter drop truncate rename grant "
        b"revoke analyze optimize check repair checksum".split()
    )
)
_MATCHED: Final = frozenset(b"set use show begin start commit rollback".split())
_KINDS: Final = frozenset([WORD, STRING, NUMBER, QUOTED, VARIABLE, OPERATOR])
"""Those of the tokens that a match can have."""

_LEVELS: Final = (b"READ UNCOMMITTED", b"READ COMMITTED", b"REPEATABLE READ", b"SERIALIZABLE")
_LEVEL_VALUES: Final = frozenset([level.replace(b" ", b"-") for level in _LEVELS])


def _characteristics() -> dict[bytes, tuple[Assignment, ...]]:
    """Return what may follow SET TRANSACTION."""
    levels = {
        b"isolation level " + level.lower(): (Assignment("isolation", level.replace(b" ", b"-")),) for level in _LEVELS
    }
    modes = {b"read only": (Assignment("access", b"ON"),), b"read write": (Assignment("access", b"OFF"),)}
    found: dict[bytes, tuple[Assignment, ...]] = {**levels, **modes}
    for level, isolation in levels.items():
        for mode, access in modes.items():
            found[level + b" , " + mode] = isolation + access
            found[mode + b" , " + level] = access + isolation
    return found


def _whole() -> dict[bytes, _Whole]:
    """Return all texts that are matched word by word."""
    found: dict[bytes, _Whole] = {
        b"begin": (BEGIN, "", ()),
        b"begin work": (BEGIN, "", ()),
        b"start transaction": (BEGIN, "", ()),
        b"start transaction read only": (BEGIN, "READ ONLY", ()),
        b"start transaction read write": (BEGIN, "READ WRITE", ()),
        b"commit": (END, "", ()),
        b"commit work": (END, "", ()),
        b"rollback": (END, "", ()),
        b"rollback work": (END, "", ()),
        b"show warnings": (WARNINGS, "", ()),
        b"show errors": (WARNINGS, "", ()),
        b"select 1": (PROBE, "", ()),
        b"select null": (PROBE, "", ()),
    }
    for words, assignments in _characteristics().items():
        found[b"set transaction " + words] = (ONE_SHOT, "", ())
        found[b"set session transaction " + words] = (SET, "", assignments)
        found[b"set local transaction " + words] = (SET, "", assignments)
    return found


_WHOLE: Final = _whole()
"""Their tokens in lower case, with a blank between two."""
_FLAGS: Final = {
    b"1": b"ON",
    b"on": b"ON",
    b"true": b"ON",
    b"'on'": b"ON",
    b"0": b"OFF",
    b"off": b"OFF",
    b"false": b"OFF",
    b"'off'": b"OFF",
}
_SCOPES: Final = frozenset([b"session", b"local"])

_FEW: Final = re.compile(rb"[0-9A-Za-z=@._;\t-\r ]*+")
"""What every session reads alike, whatever its modes and charsets."""
_NAME: Final = re.compile(rb"([0-9A-Za-z_$]++)|`([0-9A-Za-z_$]++)`")
_CHARSET: Final = re.compile(rb"([0-9A-Za-z_]++)|'([0-9A-Za-z_]++)'")
_NUMBER: Final = re.compile(rb"0|[1-9][0-9]{0,19}")
_STRING: Final = re.compile(rb"'[ !#-&(-\[\]-~]*+'")
"""Printable ASCII with neither quotes nor backslashes."""

_BLANKS: Final = b" \t\n\r\v\f"
_ENDS: Final = b";" + _BLANKS
_LETTERS: Final = b"0123456789abcdefghijklmnopqrstuvwxyz_$" + bytes(range(0x80, 0x100))
_COLUMNS: Final = re.compile(
    rb"(?:(?:insert|replace)[\t-\r ]++(?:(?:low_priority|delayed|high_priority|ignore|into)[\t-\r ]++)*"
    rb"|with[\t-\r ]++(?:recursive[\t-\r ]++)?)[`0-9a-z_$.\x80-\xff]++[\t-\r ]*+"
)
"""The beginning of a statement up to a list of columns."""


def read(text: bytes, *, several: bool = False, odd: bool = False, truncated: bool = False) -> Statement:
    """Say what a text asks for. Any bytes will do, none raise.

    `several` says that CLIENT_MULTI_STATEMENTS is on; `odd` that the session reads quotes, backslashes or bytes above
    0x7f in a way of its own, or that nobody knows; `truncated` that `text` is only the beginning.
    """
    tokens = lexer.scan(text)
    word, start, enclosed = b"", 0, False
    for match in tokens:
        kind = match.lastindex
        if kind == WORD:
            word, start = match[WORD].lower(), match.start(WORD)
            break
        if kind == OPEN:
            enclosed = True
        elif kind != COMMENT and kind != HINT:
            break
    commented = b"/*" in text
    code = commented and (b"/*!" in text or b"/*M!" in text)
    special = code or (commented and b"/*+" in text)
    if not (special or truncated or enclosed) and (word in _MATCHED or (word == b"select" and _may_match(tokens))):
        found = _match(text, word, several, odd)
        if found is not None:
            return found
    if word not in (_QUERIES if enclosed else _PLAIN) or not _is_one(text, several, odd, truncated, special):
        return Statement(OTHER, text, word, touches_tables=True, reads_diagnostics=True)
    if truncated or code:
        return Statement(PLAIN, text, word, touches_tables=True, reads_diagnostics=True)
    return _plain(text, word, start, odd)


def literal(name: str, value: bytes) -> bytes:
    """Return the member of a SET list that makes an assignment; not of isolation and access, whose names differ."""
    if name == "names":
        return b"NAMES " + value
    if name == "autocommit":
        return b"autocommit=%d" % (value == b"ON")
    return b"%b=%b" % (name.encode(), value)


def _may_match(tokens: Iterator[re.Match[bytes]]) -> bool:
    """Say whether what follows SELECT can be a variable, 1 or NULL."""
    for match in tokens:
        kind = match.lastindex
        if kind != COMMENT:
            return kind in (VARIABLE, NUMBER) or (kind == WORD and match[WORD].lower() == b"null")
    return False


def _is_one(text: bytes, several: bool, odd: bool, truncated: bool, special: bool) -> bool:
    """Say whether a text is surely one statement: where there can be several, a semicolon has to be the last."""
    if several and truncated:
        return False
    if not (several or odd) or b";" not in text.rstrip(_ENDS):
        return True
    if odd or special:
        return False
    ended = False
    for match in lexer.scan(text):
        if match.lastindex == SEMICOLON:
            ended = True
        elif ended and match.lastindex != lexer.END:
            return False
    return True


# ---- what is matched whole ----


def _match(text: bytes, word: bytes, several: bool, odd: bool) -> Statement | None:
    """Match a text as a whole."""
    if odd and (word == b"begin" or not _FEW.fullmatch(text)):
        return None
    tokens = _significant(text, several)
    if not tokens:
        return None
    words = b" ".join([token for _, token in tokens]).lower()
    whole = _WHOLE.get(words)
    if whole is not None:
        kind, access, assignments = whole
        return Statement(kind, text, word, access=access, assignments=assignments, reads_diagnostics=kind == WARNINGS)
    matcher = _MATCHERS.get(word)
    return None if matcher is None else matcher(text, tokens)


def _significant(text: bytes, several: bool) -> _Tokens | None:
    """Return the tokens of the only statement, without comments; None where it has others than a match can have."""
    found: _Tokens = []
    ended = False
    for match in lexer.scan(text):
        kind = match.lastindex
        if kind == SEMICOLON:
            ended = True
        elif kind == COMMENT:
            if ended and several:  # it is a statement of its own
                return None
        elif kind == lexer.END:
            return found
        elif ended or kind is None or kind not in _KINDS:
            return None
        else:
            found.append((kind, match[kind]))
    return found


def _members(tokens: _Tokens) -> list[_Tokens]:
    """Return the members of the list behind the first word."""
    members: list[_Tokens] = [[]]
    for token in tokens[1:]:
        if token[1] == b",":
            members.append([])
        else:
            members[-1].append(token)
    return members


def _name(kind: int, token: bytes) -> bytes:
    """Return a name without its backticks; empty where it is no plain one."""
    match = _NAME.fullmatch(token) if kind in (WORD, QUOTED) else None
    return (match[1] or match[2]) if match else b""


def _variable(kind: int, token: bytes) -> bytes:
    """Return the name of a session variable in lower case; empty where it is none."""
    if kind != VARIABLE:
        return _name(kind, token).lower()
    scope, dot, name = token.removeprefix(b"@@").rpartition(b".")
    if not token.startswith(b"@@") or (dot and scope.lower() not in _SCOPES):
        return b""
    return _name(WORD, name).lower()


def _set(text: bytes, tokens: _Tokens) -> Statement | None:
    members = _members(tokens)
    assignments = [assignment for member in members if (assignment := _assignment(member)) is not None]
    names = [assignment.name for assignment in assignments]
    if len(names) < len(members) or len(set(names)) < len(names):  # of two for the same variable both take effect
        return None
    one_shots = sum([_is_one_shot(*members[i][0]) for i in range(len(names)) if names[i] in ("isolation", "access")])
    if one_shots:
        return Statement(ONE_SHOT, text, b"set") if one_shots == len(members) else None
    return Statement(SET, text, b"set", assignments=tuple(assignments))


def _is_one_shot(kind: int, name: bytes) -> bool:
    """Say whether a variable of transactions is set for the next one only: @@transaction_isolation, without a scope."""
    return kind == VARIABLE and b"." not in name


def _assignment(member: _Tokens) -> Assignment | None:
    """Return what a member of a SET list assigns, None where that is not certain."""
    words = [token.lower() for _, token in member]
    if words[:1] == [b"names"]:
        return _names(member)
    if len(words) == 4 and words[0] in _SCOPES and member[1][0] != VARIABLE:
        member = member[1:]
    if len(member) != 3 or member[1][1] not in (b"=", b":="):
        return None
    name = _SETTABLE.get(_variable(*member[0]))
    value = None if name is None else _value(name, *member[2])
    return None if name is None or value is None else Assignment(name, value)


def _names(member: _Tokens) -> Assignment | None:
    """Match NAMES x [COLLATE y]."""
    if len(member) != 2 and not (len(member) == 4 and member[2][1].lower() == b"collate"):
        return None
    names = [_charset(*token) for token in member[1::2]]
    return None if None in names else Assignment("names", b" COLLATE ".join([name for name in names if name]))


def _charset(kind: int, token: bytes) -> bytes | None:
    """Return the name of a charset or collation in lower case."""
    match = _CHARSET.fullmatch(token) if kind in (WORD, STRING) else None
    name = (match[1] or match[2]).lower() if match else b"default"
    return None if name == b"default" or name == b"null" else name


def _value(name: str, kind: int, token: bytes) -> bytes | None:
    """Return the value of a literal for a variable, as Assignment has it."""
    lowered = token.lower()
    if name == "autocommit" or name == "access":
        return _FLAGS.get(lowered)
    if name == "isolation":
        level = token.strip(b"'").upper()
        return level if level in _LEVEL_VALUES and (kind == STRING or level == b"SERIALIZABLE") else None
    if name in CHARSETS:
        if name == "character_set_results" and kind == WORD and lowered == b"null":
            return b"NULL"
        return _charset(kind, token)
    if kind == WORD:
        return token.upper() if lowered in _FLAGS else None
    return token if (_NUMBER if kind == NUMBER else _STRING).fullmatch(token) else None


def _read(text: bytes, tokens: _Tokens) -> Statement | None:
    """Match SELECT @@x [[AS] name], ..."""
    variables = []
    for member in _members(tokens):
        if not member or member[0][0] != VARIABLE or not _is_alias(member[1:]):
            return None
        name = _READABLE.get(_variable(*member[0]))
        if name is None:
            return None
        variables.append(name)
    return Statement(READ, text, b"select", variables=tuple(variables))


def _is_alias(tokens: _Tokens) -> bool:
    """Say whether this is [[AS] name], or nothing."""
    marked = bool(tokens) and tokens[0][1].lower() == b"as"
    if marked:
        del tokens[0]
    elif not tokens:
        return True
    return len(tokens) == 1 and (_name(*tokens[0]) != b"" or (marked and tokens[0][0] == STRING))


def _use(text: bytes, tokens: _Tokens) -> Statement | None:
    schema = _name(*tokens[1]) if len(tokens) == 2 else b""
    return Statement(USE, text, b"use", schema=schema) if schema else None


def _rollback_to(text: bytes, tokens: _Tokens) -> Statement | None:
    """Match ROLLBACK [WORK] TO ..., which is no end and PLAIN."""
    words = [token.lower() for _, token in tokens[1:3]]
    return Statement(PLAIN, text, b"rollback") if words[:1] == [b"to"] or words == [b"work", b"to"] else None


_MATCHERS: Final[dict[bytes, Callable[[bytes, _Tokens], Statement | None]]] = {
    b"set": _set,
    b"select": _read,
    b"use": _use,
    b"rollback": _rollback_to,
}


# ---- what is not ----


def _plain(text: bytes, word: bytes, start: int, odd: bool) -> Statement:
    """Look at a PLAIN text for what it may read, and run."""
    if word in _SAVEPOINTS:
        return Statement(PLAIN, text, word)
    lowered = text[start:].lower()
    touches = reads = _calls(lowered, odd)
    if word == b"show":
        touches = touches or b"select" in lowered
        reads = reads or b"warnings" in lowered or b"errors" in lowered or b"variables" in lowered
    else:
        touches = touches or word not in _READING or b"from" in lowered or b"table" in lowered
        reads = reads or word == b"do" or _mentions_diagnostics(lowered)
    return Statement(PLAIN, text, word, touches_tables=touches, reads_diagnostics=reads)


def _mentions_diagnostics(text: bytes) -> bool:
    return (
        b"row_count" in text
        or b"found_rows" in text
        or b"warning_count" in text
        or b"error_count" in text
        or b"diagnostics" in text
        or b"_variables" in text  # tables of the information and performance schemas
    )


def _calls(text: bytes, odd: bool) -> bool:
    """Say whether a text in lower case may call a function that is not built in: True in doubt.

    It is read backwards from each parenthesis, for that is faster than token by token.
    """
    if b"(" not in text:
        return False
    if odd or (b"\n" in text and (b"--" in text or b"#" in text)):  # behind a comment that ends with the line
        return True
    rows_as_one = text.replace(b"),(", b",").replace(b"), (", b",")
    pieces = rows_as_one.split(b"(")
    del pieces[-1]
    if _COLUMNS.fullmatch(pieces[0]):
        del pieces[0]
    return any(_ends_in_call(piece) for piece in pieces)


def _ends_in_call(piece: bytes) -> bool:
    """Say whether a text ends in the name of a function that is not built in."""
    text = piece.rstrip(_BLANKS)
    before = text.rstrip(_LETTERS)
    name = text[len(before) :]
    if not name:
        return text.endswith((b"`", b'"', b"/"))  # a name in quotes; a comment, with a name before it or not
    if name not in BUILT_IN or (name in TIGHT and len(text) < len(piece)):
        return True
    return before.rstrip(_BLANKS).endswith((b".", b"/"))  # in a schema; behind a comment, which may be behind a dot
