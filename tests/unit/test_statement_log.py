"""The statement log and the sinks: whole lines, exact counts, and nobody waits for a disk."""

import asyncio
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy import sinks as sinks_module
from proxy import statement_log
from proxy.events import (
    ACTIONS,
    ConnectionClosed,
    Event,
    Login,
    Peer,
    Refuted,
    ServerError,
    SettlementFailed,
    StatementDone,
    WentBlind,
)
from proxy.metrics import Metrics
from proxy.sinks import NOTICES_A_SECOND, Sinks
from proxy.statement_log import CHUNK_BYTES, LineWriter, StatementLog, schema
from rules.catalogue import ALL
from rules.digest import Digest, digest

ROOT = Path(__file__).parents[2]
SCHEMA = jsonschema.Draft202012Validator(json.loads(schema()))
COM_QUERY, COM_PING = 3, 14
QUERY = b"SELECT c FROM sbtest1 WHERE id = 4711"


def peer(number: int = 1, user: str = "app") -> Peer:
    return Peer(id=number, client="10.0.0.7:40000", opened=1.0, user=user, state="idle")


def done(n: int = 1, text: bytes | None = QUERY, **fields: Any) -> StatementDone:
    known: dict[str, Any] = {
        "peer": peer(),
        "command": COM_PING if text is None else COM_QUERY,
        "started": 100.0,
        "first": 100.0005,
        "ended": 100.002,
        "bytes_in": 38,
        "bytes_out": 90,
    }
    return StatementDone(n=n, text=text, **known | fields)


class Turn:
    """A loop's call_soon, run by hand."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.due.append(callback)

    def run(self) -> None:
        due, self.due = self.due, []
        for callback in due:
            callback()


def new_metrics() -> Metrics:
    return Metrics(version="1", compiled=False)


def run_sinks(log: StatementLog | None, events: list[Event], metrics: Metrics | None = None) -> Metrics:
    metrics = metrics or new_metrics()
    turn = Turn()
    sinks = Sinks(metrics, log, turn.call_soon)
    for event in events:
        sinks.put(event)
    sinks.close(5)
    return metrics


def logged(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def numbered(count: int, size: int = 100) -> list[bytes]:
    return [f"{number:08d}".encode() + b"x" * (size - 9) + b"\n" for number in range(count)]


class Drain:
    """Reads a pipe to its end on a thread."""

    def __init__(self, fd: int) -> None:
        self.data = bytearray()
        self._thread = threading.Thread(target=self._read, args=(fd,))
        self._thread.start()

    def _read(self, fd: int) -> None:
        with os.fdopen(fd, "rb") as pipe:
            while chunk := pipe.read1(1 << 16):
                self.data += chunk

    def lines(self) -> list[bytes]:
        self._thread.join(10)
        assert not self._thread.is_alive()
        return bytes(self.data).splitlines(keepends=True)


@pytest.fixture
def pipe() -> tuple[int, int]:
    """Both ends of a pipe; the test closes them, or the process's end does."""
    return os.pipe()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "did not happen within 10 s"
        time.sleep(0.005)


# What a line says


def test_a_line_says_what_happened(tmp_path: Path) -> None:
    path = tmp_path / "log"
    before = time.time()
    now = time.monotonic()
    event = done(
        n=7,
        started=now,
        first=now + 0.000_5,
        ended=now + 0.002,
        schema="shop",
        rows=3,
        affected=2,
        warnings=1,
        in_transaction=False,
        error=ServerError(1213, "40001"),
    )
    run_sinks(StatementLog(str(path)), [event])
    (line,) = logged(path)
    stamp = line.pop("ts")
    expected = digest(QUERY)
    assert line == {
        "conn": 1,
        "n": 7,
        "client": "10.0.0.7:40000",
        "user": "app",
        "schema": "shop",
        "command": "COM_QUERY",
        "kind": expected.kind,
        "digest": expected.id,
        "query": expected.text,
        "us": 2000,
        "first_us": 500,
        "rows": 3,
        "affected": 2,
        "bytes_in": 38,
        "bytes_out": 90,
        "warnings": 1,
        "error": {"code": 1213, "sqlstate": "40001"},
        "in_transaction": False,
    }
    assert "4711" not in path.read_text()
    parsed = datetime.fromisoformat(stamp)
    assert abs(parsed.timestamp() - before) < 1
    SCHEMA.validate(line | {"ts": stamp})


