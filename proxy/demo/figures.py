"""What the proxy says about the load: counts and times from its /metrics, the spread from its statement log."""

import asyncio
import urllib.request
from collections import defaultdict, deque
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from proxy.demo.programs import DemoError

SESSION_WORDS = frozenset({"SET", "COMMIT", "ROLLBACK", "BEGIN", "START", "USE"})
"""First words of statements that ask for no data: they only manage the session."""
KEPT = 5000
"""How many latencies of a statement are kept, the latest ones."""


@dataclass
class Shape:
    """All statements that differ in their literals alone."""

    digest: str
    text: str
    count: int
    seconds: float
    latencies: list[int] = field(default_factory=list)
    """The latest ones, in microseconds, sorted."""

    @property
    def word(self) -> str:
        """The first word, in capitals."""
        return self.text.split(None, 1)[0].upper()

    @property
    def session_only(self) -> bool:
        """Whether they only manage the session."""
        return self.word in SESSION_WORDS

    def percentile(self, percent: int) -> float:
        """Return a latency in milliseconds, 0 where none is known."""
        last = len(self.latencies) - 1
        return self.latencies[last * percent // 100] / 1000 if self.latencies else 0.0


@dataclass
class Figures:
    """One reading of the proxy."""

    shapes: list[Shape]
    overhead: float
    """Seconds that the proxy itself worked on all of these."""
    dropped: int
    """Lines that the statement log lost."""

    @property
    def statements(self) -> int:
        """How many there were."""
        return sum(shape.count for shape in self.shapes)

    @property
    def seconds(self) -> float:
        """How long the clients waited for them, added up."""
        return sum(shape.seconds for shape in self.shapes)

    @property
    def session_only(self) -> "Figures":
        """The same for the statements that only manage the session."""
        return Figures([shape for shape in self.shapes if shape.session_only], self.overhead, self.dropped)


class _Line(msgspec.Struct):
    """What is read of a line of the statement log."""

    digest: str
    us: int


class Reader:
    """Reads a proxy's figures, as often as one likes."""

    def __init__(self, admin: str, log: Path) -> None:
        self._url = f"{admin}/metrics"
        self._log = log
        self._offset = 0
        self._latencies: defaultdict[str, deque[int]] = defaultdict(lambda: deque(maxlen=KEPT))

    async def metrics(self) -> str:
        """Return /metrics."""
        return await asyncio.to_thread(self._get)

    def _get(self) -> str:
        try:
            with urllib.request.urlopen(self._url, timeout=10) as reply:  # noqa: S310 - http, our own
                return str(reply.read(), "utf-8")
        except OSError as error:
            raise DemoError(f"{self._url} does not answer: {error}") from error

    async def read(self) -> Figures:
        """Return what the proxy has seen so far."""
        figures = parse(await self.metrics())
        self._follow_log()
        for shape in figures.shapes:
            shape.latencies = sorted(self._latencies[shape.digest])
        return figures

    def _follow_log(self) -> None:
        with self._log.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                one = msgspec.json.decode(line, type=_Line)
                self._latencies[one.digest].append(one.us)


def parse(metrics: str) -> Figures:
    """Read /metrics; what has no statement text (COM_QUIT) is left out."""
    texts: dict[str, str] = {}
    counts: dict[str, int] = {}
    seconds: dict[str, float] = {}
    overhead = dropped = 0.0
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            digest = sample.labels.get("digest", "")
            match sample.name:
                case "hushql_digest_info":
                    texts[digest] = sample.labels["text"]
                case "hushql_statement_duration_seconds_count" if sample.labels["kind"] != "command":
                    counts[digest] = int(sample.value)
                case "hushql_statement_duration_seconds_sum":
                    seconds[digest] = sample.value
                case "hushql_overhead_seconds_sum":
                    overhead = sample.value
                case "hushql_log_dropped_total":
                    dropped = sample.value
    shapes = [
        Shape(digest, text, counts[digest], seconds[digest]) for digest, text in texts.items() if digest in counts
    ]
    return Figures(sorted(shapes, key=lambda shape: -shape.count), overhead, int(dropped))
