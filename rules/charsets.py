r"""Character sets in which statements cannot be read byte by byte.

In these the second byte of a character can be a backslash or a backtick, so that the end of a string is only found by
who knows the character set. In all others that a client may use (utf8mb4, latin1, gb2312, euckr, ujis, ...) such bytes
are what they look like. https://dev.mysql.com/doc/refman/en/charset-asian-sets.html
"""

from typing import Final

UNREADABLE: Final = (b"big5", b"gbk", b"sjis", b"cp932", b"gb18030")

_COLLATIONS: Final = frozenset([1, 84, 13, 88, 28, 87, 95, 96, 248, 249, 250])
"""Their collations, by id; MariaDB's NOPAD variants are 1,024 above."""


def is_unreadable(collation: int) -> bool:
    """Say so of a collation's id, as a login has it."""
    return collation & 1023 in _COLLATIONS


def may_choose_unreadable(text: bytes) -> bool:
    """Say whether a statement may turn a session to one of them; True in doubt."""
    start = text[:1024].lower()
    return b"set" in start and any(name in start for name in UNREADABLE)