def test_what_is_empty_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log"
    run_sinks(StatementLog(str(path)), [done(text=None, first=100.0, ended=100.0, bytes_in=1, bytes_out=0)])
    (line,) = logged(path)
    assert set(line) == {
        "ts", "conn", "n", "client", "user", "command", "kind", "digest", "us", "bytes_in", "bytes_out",
    }  # fmt: skip
    assert (line["command"], line["digest"], line["kind"]) == ("COM_PING", "COM_PING", "command")


@pytest.mark.parametrize("action", ACTIONS)
def test_what_a_rule_said_and_what_was_done(tmp_path: Path, action: str) -> None:
    path = tmp_path / "log"
    events: list[Event] = [done(n=1, rule="deferred-begin", action=action), done(n=2)]
    run_sinks(StatementLog(str(path)), events)
    ruled, plain = logged(path)
    assert (ruled["rule"], ruled["action"]) == ("deferred-begin", action)
    assert {"rule", "action"}.isdisjoint(plain)
    SCHEMA.validate(ruled)
    with pytest.raises(jsonschema.ValidationError):
        SCHEMA.validate(ruled | {"action": "invented"})


def test_the_time_is_utc_with_microseconds(tmp_path: Path) -> None:
    log = StatementLog(str(tmp_path / "log"))
    seen = digest(QUERY)
    for started, stamp in [
        (0.0, "1970-01-01T00:00:00.000000Z"),
        (1_700_000_000.000001, "2023-11-14T22:13:20.000001Z"),
        (1_700_000_000.9999999, "2023-11-14T22:13:21.000000Z"),
        (951_782_399.5, "2000-02-28T23:59:59.500000Z"),
    ]:
        line = log.line(done(started=started, first=started, ended=started), seen, 0.0)
        assert line is not None
        assert json.loads(line)["ts"] == stamp
    log.close(1)


def test_a_reply_that_began_before_the_command_ended_took_no_time(tmp_path: Path) -> None:
    path = tmp_path / "log"
    metrics = run_sinks(StatementLog(str(path)), [done(started=100.0, first=99.0, ended=99.5)])
    (line,) = logged(path)
    assert line["us"] == 0
    assert "first_us" not in line
    assert metrics.digests()[0].durations.sum == 0


def test_literals_are_logged_when_asked_for_and_marked_where_cut(tmp_path: Path) -> None:
    path = tmp_path / "log"
    events: list[Event] = [done(), done(n=2, truncated=True), done(n=3, text=b"SELECT '\xff\xe4\n\"'")]
    run_sinks(StatementLog(str(path), literals=True), events)
    assert [line["query"] for line in logged(path)] == [
        QUERY.decode(),
        QUERY.decode() + "…",
        "SELECT '\ufffd\ufffd\n\"'",
    ]


SECRETS = [
    b"CREATE USER joe IDENTIFIED BY 'hunter2'",
    b"ALTER USER joe@'%' IDENTIFIED WITH mysql_native_password BY 'hunter2'",
    b"SET PASSWORD FOR joe = 'hunter2'",
    b"set password = PASSWORD('hunter2')",
    b"GRANT ALL ON *.* TO joe IDENTIFIED BY 'hunter2'",
    b"CHANGE MASTER TO MASTER_PASSWORD='hunter2'",
    b"/* x */ create /*!50000 user */ joe identified by 'hunter2'",
]


