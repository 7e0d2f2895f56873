"""Digests: what is the same statement, what is not, and that no value ever shows."""

import random
import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rules.digest import KINDS, TAG_KEY_LIMIT, TAG_VALUE_LIMIT, TAGS_LIMIT, TEXT_LIMIT, digest
from tests.unit.test_lexer import BYTES, HOSTILE, MODES, SOUP


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # literals
        (b"SELECT 1", "select ?"),
        (b"select 1, -1, +1, - -1, 1.5e-3, .5, 0x1F, 0b01", "select ?, ?, ?, ?, ?, ?, ?, ?"),
        (b"select 'a', \"b\", X'41', b'1', N'x', _utf8mb4'x', _latin1 0x41", "select ?, ?, ?, ?, ?, ?, ?"),
        (b"select 'a' 'b' \"c\", 'd' -- x\n 'e'", "select ?, ?"),
        (b"select 'a''b', 'a\\'b', ''", "select ?, ?, ?"),
        (b"select date '2020-01-01', TIMESTAMP'x', time 'x', {d '2020-01-01'}, {ts 'x'}", "select ?, ?, ?, ?, ?"),
        (b"select t.date 'x', date('x'), {fn now()}", "select t.date ?, date(?), { fn now() }"),
        (b"select null, TRUE, false, \\N", "select ?, ?, ?, ?"),
        (b"select 1 where a is null or b is not NULL or c is true",
         "select ? where a is null or b is not null or c is true"),
        (b"update t set a = NULL where b=true", "update t set a = ? where b = ?"),
        (b"select _utf8x 'a', ? , _utf8 ?", "select _utf8x ?, ?, _utf8 ?"),
        # signs and operators
        (b"select a-1, a - -1, a--1, (-1), a*-1, -a, - -a, 5--1",
         "select a - ?, a - ?, a - ?, (?), a * ?, -a, - -a, ? - ?"),
        (b"select a<=>b,c->>'$.x',d:=1,e!=2,f<<1", "select a <=> b, c ->> ?, d := ?, e != ?, f << ?"),
        (b"select * from t where a between -5 and -6", "select * from t where a between ? and ?"),
        (b"select count(*), COUNT( * ), t.*, `t`.* from t", "select count(*), count(*), t.*, `t`.* from t"),
        # lists and rows
        (b"select 1 from t where a in (1)", "select ? from t where a in (?+)"),
        (b"select 1 from t where a IN(1,-2 , 'x' 'y',NULL,?)", "select ? from t where a in (?+)"),
        (b"select 1 from t where (a,b) not in ((1,2),(3,4))", "select ? from t where (a, b) not in (?+)"),
        (b"select 1 from t where a in (1, b, 2)", "select ? from t where a in (?, b, ?)"),
        (b"select 1 from t where a in (select b from c where d in (1,2))",
         "select ? from t where a in (select b from c where d in (?+))"),
        (b"insert into t values (1)", "insert into t values (?+)"),
        (b"INSERT INTO t(a,b)VALUES(1,2),(3,4) , (5,6);", "insert into t (a, b) values (?+)"),
        (b"insert into db.t (a) value (now()), (default), ((select max(x) from y))",
            "insert into db.t (a) value (?+)"),
        (b"insert into t values (?, now(), default), (?, now(), default)", "insert into t values (?+)"),
        (b"insert into t values (1) on duplicate key update a=values(a), b = VALUES (b)+1",
         "insert into t values (?+) on duplicate key update a = values(a), b = values(b) + ?"),
        (b"insert into t values (1),(2) as new(a) on duplicate key update a=new.a",
         "insert into t values (?+) as new(a) on duplicate key update a = new.a"),
        (b"values row(1,2), row(3,4) order by 1", "values row (?+) order by ?"),
        (b"select * from (values (1,2),(3,4)) v", "select * from (values (?+)) v"),
        (b"select 1 limit 5, 10", "select ? limit ?, ?"),
        (b"select 1 limit 10 offset 5", "select ? limit ? offset ?"),
        # comments
        (b"/* a */ select /*+ BKA(t) */ 1 # x\n -- y\n, 2 /* 'z */", "select ?, ?"),
        (b"/*!40101 SET NAMES utf8 */;", "set names utf8"),
        (b"select /*!50000 SQL_NO_CACHE */ a /*M!100100 , 1 */ from t", "select sql_no_cache a, ? from t"),
        (b"commit /*! and chain */", "commit and chain"),
        (b"select 2*/*x*/3", "select ? * ?"),
        (b"select 1 /*!99999 it's */, 'secret'", "select ? …"),
        (b"select 1 /*!99999 ' */, 'secret", "select ? …"),
        (b"select 1 /*M! 'a */ secret' */", "select ? …"),
        (b"select /*! a /*!50000 'b' */", "select a ?"),
        # names
        (b"SELECT `A b`, `c``d`, `x , y`.`( z` FROM Db.T", "select `A b`, `c``d`, `x , y`.`( z` from db.t"),
        (b"select a . b, a. b, `a` . `b`", "select a.b, a.b, `a`.`b`"),
        (b"select a. 1b, `a`. 1b", "select a. 1b, `a`. 1b"),
        (b"select 1a, 1e, 0xZZ, a.1b", "select 1a, 1e, 0xzz, a.1b"),
        (b"select @A, @`B c`, @@Autocommit, @@session.time_zone, @x:=1",
         "select @a, @`B c`, @@autocommit, @@session.time_zone, @x := ?"),
        (b"set autocommit=0", "set autocommit = ?"),
        (b"grant all on *.* to 'bob'@'10.%', `b`@`c`", "grant all on *.* to ?@?, `b`@`c`"),
        (b"select @'x'", "select @?"),
        (b"select \xc3\x89t\xc3\xa9, caf\xe9", "select Été, caf\\xe9"),
        (b"select `a\nb\xe9`", "select `a\\x0ab\\xe9`"),
        ("select a\u202eb\u00a0c".encode(), "select a\\u202eb\\xa0c"),
        (b"select a\0b", "select a \\x00 b"),
        ("select \U00040000".encode(), "select \\u00040000"),
        # layout
        (b"  select\ta\r\n,b  ;  ; ", "select a, b"),
        (b"select a;select b;", "select a; select b"),
        (b"call p(1,'x')", "call p(?, ?)"),
        (b"", ""),
        (b" /* ping */ ", ""),
        (b";", ""),
        # what never ends
        (b"select 'secret", "select ?"),
        (b"select a /* secret", "select a"),
        (b"select `secret 'secret'", "select ?"),
        (b"select \"it's", "select ?"),
    ],
)  # fmt: skip
def test_normalised(text: bytes, expected: str) -> None:
    assert digest(text).text == expected


