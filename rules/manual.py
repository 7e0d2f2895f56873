"""The manual of the rules: made of the docstrings in the catalogue, for a terminal and for docs/rules.md.

`python -m rules.manual > docs/rules.md` makes the page.
"""

import re
from difflib import get_close_matches
from textwrap import fill
from typing import Final, TypeAlias

from rules.catalogue import ALL, REPORTING, RULES, Entry, Report
from rules.verdict import EARLY, EXACT, REPORT, WINDOW

Sections: TypeAlias = dict[str, list[str]]
"""Paragraphs by their heading."""

WITHHOLDING_HEADINGS: Final = ("Wasteful because", "Withheld when", "Forwarded when", "Guarantee", "Manual")
REPORTING_HEADINGS: Final = ("Wasteful because", "Reported when", "Not reported when", "Guarantee", "Manual")
OPTIONAL_HEADING: Final = "Instead"
WIDTH: Final = 120
"""Of the lines of the page."""

_GUARANTEES: Final = {
    EXACT: "nobody can tell, but for what can differ with every rule",
    WINDOW: "exact for what the server said less than --max-silence ago",
    EARLY: "the client is answered before the server has finished",
    REPORT: "nothing is withheld",
}
_ABOUT: Final = (
    "`hushql rules` lists them, `hushql rules NAME` explains one. `--mode` decides about all that are on by default, "
    "`--rule NAME=off`, `=observe` or `=suppress` about one. This page is made of the rules' own words, by "
    "`python -m rules.manual > docs/rules.md`."
)
_WITHHOLDING: Final = """
They are asked before a statement is sent. In observe mode it is sent all the same, and the reply that hushql would have
given is compared with the server's, byte by byte. In suppress mode the client gets that reply, and the server is not
asked (withheld), is asked later, if anything comes to depend on it (promised: the rules whose names begin with
deferred), or is asked without the client's waiting for it (acknowledged: read-only-commit). A SET with several members
is withheld where a rule in the same mode speaks for each of them.
"""
_IN_COMMON: Final = """
A reply that hushql gives is one that this server gave to the same text before. So what is seen for the first time is
always forwarded. It is learned where the answer was OK, without a warning and with nothing else in it, or, for a SELECT
or SHOW, a small result in the same session under the same circumstances.

A statement is matched whole, by MySQL's own lexical rules, whatever its spelling and comments; what is not matched is
forwarded. It may come as COM_QUERY or, without parameters, as COM_STMT_EXECUTE; not in a command of more than 1 KiB,
and not while the client waits for the reply to an earlier one.

A value is known where the server has accepted a SET of it or the session tracker has told it, until something can have
changed it unseen: a routine or any statement that is not understood, and stored code behind a function, a view or a
trigger, unless the tracker tells of it. MySQL's does where the client speaks CLIENT_DEPRECATE_EOF; MariaDB's does so of
the isolation level and the access mode only. A client that uses the tracker itself is left to it, and less is known.

All is forwarded on servers that are not MySQL since 5.7 or MariaDB since 10.2 by their greeting (unless
--trust-server); after an error, until the server has said again whether a transaction is open; and where the server has
not said anything on the connection for --max-silence, or for a fourth of the wait_timeout that the session has set for
itself.

What was promised is sent ahead of the next statement that is sent, in one write with it: one SET, and BEGIN. No more
than two commands are under way to the server at a time, so that behind both the statement waits for the first reply.
Where the statement can read what withheld ones would have left behind (ROW_COUNT(), FOUND_ROWS(), the warnings), all
these are sent ahead of it.

In suppress mode one in --sample statements that would be withheld is forwarded and compared after all. One wrong
prediction switches its rule off until the process ends.

What can differ: the server's counters (Questions, Com_*), its general log, its performance_schema and the times in its
process list, which show what was sent and not what was asked; @@session_track_system_variables, which hushql extends;
and time.
"""
_REPORTING: Final = """
They are told of statements that have finished, and never touch one. What they speak of is named in the statement log
and counted as observed, in observe and in suppress mode, unless a rule that can withhold has spoken of it already. In
doubt they say nothing.
"""