@pytest.mark.parametrize("literals", [True, False])
def test_passwords_are_in_no_log(tmp_path: Path, literals: bool) -> None:
    path = tmp_path / "log"
    events: list[Event] = [done(n=n, text=text) for n, text in enumerate(SECRETS, 1)]
    events += [done(n=n, text=text, truncated=True) for n, text in enumerate(SECRETS, 100)]
    metrics = run_sinks(StatementLog(str(path), literals=literals), events)
    assert len(logged(path)) == len(events)
    assert "hunter2" not in path.read_text()
    assert b"hunter2" not in metrics.expose("")[0]


def test_a_digest_that_says_secret_hides_the_text(tmp_path: Path) -> None:
    log = StatementLog(str(tmp_path / "log"), literals=True)
    for secret, query in [(True, "SELECT ?"), (False, QUERY.decode())]:
        seen = Digest(id="0" * 16, text="SELECT ?", kind="select", tags={}, secret=secret)
        line = log.line(done(), seen, 0.0)
        assert line is not None
        assert json.loads(line)["query"] == query
    log.close(1)


def test_only_slow_or_failed_statements_are_logged_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "log"
    events: list[Event] = [
        done(n=1, ended=100.05),
        done(n=2, ended=100.2),
        done(n=3, ended=100.05, error=ServerError(1064, "42000")),
        done(n=4, ended=100.125),
    ]
    metrics = run_sinks(StatementLog(str(path), slow=0.125), events)
    assert [line["n"] for line in logged(path)] == [2, 3, 4]
    assert metrics.statements == 4


names = st.text(st.characters(), max_size=20) | st.just("\ud800'\"\n\\")
counts = st.integers(0, 2**64 - 1)
seconds = st.floats(0, 1e6)


@st.composite
def statements(draw: st.DrawFn) -> StatementDone:
    started, first, ended = sorted(draw(st.tuples(seconds, seconds, seconds)))
    return StatementDone(
        peer=Peer(draw(st.integers(1, 2**40)), draw(names), 0.0, draw(names)),
        n=draw(st.integers(1, 2**40)),
        command=draw(st.integers(0, 255)),
        started=started,
        first=first,
        ended=ended,
        bytes_in=draw(counts),
        bytes_out=draw(counts),
        text=draw(st.none() | st.binary(max_size=200)),
        truncated=draw(st.booleans()),
        schema=draw(names),
        rows=draw(counts),
        affected=draw(counts),
        warnings=draw(st.integers(0, 65535)),
        error=draw(st.none() | st.builds(ServerError, st.integers(0, 65535), names)),
        in_transaction=draw(st.none() | st.booleans()),
        rule=draw(st.sampled_from(["", *ALL])),
        action=draw(st.sampled_from(["", *ACTIONS])),
    )


class Unwritten(StatementLog):
    """Composes lines and has no thread to write them."""

    def __init__(self, *, literals: bool) -> None:
        super().__init__("/dev/null", literals=literals)
        self.close(5)


LOGS = {literals: Unwritten(literals=literals) for literals in (False, True)}


@settings(max_examples=300, deadline=None)
@given(statements(), st.booleans(), st.dictionaries(names, names, max_size=3))
def test_every_line_is_json_and_as_the_schema_says(event: StatementDone, literals: bool, tags: dict[str, str]) -> None:
    seen = Digest(id="0" * 16, text="select ?", kind="select", tags=tags, secret=False)
    line = LOGS[literals].line(event, seen, 1.7e9)
    assert line is not None
    assert line.count(b"\n") == 1
    value = json.loads(line)
    SCHEMA.validate(value)
    assert value["conn"] == event.peer.id
    assert value.get("rows", 0) == event.rows
    if "\ud800" not in event.peer.user:
        assert value["user"] == event.peer.user.encode("utf-8", "replace").decode()


def test_the_schema_refuses_what_is_no_line() -> None:
    with pytest.raises(jsonschema.ValidationError):
        SCHEMA.validate({"conn": 1})