@pytest.mark.parametrize(
    ("texts", "same"),
    [
        ([b"select a=1", b"SELECT a = 2", b"Select\na  =\t'3'", b"select/**/a=-4", b"select a=?;"], True),
        ([b"select 1 from t where a in (1)", b"select 1 from t where a in (1,2,3)"], True),
        ([b"insert into t values (1,2)", b"insert into t values (1,2),(3,now())"], True),
        ([b"select 1 /*traceparent='a'*/", b"select 1"], True),
        ([b"select a", b"select b"], False),
        ([b"select `a`", b"select `A`"], False),
        ([b"select a+1", b"select a-1"], False),
        ([b"select a is null", b"select a is not null"], False),
        ([b"select 'a'", b"select 'a', 'b'"], False),
        ([b"select a limit 1", b"select a limit 1, 2"], False),
    ],
)
def test_the_same_statement(texts: list[bytes], same: bool) -> None:
    assert len({digest(text).id for text in texts}) == (1 if same else len(texts))


def test_id_is_of_the_whole_text_and_the_text_is_cut_between_pieces() -> None:
    long = b"select " + b", ".join(b"column_%d" % i for i in range(1000))
    cut, other = digest(long), digest(long + b", more")
    assert cut.text == other.text
    assert cut.id != other.id
    assert re.fullmatch("[0-9a-f]{16}", cut.id)
    assert TEXT_LIMIT - 20 < len(cut.text) <= TEXT_LIMIT
    assert re.search(r", column_\d+,? …$", cut.text)
    assert digest(b"select " + b"a" * (TEXT_LIMIT - 7)).text == "select " + "a" * (TEXT_LIMIT - 7)
    assert digest(b"select " + b"a" * (TEXT_LIMIT - 6)).text == "select …"


def test_quotes_by_sql_mode() -> None:
    assert digest(b'select "A", @"b"', ansi_quotes=True).text == 'select "A", @?'
    assert digest(b'select "A"').text == "select ?"
    assert digest(rb"select 'a\', b", no_backslash_escapes=True).text == "select ?, b"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"SELECT 1", "select"), (b"((select 1))", "select"), (b"/* x */ # y\n select 1", "select"),
        (b"table t", "select"), (b"values row(1)", "select"), (b"/*!40101 set names x */", "set"),
        (b"with a as (select 1) select 2", "select"), (b"with a as (select 1), b as (values (2)) update t set x=1",
            "update"),
        (b"with recursive a(n) as (select 1) delete from t", "delete"), (b"with a as (update", "select"),
        (b"insert into t values (1)", "insert"), (b"BEGIN", "begin"), (b"begin work", "begin"),
        (b"start transaction read only", "begin"), (b"start replica", "start"), (b"begin not atomic select 1; end",
            "other"),
        (b"desc t", "explain"), (b"describe t", "explain"), (b"explain select 1", "explain"), (b"commit", "commit"),
        (b"foo", "other"), (b"", "other"), (b"`select` 1", "other"), (b"select.x", "other"), (b"'select'", "other"),
    ],
)  # fmt: skip
def test_kind(text: bytes, kind: str) -> None:
    assert digest(text).kind == kind
    assert kind in KINDS


