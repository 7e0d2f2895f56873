"""Makes a script that differs as small as it can be and still differ."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from .script import CHARSET, OBSERVER, Login, Script, Step

Differs = Callable[[Script], bool]

BUDGET_SECONDS: Final = 120


def shrink(script: Script, differs: Differs, seconds: float) -> Script:
    """Return the smallest script found in that time; `differs` plays a candidate."""
    deadline = time.monotonic() + seconds
    before = None
    while before != script and time.monotonic() < deadline:
        before = script
        for smaller in (_with_fewer_steps, _with_fewer_connections, _with_simpler_steps, _with_simpler_logins):
            script = smaller(script, differs, deadline)
    return script


def _with_fewer_steps(script: Script, differs: Differs, deadline: float) -> Script:
    """Leave out as many steps as possible: halves first, single ones last."""
    size = len(script.steps) // 2
    while size and time.monotonic() < deadline:
        start = 0
        while start < len(script.steps) and time.monotonic() < deadline:
            candidate = replace(script, steps=script.steps[:start] + script.steps[start + size :])
            if candidate.steps and differs(candidate):
                script = candidate
            else:
                start += size
        size //= 2
    return script


def _with_simpler_steps(script: Script, differs: Differs, deadline: float) -> Script:
    """Send what is sent together or in pieces one by one, or leave out a part of it."""
    number = 0
    while number < len(script.steps) and time.monotonic() < deadline:
        for simpler in _simpler(script.steps[number]):
            candidate = replace(script, steps=(*script.steps[:number], *simpler, *script.steps[number + 1 :]))
            if differs(candidate):
                script = candidate
                break
        number += 1
    return script


def _simpler(step: Step) -> Iterator[tuple[Step, ...]]:
    if step.connection == OBSERVER:
        return
    if len(step.commands) > 1:
        yield tuple(Step(step.connection, (command,)) for command in step.commands)
        for number in range(len(step.commands)):
            yield (replace(step, commands=step.commands[:number] + step.commands[number + 1 :]),)
    if step.pieces > 1:
        yield (replace(step, pieces=1),)


def _with_simpler_logins(script: Script, differs: Differs, deadline: float) -> Script:
    """Leave out variants of logins."""
    for number in range(len(script.logins)):
        for simpler in _simpler_logins(script.logins[number]):
            candidate = replace(script, logins=(*script.logins[:number], simpler, *script.logins[number + 1 :]))
            if time.monotonic() < deadline and differs(candidate):
                script = candidate
                break
    return script


def _simpler_logins(login: Login) -> Iterator[Login]:
    for gone in login.variants:
        yield replace(login, variants=tuple(variant for variant in login.variants if variant != gone))
    if login.charset != CHARSET:
        yield replace(login, charset=CHARSET)


def _with_fewer_connections(script: Script, differs: Differs, _: float) -> Script:
    """Leave out connections that do nothing."""
    used = sorted({step.connection for step in script.steps} - {OBSERVER})
    numbers = {number: place for place, number in enumerate(used)} | {OBSERVER: OBSERVER}
    steps = tuple(replace(step, connection=numbers[step.connection]) for step in script.steps)
    candidate = replace(script, logins=tuple(script.logins[number] for number in used), steps=steps)
    return candidate if candidate != script and differs(candidate) else script