def test_the_shipped_schema_is_current() -> None:
    made = subprocess.run([sys.executable, "-m", "proxy.statement_log"], cwd=ROOT, capture_output=True, check=True)
    assert made.stderr == b""
    assert (ROOT / "docs" / "statement-log.schema.json").read_bytes() == made.stdout
    assert "python -m proxy.statement_log > docs/statement-log.schema.json" in (statement_log.__doc__ or "")


# How lines are written


def test_lines_come_whole_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = LineWriter(str(path), name="log")
    lines = numbered(20_000)
    for start in range(0, len(lines), 7):
        log.write(lines[start : start + 7])
    log.close(10)
    assert path.read_bytes() == b"".join(lines)
    assert log.dropped() == 0


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"old\n")
    log = LineWriter(str(path), name="log")
    log.write([b"new\n"])
    log.close(5)
    assert path.read_bytes() == b"old\nnew\n"


def test_lines_do_not_wait_for_the_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = LineWriter(str(path), name="log")
    for line in (b"1\n", b"2\n"):
        log.write([line])
        wait_for(lambda line=line: path.read_bytes().endswith(line))  # type: ignore[misc]
    log.close(5)


@pytest.mark.parametrize("name", ["missing/log", ".", "fifo"])
def test_what_cannot_be_opened_is_an_error_at_once(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "fifo")  # nobody reads it
    with pytest.raises(OSError, match=r".+"):
        StatementLog(str(tmp_path / name))


