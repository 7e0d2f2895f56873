"""Every metric, declared once: plain counters that the statement path adds to, and their exposition."""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from proxy.events import LOGIN_FAILURES, STATES, Login, Peer, Refuted, StatementDone, WentBlind
from proxy.wire.constants import command_name
from rules.catalogue import ALL, REPORTING, RULES
from rules.digest import Digest
from rules.verdict import ACKNOWLEDGE, ANSWER, PROMISE

DIGESTS = 200
"""How many digests keep a label of their own, unless told otherwise: the first ones that are seen."""

OTHER = "other"
"""The label of everything beyond a bound."""

TEXT_LABEL = 200
"""How much of a digest's text becomes a label, in characters."""

DURATION_BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
OVERHEAD_BOUNDS = (5e-6, 1e-5, 2.5e-5, 5e-5, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.1)


MATCH, MISMATCH, OBSERVED, SETTLED = "match", "mismatch", "observed", "settled"
VERDICTS = {
    "": "forwarded",
    OBSERVED: "forwarded",
    "withheld": "answered",
    "promised": "promised",
    "acknowledged": "acknowledged",
}
"""What became of a statement, by events.ACTIONS."""
_ACTIONS = {
    ANSWER: (OBSERVED, "withheld"),
    PROMISE: (OBSERVED, "promised", SETTLED),
    ACKNOWLEDGE: (OBSERVED, "acknowledged"),
}
_REPORTING = {rule.name: rule for rule in REPORTING}
TRIVIAL = ("set", "begin", "use")
"""Kinds of statements whose time is that of the way."""
ROUND_TRIP_WEIGHT = 0.05
"""How much one statement moves the average."""


def _by_command(commands: list[int]) -> Counter[str]:
    names: Counter[str] = Counter()
    for byte, count in enumerate(list(commands)):
        if count:
            names[command_name(byte)] += count
    return names


def legible(text: str, limit: int) -> str:
    """Return at most `limit` characters of a text from outside, without what UTF-8 cannot say."""
    return text[:limit].encode("utf-8", "replace").decode()


