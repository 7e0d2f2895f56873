"""Digests: what is left of a statement without its literals, comments and layout, and what that tells.

Two statements have the same digest when they differ only in values, in how many of them a list holds, in comments,
in white space, and in the case of what is not quoted.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final
from urllib.parse import unquote

import msgspec

from rules import lexer
from rules.lexer import END, OPERATOR, WORD

TEXT_LIMIT: Final = 2000
"""The length of a digest's text, in characters."""
TAGS_LIMIT: Final = 16
TAG_KEY_LIMIT: Final = 64
TAG_VALUE_LIMIT: Final = 256


class Digest(msgspec.Struct, frozen=True, gc=False):
    """What a statement is, without its values."""

    id: str
    """16 hexadecimal digits; the same for the same normalised text, whole even where `text` is cut."""
    text: str
    """The normalised text in printable characters; ends with `…` where something is left out."""
    kind: str
    """The first keyword as a label, one of KINDS."""
    tags: dict[str, str]
    """The pairs of a trailing sqlcommenter comment, https://google.github.io/sqlcommenter/spec/."""
    secret: bool
    """Whether the statement may hold a password or a key: if so its literals are not for logs."""


def _words(text: str) -> frozenset[bytes]:
    return frozenset(text.encode().split())


_KIND: Final = {
    word: word.decode()
    for word in _words(
        "select insert update delete replace set commit rollback begin show use call create alter drop truncate load "
        "lock unlock explain do prepare execute deallocate analyze optimize check checksum repair flush grant revoke "
        "kill handler savepoint release xa rename change start stop reset install uninstall signal"
    )
} | {b"describe": "explain", b"desc": "explain", b"values": "select", b"table": "select"}
KINDS: Final = frozenset(_KIND.values()) | {"other"}
"""All kinds, for a label: `explain` is also DESCRIBE, `select` also TABLE and VALUES."""

# Marks inside of pieces, for _render: no white space before, none after, a space to keep. Control characters of the
# statement itself have been escaped by then.
_DOT: Final = b"\x01.\x02"
_CALL: Final = b"\x01("
_SIGNS: Final = frozenset([b"-\x02", b"+\x02"])
_AT: Final = frozenset([b"@", b"\x01@"])
_LIST: Final = b"(?+)"
_CUT: Final = "…".encode()

_LITERAL_WORDS: Final = _words(r"null true false \n")
_SPECIAL_WORDS: Final = _LITERAL_WORDS | {b"duplicate"}
_TEMPORAL: Final = _words("date time timestamp")
_ESCAPES: Final = _words("d t ts")  # {d '2020-01-01'}, the standard ODBC syntax
_INTRODUCERS: Final = _words(
    "_armscii8 _ascii _big5 _binary _cp1250 _cp1251 _cp1256 _cp1257 _cp850 _cp852 _cp866 _cp932 _dec8 _eucjpms _euckr "
    "_gb18030 _gb2312 _gbk _geostd8 _greek _hebrew _hp8 _keybcs2 _koi8r _koi8u _latin1 _latin2 _latin5 _latin7 _macce "
    "_macroman _sjis _swe7 _tis620 _ucs2 _ujis _utf16 _utf16le _utf32 _utf8 _utf8mb3 _utf8mb4"
)
_LITERAL_STARTS: Final = _LITERAL_WORDS | _TEMPORAL | _INTRODUCERS | _words("n x b")
_PUNCTUATION: Final = _words("( , ; = < > <= >= <> != <=> := + - * / % & | ^ ~ ! << >> || && { :") | _SIGNS | {_CALL}
_KEYWORDS: Final = _words(
    "select distinct all from where and or not xor in like rlike regexp between is div mod on using having by limit "
    "offset values value set when then else case return union except intersect exists any some as join interval over "
    "default with returning binary into call do"
)
_BEFORE_OPERAND: Final = _PUNCTUATION | _KEYWORDS
"""After these a plus or minus is a sign, and a parenthesis does not follow a name."""
_SPACED: Final = _words("? (?+) ) } key index")
_LIST_PIECES: Final = _words("? , ( )")
_BEFORE_STATEMENT: Final = _words("( ;") | {_CALL}
_BEHIND_WITH: Final = _words("select update delete insert replace values table")
_UNSEEN: Final = frozenset([lexer.HINT, lexer.CODE_START, lexer.CODE_END])
_SINGLE: Final = _words("( ) , ; ?")  # tokens that no further byte can change
_COMMENT_STARTS: Final = _words("/ - #")
_NO_LITERAL_STARTS: Final = _words("/ `")
_LITERALS: Final = frozenset([lexer.STRING, lexer.NUMBER, lexer.PARAMETER])