def test_what_was_written_makes_room(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = LineWriter(str(path), name="log", queue_bytes=10_000)
    for written in range(1, 6):
        log.write(numbered(80))
        wait_for(lambda written=written: path.stat().st_size == written * 8000)  # type: ignore[misc]
        time.sleep(0.02)
    log.close(5)
    assert log.dropped() == 0


def test_many_lines_are_few_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    write = os.write

    def measured(fd: int, data: memoryview) -> int:
        sizes.append(len(data))
        return write(fd, data)

    monkeypatch.setattr(os, "write", measured)
    log = LineWriter(str(tmp_path / "log"), name="log")
    log.write(numbered(10_000))
    log.close(5)
    assert sum(sizes) == 1_000_000
    assert all(CHUNK_BYTES <= size < CHUNK_BYTES + 100 for size in sizes[:-1])


def test_stdout_is_a_target(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run_sinks(StatementLog("-"), [done()])
    assert json.loads(capfd.readouterr().out)["n"] == 1


def test_a_blocked_pipe_drops_and_counts_exactly_and_nobody_waits(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    log = LineWriter(writing, name="log", queue_bytes=1 << 20)
    os.close(writing)
    lines = numbered(40_000)  # 4 MB into 1 MB and what the pipe holds
    longest = 0.0
    for start in range(0, len(lines), 100):
        began = time.perf_counter()
        log.write(lines[start : start + 100])
        longest = max(longest, time.perf_counter() - began)
        time.sleep(0.0001)
    dropped = log.dropped()
    assert dropped > 20_000
    assert longest < 0.1
    reader = Drain(reading)
    log.close(10)
    read = reader.lines()
    assert len(lines) - len(read) == log.dropped() == dropped
    assert read == sorted(read)
    assert set(read) <= set(lines)


def test_a_blocked_pipe_does_not_block_the_event_loop(pipe: tuple[int, int]) -> None:
    reading, writing = pipe

    async def serve() -> float:
        loop = asyncio.get_running_loop()
        sinks = Sinks(metrics, log, loop.call_soon)
        longest = 0.0
        for n in range(1, 2001):
            began = loop.time()
            sinks.put(done(n=n))
            await asyncio.sleep(0)
            longest = max(longest, loop.time() - began)
        await asyncio.to_thread(sinks.close, 0.3)
        return longest

    metrics = new_metrics()
    os.set_blocking(reading, False)
    log = StatementLog(f"/proc/self/fd/{writing}", queue_bytes=100_000)
    assert asyncio.run(serve()) < 0.1
    assert metrics.statements == 2000
    written = os.read(reading, 1 << 20).count(b"\n")
    assert 0 < written < 2000
    assert written + metrics.log_dropped() == 2000
    assert f"hushql_log_dropped_total {float(metrics.log_dropped())}".encode() in metrics.expose("")[0]


def test_closing_waits_no_longer_than_told_for_a_sink_that_blocks(pipe: tuple[int, int]) -> None:
    _, writing = pipe
    log = LineWriter(writing, name="log")
    log.write(numbered(5000))
    began = time.monotonic()
    log.close(0.3)
    assert 0.25 < time.monotonic() - began < 1.5
    assert log.dropped() == 5000


def test_a_descriptor_that_somebody_made_non_blocking_loses_nothing(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    os.set_blocking(writing, False)
    log = LineWriter(writing, name="log")
    os.close(writing)
    lines = numbered(5000)
    log.write(lines)
    time.sleep(0.2)
    reader = Drain(reading)
    log.close(10)
    assert reader.lines() == lines
    assert log.dropped() == 0


def test_short_writes_tear_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log"
    sizes = itertools.cycle([1, 7, 100, 3333])
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[: next(sizes)]))
    log = LineWriter(str(path), name="log")
    lines = numbered(2000)
    log.write(lines)
    log.close(10)
    assert path.read_bytes() == b"".join(lines)


def test_a_full_disk_is_reported_once_and_every_line_counted(capfd: pytest.CaptureFixture[str]) -> None:
    log = LineWriter("/dev/full", name="statement log", queue_bytes=10_000)
    for line in numbered(1000):
        log.write([line])
    time.sleep(0.2)
    assert log.dropped() == 900
    log.close(5)
    assert log.dropped() == 1000
    err = capfd.readouterr().err
    assert err == (
        "hushql: statement log: No space left on device; lines wait, and are dropped when the queue is full\n"
    )


def test_a_failure_that_cannot_be_reported_stops_nothing(tmp_path: Path) -> None:
    script = f"""if True:
        import os, sys, time
        from proxy.statement_log import LineWriter
        reading, writing = os.pipe()
        os.close(reading)
        os.dup2(writing, 2)
        log = LineWriter({str(tmp_path / "log")!r}, name="log")
        os.unlink(log._target)
        os.mkdir(log._target)
        log.reopen()
        time.sleep(0.2)
        log.write([b"1\\n"])
        log.close(2)
        print(log.dropped())"""
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.stdout == "0\n"


def test_a_reader_that_left_is_an_error_like_any_other(
    pipe: tuple[int, int], capfd: pytest.CaptureFixture[str]
) -> None:
    reading, writing = pipe
    log = LineWriter(writing, name="statement log")
    os.close(reading)
    log.write(numbered(10))
    log.close(5)
    assert log.dropped() == 10
    assert capfd.readouterr().err.startswith("hushql: statement log: Broken pipe;")


def test_lines_that_waited_for_a_full_disk_are_written_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(statement_log, "RETRY", 0.05)
    full = threading.Event()
    full.set()
    write = os.write

    def write_unless_full(fd: int, data: memoryview) -> int:
        if not full.is_set() or fd == 2:
            return write(fd, data)
        if len(data) == len(b"".join(lines)):
            return write(fd, data[:250])  # the last that fits; it tears a line
        raise OSError(28, "No space left on device")

    lines = numbered(100)
    monkeypatch.setattr(os, "write", write_unless_full)
    path = tmp_path / "log"
    log = LineWriter(str(path), name="statement log")
    log.write(lines)
    wait_for(lambda: path.stat().st_size == 250)
    time.sleep(0.2)
    full.clear()
    wait_for(lambda: path.read_bytes() == b"".join(lines))
    log.close(5)
    assert log.dropped() == 0
    err = capfd.readouterr().err.splitlines()
    assert len(err) == 2
    assert "is written again" in err[1]


def test_rotation_by_renaming_loses_no_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = LineWriter(str(path), name="log")
    lines = numbered(30_000)
    rotated: list[Path] = []
    for number, start in enumerate(range(0, len(lines), 1000)):
        log.write(lines[start : start + 1000])
        if number % 5 == 4:
            rotated.append(path.rename(tmp_path / f"log.{len(rotated)}"))
            log.reopen()
            wait_for(path.exists)
    log.close(10)
    assert len(rotated) == 6
    assert b"".join(one.read_bytes() for one in [*rotated, path]) == b"".join(lines)
    assert all(one.read_bytes()[-1:] in (b"", b"\n") for one in rotated)
    assert log.dropped() == 0


def test_reopening_needs_no_further_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = LineWriter(str(path), name="log")
    path.rename(tmp_path / "old")
    log.reopen()
    wait_for(path.exists)
    log.close(5)


@pytest.mark.parametrize("renamed", [True, False])
def test_a_line_that_a_full_disk_tore_is_whole_after_reopening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renamed: bool
) -> None:
    monkeypatch.setattr(statement_log, "RETRY", 0.05)
    path, old = tmp_path / "log", tmp_path / "old"
    lines = numbered(100)
    reopened = False
    write = os.write

    def write_little_until_reopened(fd: int, data: memoryview) -> int:
        if reopened:
            return write(fd, data)
        if len(data) == len(b"".join(lines)):
            return write(fd, data[:250])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", write_little_until_reopened)
    log = LineWriter(str(path), name="log")
    log.write(lines)
    wait_for(lambda: path.stat().st_size == 250)
    if renamed:
        path.rename(old)
    log.reopen()
    wait_for(path.exists)
    reopened = True
    log.close(5)
    assert log.dropped() == 0
    assert path.read_bytes() == b"".join(lines[2:] if renamed else lines)


def test_a_path_that_cannot_be_reopened_keeps_the_old_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    log = LineWriter(str(folder / "log"), name="statement log")
    moved = folder.rename(tmp_path / "moved")
    log.reopen()
    log.write([b"1\n"])
    log.close(5)
    assert (moved / "log").read_bytes() == b"1\n"
    assert "cannot be opened again" in capfd.readouterr().err


# What the sinks do


def test_events_are_looked_at_only_when_the_loop_has_come_round() -> None:
    turn, metrics = Turn(), new_metrics()
    sinks = Sinks(metrics, None, turn.call_soon)
    sinks.put(done())
    sinks.put(done(n=2))
    assert metrics.statements == 0
    assert len(turn.due) == 1
    turn.run()
    assert metrics.statements == 2
    sinks.put(done(n=3))
    turn.run()
    assert metrics.statements == 3
    sinks.close(1)


def test_an_error_in_one_event_costs_that_event_only(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(text: bytes, **modes: bool) -> Digest:
        if b"4711" in text:
            raise ValueError(text)
        return digest(text, **modes)

    sinks_module._remembered.cache_clear()
    monkeypatch.setattr(sinks_module, "digest", broken)
    path = tmp_path / "log"
    events: list[Event] = [done(n=1, text=b"SELECT 1"), done(n=2), done(n=3), done(n=4, text=b"SELECT 2")]
    metrics = run_sinks(StatementLog(str(path)), events)
    assert [line["n"] for line in logged(path)] == [1, 4]
    assert metrics.internal_errors == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("hushql: internal error: ValueError at ")
    assert f"{Path(__file__).name}:" in line
    assert "4711" not in line


def test_the_digest_is_asked_for_in_the_session_s_modes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, bool]] = []

    def recorded(text: bytes, **modes: bool) -> Digest:
        asked.append(modes)
        return digest(text, **modes)

    sinks_module._remembered.cache_clear()
    monkeypatch.setattr(sinks_module, "digest", recorded)
    modes = [{"truncated": one == 0, "ansi_quotes": one == 1, "no_backslash_escapes": one == 2} for one in range(4)]
    run_sinks(None, [done(1, QUERY, **one) for one in modes])
    assert asked == modes


