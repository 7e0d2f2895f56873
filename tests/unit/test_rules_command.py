"""`hushql rules` and docs/rules.md: every rule explains itself, and the page is what the rules say."""

import subprocess
import sys
from pathlib import Path

import pytest

from rules import manual
from rules.catalogue import ALL, REPORTING, RULES, Entry, Report
from rules.verdict import EARLY, EXACT, REPORT, WINDOW

ROOT = Path(__file__).parents[2]
ENTRIES = pytest.mark.parametrize("entry", ALL.values(), ids=ALL)


def hushql(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "proxy.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)


# What the docstrings have


@ENTRIES
def test_a_docstring_has_the_headings(entry: Entry) -> None:
    wanted = manual.REPORTING_HEADINGS if isinstance(entry, Report) else manual.WITHHOLDING_HEADINGS
    headings = [heading for heading in manual.sections(entry) if heading != manual.OPTIONAL_HEADING]
    assert headings == list(wanted)
    assert all(paragraph for paragraphs in manual.sections(entry).values() for paragraph in paragraphs)


@ENTRIES
def test_the_first_line_says_what_it_is_about(entry: Entry) -> None:
    first, second, *_ = entry.doc.splitlines()
    assert first == manual.summary(entry)
    assert first.endswith(".")
    assert not second
    assert len(first) <= 117


@ENTRIES
def test_the_guarantee_is_the_one_it_has(entry: Entry) -> None:
    (guarantee, *_) = manual.sections(entry)["Guarantee"]
    assert guarantee.lower().startswith((f"{entry.guarantee}.", f"{entry.guarantee}:"))
    assert (entry.guarantee == REPORT) == isinstance(entry, Report)
    assert entry.guarantee in (EXACT, WINDOW, EARLY, REPORT)
    assert entry.on_by_default or f"Off by default: --rule {entry.name}=suppress." in guarantee


@ENTRIES
def test_the_manual_is_the_servers(entry: Entry) -> None:
    for address in " ".join(manual.sections(entry)["Manual"]).split(", "):
        assert address.startswith(("https://dev.mysql.com/doc/", "https://mariadb.com/"))


@ENTRIES
def test_other_rules_are_called_by_their_names(entry: Entry) -> None:
    text = " ".join(paragraph for paragraphs in manual.sections(entry).values() for paragraph in paragraphs)
    for word in text.replace("(see ", "").replace("'s", "").split():
        name = word.strip("().,;:").partition("=")[0]
        if name.startswith(("redundant-", "deferred-", "empty-", "known-", "duplicate-", "single-s", "read-only-c")):
            assert name in ALL, name


def test_all_modules_of_the_catalogue_are_in_it() -> None:
    modules = {path.stem.replace("_", "-") for path in (ROOT / "rules" / "catalogue").glob("[a-z]*.py")}
    assert modules == set(ALL) == {rule.name for rule in (*RULES, *REPORTING)}


# The command


def test_the_list_has_a_line_for_each_rule() -> None:
    ran = hushql("rules")
    assert (ran.returncode, ran.stderr) == (0, "")
    head, *lines = ran.stdout.splitlines()
    assert head.split() == ["RULE", "GUARANTEE", "DEFAULT"]
    for entry, line in zip(ALL.values(), lines, strict=False):
        default = "on" if entry.on_by_default else "off"
        assert line.split(maxsplit=3) == [entry.name, entry.guarantee, default, manual.summary(entry)]
    assert ran.stdout.count(" off ") == sum(not entry.on_by_default for entry in ALL.values()) == 2
    for word in (EXACT, WINDOW, EARLY, REPORT):
        assert any(line.startswith(f"{word}: ") for line in lines[len(ALL) :])


@pytest.mark.parametrize("name", ["deferred-autocommit", "n-plus-one"])
def test_a_rule_is_explained(name: str) -> None:
    ran = hushql("rules", name)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == manual.explained(ALL[name], 80)
    assert ran.stdout.startswith(f"{name} (")


@ENTRIES
@pytest.mark.parametrize("width", [60, 80, 100])
def test_an_explanation_holds_all_that_the_docstring_does(entry: Entry, width: int) -> None:
    text = manual.explained(entry, width)
    told = " ".join(text.split())
    assert manual.summary(entry) in told
    for heading, paragraphs in manual.sections(entry).items():
        assert f"\n\n{heading}\n    " in text
        assert all(paragraph in told for paragraph in paragraphs)
    assert ("What holds for all rules that can withhold" in text) != isinstance(entry, Report)
    assert all(len(line) <= width or " " not in line.strip() for line in text.splitlines())


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("deferred_autocommit", "deferred-autocommit"), ("nplus1", "n-plus-one"), ("Empty-Commit", "empty-commit")],
)
def test_a_name_that_is_none_is_one_clear_line(name: str, nearest: str) -> None:
    ran = hushql("rules", name)
    assert (ran.returncode, ran.stdout) == (2, "")
    (line,) = ran.stderr.splitlines()
    assert line.startswith(f"hushql: there is no rule {name!r}; the nearest are {nearest}, ")
    assert len(manual.nearest(name)) == 3


def test_any_name_has_nearest_ones() -> None:
    for name in ("", "x", "\x00", "ö" * 1000):
        assert len(manual.nearest(name)) == 3


def test_a_narrow_terminal_breaks_the_list() -> None:
    assert all(len(line) <= 80 for line in manual.overview(80).splitlines())
    assert len(manual.overview(80).split()) == len(manual.overview(1000).split())


# The page


def test_the_page_is_current() -> None:
    made = subprocess.run([sys.executable, "-m", "rules.manual"], cwd=ROOT, capture_output=True, check=True)
    assert made.stderr == b""
    assert (ROOT / "docs" / "rules.md").read_bytes() == made.stdout
    assert "python -m rules.manual > docs/rules.md" in (manual.__doc__ or "")


def test_the_page_has_a_table_and_a_chapter_for_each_rule() -> None:
    page = manual.page()
    assert page.index("| rule |") < page.index("## ")
    for entry in ALL.values():
        assert f"| [{entry.name}](#{entry.name}) | {entry.guarantee} |" in page
        assert f"\n### {entry.name}\n" in page
    assert all(len(line) <= 120 or line.startswith("|") for line in page.splitlines())
