"""A question about the server or the schema that was answered before on this connection.

Wasteful because
    The server's version and name and the current schema do not change behind a connection's back, and settings and
    definitions hardly do within a second. Drivers, ORMs and tools ask again because nobody has kept the answer.

Instead
    Keep the answer. Connector/J: cacheServerConfiguration=true. Doctrine: serverVersion. Hibernate:
    hibernate.boot.allow_jdbc_metadata_access=false, with the dialect and its version given.

Reported when
    The same text, with the same values in it, was answered before on this connection. For SELECT of VERSION(),
    DATABASE() and of variables that are fixed while a server runs, that is enough. For SHOW VARIABLES, COLUMNS, TABLES
    and the like, SELECT of @@global variables, and what information_schema says of definitions, it was less than one
    second ago.

Not reported when
    It is the first time on this connection. In between came a USE, a routine, a CREATE, ALTER or DROP, an error, or,
    for what is not fixed, a SET. It asks for what changes all the time: SHOW STATUS, SHOW PROCESSLIST, and what
    information_schema says of locks and transactions. SELECT of session variables is known-variable's.

Guarantee
    Report: it never withholds anything.

Manual
    https://dev.mysql.com/doc/refman/en/information-schema.html,
    https://dev.mysql.com/doc/refman/en/information-functions.html
"""

import re
from functools import lru_cache
from typing import Final

from rules.reads import calls_pure, words
from rules.verdict import REPORT
from rules.watch import ASIDE, CHECK, UNIT, Finished, Recent, Watcher

NAME: Final = "metadata-read"
GUARANTEE: Final = REPORT

# What a statement has to do with metadata.
NOTHING: Final = 0
CHANGES: Final = 1
"""It may change what any metadata says."""
SETS: Final = 2
"""It may change what settings say."""
FIXED: Final = 3
"""It asks for what only the session itself could change."""
DEFINED: Final = 4
"""It asks for what others can change."""

_HARMLESS: Final = words("select insert update delete replace show explain begin commit rollback savepoint")
_ALIAS: Final = r"(?: (?:as )?[\w`]+)?"
_FIXED_ITEM: Final = (
    r"(?:(?:version|database|schema)\(\)|@@(?:global\.)?(?:version|version_comment|version_compile_machine"
    r"|version_compile_os|lower_case_table_names|license|hostname|port|socket|basedir|datadir|server_uuid))"
)
_GLOBAL_ITEM: Final = r"@@global\.\w+"
_FIXED: Final = re.compile(rf"select {_FIXED_ITEM}{_ALIAS}(?:, {_FIXED_ITEM}{_ALIAS})*(?: limit \?)?")
_GLOBAL: Final = re.compile(rf"select {_GLOBAL_ITEM}{_ALIAS}(?:, {_GLOBAL_ITEM}{_ALIAS})*(?: limit \?)?")
_SHOW: Final = re.compile(
    r"show (?:(?:global|session|full|extended|extended full) )?"
    r"(?:variables|columns|fields|tables|index|indexes|keys|databases|schemas|collation|character set|engines|plugins"
    r"|create table|create view)\b"
)
_DEFINITIONS: Final = words(
    "character_sets check_constraints collation_character_set_applicability collations columns engines "
    "key_column_usage keywords parameters plugins referential_constraints routines schemata statistics "
    "table_constraints tables triggers views"
)
"""Tables of information_schema that say what was defined."""
_SOURCES: Final = re.compile(
    r" (?:from|join) (.*?)"
    r"(?= (?:where|group|having|order|limit|on|using|join|inner|left|right|cross|natural|union)\b|\)|$)"
)
_SOURCE: Final = re.compile(r" ?`?information_schema`?\.`?(\w+)`?(?: (?:as )?[\w`]+)?")
_OF_SESSION: Final = frozenset(["database", "schema", "version"])
"""Functions that a question for definitions may call, beside pure ones."""


@lru_cache(maxsize=2048)
def meaning(text: str, kind: str) -> int:
    """Say what a statement has to do with metadata, by its normalised text and kind."""
    if ";" in text or "…" in text:
        return CHANGES
    if kind not in _HARMLESS:
        return SETS if kind == "set" else CHANGES
    if _FIXED.fullmatch(text):
        return FIXED
    if _SHOW.match(text) or _GLOBAL.fullmatch(text) or _asks_for_definitions(text):
        return DEFINED
    return NOTHING


def _asks_for_definitions(text: str) -> bool:
    """Say whether a text reads nothing but tables of information_schema that say what was defined."""
    if not text.startswith("select ") or "information_schema" not in text or "@" in text:
        return False
    sources = [_SOURCE.fullmatch(source) for listed in _SOURCES.findall(text) for source in listed.split(",")]
    tables = {source[1].lower() if source else "" for source in sources}
    return bool(tables) and tables <= _DEFINITIONS and calls_pure(text, _OF_SESSION)


class _Questions(Watcher):
    """Remembers what was asked for."""

    def __init__(self) -> None:
        self._fixed = Recent()
        self._defined = Recent()

    def take(self, done: Finished) -> bool:
        """Say whether a question was answered before."""
        if done.form in ASIDE or done.form == CHECK:
            return False
        asked = meaning(done.digest.text, done.digest.kind) if done.is_statement and not done.failed else CHANGES
        if asked == NOTHING:
            return False
        if asked in (CHANGES, SETS):
            self._defined.forget()
            if asked == CHANGES:
                self._fixed.forget()
            return False
        return done.content is not None and self._was_asked(done.content, asked, done)

    def _was_asked(self, content: int, asked: int, done: Finished) -> bool:
        if asked == FIXED:
            return self._fixed.see(content, done.ended) is not None
        before = self._defined.see(content, done.ended)
        return before is not None and done.started - before <= UNIT


WATCHER: Final = _Questions