@pytest.mark.parametrize(
    "text",
    [
        b"create user a identified by 'x'", b"CREATE OR REPLACE USER a", b"alter user a",
            b"create server s options (user 'x')",
        b"grant all on *.* to a identified by 'x'", b"set password = 'x'", b"SET/**/PASSWORD for a = 'x'",
        b"change master to x='y'", b"change replication source to x=1", b"start replica password='x'",
        b"select PASSWORD('x')", b"select old_password('x')", b"insert into t values (aes_encrypt('a','k'))",
        b"select AES_DECRYPT(a, 'k')", b"select encode('a','k'), decode(a,'k')", b"set global my_password_x = 'y'",
        b"prepare s from 'x'", b"execute immediate 'x'", b"create table t (a int) connection='mysql://u:p@h/d/t'",
        b"/*!80000 create user a */",
    ],
)  # fmt: skip
def test_secret(text: bytes) -> None:
    assert digest(text).secret


@pytest.mark.parametrize(
    "text", [b"select 1", b"create table t (a int)", b"drop user a", b"set autocommit=0", b"execute s", b"grant r to a"]
)
def test_not_secret(text: bytes) -> None:
    assert not digest(text).secret


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        (b"select 1 /*route='%2Fusers%2F%3Aid',controller='users'*/", {"route": "/users/:id", "controller": "users"}),
        (b"select 1/* a='b' , c='d' */ ; ", {"a": "b", "c": "d"}),
        (b"select 1 /*a='it\\'s'*/", {"a": "it's"}),
        (b"select 1 /*a%20b='c%0Ad%ff'*/", {"a b": "c\\nd�"}),
        (b"select 1 /*a=''*/", {"a": ""}),
        (b"/*a='b'*/ select 1", {}),
        (b"select 1 /*a='b'*/ + 1", {}),
        (b"select 1 /*a='b' x*/", {}),
        (b"select 1 /*a='b',*/", {}),
        (b"select 1 /*a=b*/", {}),
        (b"select 1 /**/", {}),
        (b"select 1 -- a='b'", {}),
        (b"select '/*a=\\'b\\'*/", {}),
        (b"select '/*a=1*/'", {}),
        (b"insert into t values (1), (2) /*a='b'*/", {"a": "b"}),
    ],
)
def test_tags(text: bytes, tags: dict[str, str]) -> None:
    assert digest(text).tags == tags


def test_tags_are_bounded() -> None:
    many = ",".join(f"k{i}='v'" for i in range(50))
    assert list(digest(f"select 1 /*{many}*/".encode()).tags) == [f"k{i}" for i in range(TAGS_LIMIT)]
    long = f"select 1 /*{'k' * (TAG_KEY_LIMIT + 1)}='v',k='{'v' * 1000}'*/"
    assert digest(long.encode()).tags == {"k": "v" * TAG_VALUE_LIMIT}
    assert digest(b"select 1 /*a='b'*/", truncated=True).tags == {}


# Properties


@pytest.mark.parametrize("mode", MODES)
@given(text=BYTES, truncated=st.booleans())
@settings(deadline=None, max_examples=300)
def test_total_printable_and_idempotent(mode: dict[str, bool], text: bytes, truncated: bool) -> None:
    seen = digest(text, truncated=truncated, **mode)
    assert seen.text.isprintable()
    assert len(seen.text) <= TEXT_LIMIT
    assert seen.kind in KINDS
    assert digest(seen.text.encode(), **mode).text == seen.text


MARK = "zebra"
_QUOTED = [
    "'{}'",
    '"{}"',
    "N'{}'",
    "'a''{}'",
    "'a\\'{}'",
    "'{}\\\\'",
    "'-- {}'",
    "'/* {} */'",
    '"it\'s {}"',
    "_utf8'{}'",
    "'x' '{}'",
    "date '{}'",
    "@'{}'",
    "{{d '{}'}}",
    "'`{}`'",
    "'\n{}'",
]
_COMMENTS = [
    "/* {} */",
    "-- {}\n",
    "# {}\n",
    "/*+ {} */",
    "/* ' {} */",
    '-- " {}\n',
    "#'{}\n",
    "/*{}='{}'*/",
    "/* -- \n {} */",
    "/*`{}*/",
]
_LITERALS = st.sampled_from(_QUOTED).map(lambda form: form.format(MARK))
_GAPS = st.sampled_from([" ", "\n", *_COMMENTS]).map(lambda form: form.replace("{}", MARK))
_FRAMES = ["select | , a from t where b = | and c in (|,|, |) limit 1",
           "insert into t (a) values (|, now(), |), (|, |) on duplicate key update a=|",
           "update t set a=|,b=concat(|,`xy`,-|) where c like |", "set @a=|", "call p(|, |)",
           "(select |) union (select |)",
           "/*!50000 select | */", "create user |@| identified by |", "values row(|,1), row(|,2)"]  # fmt: skip


