"""Every metric, read back by the parsers of both exposition formats."""

import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus

from proxy.events import ACTIONS, LOGIN_FAILURES, STATES, Login, Peer, Refuted, ServerError, StatementDone, WentBlind
from proxy.metrics import DURATION_BOUNDS, OTHER, OVERHEAD_BOUNDS, VERDICTS, Histogram, Metrics, Tally
from rules.catalogue import REPORTING, RULES
from rules.digest import Digest
from rules.verdict import ACKNOWLEDGE, ANSWER, PROMISE

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
PARSERS: dict[str, Callable[[str], Iterable[Metric]]] = {"": parse_prometheus, OPENMETRICS: parse_openmetrics}
HOSTILE = ['"', "\\", "\n", "a\r\nb", "\x00", "}", '"} 1\nfake_total 7', "\ud800", "ü" * 10, "x" * 1_000_000, "\u2028"]


def new_metrics(digests: int = 200) -> Metrics:
    return Metrics(version='1.2"3', compiled=True, digests=digests)


def peer(number: int = 1, state: str = "idle") -> Peer:
    return Peer(id=number, client="10.0.0.7:40000", opened=1.0, user="app", state=state)


def seen(number: int = 0, text: str = "SELECT ?", kind: str = "select") -> Digest:
    return Digest(id=f"{number:016x}", text=text, kind=kind, tags={}, secret=False)


def done(took: float = 0.002, **fields: Any) -> StatementDone:
    known: dict[str, Any] = {"peer": peer(), "n": 1, "command": 3, "bytes_in": 38, "inside": 0.00003}
    return StatementDone(started=100.0, ended=100.0 + took, **known | fields)


def samples(metrics: Metrics, accept: str = "") -> dict[str, float]:
    """Every sample by its name and sorted labels, as in the text."""
    body, _ = metrics.expose(accept)
    found: dict[str, float] = {}
    for family in PARSERS[accept](body.decode()):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            name = f"{sample.name}{{{labels}}}" if labels else sample.name
            assert name not in found
            found[name] = sample.value
    return found


def busy() -> Metrics:
    """Metrics that have seen one of everything."""
    metrics = new_metrics()
    metrics.connection_opened(peer(1, "busy"))
    metrics.connection_opened(peer(2, "idle"))
    metrics.connection_opened(peer(3, "idle"))
    metrics.connection_opened(peer(4))
    metrics.connection_closed(peer(4))
    metrics.login(Login(peer(), 1.0))
    metrics.login(Login(peer(), 1.0, "refused", ServerError(1045, "28000")))
    metrics.went_blind(WentBlind(peer(), 1.0, "sequence", "anything"))
    metrics.statement(done(0.002), seen(1, "SELECT ?"))
    metrics.statement(done(0.3, command=23), seen(1, "SELECT ?"))
    metrics.statement(done(20, error=ServerError(1213, "40001")), seen(2, "UPDATE t SET a = ?", "update"))
    metrics.log_dropped = lambda: 5
    metrics.internal_errors = 6
    return metrics


@pytest.mark.parametrize("accept", PARSERS)
def test_what_was_seen_is_said(accept: str) -> None:
    found = samples(busy(), accept)
    expected = {
        "hushql_statements_total{command=COM_QUERY,verdict=forwarded}": 2,
        "hushql_statements_total{command=COM_STMT_EXECUTE,verdict=forwarded}": 1,
        "hushql_statement_errors_total{code=1213}": 1,
        "hushql_statement_duration_seconds_count{digest=0000000000000001,kind=select}": 2,
        "hushql_statement_duration_seconds_bucket{digest=0000000000000001,kind=select,le=0.001}": 0,
        "hushql_statement_duration_seconds_bucket{digest=0000000000000001,kind=select,le=0.0025}": 1,
        "hushql_statement_duration_seconds_bucket{digest=0000000000000001,kind=select,le=10.0}": 2,
        "hushql_statement_duration_seconds_bucket{digest=0000000000000002,kind=update,le=10.0}": 0,
        "hushql_statement_duration_seconds_bucket{digest=0000000000000002,kind=update,le=+Inf}": 1,
        "hushql_digest_info{digest=0000000000000001,text=SELECT ?}": 1,
        "hushql_digest_info{digest=0000000000000002,text=UPDATE t SET a = ?}": 1,
        "hushql_connections{state=login}": 0,
        "hushql_connections{state=idle}": 2,
        "hushql_connections{state=busy}": 1,
        "hushql_connections{state=idle_in_transaction}": 0,
        "hushql_connections{state=blind}": 0,
        "hushql_connections_opened_total": 4,
        "hushql_login_failures_total{reason=refused}": 1,
        "hushql_login_failures_total{reason=timeout}": 0,
        "hushql_blind_connections_total{reason=sequence}": 1,
        "hushql_overhead_seconds_bucket{le=2.5e-05}": 0,
        "hushql_overhead_seconds_bucket{le=5e-05}": 3,
        "hushql_overhead_seconds_count": 3,
        "hushql_log_dropped_total": 5,
        "hushql_internal_errors_total": 6,
        'hushql_build_info{compiled=true,version=1.2"3}': 1,
    }
    assert {name: found.get(name) for name in expected} == expected
    assert found["hushql_statement_duration_seconds_sum{digest=0000000000000001,kind=select}"] == pytest.approx(0.302)
    assert found["hushql_overhead_seconds_sum"] == pytest.approx(0.00009)
    assert found["process_resident_memory_bytes"] > 1e6


