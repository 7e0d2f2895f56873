r"""MySQL tokens: a text in the bytes of an unknown character set, cut as the server's own lexer would.

The rules are those of the manual's chapter "Language Structure" (https://dev.mysql.com/doc/refman/en/language-structure.html).
Where it is silent, what MySQL 9 and MariaDB 10.11 do decides. No server takes a backslash outside quotes, except in
MariaDB's `\N`; here it counts as a letter. Bytes above 0x7f are letters too. Every byte of every input belongs to a
token, or is white space between two.
"""

import re
from collections.abc import Iterator
from typing import Final, TypeAlias

Token: TypeAlias = tuple[int, int, int]
"""Its kind, where it starts, where it ends."""

# The kinds. Their numbers are those of the groups below.
WORD: Final = 1
"""A keyword or a name without quotes, and all that joins it by dots: `select`, `db.t`, `t.1b`, `1a`."""
STRING: Final = 2
"""`'…'`, `N'…'`, `X'…'`, `B'…'`, and `"…"` unless ANSI_QUOTES is on. Introducers are words."""
NUMBER: Final = 3
QUOTED: Final = 4
"""A name in backticks, or in double quotes where ANSI_QUOTES is on."""
VARIABLE: Final = 5
"""`@x`, `@'x'`, `@@x`, `@@session.x`; also the host of an account name."""
OPERATOR: Final = 6
"""An operator, a comma, or other punctuation that has no kind of its own."""
SIGN: Final = 7
"""A plus or a minus."""
DOT: Final = 8
"""A dot that is in no word or number."""
OPEN: Final = 9
"""`(`."""
CLOSE: Final = 10
"""`)`."""
PARAMETER: Final = 11
"""The `?` of a prepared statement."""
SEMICOLON: Final = 12
COMMENT: Final = 13
HINT: Final = 14
"""An optimizer hint."""
RIGHT_BRACE: Final = 15
"""`}`, the end of a literal or call in the ODBC syntax."""
CODE_START: Final = 16
"""`/*!`, `/*!40101`, `/*M!`: the server may run what follows up to CODE_END."""
CODE_END: Final = 17
UNTERMINATED: Final = 18
"""A string, quoted name or comment that never ends: the rest of the text."""
CONTROL: Final = 19
"""A byte that no statement holds outside quotes: NUL and the like."""
END: Final = 20
"""The end of the text. A scan yields it last; tokens() leaves it out."""

_LETTER = r"[0-9A-Za-z_$\\\x80-\xff]"
_BACKTICKS = "`(?:[^`]++|``)*+`"
_ESCAPED = r"{0}(?:[^{0}\\]++|{0}{0}|\\.)*+{0}"
_VERBATIM = r"{0}(?:[^{0}]++|{0}{0})*+{0}"


def _pattern(ansi_quotes: bool, no_backslash_escapes: bool, inside: bool) -> re.Pattern[bytes]:
    """All kinds, in the order in which they are tried.

    Repetitions are possessive, so that none is tried twice. Those that repeat a sequence are not: where it fails
    halfway, early releases of CPython 3.11 do not go back (https://github.com/python/cpython/issues/106052). They end
    their alternative, so that nothing can make them try again.
    """
    text = _VERBATIM if no_backslash_escapes else _ESCAPED
    single, double = text.format("'"), (_VERBATIM if ansi_quotes else text).format('"')
    quoted, string = (f"{_BACKTICKS}|{double}", single) if ansi_quotes else (_BACKTICKS, f"{single}|{double}")
    plain = rf"(?:{_LETTER}++|{_BACKTICKS})"
    exponent = "[eE][+-]?[0-9]++"
    bits = rf"0x[0-9a-fA-F]++(?!{_LETTER})|0b[01]++(?!{_LETTER})"
    number = rf"{bits}|[0-9]++(?:\.[0-9]*+(?:{exponent})?|{exponent}|(?!{_LETTER}))|\.[0-9]++(?:{exponent})?"
    dotted = rf"(?:\.{_LETTER}++)*"
    blank = r"(?:[\x00-\x20\x7f]|\Z)"  # what makes `--` a comment
    groups = (
        rf"(?![nNxXbB]'|[0-9]){_LETTER}++{dotted}|(?=[0-9])(?!{number}){_LETTER}++{dotted}",
        rf"[nNxXbB]{single}|{string}",
        number,
        quoted,
        rf"@@{plain}?(?:\.{plain})*|@(?:(?:{_LETTER}|\.)++|{_BACKTICKS}|{single}|{double})?",
        rf"<=>|->>|:=|<=|>=|<>|!=|<<|>>|\|\||&&|->|(?!/\*{'|[*]/' if inside else ''})[,=*/<>!~^&|%:{{\[\]]",
        rf"\+|-(?!-{blank})",
        r"\.",
        r"\(",
        r"\)",
        r"\?",
        ";",
        r"(?:#|--)[^\n]*+|/\*(?![+!]|M!).*?\*/",
        r"/\*\+.*?\*/",
        r"}",
        r"/\*M?!(?:[0-9]{5,6})?",
        r"\*/",
        r"(?:[nNxXbB]?'|[`\"]|/\*).*+",
        r"[\x00-\x08\x0e-\x1f\x7f]",
        r"\Z",
    )
    return re.compile(rf"[\t-\r ]*+(?:({')|('.join(groups)}))".encode("latin-1"), re.DOTALL)


_PATTERNS: Final = [_pattern(bool(i & 4), bool(i & 2), bool(i & 1)) for i in range(8)]


def scan(text: bytes, *, ansi_quotes: bool = False, no_backslash_escapes: bool = False) -> Iterator[re.Match[bytes]]:
    """Yield a match for each token, END last: `lastindex` is its kind, and that group its bytes. Never raises."""
    mode = 4 * ansi_quotes + 2 * no_backslash_escapes
    if b"/*!" not in text and b"/*M!" not in text:
        return _PATTERNS[mode].finditer(text)
    return _scan_with_code(text, mode)


def _scan_with_code(text: bytes, mode: int) -> Iterator[re.Match[bytes]]:
    """Scan a text with version comments: only inside of one is `*/` a token of its own."""
    match, position, inside = None, 0, 0
    while match is None or match.lastindex != END:
        for match in _PATTERNS[mode + inside].finditer(text, position):
            yield match
            if match.lastindex == CODE_START or match.lastindex == CODE_END:
                position, inside = match.end(), int(match.lastindex == CODE_START)
                break


def tokens(text: bytes, *, ansi_quotes: bool = False, no_backslash_escapes: bool = False) -> list[Token]:
    """All tokens of a text, in order; what lies between two is white space."""
    found = []
    for match in scan(text, ansi_quotes=ansi_quotes, no_backslash_escapes=no_backslash_escapes):
        kind = match.lastindex or END
        if kind == END:
            break
        found.append((kind, match.start(kind), match.end()))
    return found
