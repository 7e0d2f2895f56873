"""Judges a difference: whether it comes again, whether the server itself is steady, which least script has it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .compare import Difference
from .script import Script
from .shrink import shrink
from .sides import DIRECT, Sides

TRIES: Final = 3
"""How often a script is played again, each time twice through the proxy, for a difference to come again."""
_INTERRUPTED: Final = "ERR 1317"
"""A statement that waited for a lock. Whether one does may depend on what InnoDB has purged meanwhile."""


@dataclass(frozen=True)
class Finding:
    """A script whose two sides differ, as small as it could be made."""

    script: Script
    difference: Difference
    repeats: bool
    """Whether it came again; else the script is as it was."""

    def __str__(self) -> str:
        how = "" if self.repeats else ", but not again: scripts before it may matter"
        return f"# seed {self.script.seed} differs{how}\n{self.script}\n\n{self.difference}\n"


def judge(sides: Sides, script: Script, first: Difference, shrinking: float) -> Finding | None:
    """Return what is wrong with a script that has differed; None if the server itself is not steady with it.

    It is made smaller, for `shrinking` seconds at most. Where the difference does not come again, what the proxy has
    learned may be why: then once more with a new one.
    """
    again = again_different(sides, script)
    if again is None and sides.mode != DIRECT:
        sides.renew()
        again = again_different(sides, script)
    if not all(sides.is_steady(script) for _ in range(TRIES)):
        return None
    if again is not None:
        small = shrink(script, lambda candidate: again_different(sides, candidate) is not None, shrinking)
        return Finding(small, again_different(sides, small) or again, repeats=True)
    left_to_chance = _INTERRUPTED in first.direct + first.proxied
    return None if left_to_chance else Finding(script, first, repeats=False)


def again_different(sides: Sides, script: Script) -> Difference | None:
    """Play a script until it differs, or often enough."""
    return next(_differences(sides, script), None)


def _differences(sides: Sides, script: Script) -> Iterator[Difference]:
    for _ in range(TRIES):
        if found := sides.compare(script, times=2):
            yield found