@pytest.mark.parametrize("accept", PARSERS)
def test_closed_sets_are_there_from_the_start(accept: str) -> None:
    found = samples(new_metrics(), accept)
    assert all(found[f"hushql_connections{{state={state}}}"] == 0 for state in STATES)
    assert all(found[f"hushql_login_failures_total{{reason={reason}}}"] == 0 for reason in LOGIN_FAILURES)
    assert found["hushql_overhead_seconds_count"] == 0
    assert found["hushql_log_dropped_total"] == 0


# What the rules say


def ruled(rule: str, action: str, took: float = 0.002, **fields: Any) -> StatementDone:
    return done(took, rule=rule, action=action, **fields)


@pytest.mark.parametrize("accept", PARSERS)
def test_every_rule_is_there_from_the_start(accept: str) -> None:
    found = {name: value for name, value in samples(new_metrics(), accept).items() if "rule=" in name}
    actions = {
        ANSWER: {"observed", "withheld"},
        PROMISE: {"observed", "promised", "settled"},
        ACKNOWLEDGE: {"observed", "acknowledged"},
    }
    expected = {
        f"hushql_redundant_statements_total{{action={action},rule={rule.name}}}"
        for rule in RULES
        for action in actions[rule.action]
    }
    expected |= {f"hushql_redundant_statements_total{{action=observed,rule={rule.name}}}" for rule in REPORTING}
    expected |= {f"hushql_redundant_seconds_total{{rule={rule.name}}}" for rule in (*RULES, *REPORTING)}
    expected |= {
        f"hushql_predictions_total{{result={result},rule={rule.name}}}"
        for rule in RULES
        for result in ("match", "mismatch")
    }
    expected |= {f"hushql_rule_disabled{{rule={rule.name}}}" for rule in RULES}
    assert set(found) == expected
    assert not any(found.values())
    everything = samples(new_metrics(), accept)
    assert everything["hushql_settlement_failures_total"] == 0
    assert everything["hushql_upstream_round_trip_seconds"] == 0


@pytest.mark.parametrize("accept", PARSERS)
def test_what_was_done_about_a_statement(accept: str) -> None:
    metrics = new_metrics()
    set_ = seen(1, "set autocommit = ?", "set")
    metrics.statement(ruled("deferred-autocommit", "observed", prediction=True), set_)
    metrics.statement(ruled("deferred-autocommit", "observed", prediction=False), set_)
    metrics.statement(ruled("deferred-autocommit", "promised", 0.0), set_)
    metrics.statement(ruled("empty-commit", "withheld", 0.0), seen(2, "commit", "commit"))
    metrics.statement(ruled("read-only-commit", "acknowledged", 0.0), seen(2, "commit", "commit"))
    metrics.statement(done(settled=("deferred-autocommit", "deferred-begin")), seen(3))
    found = samples(metrics, accept)
    expected = {
        "hushql_statements_total{command=COM_QUERY,verdict=forwarded}": 3,
        "hushql_statements_total{command=COM_QUERY,verdict=answered}": 1,
        "hushql_statements_total{command=COM_QUERY,verdict=promised}": 1,
        "hushql_statements_total{command=COM_QUERY,verdict=acknowledged}": 1,
        "hushql_redundant_statements_total{action=observed,rule=deferred-autocommit}": 2,
        "hushql_redundant_statements_total{action=promised,rule=deferred-autocommit}": 1,
        "hushql_redundant_statements_total{action=settled,rule=deferred-autocommit}": 1,
        "hushql_redundant_statements_total{action=settled,rule=deferred-begin}": 1,
        "hushql_redundant_statements_total{action=promised,rule=deferred-begin}": 0,
        "hushql_redundant_statements_total{action=withheld,rule=empty-commit}": 1,
        "hushql_redundant_statements_total{action=acknowledged,rule=read-only-commit}": 1,
        "hushql_predictions_total{result=match,rule=deferred-autocommit}": 1,
        "hushql_predictions_total{result=mismatch,rule=deferred-autocommit}": 1,
        "hushql_predictions_total{result=match,rule=empty-commit}": 0,
    }
    assert {name: found.get(name) for name in expected} == expected