_JOINT: Final = re.compile(rb"\x02 (?![-0-9])")  # two signs would begin a comment, a dot and a digit a number
_SPACE: Final = bytes.maketrans(b"\x03", b" ")
_UNSAFE: Final = re.compile(rb"[\x00-\x1f\x7f]")
_HALF_NUMBER: Final = re.compile(rb"[0-9][.]?[eE][-+]?\Z|0[xb]\Z")
_SECRET_PARTS: Final = tuple(b"passw pwd identified encrypt decrypt encode decode keyring secret".split())
_SECRET_KINDS: Final = frozenset(["change", "prepare"])
_ACCOUNT_KINDS: Final = frozenset(["create", "alter"])
_ACCOUNT_WORDS: Final = _words("user server connection")

# The outer repetition is not possessive: see lexer._pattern.
_SQLCOMMENTER: Final = re.compile(
    rb"/\*\s*+((?:[\w.~%+-]++='(?:[^'\\]|\\')*+'(?:\s*+,\s*+(?=[\w.~%+-])|(?=\s*+\*/)))+)\s*+\*/[\s;]*+\Z"
)
_PAIR: Final = re.compile(rb"([\w.~%+-]++)='((?:[^'\\]|\\')*+)'")


def digest(
    text: bytes, *, truncated: bool = False, ansi_quotes: bool = False, no_backslash_escapes: bool = False
) -> Digest:
    """Normalise a statement; `truncated` says that `text` is only its beginning. Any bytes will do, none raise."""
    whole = text
    if b"/*!" in text or b"/*M!" in text:
        text = text[: _agreed(text, ansi_quotes, no_backslash_escapes)]
        truncated = truncated or len(text) < len(whole)
    if truncated and _HALF_NUMBER.search(text, max(0, len(text) - 4)):
        text += b"0"
    shape = _Shape()
    matches = lexer.scan(text, ansi_quotes=ansi_quotes, no_backslash_escapes=no_backslash_escapes)
    if truncated:
        shape.take(shape.whole(matches))
        shape.end_truncated()
    else:
        shape.take(matches)
    pieces = shape.pieces
    while pieces and pieces[-1] == b";":
        pieces.pop()
    rendered = _render(pieces)
    printable = _printable(rendered)
    if len(printable) > TEXT_LIMIT:
        # The cut falls between two pieces, so that no name is shown in part.
        fits = bisect_right(range(len(pieces)), TEXT_LIMIT - 2, key=lambda n: len(_printable(_render(pieces[:n]))))
        printable = _printable(_render([*pieces[: fits - 1], _CUT]))
    kind = _kind(pieces)
    return Digest(
        blake2b(rendered, digest_size=8).hexdigest(),
        printable,
        kind,
        {} if truncated or shape.comment < 0 else _tags(text, shape.comment),
        _is_secret(whole, kind, pieces),
    )


def _agreed(text: bytes, ansi_quotes: bool, no_backslash_escapes: bool) -> int:
    """Return how far all servers read a text alike.

    A version comment that one runs, another skips up to the first `*/`. Where a quote inside reaches beyond that, what
    is a string to the one is code to the other.
    """
    outside, comment, skipped = -1, -1, 0
    for kind, start, end in lexer.tokens(text, ansi_quotes=ansi_quotes, no_backslash_escapes=no_backslash_escapes):
        if kind == lexer.CODE_START:
            comment = start if comment == outside else comment
            if 0 <= skipped < end:
                skipped = text.find(b"*/", end)
        elif kind == lexer.CODE_END:
            if start != skipped:
                return comment
            comment = outside
    return len(text) if comment == outside or skipped < 0 else comment


