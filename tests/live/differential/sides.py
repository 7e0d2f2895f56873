"""The two sides of a comparison: one server, directly and through a proxy of its own."""

import contextlib
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.request import urlopen

import pymysql

from ..proxies import Proxy, serving
from ..servers import Server
from .bugs import planted
from .compare import Difference, difference
from .observer import Observer
from .run import Player
from .script import Script

DIRECT: Final = "direct"
"""The mode without a proxy: both sides are the server itself. What differs then is the suite's own doing."""
SUPPRESS: Final = "suppress"
MODES: Final = (DIRECT, "off", "observe", SUPPRESS)
"""That, and those of `hushql serve`."""

REDUNDANT: Final = "hushql_redundant_statements_total"
PREDICTIONS: Final = "hushql_predictions_total"
MISMATCH: Final = "mismatch"
STATEMENTS: Final = "hushql_statements_total"
TROUBLE: Final = (
    "hushql_blind_connections_total",
    "hushql_settlement_failures_total",
    "hushql_internal_errors_total",
)
"""What no script may make the proxy count; nor a wrong prediction."""

_NAMES: Final = "|".join((REDUNDANT, PREDICTIONS, STATEMENTS, *TROUBLE))
_SAMPLE: Final = re.compile(rf"^({_NAMES})(?:\{{(.*)\}})? (\S+)$", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')
_OPTIONS: Final = ("--upstream-tls", "disabled", "--log", "off", "--digests", "1")
_TWICE_EVERY: Final = 3
"""Every how many-th script is played through the proxy twice: what it learned from the first may matter."""

Counts = Counter[tuple[str, str, str]]
"""By metric, rule, and action or result."""


class Sides:
    """Compares scripts; `options` are those of `hushql serve` beside the addresses and the mode."""

    def __init__(self, server: Server, mode: str, options: tuple[str, ...], folder: Path) -> None:
        self.mode = mode
        self.bug = ""
        """One that is planted in proxies that are started from now on."""
        self.observer = Observer(server)
        self.counts: Counts = Counter()
        """What the proxies that have ended counted."""
        self._server = server
        self._options = ("--mode", mode, *_OPTIONS, *options)
        self._folder = folder
        self._proxy: Proxy | None = None
        self._running = contextlib.ExitStack()
        self._direct = Player(server.target(), server, self.observer)
        self._proxied = self._direct
        self._spoiled = False  # a rule is off, for it was wrong

    def renew(self) -> None:
        """Start a proxy that has not learned anything, in place of the one there is."""
        self.close()
        if self.mode == DIRECT:
            return
        upstream = f"{self._server.host}:{self._server.port}"
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        # What it says on stderr is about what is compared here anyway, and counted.
        with planted(self.bug):
            proxy = self._running.enter_context(
                serving(folder, *self._options, upstream=upstream, expected_stderr=(".*",)),
            )
        proxy.expects_blind = True
        self._proxy, self._spoiled = proxy, False
        self._proxied = Player(proxy.target(self._server.target()), self._server, self.observer)

    def close(self) -> None:
        """Stop the proxy, and check that it went well with it."""
        if self._proxy is not None:
            self.counts += _counted(self._proxy)
            self._proxy = None
        self._running.close()

    def compare(self, script: Script, times: int = 0) -> Difference | None:
        """Play a script directly, and through the proxy so many times, of 0 as many as its seed says."""
        if self._spoiled:
            self.renew()
        direct = self._direct.play(script)
        before = self._troubles()
        for _ in range(times or 1 + (script.seed % _TWICE_EVERY == 0)):
            found = difference(direct, self._proxied.play(script))
            troubled = self._troubles() > before
            if found is not None or troubled:
                self._spoiled = troubled and self.mode == SUPPRESS
                return found or Difference(len(script.steps), "what the proxy says", "  nothing", self._last_words())
        return None

    def is_steady(self, script: Script) -> bool:
        """Say whether the server itself shows the same twice."""
        return difference(self._direct.play(script), self._direct.play(script)) is None

    def _troubles(self) -> int:
        if self._proxy is None:
            return 0
        counts = _counted(self._proxy)
        return sum(number for (name, _, word), number in counts.items() if name in TROUBLE or word == MISMATCH)

    def _last_words(self) -> str:
        assert self._proxy is not None
        return "\n".join(f"  {line}" for line in self._proxy.stderr_path.read_text().splitlines()[1:][-2:])


def _counted(proxy: Proxy) -> Counts:
    """Read the metrics that matter here; a parser of all of them would take most of the time of a run."""
    with urlopen(f"{proxy.admin_url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    counts: Counts = Counter()
    for name, labels, value in _SAMPLE.findall(text):
        label = dict(_LABEL.findall(labels))
        counts[name, label.get("rule", ""), label.get("action") or label.get("result") or ""] += int(float(value))
    return counts


@contextlib.contextmanager
def opened(server: Server, mode: str, *options: str, bug: str = "") -> Iterator[Sides]:
    """Furnish the server and start a proxy of that mode in front of it; take all away at the end."""
    account = server.account
    # A raw client knows only the fast part of caching_sha2_password, which needs a full login before it.
    pymysql.connect(host=server.host, port=server.port, user=account.user, password=account.password).close()
    with tempfile.TemporaryDirectory(prefix="hushql-") as folder, contextlib.ExitStack() as stack:
        sides = Sides(server, mode, options, Path(folder))
        stack.callback(sides.observer.close)
        stack.callback(sides.observer.clear)
        stack.callback(sides.close)
        sides.bug = bug
        sides.observer.furnish()
        sides.renew()
        yield sides