def test_what_was_withheld_would_have_taken_a_round_trip() -> None:
    metrics = new_metrics()
    metrics.statement(done(0.004), seen(1, "set names utf8mb4", "set"))
    assert metrics.round_trip == pytest.approx(0.004)
    metrics.statement(ruled("redundant-names", "observed", 0.002), seen(1, "set names utf8mb4", "set"))
    assert 0.002 < metrics.round_trip < 0.004
    metrics.statement(done(9.0), seen(2))
    metrics.statement(done(9.0, error=ServerError(1064, "42000")), seen(1, "set x", "set"))
    expected = metrics.round_trip
    metrics.statement(ruled("redundant-names", "withheld", 0.0), seen(1, "set names utf8mb4", "set"))
    assert metrics.redundant_seconds["redundant-names"] == pytest.approx(0.002 + expected)
    assert samples(metrics)["hushql_upstream_round_trip_seconds"] == metrics.round_trip == expected


@pytest.mark.parametrize("rule", REPORTING, ids=lambda rule: rule.name)
def test_what_is_only_reported_is_observed_and_predicts_nothing(rule: Any) -> None:
    metrics = new_metrics()
    metrics.statement(done(0.004), seen(1, "set names utf8mb4", "set"))
    metrics.statement(ruled(rule.name, "observed", 0.3), seen(2))
    metrics.statement(ruled(rule.name, "observed", 0.001), seen(2))
    metrics.reported(rule.name, 5, 0.01)
    assert metrics.redundant[rule.name, "observed"] == 7
    assert metrics.redundant.total() == 7
    wasted = 0.004 + 0.001 + 0.01 if rule.work_remains else 0.3 + 0.001 + 0.01
    assert metrics.redundant_seconds[rule.name] == pytest.approx(wasted)
    assert metrics.predictions.total() == 0
    assert metrics.round_trip == pytest.approx(0.004)


def test_a_rule_that_was_switched_off_says_so() -> None:
    metrics = new_metrics()
    metrics.refuted(Refuted(peer(), 1.0, "empty-commit", "00", "01", disabled=False))
    assert metrics.disabled["empty-commit"] == 0
    metrics.refuted(Refuted(peer(), 1.0, "empty-commit", "00", "01", disabled=True))
    assert samples(metrics)["hushql_rule_disabled{rule=empty-commit}"] == 1
    assert samples(metrics)["hushql_rule_disabled{rule=deferred-begin}"] == 0


def test_every_action_has_a_verdict() -> None:
    assert set(VERDICTS) == {"", *ACTIONS}


def test_the_format_is_the_one_asked_for() -> None:
    metrics = new_metrics()
    assert metrics.expose("")[1].startswith("text/plain; version=0.0.4")
    body, content_type = metrics.expose(f"{OPENMETRICS},text/plain;version=0.0.4;q=0.5")
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert body.endswith(b"# EOF\n")


def test_every_family_of_ours_has_help_and_a_type() -> None:
    for family in parse_prometheus(busy().expose("")[0].decode()):
        assert family.documentation
        assert family.type in ("counter", "gauge", "histogram")


def test_the_state_is_the_one_at_the_scrape() -> None:
    metrics = new_metrics()
    one = peer(1, "login")
    metrics.connection_opened(one)
    assert metrics.connections()["login"] == 1
    one.state = "busy"
    assert (metrics.connections()["login"], metrics.connections()["busy"]) == (0, 1)
    metrics.connection_closed(one)
    metrics.connection_closed(one)
    assert sum(metrics.connections().values()) == 0
    assert metrics.connections_opened == 1


def test_the_first_digests_keep_their_labels_and_the_rest_are_other() -> None:
    metrics = new_metrics(digests=3)
    for number in (0, 1, 2, 3, 4, 0, 4):
        metrics.statement(done(), seen(number, f"SELECT {number}"))
    metrics.statement(done(), seen(9, kind="update"))
    metrics.statement(done(), seen(2))
    by_label = {(one.digest, one.kind): one.durations.count for one in metrics.digests()}
    assert by_label == {
        (f"{0:016x}", "select"): 2,
        (f"{1:016x}", "select"): 1,
        (f"{2:016x}", "select"): 2,
        (OTHER, "select"): 3,
        (OTHER, "update"): 1,
    }
    assert not any("digest=other" in name for name in samples(metrics) if name.startswith("hushql_digest_info"))