class _Shape:
    """Builds the pieces of a normalised text, token by token."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.comment = -1
        """Where the last comment starts."""
        self._frames: list[int] = []  # for each open parenthesis of an IN its piece, for others 0
        self._text_at = -1  # the number of pieces behind the last string
        self._updating = False  # behind ON DUPLICATE KEY, where VALUES is a function
        self._rows = False  # the text so far ends in a list of rows
        self._row_due = False  # and there in a row, or before one
        self._half: re.Match[bytes] | None = None  # the token that the end of a truncated text cuts

    def take(self, matches: Iterator[re.Match[bytes]]) -> None:
        """Add tokens; the two most frequent kinds are dealt with at once."""
        pieces, special = self.pieces, _SPECIAL_WORDS
        for match in matches:
            kind = match.lastindex
            if kind == WORD:
                word = match[WORD].lower()
                if word in special:
                    self._word(word)
                else:
                    pieces.append(word)
            elif kind == OPERATOR:
                pieces.append(match[OPERATOR])
            elif kind in _LITERALS:
                self._literal(kind)
            elif kind == lexer.OPEN:
                self._open(matches)
            elif kind is not None:
                self._other(kind, match)

    def _other(self, kind: int, match: re.Match[bytes]) -> None:
        pieces = self.pieces
        if kind == lexer.QUOTED or kind == lexer.CONTROL:
            pieces.append(_quoted(match[kind]))
        elif kind == lexer.CLOSE:
            self._close()
        elif kind == lexer.SIGN:
            pieces.append(match[kind] + b"\x02" if self._last() in _BEFORE_OPERAND else match[kind])
        elif kind == lexer.DOT:
            pieces.append(b"." if pieces and pieces[-1] in _AT else _DOT)
        elif kind == lexer.COMMENT:
            self.comment = match.start(kind)
        elif kind == lexer.VARIABLE:
            self._variable(match)
        elif kind == lexer.SEMICOLON:
            pieces.append(b";")
            self._updating = False
        elif kind == lexer.RIGHT_BRACE:
            self._right_brace()
        elif kind == lexer.UNTERMINATED and match[kind][:2] != b"/*":
            self._literal(lexer.STRING)

    def _last(self) -> bytes:
        """Return the last piece, where it can be a keyword: behind a dot nothing is one. At the start return `;`."""
        pieces = self.pieces
        if not pieces:
            return b";"
        return b"" if len(pieces) > 1 and pieces[-2] == _DOT else pieces[-1]

    def _word(self, word: bytes) -> None:
        """Add one of _SPECIAL_WORDS. After IS and NOT, NULL and the like are no values but part of a test."""
        last = self._last()
        if word == b"duplicate":
            self._updating = True
        if word not in _LITERAL_WORDS or last == b"" or last == b"is" or last == b"not":
            self.pieces.append(word)
        else:
            self._literal(lexer.NUMBER)

    def _literal(self, kind: int) -> None:
        """Add a `?` for a literal, its signs, its introducer or temporal type, and the strings that continue it."""
        pieces = self.pieces
        if kind == lexer.STRING:
            if len(pieces) == self._text_at and pieces[-1] == b"?":
                return
            if self._last() in _TEMPORAL:
                pieces.pop()
        if kind != lexer.PARAMETER and self._last() in _INTRODUCERS:
            pieces.pop()
        while pieces and pieces[-1] in _SIGNS:
            pieces.pop()
        if pieces and pieces[-1] in _AT:
            pieces[-1] += b"\x02"
        pieces.append(b"?")
        self._text_at = len(pieces) if kind == lexer.STRING else -1

    def _right_brace(self) -> None:
        pieces = self.pieces
        if len(pieces) > 2 and pieces[-3] == b"{" and pieces[-2] in _ESCAPES and pieces[-1] == b"?":
            pieces[-3:] = [b"?"]
            self._text_at = -1
        else:
            pieces.append(b"}")

    def _variable(self, match: re.Match[bytes]) -> None:
        """Add a variable or the host of an account; what is quoted like a string is hidden like one."""
        name, last = match[lexer.VARIABLE], self._last()
        glue = b"\x01" if last == b"?" or last[:1] == b"`" else b""
        if name[1:2] == b"'" or name[1:2] == b'"':
            self.pieces.append(glue + b"@")
            self._literal(lexer.PARAMETER)
        else:
            self.pieces.append(glue + _quoted(name if b"`" in name else name.lower()))

    def _open(self, matches: Iterator[re.Match[bytes]]) -> None:
        pieces, last = self.pieces, self._last()
        if self._rows_begin(last):
            self._take_rows(matches)
            return
        self._frames.append(len(pieces) if last == b"in" else 0)
        spaced = (last in _BEFORE_OPERAND and last != b"values") or last in _SPACED or self._names_table()
        pieces.append(b"(" if spaced else _CALL)

    def _close(self) -> None:
        start = self._frames.pop() if self._frames else 0
        if start and self._is_list(start):
            self.pieces[start:] = [_LIST]
        else:
            self.pieces.append(b")")

    def _is_list(self, start: int) -> bool:
        """Whether all from the parenthesis at `start` on are literals, or rows of them."""
        pieces = self.pieces
        i = start
        while i < len(pieces) and pieces[i] in _LIST_PIECES:
            i += 1
        return i == len(pieces)

    def _names_table(self) -> bool:
        """Whether the last piece ends the name of a table that a list of columns may follow."""
        pieces = self.pieces
        i = len(pieces) - 1
        while i > 1 and pieces[i - 1] == _DOT:
            i -= 2
        return i > 0 and (pieces[i - 1] == b"into" or pieces[i - 1] == b"table")

    def _rows_begin(self, last: bytes) -> bool:
        """Whether a parenthesis here opens the first of a list of rows."""
        pieces = self.pieces
        if last == b"values":
            return not self._updating
        if last == b"value":
            return not self._updating and (pieces[0] == b"insert" or pieces[0] == b"replace")
        return last == b"row" and len(pieces) > 1 and pieces[-2] == b"values"

    def _take_rows(self, matches: Iterator[re.Match[bytes]]) -> None:
        """Pass over a list of rows, up to the first token behind it; whatever they hold, they are one piece."""
        self.pieces.append(_LIST)
        self._rows, self._row_due, depth = True, True, 1
        for match in matches:
            kind = match.lastindex
            if kind == lexer.COMMENT:
                self.comment = match.start(kind)
            elif depth:
                depth += (kind == lexer.OPEN) - (kind == lexer.CLOSE)
                self._row_due = depth > 0
            elif self._row_due and kind == lexer.OPEN:
                depth = 1
            elif kind == OPERATOR and match[OPERATOR] == b",":
                self._row_due = True
            elif not (kind in _UNSEEN or (self._row_due and kind == WORD and match[WORD].lower() == b"row")):
                self._rows = False
                self.take(iter((match,)))
                return

    def whole(self, matches: Iterator[re.Match[bytes]]) -> Iterator[re.Match[bytes]]:
        """Yield the tokens of a truncated text, but keep back one that its end may have cut."""
        last = None
        for match in matches:
            if last is not None:
                if (
                    match.lastindex == END
                    and last.end() == match.start(END)
                    and last[last.lastindex or 0] not in _SINGLE
                ):
                    self._half = last
                    return
                yield last
            if match.lastindex == END:
                return
            last = match

    def end_truncated(self) -> None:
        """Close the list that the end of a truncated text falls into, or mark that there is more."""
        pieces, half = self.pieces, self._half
        if self._rows:
            if self._row_due or half is None or half[half.lastindex or 0][:1] in _COMMENT_STARTS:
                pieces += [b")"] * len(self._frames)
                return
        else:
            if half is not None and _is_half_literal(half):
                self._literal(lexer.STRING)
            elif self._last() in _TEMPORAL or self._last() in _INTRODUCERS or self._last() in _SIGNS:
                pieces.pop()
            depth = len(self._frames) - 1
            while depth >= 0 and not self._frames[depth]:
                depth -= 1
            if depth >= 0 and self._is_list(self._frames[depth]) and (half is None or _is_half_item(half)):
                pieces[self._frames[depth] :] = [_LIST, *[b")"] * depth]
                return
        pieces.append(_CUT)


def _is_half_literal(half: re.Match[bytes]) -> bool:
    if half.lastindex == lexer.UNTERMINATED:
        return half[lexer.UNTERMINATED][:1] not in _NO_LITERAL_STARTS
    return half.lastindex == lexer.STRING or half.lastindex == lexer.NUMBER


def _is_half_item(half: re.Match[bytes]) -> bool:
    """Whether a token that is cut may belong to a list of literals."""
    text = half[half.lastindex or 0]
    if half.lastindex == WORD:
        word = text.lower()
        return word[:1].isdigit() or any(start.startswith(word) for start in _LITERAL_STARTS)
    return half.lastindex == lexer.SIGN or text[:1] in _COMMENT_STARTS or _is_half_literal(half)


def _quoted(name: bytes) -> bytes:
    """Keep a quoted name as it is, but escape its control characters and mark its spaces."""
    return _UNSAFE.sub(lambda match: b"\\x%02x" % match[0][0], name).replace(b" ", b"\x03")


def _render(pieces: list[bytes]) -> bytes:
    """Join the pieces with the white space that people write."""
    text = b" ".join(pieces).replace(b" ,", b",").replace(b"( ", b"(").replace(b" )", b")").replace(b" \x01", b"")
    if b"\x02" in text:
        text = _JOINT.sub(b"", text)
    return text.replace(b" ;", b";").translate(_SPACE, b"\x01\x02")


def _printable(text: bytes) -> str:
    """Decode a text; what is no UTF-8 or not printable is escaped with backslashes."""
    decoded = text.decode("utf-8", "backslashreplace")
    if decoded.isprintable():
        return decoded
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode().lower() for c in decoded)


def _kind(pieces: list[bytes]) -> str:
    i = 0
    while i < len(pieces) and pieces[i] in _BEFORE_STATEMENT:
        i += 1
    first = pieces[i] if i < len(pieces) else b""
    if first == b"with":
        return _kind_of_with(pieces[i:])
    if pieces[i + 1 : i + 2] == [b"transaction"] and first == b"start":
        return "begin"
    if first == b"begin" and pieces[i + 1 : i + 2] == [b"not"]:  # MariaDB's compound statement
        return "other"
    return _KIND.get(first, "other")


def _kind_of_with(pieces: list[bytes]) -> str:
    """Return the kind of the statement behind the common table expressions, which are in parentheses."""
    depth = 0
    for piece in pieces:
        if piece == b"(" or piece == _CALL:
            depth += 1
        elif piece == b")":
            depth -= 1
        elif depth == 0 and piece in _BEHIND_WITH:
            return _KIND[piece]
    return "select"


def _is_secret(text: bytes, kind: str, pieces: list[bytes]) -> bool:
    """In doubt it is one. Where SQL is in a string or a file of its own, nobody can tell: it is."""
    if kind in _SECRET_KINDS or (kind == "execute" and b"immediate" in pieces[:2]):
        return True
    if kind in _ACCOUNT_KINDS and not _ACCOUNT_WORDS.isdisjoint(pieces):
        return True
    lowered = text.lower()
    return any(part in lowered for part in _SECRET_PARTS)


def _tags(text: bytes, start: int) -> dict[str, str]:
    """Return the pairs of the comment at `start`, if it ends the text and is nothing but sqlcommenter's pairs."""
    match = _SQLCOMMENTER.match(text, start)
    if match is None:
        return {}
    tags: dict[str, str] = {}
    for key, value in _PAIR.findall(match[1]):
        name = _printable(unquote(key.decode()).encode())
        if len(name) <= TAG_KEY_LIMIT and len(tags) < TAGS_LIMIT:
            plain = unquote(value.replace(b"\\'", b"'").decode("utf-8", "replace"))
            tags[name] = _printable(plain.encode("utf-8", "replace"))[:TAG_VALUE_LIMIT]
    return tags