class Histogram:
    """Counts of observations by upper bound, and their sum."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value in the first bucket whose bound it does not exceed."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    @property
    def count(self) -> int:
        """How many values were observed."""
        return sum(self.counts)

    def buckets(self) -> list[tuple[str, float]]:
        """Return the cumulative buckets, as the exposition formats want them."""
        total = 0
        cumulated: list[tuple[str, float]] = []
        for bound, count in zip((*map(str, map(float, self.bounds)), "+Inf"), list(self.counts), strict=True):
            total += count
            cumulated.append((bound, total))
        return cumulated


class Tally:
    """Counts by key with a bound on distinct keys; what comes beyond it is counted as `other`."""

    def __init__(self, limit: int, known: Iterable[str] = ()) -> None:
        self.limit = limit
        self.counts = dict.fromkeys(known, 0)

    def add(self, key: str) -> None:
        """Count one."""
        counts = self.counts
        if key not in counts:
            key = legible(key, 64) if len(counts) < self.limit else OTHER
        counts[key] = counts.get(key, 0) + 1

    @property
    def total(self) -> int:
        """The sum over all keys."""
        return sum(list(self.counts.values()))


class DigestTotals:
    """What statements of one digest have cost."""

    __slots__ = ("digest", "durations", "errors", "kind", "text")

    def __init__(self, digest: str, kind: str, text: str) -> None:
        self.digest = digest
        self.kind = kind
        self.text = text
        self.durations = Histogram(DURATION_BOUNDS)
        self.errors = 0


class Metrics(Collector):
    """All counters of a process.

    They are added to on the event loop only. Expositions may be made on another thread: what they read while it
    changes is copied with single C calls (`list`, `*`), which the interpreter lock keeps whole.
    """

    def __init__(self, *, version: str, compiled: bool, digests: int = DIGESTS) -> None:
        self.version = version
        self.compiled = compiled
        self.started = time.monotonic()
        self.commands = {verdict: [0] * 256 for verdict in VERDICTS.values()}
        """Counts by what was done, and by command byte."""
        self.redundant = Counter({(rule.name, action): 0 for rule in RULES for action in _ACTIONS[rule.action]})
        self.redundant.update({(name, OBSERVED): 0 for name in _REPORTING})
        """Counts by rule and action."""
        self.redundant_seconds = dict.fromkeys(ALL, 0.0)
        self.predictions = Counter({(rule.name, result): 0 for rule in RULES for result in (MATCH, MISMATCH)})
        """Counts by rule and result."""
        self.disabled = dict.fromkeys((rule.name for rule in RULES), 0)
        self.settlement_failures = 0
        self.round_trip = 0.0
        """What a statement that does nothing takes, in seconds: a moving average; 0 before the first."""
        self.overhead = Histogram(OVERHEAD_BOUNDS)
        self.error_codes = Tally(100)
        self.login_failures = Tally(len(LOGIN_FAILURES), LOGIN_FAILURES)
        self.blind = Tally(50)
        self.peers: dict[int, Peer] = {}
        self.connections_opened = 0
        self.internal_errors = 0
        self.log_dropped: Callable[[], int] = int
        self._digests: dict[str, DigestTotals] = {}
        self._other_kinds: dict[str, DigestTotals] = {}
        self._digest_limit = digests
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def connection_opened(self, peer: Peer) -> None:
        """Count an accepted client; it is looked up at each exposition until it is closed."""
        self.connections_opened += 1
        self.peers[peer.id] = peer

    def connection_closed(self, peer: Peer) -> None:
        """Forget a client."""
        self.peers.pop(peer.id, None)

    def login(self, event: Login) -> None:
        """Count the end of a connection phase, if it failed."""
        if event.failure:
            self.login_failures.add(event.failure)

    def went_blind(self, event: WentBlind) -> None:
        """Count a connection that is no longer understood."""
        self.blind.add(event.reason)

    def refuted(self, event: Refuted) -> None:
        """Note that a prediction switched its rule off, if it did."""
        if event.disabled:
            self.disabled[event.rule] = 1

    def reported(self, rule: str, count: int, seconds: float) -> None:
        """Count statements that a rule which only reports speaks of, and of the time they took what is wasted."""
        self.redundant[rule, OBSERVED] += count
        wasted = min(seconds, count * self.round_trip) if _REPORTING[rule].work_remains else seconds
        self.redundant_seconds[rule] += wasted

    def _found_redundant(self, event: StatementDone, took: float) -> None:
        rule = event.rule
        if rule in _REPORTING:
            self.reported(rule, 1, took)
            return
        self.redundant[rule, event.action] += 1
        if event.action == OBSERVED:
            self.round_trip += (took - self.round_trip) * (ROUND_TRIP_WEIGHT if self.round_trip else 1.0)
            self.redundant_seconds[rule] += took
        else:
            self.redundant_seconds[rule] += self.round_trip
        if event.prediction is not None:
            self.predictions[rule, MATCH if event.prediction else MISMATCH] += 1

    def statement(self, event: StatementDone, digest: Digest) -> None:
        """Count a command and its reply."""
        self.commands[VERDICTS[event.action]][event.command] += 1
        if event.rule:
            self._found_redundant(event, max(event.ended - event.started, 0.0))
        elif digest.kind in TRIVIAL and event.error is None:
            took = max(event.ended - event.started, 0.0)
            self.round_trip += (took - self.round_trip) * (ROUND_TRIP_WEIGHT if self.round_trip else 1.0)
        for rule in event.settled:
            self.redundant[rule, SETTLED] += 1
        totals = self._digests.get(digest.id) or self._first_seen(digest)
        # A server may refuse a long command before its last byte has come.
        totals.durations.observe(max(event.ended - event.started, 0.0))
        self.overhead.observe(event.inside)
        if event.error is not None:
            totals.errors += 1
            self.error_codes.add(str(event.error.code))

    def _first_seen(self, digest: Digest) -> DigestTotals:
        if len(self._digests) < self._digest_limit:
            text = legible(digest.text or digest.id, TEXT_LABEL)
            totals = DigestTotals(legible(digest.id, 64), digest.kind, text)
            return self._digests.setdefault(digest.id, totals)
        return self._other_kinds.get(digest.kind) or self._other_kinds.setdefault(
            digest.kind, DigestTotals(OTHER, digest.kind, "")
        )

    @property
    def statements(self) -> int:
        """How many commands were counted."""
        return sum(map(sum, self.commands.values()))

    def digests(self) -> list[DigestTotals]:
        """Return the totals of all labels, the most expensive first."""
        totals = [*self._digests.values(), *self._other_kinds.values()]
        return sorted(totals, key=lambda one: one.durations.sum, reverse=True)

    def connections(self) -> dict[str, int]:
        """Count the open connections by state; every state is there."""
        return dict.fromkeys(STATES, 0) | Counter(peer.state for peer in list(self.peers.values()))

    def expose(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics and their content type, in the format that an Accept header asks for."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics; see docs of prometheus_client's Collector."""
        yield from self._collect_statements()
        yield from self._collect_digests()
        yield from self._collect_connections()
        yield _counter(
            "hushql_log_dropped_total",
            "Lines that the statement log could not take: its queue was full or its file failed.",
            self.log_dropped(),
        )
        yield _counter(
            "hushql_internal_errors_total",
            "Errors of the proxy itself while it looked at what it had relayed.",
            self.internal_errors,
        )
        yield InfoMetricFamily(
            "hushql_build",
            "The version, and whether the hot path runs compiled.",
            {"version": self.version, "compiled": str(self.compiled).lower()},
        )

    def _collect_statements(self) -> Iterator[Metric]:
        statements = CounterMetricFamily(
            "hushql_statements_total", "Commands of clients, by what was done with them.", labels=["command", "verdict"]
        )
        for verdict, commands in self.commands.items():
            for name, count in _by_command(commands).items():
                statements.add_metric([name, verdict], count)
        yield statements
        yield from self._collect_rules()
        yield _tally("hushql_statement_errors_total", "Replies that were errors.", "code", self.error_codes)
        overhead = self.overhead
        yield HistogramMetricFamily(
            "hushql_overhead_seconds",
            "Time a command and its reply spent being worked on by the proxy, both ways.",
            buckets=overhead.buckets(),
            sum_value=overhead.sum,
        )

    def _collect_rules(self) -> Iterator[Metric]:
        redundant = CounterMetricFamily(
            "hushql_redundant_statements_total",
            "Statements that a rule speaks of, by rule and by what was done about them.",
            labels=["rule", "action"],
        )
        for (rule, action), count in list(self.redundant.items()):
            redundant.add_metric([rule, action], count)
        yield redundant
        seconds = CounterMetricFamily(
            "hushql_redundant_seconds_total",
            "Time that such statements took, or would have taken, had they been forwarded.",
            labels=["rule"],
        )
        for rule, total in self.redundant_seconds.items():
            seconds.add_metric([rule], total)
        yield seconds
        predictions = CounterMetricFamily(
            "hushql_predictions_total",
            "Replies that were predicted and compared with the server's.",
            labels=["rule", "result"],
        )
        for (rule, result), count in list(self.predictions.items()):
            predictions.add_metric([rule, result], count)
        yield predictions
        disabled = GaugeMetricFamily(
            "hushql_rule_disabled", "1 where a wrong prediction has switched the rule off.", labels=["rule"]
        )
        for rule, off in self.disabled.items():
            disabled.add_metric([rule], off)
        yield disabled
        yield _counter(
            "hushql_settlement_failures_total",
            "Connections closed because a statement that had been promised failed.",
            self.settlement_failures,
        )
        yield GaugeMetricFamily(
            "hushql_upstream_round_trip_seconds",
            "What a statement that does nothing takes to the server and back: a moving average.",
            self.round_trip,
        )

    def _collect_digests(self) -> Iterator[Metric]:
        durations = HistogramMetricFamily(
            "hushql_statement_duration_seconds",
            "Time from a command's last byte to its reply's last byte, by digest.",
            labels=["digest", "kind"],
        )
        info = InfoMetricFamily("hushql_digest", "What the digests stand for.", labels=["digest"])
        for one in self.digests():
            durations.add_metric([one.digest, one.kind], one.durations.buckets(), one.durations.sum)
            if one.digest != OTHER:
                info.add_metric([one.digest], {"text": one.text})
        yield durations
        yield info

    def _collect_connections(self) -> Iterator[Metric]:
        connections = GaugeMetricFamily("hushql_connections", "Open client connections.", labels=["state"])
        for state, count in self.connections().items():
            connections.add_metric([state], count)
        yield connections
        yield _counter("hushql_connections_opened_total", "Client connections accepted.", self.connections_opened)
        yield _tally("hushql_login_failures_total", "Logins that failed.", "reason", self.login_failures)
        yield _tally(
            "hushql_blind_connections_total",
            "Connections that were relayed without being understood from some point on.",
            "reason",
            self.blind,
        )


def _counter(name: str, documentation: str, value: float) -> Metric:
    return CounterMetricFamily(name, documentation, value=value)


def _tally(name: str, documentation: str, label: str, tally: Tally) -> Metric:
    family = CounterMetricFamily(name, documentation, labels=[label])
    for key, count in list(tally.counts.items()):
        family.add_metric([key], count)
    return family