def test_memory_is_fixed_whatever_comes() -> None:
    metrics = new_metrics()

    def flood(start: int) -> None:
        for number in range(start, start + 10_000):
            text = f"SELECT {number} " + "x" * 2000
            metrics.statement(done(error=ServerError(number, "HY000")), seen(number, text))
            metrics.went_blind(WentBlind(peer(), 1.0, f"reason {number}" * 100, ""))
            metrics.login(Login(peer(), 1.0, f"failure {number}"))

    flood(0)
    lines = metrics.expose("")[0].count(b"\n")
    flood(10_000)
    assert metrics.expose("")[0].count(b"\n") == lines
    assert len(metrics.expose("")[0]) < 2_000_000
    assert metrics.statements == 20_000
    assert metrics.error_codes.total == 20_000
    assert metrics.blind.total == 20_000
    assert metrics.login_failures.counts[OTHER] == 20_000
    assert max(map(len, metrics.blind.counts)) <= 64
    assert max(len(one.text) for one in metrics.digests()) <= 200
    assert sum(one.durations.count for one in metrics.digests()) == 20_000


@pytest.mark.parametrize("accept", PARSERS)
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_hostile_labels_stay_labels(accept: str, text: str) -> None:
    metrics = new_metrics()
    metrics.statement(done(), seen(1, text))
    metrics.went_blind(WentBlind(peer(), 1.0, text, text))
    metrics.went_blind(WentBlind(peer(), 1.0, text, text))
    found = samples(metrics, accept)
    readable = text.encode("utf-8", "replace").decode()
    assert found[f"hushql_digest_info{{digest={1:016x},text={readable[:200]}}}"] == 1
    assert found[f"hushql_blind_connections_total{{reason={readable[:64]}}}"] == 2
    assert "fake_total" not in found


@given(st.lists(st.floats(0, 20) | st.sampled_from(DURATION_BOUNDS), max_size=50))
def test_a_bucket_holds_what_does_not_exceed_its_bound(values: list[float]) -> None:
    histogram = Histogram(DURATION_BOUNDS)
    for value in values:
        histogram.observe(value)
    for bound, count in histogram.buckets():
        assert count == sum(value <= float(bound) for value in values)
    assert histogram.count == len(values)
    assert histogram.sum == pytest.approx(sum(values))


def test_bounds_rise_from_100_us_to_10_s_and_from_5_us() -> None:
    assert (DURATION_BOUNDS[0], DURATION_BOUNDS[-1], OVERHEAD_BOUNDS[0]) == (0.0001, 10, 5e-6)
    assert list(DURATION_BOUNDS) == sorted(set(DURATION_BOUNDS))
    assert list(OVERHEAD_BOUNDS) == sorted(set(OVERHEAD_BOUNDS))


def test_a_tally_has_a_bound() -> None:
    tally = Tally(3, ["known"])
    for key in ("known", "a", "b", "c", "d", "a", "known"):
        tally.add(key)
    assert tally.counts == {"known": 2, "a": 2, "b": 1, OTHER: 2}
    assert tally.total == 7


def test_what_changes_while_it_is_read_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    class Meddler(Peer):
        @property
        def busy(self) -> str:
            metrics.connection_opened(peer(len(metrics.peers) + 1))
            return "busy"

    metrics = new_metrics()
    metrics.connection_opened(Meddler(id=1, client="unix", opened=1.0))
    monkeypatch.setattr(Meddler, "state", Meddler.busy)
    assert metrics.connections()["busy"] == 1
    assert len(metrics.peers) == 2

    def meddle(family: CounterMetricFamily, labels: list[str], value: float, *rest: Any, **more: Any) -> None:
        metrics.error_codes.add(f"new {len(metrics.error_codes.counts)}")
        add_metric(family, labels, value, *rest, **more)

    metrics.error_codes.add("1064")
    add_metric = CounterMetricFamily.add_metric
    monkeypatch.setattr(CounterMetricFamily, "add_metric", meddle)
    assert samples(metrics)["hushql_statement_errors_total{code=1064}"] == 1
    assert len(metrics.error_codes.counts) > 1


def test_a_scrape_on_another_thread_may_meet_statements() -> None:
    metrics = new_metrics()
    failures: list[BaseException] = []
    over = threading.Event()

    def scrape() -> None:
        try:
            while not over.is_set():
                for family in PARSERS[OPENMETRICS](metrics.expose(OPENMETRICS)[0].decode()):
                    assert family.name
        except BaseException as error:
            failures.append(error)
            raise

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    thread = threading.Thread(target=scrape)
    thread.start()
    for number in range(20_000):
        one = peer(number)
        metrics.connection_opened(one)
        metrics.statement(done(error=ServerError(number % 300, "HY000")), seen(number % 500))
        metrics.went_blind(WentBlind(one, 1.0, f"reason {number % 60}", ""))
        if number >= 5000:
            metrics.connection_closed(peer(number - 5000))
    over.set()
    thread.join(30)
    sys.setswitchinterval(interval)
    assert not failures