@given(data=st.data())
@settings(deadline=None, max_examples=1500)
def test_no_value_shows_wherever_the_text_is_cut(data: st.DataObject) -> None:
    statement = data.draw(st.sampled_from(_FRAMES))
    parts = [data.draw(_LITERALS) if part == "|" else part for part in re.split(r"(\|)", statement)]
    words = [word for part in parts for word in ([part] if MARK in part else re.split("( )", part))]
    text = "".join(data.draw(_GAPS) if word == " " else word for word in words).encode()
    text = text[: data.draw(st.integers(0, len(text)))]
    for truncated in (False, True):
        assert "zeb" not in digest(text, truncated=truncated).text


_ITEM = st.sampled_from(
    ["1", "-12.5", "1e+10", "1.5E-7", "0x1F", "0b01", "'it''s'", "'a\\'b)'", '"x,y"', "N'n'", "x'4142'",
        "_utf8mb4'u'", "_latin1 'u'", "NULL",
     "true", "?", "date '2020-01-01'", "timestamp'x'", "'a' 'b'", "- 5", "'('"]
)  # fmt: skip
_SPACE = st.sampled_from(["", " ", "\n", " /* (x' */ ", " -- x)\n", " # '\n"])


@given(items=st.lists(st.tuples(_SPACE, _ITEM, _SPACE), min_size=1, max_size=6), data=st.data())
@settings(deadline=None, max_examples=500)
@example(items=[("", "1", "")], data=None)
def test_a_long_list_cut_anywhere_is_the_short_one(
    items: list[tuple[str, str, str]], data: st.DataObject | None
) -> None:
    text = ",".join("".join(item) for item in items)
    for before, after, short in [
        ("select a from t where b in (", ")", "select a from t where b in (?+)"),
        ("select a from t where (b = 1 and c not in(", ")", "select a from t where (b = ? and c not in (?+))"),
        ("select a from t where (b, c) in ((1,2),(", "))", "select a from t where (b, c) in (?+)"),
        ("insert into t (a) values (1, f(2)), (g(1), ", ")", "insert into t (a) values (?+)"),
        ("insert into t values (", ") , (1)", "insert into t values (?+)"),
        ("select * from (values row(", "), row(2)", "select * from (values row (?+))"),
    ]:
        whole = (before + text + after).encode()
        for end in range(len(before), len(whole)):
            assert digest(whole[:end], truncated=True).text == short, whole[:end]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"select a from t where b", "select a from t where …"),
        (b"select a from t where b = 'abc", "select a from t where b = ? …"),
        (b"select a from t where b in (select c", "select a from t where b in (select …"),
        (b"select a from t where b in (sele", "select a from t where b in (…"),
        (b"select a from t where b in (1, c, 2", "select a from t where b in (?, c, ? …"),
        (b"select a from t where b in (1,2)", "select a from t where b in (?+) …"),
        (b"insert into t (a, b", "insert into t (a, …"),
        (b"insert into t values", "insert into t …"),
        (b"insert into t values (1) on dup", "insert into t values (?+) on …"),
        (b"insert into t values (1),(2) o", "insert into t values (?+) …"),
        (b"", "…"),
    ],
)
def test_elsewhere_a_cut_shows(text: bytes, expected: str) -> None:
    assert digest(text, truncated=True).text == expected


@given(text=SOUP)
@settings(deadline=None)
def test_layout_between_tokens_does_not_matter(text: bytes) -> None:
    assert digest(b" \n/* x */" + text + b"\n").text == digest(text + b"\n").text


@pytest.mark.parametrize("part", HOSTILE)
@pytest.mark.parametrize("truncated", [False, True])
def test_time_is_proportional_to_length(part: str, truncated: bool) -> None:
    text = (part * (1 << 18))[: 1 << 18].encode("latin-1")
    start = time.process_time()
    digest(text, truncated=truncated)
    assert time.process_time() - start < 1


def test_speed_of_a_common_statement() -> None:
    names = random.Random(1).sample(["id", "name", "email", "created_at", "status", "total"], 4)
    text = f"SELECT {', '.join('users.' + name for name in names)} FROM users WHERE (users.id = 42) LIMIT 10".encode()
    best = min(_seconds(text) for _ in range(20))
    assert best < 500e-6, "ten times and more what it takes"


def _seconds(text: bytes) -> float:
    start = time.perf_counter()
    for _ in range(50):
        digest(text)
    return (time.perf_counter() - start) / 50
