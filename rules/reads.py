"""Reading: whether a statement only reads tables, and would read the same again if nobody wrote to them.

Told by the normalised text alone, and in doubt it is not so.
"""

import re
from functools import lru_cache
from typing import Final


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


_PURE: Final = words(
    "abs against any avg bit_count cast ceil ceiling char char_length coalesce concat concat_ws convert count date "
    "date_add date_format date_sub datediff day decimal dense_rank exists field find_in_set floor format "
    "from_unixtime greatest group_concat hex hour if ifnull in instr isnull json_array json_contains json_extract "
    "json_length json_object json_unquote json_value lcase least left length locate lower lpad ltrim match max md5 "
    "min minute mod month not nullif over position pow power quarter rank replace reverse right round row "
    "row_number rpad rtrim second sha1 sha2 sign some sqrt str_to_date substr substring substring_index sum then "
    "time timestampdiff trim truncate ucase unhex upper using varchar week weekday when where year"
)
"""Functions whose result depends on their arguments only, and keywords that stand before a parenthesis like one."""
_CALL: Final = re.compile(r"([^\s(,]++)\(")
_UNSURE: Final = re.compile(
    # Variables; code in comments; a second statement; a text that goes on.
    r"[@;…]|/\*"
    # Locks, and what reads more than tables, or writes.
    r"| for update\b| for share\b| lock in share mode\b| into | value for | procedure "
    # Functions without parentheses.
    r"|\b(?:current_\w+|localtime\w*|utc_\w+|sysdate|rownum)\b"
    # What the server says of itself.
    r"|information_schema|performance_schema|\bmysql`?\.|\bsys`?\."
)


@lru_cache(maxsize=2048)
def is_plain_read(text: str) -> bool:
    """Say whether a normalised text is a SELECT from tables that takes no locks and calls only pure functions."""
    return text.startswith("select ") and " from " in text and not _UNSURE.search(text) and calls_pure(text)


def calls_pure(text: str, besides: frozenset[str] = frozenset()) -> bool:
    """Say whether a normalised text calls nothing but pure functions, and those `besides`."""
    return all(name in _PURE or name in besides for name in _CALL.findall(text))
