"""Nobody can tell: random sessions get the same bytes through the proxy as from the server. See differential/."""

import pytest

from rules.catalogue import RULES
from rules.verdict import ANSWER

from .differential.bugs import BUGS
from .differential.generate import make
from .differential.script import parse
from .differential.shares import Result, Share, hunt, play
from .differential.sides import DIRECT, PREDICTIONS, REDUNDANT
from .servers import Server

SCENARIOS = 150
FEW = 12
"""Scenarios that show that the suite itself is steady."""
HUNTED = ("nothing is settled ahead of a SELECT", "after an error no transaction is open")
HUNTED_SCENARIOS = 100
SHRINKING_SECONDS = 30


def played(server: Server, mode: str, *options: str, first: int = 1, scenarios: int = SCENARIOS) -> Result:
    seeds = range(first, first + scenarios)
    result = play(server, Share(mode, seeds, options, findings=2, shrinking=SHRINKING_SECONDS))
    assert not result.findings, "\n".join(map(str, result.findings))
    assert result.scenarios == scenarios
    assert len(result.unsteady) <= scenarios / 50, result.unsteady
    return result


def expected_rules(server: Server) -> list[tuple[str, str]]:
    """The rules that speak on this server, each with what it does about a statement in suppress mode."""
    silent = {"empty-warnings"} if server.kind == "mariadb" else set()
    return [
        (rule.name, "withheld" if rule.action == ANSWER else "promised")
        for rule in RULES
        if rule.on_by_default and rule.name not in silent
    ]


@pytest.mark.timeout(300)
def test_suppressing_cannot_be_seen(server: Server) -> None:
    result = played(server, "suppress", "--sample", "0")
    for rule, action in expected_rules(server):
        assert result.total(REDUNDANT, rule, action) > 0, f"{rule} never spoke\n{result.summary()}"
    assert result.total(REDUNDANT, word="withheld") > SCENARIOS
    assert result.total(REDUNDANT, word="promised") > SCENARIOS


@pytest.mark.timeout(300)
def test_a_sample_that_is_forwarded_cannot_be_seen_either(server: Server) -> None:
    result = played(server, "suppress", "--sample", "2", first=SCENARIOS + 1, scenarios=SCENARIOS // 3)
    assert result.total(PREDICTIONS, word="match") > SCENARIOS / 3


@pytest.mark.timeout(300)
def test_observing_predicts_every_byte(server: Server) -> None:
    result = played(server, "observe")
    for rule, _ in expected_rules(server):
        assert result.total(PREDICTIONS, rule, "match") > 0, f"{rule} never spoke\n{result.summary()}"


def test_the_suite_itself_is_steady(server: Server) -> None:
    assert played(server, DIRECT, scenarios=FEW).unsteady == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("bug", HUNTED)
def test_a_planted_bug_is_found(server: Server, bug: str) -> None:
    assert bug in BUGS
    _, found = hunt(server, Share("suppress", range(1, HUNTED_SCENARIOS + 1), ("--sample", "0"), bug))
    assert found is not None


def test_a_script_can_be_read_again() -> None:
    for seed in range(200):
        script = make(seed)
        assert make(seed) == script
        assert parse(str(script)) == script
