"""One more of many SELECTs in a row that differ only in the key that they look up.

Wasteful because
    A list is loaded with one statement, and then something for each of its N rows with one more: N round trips for what
    one statement with IN or a JOIN answers. ORMs do so where a relation is loaded lazily inside a loop.

Instead
    Load the relation with the list. Hibernate and JPA: JOIN FETCH, an entity graph, or @BatchSize. Django:
    select_related, prefetch_related. Rails: includes. SQLAlchemy: selectinload. Laravel: with. GORM: Preload. Exposed:
    with, load. TypeORM: relations. Sequelize: include.

Reported when
    Ten lookups of the same normalised text came directly before it, each with other values, and all of them are one
    piece of work: they are in one transaction; or they came within one second, directly behind a SELECT that returned
    at least as many rows. A lookup is a SELECT that compares with = and reads tables only. The first ten are not
    reported, each further one is.

Not reported when
    Another statement came in between. There is a range, a list, a LIKE or an OFFSET in the text: so tables are read in
    portions, and relations in batches. It locks rows. It repeats values (see duplicate-read). There is neither a
    transaction nor such a list: so the requests of several users look, one after the other on a pool's connection.
    Where the values are not in the text (prepared statements with parameters) there has to be a list in a transaction,
    too.

Guarantee
    Report: it never withholds anything.

Manual
    https://dev.mysql.com/doc/refman/en/select-optimization.html
"""

import re
from functools import lru_cache
from typing import Final

from rules.reads import is_plain_read
from rules.verdict import REPORT
from rules.watch import ASIDE, UNIT, Finished, Recent, Watcher

NAME: Final = "n-plus-one"
GUARANTEE: Final = REPORT
WORK_REMAINS: Final = True
TOLERATED: Final = 10
"""How many lookups in a row are not reported."""

_PORTION: Final = re.compile(r" (?:[<>]=?|between|in|like|offset)(?= )| limit \?, \?")


@lru_cache(maxsize=2048)
def is_lookup(text: str) -> bool:
    """Say whether a normalised text looks up a key, and does not read a table in portions."""
    return " = ?" in text and is_plain_read(text) and not _PORTION.search(text)


class _Lookups(Watcher):
    """Counts the lookups in a row."""

    def __init__(self) -> None:
        self._digest = ""
        """What is looked up in this row of lookups; empty where the last statement was none."""
        self._count = 0
        self._began = 0.0
        self._listed = 0  # rows of the SELECT directly before the first of them
        self._values = Recent()
        self._values_known = True
        self._rows = 0  # of the last statement

    def take(self, done: Finished) -> bool:
        """Say whether a lookup is one too many."""
        if done.form in ASIDE:
            return False
        listed, self._rows = self._rows, 0 if done.failed else done.rows
        if not done.is_statement or done.failed or not is_lookup(done.digest.text):
            self._digest = ""
            return False
        if done.digest.id != self._digest:
            self._begin(done, listed)
        if done.content is None:
            self._values_known = False
        elif self._values.see(done.content, done.started) is not None:
            return False
        self._count += 1
        return self._count > TOLERATED and self._is_one_work(done)

    def _begin(self, done: Finished, listed: int) -> None:
        self._digest = done.digest.id
        self._count, self._began, self._listed = 0, done.started, listed
        self._values.forget()
        self._values_known = True

    def _is_one_work(self, done: Finished) -> bool:
        """Say whether the lookups belong together: where a transaction does not say so, a list and little time do."""
        in_one_transaction = done.was_in_transaction is True and done.in_transaction is True
        if in_one_transaction and self._values_known:
            return True
        return self._count <= self._listed and (in_one_transaction or done.started - self._began <= UNIT)


WATCHER: Final = _Lookups