def test_a_closed_connection_is_no_longer_open() -> None:
    metrics = new_metrics()
    one = peer()
    metrics.connection_opened(one)
    run_sinks(None, [done(peer=one)], metrics)
    assert sum(metrics.connections().values()) == 1
    run_sinks(None, [ConnectionClosed(one, 3.0)], metrics)
    assert sum(metrics.connections().values()) == 0


@pytest.mark.parametrize("size", [4096, 4097])
def test_digests_of_short_texts_are_remembered(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    def counted(text: bytes, **modes: bool) -> Digest:
        asked.append(text)
        return digest(text, **modes)

    sinks_module._remembered.cache_clear()
    monkeypatch.setattr(sinks_module, "digest", counted)
    text = b"SELECT 1" + b" " * (size - 8)
    run_sinks(None, [done(text=text), done(text=text), done(text=text, ansi_quotes=True)])
    assert len(asked) == (2 if size == 4096 else 3)
    for number in range(3000):
        sinks_module._digest(done(text=b"SELECT %d" % number))
    assert sinks_module._remembered.cache_info().currsize == 2048


def test_failed_logins_and_blindness_are_a_line_each(capfd: pytest.CaptureFixture[str]) -> None:
    joe = peer(3, "joe\n\x1b[31m")
    run_sinks(
        None,
        [
            Login(joe, 1.0),
            Login(joe, 1.0, "refused", ServerError(1045, "28000")),
            Login(peer(4, ""), 1.0, "client-gone"),
            WentBlind(joe, 2.0, "sequence", "packet 3 after 7\nx"),
            ConnectionClosed(joe, 3.0),
        ],
    )
    assert capfd.readouterr().err.splitlines() == [
        r"hushql: login of 'joe\n\x1b[31m' from 10.0.0.7:40000 failed: refused (error 1045)",
        "hushql: connection 3 from 10.0.0.7:40000 is relayed blindly: sequence: packet 3 after 7?x",
    ]


def test_wrong_predictions_and_broken_promises_are_a_line_each(capfd: pytest.CaptureFixture[str]) -> None:
    metrics = run_sinks(
        None,
        [
            Refuted(peer(3), 1.0, "empty-commit", "00" * 7, "ff" * 3000, disabled=False),
            Refuted(peer(3), 1.0, "empty-commit", "00", "01", disabled=True),
            SettlementFailed(peer(3), 2.0, "error 1193"),
        ],
    )
    observed, disabled, failed = capfd.readouterr().err.splitlines()
    start = "hushql: connection 3 from 10.0.0.7:40000"
    assert observed.startswith(
        f"{start}: empty-commit predicted a wrong reply, nothing was withheld; predicted 00000000000000"
    )
    assert len(observed) < 2300
    assert disabled == (
        f"{start}: empty-commit predicted a wrong reply, the rule is off from now on; predicted 00, the server said 01"
    )
    assert failed == f"{start} was closed: a promise failed: error 1193"
    assert metrics.disabled["empty-commit"] == 1
    assert metrics.settlement_failures == 1


def test_a_flood_of_lines_is_cut_and_counted(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    metrics = run_sinks(None, [Login(peer(n), 1.0, "timeout") for n in range(1, 101)])
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == NOTICES_A_SECOND + 1
    assert lines[-1] == f"hushql: {100 - NOTICES_A_SECOND} more lines like these were left out"
    assert metrics.login_failures.counts["timeout"] == 100


def test_after_a_flood_the_next_second_speaks_again(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    turn = Turn()
    sinks = Sinks(new_metrics(), None, turn.call_soon)
    for n in range(15):
        sinks.put(Login(peer(n), 1.0, "timeout"))
    turn.run()
    now = 1001.0
    sinks.put(Login(peer(99, "later"), 1.0, "timeout"))
    sinks.close(5)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == NOTICES_A_SECOND + 2
    assert lines[-2] == "hushql: 5 more lines like these were left out"
    assert "'later'" in lines[-1]
