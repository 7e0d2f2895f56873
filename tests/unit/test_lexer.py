"""The lexer: the manual's rules one by one, and that it takes any bytes, in time proportional to their number."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import lexer
from rules.lexer import (
    CLOSE,
    CODE_END,
    CODE_START,
    COMMENT,
    CONTROL,
    DOT,
    HINT,
    NUMBER,
    OPEN,
    OPERATOR,
    PARAMETER,
    QUOTED,
    RIGHT_BRACE,
    SEMICOLON,
    SIGN,
    STRING,
    UNTERMINATED,
    VARIABLE,
    WORD,
)

MODES = [{"ansi_quotes": ansi, "no_backslash_escapes": plain} for ansi in (False, True) for plain in (False, True)]

# Bytes that mean something, in every neighbourhood.
_PARTS = (
    "' \" ` \\ # -- --\t -- /* */ /*! /*!40101 /*M! /*+ ( ) , ; . ? @ @@ { } = <=> := -> ->> || + - * / % ! : [ ] "
    "a n x b N' X' b' _utf8 0 1 0x 0b 1e 1e5 .5 1. e \xff \x00 \x7f \x85 select in values null is not row date into "
    "value update duplicate d with"
)
SOUP = st.lists(
    st.sampled_from(_PARTS.split(" ")) | st.sampled_from([" ", "\n", "\t", "\r", "\x0b", "\x0c"]), max_size=40
).map(lambda parts: "".join(parts).encode("latin-1"))
BYTES = SOUP | st.binary(max_size=200)


def lex(text: bytes, *, ansi_quotes: bool = False, no_backslash_escapes: bool = False) -> list[tuple[int, bytes]]:
    found = lexer.tokens(text, ansi_quotes=ansi_quotes, no_backslash_escapes=no_backslash_escapes)
    return [(kind, text[start:end]) for kind, start, end in found]


WHOLE = {
    WORD: [b"select", b"a_1$", b"1a", b"1e", b"0x", b"0xZZ", b"0x1G", b"0X41", b"0b12", b"0b", b"1_000", b"a.1b",
           b"a.5",
        b"1a.2",
           b"\xc3\xa9t\xc3\xa9", b"\xa0", b"_utf8", b"db.select", b"n", b"x1", b"$", rb"\N"],
    STRING: [b"'a'", b"''", b"'it''s'", rb"'it\'s'", rb"'\\'", b"'\"`/*--#\n'", b"'a\0b'", b'"a"', b'"a""b"',
        rb'"a\"b"',
             b"N'a'", b"n'a'", b"X'41'", b"x'4'", b"B'1'", b"b'01'"],
    NUMBER: [b"0", b"12", b"1.", b".5", b"1.5", b"1e5", b"1E+5", b"1e-5", b"1.e1", b"1.5e-10", b".5e3", b"0x41",
        b"0xaF", b"0b01"],
    QUOTED: [b"`a`", b"`a``b`", rb"`a\`", b"`'\"/*`", b"``"],
    VARIABLE: [b"@a", b"@a.b", b"@`a b`", b"@'a b'", b'@"a"', b"@@x", b"@@session.x", b"@@global.`x`", b"@@`x`",
        b"@", b"@localhost"],
    OPERATOR: [b"<=>", b":=", b"->>", b"->", b"||", b"&&", b"!=", b"<>", b"<=", b">=", b"<<", b">>", b"=", b",",
        b"*", b"/",
               b"%", b"!", b"~", b"^", b"&", b"|", b":", b"{", b"<", b">", b"[", b"]"],
    SIGN: [b"+", b"-"],
    DOT: [b"."],
    OPEN: [b"("],
    CLOSE: [b")"],
    PARAMETER: [b"?"],
    SEMICOLON: [b";"],
    RIGHT_BRACE: [b"}"],
    COMMENT: [b"# x 'y' /*", b"-- x", b"--", b"--\tx", b"--\x01x", b"--\x7fx", b"#", b"/* x */", b"/**/", b"/*/*/",
        b"/* /* */",
              b"/* 'a */", b"/* + */", b"/*m! */", b"# a\0b"],
    HINT: [b"/*+ MAX_EXECUTION_TIME(5) */", b"/*+*/"],
    CODE_START: [b"/*!", b"/*!40101", b"/*!100100", b"/*M!", b"/*M!100100"],
    UNTERMINATED: [b"'a", b"'", rb"'\'", b"'a''", b"'a\\", b'"a', b"`a", b"`a``", b"/* a", b"/*", b"/*/", b"/*+ a",
        b"N'a", b"x'4"],
    CONTROL: [b"\0", b"\x1f", b"\x7f"],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in WHOLE.items() for text in texts])
def test_is_one_token(kind: int, text: bytes) -> None:
    assert lex(text) == [(kind, text)]
    assert lex(b" \t\n" + text + b"\n" * (kind != UNTERMINATED)) == [(kind, text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"5--1", [(NUMBER, b"5"), (SIGN, b"-"), (SIGN, b"-"), (NUMBER, b"1")]),
        (b"5-- 1\n+2", [(NUMBER, b"5"), (COMMENT, b"-- 1"), (SIGN, b"+"), (NUMBER, b"2")]),
        (b"--- x", [(SIGN, b"-"), (COMMENT, b"-- x")]),
        (b"1e5x", [(NUMBER, b"1e5"), (WORD, b"x")]),
        (b"1e+", [(WORD, b"1e"), (SIGN, b"+")]),
        (b"1.a", [(NUMBER, b"1."), (WORD, b"a")]),
        (b"0x1.5", [(NUMBER, b"0x1"), (NUMBER, b".5")]),
        (b"1.2.3", [(NUMBER, b"1.2"), (NUMBER, b".3")]),
        (b"a .5", [(WORD, b"a"), (NUMBER, b".5")]),
        (b"a. 1b", [(WORD, b"a"), (DOT, b"."), (WORD, b"1b")]),
        (b"`a`.b", [(QUOTED, b"`a`"), (DOT, b"."), (WORD, b"b")]),
        (b"`a`.5", [(QUOTED, b"`a`"), (NUMBER, b".5")]),
        (b"t.*", [(WORD, b"t"), (DOT, b"."), (OPERATOR, b"*")]),
        (b"'a' 'b'", [(STRING, b"'a'"), (STRING, b"'b'")]),
        (b"_utf8'a'", [(WORD, b"_utf8"), (STRING, b"'a'")]),
        (b"u'a'", [(WORD, b"u"), (STRING, b"'a'")]),
        (b"an'a'", [(WORD, b"an"), (STRING, b"'a'")]),
        (b"'a'@'b'", [(STRING, b"'a'"), (VARIABLE, b"@'b'")]),
        (b"@'a", [(VARIABLE, b"@"), (UNTERMINATED, b"'a")]),
        (b"2*/*x*/3", [(NUMBER, b"2"), (OPERATOR, b"*"), (COMMENT, b"/*x*/"), (NUMBER, b"3")]),
        (b"2*/3", [(NUMBER, b"2"), (OPERATOR, b"*"), (OPERATOR, b"/"), (NUMBER, b"3")]),
        (b"/*!2*/*3", [(CODE_START, b"/*!"), (NUMBER, b"2"), (CODE_END, b"*/"), (OPERATOR, b"*"), (NUMBER, b"3")]),
        (b"/*!*/2*/*x*/3",
         [(CODE_START, b"/*!"), (CODE_END, b"*/"), (NUMBER, b"2"), (OPERATOR, b"*"), (COMMENT, b"/*x*/"), (NUMBER,
             b"3")]),
        (b"/*! /* x */ a */",
         [(CODE_START, b"/*!"), (COMMENT, b"/* x */"), (WORD, b"a"), (CODE_END, b"*/")]),
        (b"/*!401011 */", [(CODE_START, b"/*!401011"), (CODE_END, b"*/")]),
        (b"/*!40101SET*/", [(CODE_START, b"/*!40101"), (WORD, b"SET"), (CODE_END, b"*/")]),
        (b"{d '2020-01-01'}", [(OPERATOR, b"{"), (WORD, b"d"), (STRING, b"'2020-01-01'"), (RIGHT_BRACE, b"}")]),
        (b"a<=>b", [(WORD, b"a"), (OPERATOR, b"<=>"), (WORD, b"b")]),
        (b"a\0b", [(WORD, b"a"), (CONTROL, b"\0"), (WORD, b"b")]),
        (b"", []),
        (b" \r\n", []),
    ],
)  # fmt: skip
def test_neighbours(text: bytes, expected: list[tuple[int, bytes]]) -> None:
    assert lex(text) == expected


def test_sql_mode_decides_about_quotes_and_backslashes() -> None:
    assert lex(b'"a"', ansi_quotes=True) == [(QUOTED, b'"a"')]
    assert lex(rb'"a\"', ansi_quotes=True) == [(QUOTED, rb'"a\"')]
    assert lex(b'"a', ansi_quotes=True) == [(UNTERMINATED, b'"a')]
    assert lex(rb"'a\'", no_backslash_escapes=True) == [(STRING, rb"'a\'")]
    assert lex(rb"'a\'' b", no_backslash_escapes=True) == [(UNTERMINATED, rb"'a\'' b")]
    assert lex(rb"N'a\'", no_backslash_escapes=True) == [(STRING, rb"N'a\'")]


@pytest.mark.parametrize("mode", MODES)
@given(text=BYTES)
@settings(deadline=None)
def test_every_byte_is_in_a_token_or_white_space(mode: dict[str, bool], text: bytes) -> None:
    at = 0
    for kind, start, end in lexer.tokens(text, **mode):
        assert 1 <= kind < lexer.END
        assert at <= start < end
        assert not text[at:start].strip(b" \t\n\v\f\r")
        at = end
    assert not text[at:].strip(b" \t\n\v\f\r")


@given(text=BYTES)
@settings(deadline=None)
def test_a_scan_ends_with_end(text: bytes) -> None:
    kinds = [match.lastindex for match in lexer.scan(text)]
    assert lexer.END in kinds
    assert kinds.index(lexer.END) == len(lexer.tokens(text))


HOSTILE = ["'", '"', "`", "''", "\\", "'\\", "/*", "*/", "/*!", "/*!*/", "/*M!", "/*+", "/", "*", "--", "-- ",
    "-- \n", "#", "#\n",
           "(", "(((", ")", "@", "@@", "@'", "@`", "1", "1e", "1e+", "0x", "0b1", "1.", ".", "a.", "1a", "n'", "x",
               "\0", "\xff",
           " ", "\n", "a ", "? ", "{", ";", "in (", "values (", "(1),", "- ", "'a' ", "\\x"]  # fmt: skip


@pytest.mark.parametrize("part", HOSTILE)
@pytest.mark.parametrize("before", ["", "/*!", "'"])
def test_a_mebibyte_takes_less_than_a_second(part: str, before: str) -> None:
    text = ((before + part * (1 << 20))[: 1 << 20]).encode("latin-1")
    start = time.process_time()
    lexer.tokens(text)
    assert time.process_time() - start < 1.5, "(the bound allows for a machine half as fast)"
