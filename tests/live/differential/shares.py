"""The work of one job: many seeds, or one script, or a hunt for one planted bug; and what came of it."""

import contextlib
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ..conftest import free_port
from ..servers import Server, outside_server, own_server
from .compare import Difference
from .generate import make
from .judge import Finding, again_different, judge
from .script import Script
from .shrink import BUDGET_SECONDS
from .sides import PREDICTIONS, REDUNDANT, STATEMENTS, Counts, Sides, opened

PROGRESS_SECONDS: Final = 10


@dataclass(frozen=True)
class Share:
    """What one job does."""

    mode: str
    seeds: range
    options: tuple[str, ...] = ()
    bug: str = ""
    """A planted one."""
    findings: int = 5
    """After how many it stops."""
    shrinking: float = BUDGET_SECONDS
    """How long a script that differs is made smaller, in seconds."""


@dataclass
class Result:
    """What came of a share, or of several."""

    scenarios: int = 0
    unsteady: list[int] = field(default_factory=list)
    """Seeds of scripts that the server itself does not play alike."""
    findings: list[Finding] = field(default_factory=list)
    counts: Counts = field(default_factory=Counter)
    """What the proxy counted."""

    def add(self, other: "Result") -> None:
        """Add another's."""
        self.scenarios += other.scenarios
        self.unsteady += other.unsteady
        self.findings += other.findings
        self.counts += other.counts

    def total(self, metric: str, rule: str = "", word: str = "") -> int:
        """Return a sum of the proxy's counts; an empty rule or word is any."""
        return sum(
            number
            for (name, of_rule, of_word), number in self.counts.items()
            if name == metric and rule in ("", of_rule) and word in ("", of_word)
        )

    def summary(self) -> str:
        """Return what is to be known of a run, in a few lines."""
        seeds = f": seeds {', '.join(map(str, self.unsteady[:10]))}" if self.unsteady else ""
        played = f"{self.scenarios} scenarios, {self.total(STATEMENTS)} statements through the proxy"
        lines = [f"{played}, {len(self.findings)} differences, {len(self.unsteady)} unsteady{seeds}"]
        for metric, title in ((REDUNDANT, "redundant"), (PREDICTIONS, "predictions")):
            words = sorted({word for name, _, word in self.counts if name == metric})
            lines.append(f"{title:26}" + "".join(f"{word:>12}" for word in words))
            for rule in sorted({rule for name, rule, _ in self.counts if name == metric}):
                numbers = (self.counts[metric, rule, word] for word in words)
                lines.append(f"  {rule:24}" + "".join(f"{number:12}" for number in numbers))
        return "\n".join(lines)


@contextlib.contextmanager
def the_server(dsn: str) -> Iterator[Server]:
    """The server of a DSN, or a private one where it is empty."""
    with contextlib.ExitStack() as stack:
        if dsn:
            yield stack.enter_context(outside_server(dsn))
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="hushql-"))
            yield stack.enter_context(own_server(Path(folder), free_port()))[0]


def run(dsn: str, share: Share) -> Result:
    """Do one job's share on a server of its own, or in schemas of its own."""
    with the_server(dsn) as server:
        return play(server, share)


def play(server: Server, share: Share) -> Result:
    """Do one job's share, saying now and then how far it is."""
    result = Result()
    started = said = time.monotonic()
    with opened(server, share.mode, *share.options, bug=share.bug) as sides:
        for seed in share.seeds:
            script = make(seed)
            if first := sides.compare(script):
                _note(judge(sides, script, first, share.shrinking), seed, result)
            result.scenarios += 1
            if len(result.findings) >= share.findings:
                break
            if time.monotonic() - said > PROGRESS_SECONDS:
                said = time.monotonic()
                _say(result, len(share.seeds), said - started)
    result.counts += sides.counts
    return result


def _note(finding: Finding | None, seed: int, result: Result) -> None:
    if finding is None:
        result.unsteady.append(seed)
    else:
        result.findings.append(finding)
        print(f"{finding}\n", flush=True)


def _say(result: Result, of: int, seconds: float) -> None:
    rate = result.scenarios / seconds
    found = f"{len(result.findings)} differences, {len(result.unsteady)} unsteady"
    print(f"{result.scenarios} of {of} scenarios, {rate:.1f}/s, {found}", file=sys.stderr, flush=True)


def replay(dsn: str, share: Share, script: Script) -> Result:
    """Play one script instead of seeds."""
    result = Result(1)
    with the_server(dsn) as server, opened(server, share.mode, *share.options, bug=share.bug) as sides:
        if found := again_different(sides, script):
            _note(Finding(script, found, repeats=True), script.seed, result)
    result.counts += sides.counts
    return result


def hunt(server: Server, share: Share) -> tuple[int, Difference | None]:
    """Play seeds until two sides differ that do not without the bug; return how many that took, and the difference."""
    with opened(server, share.mode, *share.options, bug=share.bug) as sides:
        for number, seed in enumerate(share.seeds, 1):
            script = make(seed)
            if sides.compare(script) and (found := again_different(sides, script)):
                if _is_innocent(sides, script):
                    return number, found
                sides.bug = share.bug
                sides.renew()
    return len(share.seeds), None


def _is_innocent(sides: Sides, script: Script) -> bool:
    """Say whether a script does not differ through the proxy as it is; that is the one there is from now on."""
    sides.bug = ""
    sides.renew()
    return again_different(sides, script) is None