# ---- one rule ----


def summary(entry: Entry) -> str:
    """Return what a rule is about, in one line."""
    return entry.doc.partition("\n")[0]


def default(entry: Entry) -> str:
    """Say whether a rule follows --mode unless it is told otherwise."""
    return "on" if entry.on_by_default else "off"


def sections(entry: Entry) -> Sections:
    """Take a rule's docstring apart."""
    found: Sections = {}
    for block in re.split(r"\n(?=\S)", entry.doc.partition("\n")[2].strip("\n")):
        heading, _, body = block.partition("\n")
        found[heading] = _paragraphs(body)
    return found


def _paragraphs(text: str) -> list[str]:
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n") if paragraph.strip()]


def nearest(name: str) -> list[str]:
    """Return the names of the rules that are most like a name that is none."""
    return get_close_matches(name, ALL, n=3, cutoff=0.0)


# ---- for a terminal ----


def overview(width: int) -> str:
    """Return the list of all rules, a line each where there are columns enough."""
    widest = max(map(len, ALL))
    lines = [f"{'RULE':{widest}}  GUARANTEE  DEFAULT"]
    for entry in ALL.values():
        columns = f"{entry.name:{widest}}  {entry.guarantee:9}  {default(entry):7}  "
        lines.append(_laid_out(summary(entry), width, columns))
    lines += ["", *(_laid_out(meaning, width, f"{word}: ") for word, meaning in _GUARANTEES.items())]
    return "\n".join(lines) + "\n"


def explained(entry: Entry, width: int) -> str:
    """Return all there is to say of one rule, in lines of so many columns."""
    lines = [f"{entry.name} ({entry.guarantee}, {default(entry)} by default)", "", _laid_out(summary(entry), width)]
    known = sections(entry)
    if not isinstance(entry, Report):
        known["What holds for all rules that can withhold"] = _paragraphs(_IN_COMMON)
    for heading, paragraphs in known.items():
        lines += ["", heading]
        lines.append("\n\n".join(_laid_out(paragraph, width, "    ") for paragraph in paragraphs))
    return "\n".join(lines) + "\n"


def _laid_out(paragraph: str, width: int, before: str = "") -> str:
    """Break a paragraph into lines: `before` stands in front of the first, as much space in front of the others."""
    return fill(
        paragraph,
        width,
        initial_indent=before,
        subsequent_indent=" " * len(before),
        break_long_words=False,
        break_on_hyphens=False,
    )


# ---- for docs/ ----


def page() -> str:
    """Return docs/rules.md."""
    parts = [
        _head(),
        _part("Rules that can withhold", _WITHHOLDING),
        _part("What holds for all of these", _IN_COMMON, level=3),
        *map(_chapter, RULES),
        _part("Rules that only report", _REPORTING),
        *map(_chapter, REPORTING),
    ]
    return "\n\n".join(parts) + "\n"


def _head() -> str:
    rows = [
        f"| [{entry.name}](#{entry.name}) | {entry.guarantee} | {default(entry)} | {_plain(summary(entry))} |"
        for entry in ALL.values()
    ]
    guarantees = [f"- *{word}*: {meaning}" for word, meaning in _GUARANTEES.items()]
    table = "\n".join(["| rule | guarantee | default | |", "|---|---|---|---|", *rows])
    return "\n\n".join(["# Rules", _filled(_ABOUT), table, "\n".join(guarantees)])


def _part(title: str, text: str, level: int = 2) -> str:
    return "\n\n".join([f"{'#' * level} {title}", *map(_filled, map(_plain, _paragraphs(text)))])


def _chapter(entry: Entry) -> str:
    blocks = [f"### {entry.name}", _filled(summary(entry))]
    for heading, paragraphs in sections(entry).items():
        blocks += [_filled(f"**{heading}:** {_plain(paragraphs[0])}"), *map(_filled, map(_plain, paragraphs[1:]))]
    return "\n\n".join(blocks)


def _filled(text: str) -> str:
    return fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _plain(text: str) -> str:
    """Escape what Markdown would take for emphasis."""
    return text.replace("*", "\\*")


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - the page
