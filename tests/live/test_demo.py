"""`hushql demo` as a user starts it: its end, its figures, what it leaves behind."""

import asyncio
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pymysql
import pytest

from proxy.demo.figures import Reader

HUSHQL = [sys.executable, "-c", "from proxy.cli import main; main()"]
SUMMARY = r"hushql saw ([\d,]+) statements for ([\d,]+) units of work = 4\.00 round trips per query"


class Demo:
    """A place of its own for a demo, and a mark by which its processes are known."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = f"DEMO_MARK={uuid.uuid4()}"
        self.environment = os.environ | {"TMPDIR": str(folder)} | dict([self.mark.split("=")])

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        argv = [*HUSHQL, "demo", *arguments]
        pipe = subprocess.PIPE
        with subprocess.Popen(argv, env=self.environment, stdout=pipe, stderr=pipe, text=True) as process:
            try:
                yield process
            finally:
                process.terminate()

    def run(self, *arguments: str) -> tuple[int, str, str]:
        with self.running(*arguments) as process:
            said, complained = process.communicate(timeout=100)
        return process.returncode, said, complained

    def processes(self) -> list[str]:
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:  # another's, or it has just ended
                continue
        return found

    def assert_nothing_left(self) -> None:
        assert self.processes() == []
        assert list(self.folder.iterdir()) == []


@pytest.fixture
def demo(tmp_path: Path) -> Demo:
    folder = tmp_path / "t"
    folder.mkdir()
    return Demo(folder)


def number(text: str) -> int:
    return int(text.replace(",", ""))


@pytest.mark.parametrize("server", ["MariaDB", "mysql-mimic"])
def test_ends_by_itself_and_counts_four_round_trips(demo: Demo, tmp_path: Path, server: str) -> None:
    if server == "MariaDB":
        assert shutil.which("mariadb-install-db"), "the tests need Debian's mariadb-server"
    else:
        demo.environment["PATH"] = str(tmp_path)  # which leads to no mariadbd
    code, said, complained = demo.run("--seconds", "3")
    assert (code, complained) == (0, "")
    assert f"-> {server}, for 3 s" in said
    assert len(re.findall(r"^ +\d s: [\d,]+ statements/s, 75 % only manage the session", said, re.MULTILINE)) >= 2
    found = re.search(SUMMARY, said)
    assert found is not None, said
    statements, units = map(number, found.groups())
    assert statements == 4 * units
    assert units >= 100
    assert f'hushql_statements_total{{command="COM_QUERY",verdict="forwarded"}} {statements}' in said
    logged = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert [line["command"] for line in logged] == ["COM_QUERY", "COM_QUERY"]
    demo.assert_nothing_left()


def test_a_terminal_gets_a_table(demo: Demo) -> None:
    demo.environment |= {"COLUMNS": "100", "TERM": "xterm"}
    terminal, its_end = pty.openpty()
    with subprocess.Popen([*HUSHQL, "demo", "--seconds", "2"], env=demo.environment, stdout=its_end) as process:
        os.close(its_end)
        said = b""
        with suppress(OSError):  # the terminal is gone with the process
            while data := os.read(terminal, 4096):
                said += data
    os.close(terminal)
    assert process.returncode == 0
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said.decode())
    tables = re.findall(r"statements/s, 75 % of them only manage the session", text)
    assert len(tables) >= 3
    assert re.search(r"│ commit +│ +[\d,]+ │ +\d+\.\d\d │ +\d+\.\d\d │ +\d+ % │", text)
    assert re.search(SUMMARY, text)
    demo.assert_nothing_left()


METRICS = """\
hushql_digest_info{digest="s",text="SELECT ?"} 1.0
hushql_digest_info{digest="c",text="commit"} 1.0
hushql_digest_info{digest="COM_QUIT",text="COM_QUIT"} 1.0
hushql_statement_duration_seconds_count{digest="s",kind="select"} 101.0
hushql_statement_duration_seconds_sum{digest="s",kind="select"} 3.0
hushql_statement_duration_seconds_count{digest="c",kind="commit"} 200.0
hushql_statement_duration_seconds_sum{digest="c",kind="commit"} 1.0
hushql_statement_duration_seconds_count{digest="COM_QUIT",kind="command"} 7.0
hushql_statement_duration_seconds_sum{digest="COM_QUIT",kind="command"} 9.0
hushql_overhead_seconds_sum 0.5
hushql_log_dropped_total 3.0
"""


def test_figures_are_those_of_metrics_and_log(tmp_path: Path) -> None:
    (tmp_path / "metrics").write_text(METRICS)
    log = tmp_path / "statements.jsonl"
    lines = [f'{{"n":1,"digest":"s","us":{us * 1000}}}\n' for us in range(101)]
    log.write_text("".join(lines[:60]) + lines[60][:9])
    reader = Reader(f"file://{tmp_path}", log)
    commit, select = asyncio.run(reader.read()).shapes
    assert (commit.count, commit.session_only, commit.percentile(99)) == (200, True, 0)
    assert (select.count, select.session_only, select.percentile(100)) == (101, False, 59)
    with log.open("a") as file:
        file.write(lines[60][9:] + "".join(lines[61:]))
    figures = asyncio.run(reader.read())
    assert [figures.shapes[1].percentile(percent) for percent in (0, 50, 99, 100)] == [0, 50, 99, 100]
    assert (figures.statements, figures.seconds, figures.overhead, figures.dropped) == (301, 4.0, 0.5, 3)
    assert (figures.session_only.statements, figures.session_only.seconds) == (200, 1.0)


def test_stays_up_for_others_until_interrupted(demo: Demo) -> None:
    with demo.running("--stay", "--seconds", "1") as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Ctrl-C" in line:
                break
        port, log, metrics = (
            re.findall(pattern, said)[-1] for pattern in (r"-P(\d+)", r"tail -f (\S+)", r"(http://\S+/metrics)")
        )
        found = re.search(SUMMARY, said)
        assert found is not None, said
        queries = [line for line in Path(log).read_text().splitlines() if '"COM_QUERY"' in line]
        assert len(queries) == number(found[1])
        with pymysql.connect(host="127.0.0.1", port=int(port), user="demo", database="shop") as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT orders.customer FROM orders WHERE orders.id = 7")
            assert cursor.fetchall() == (("customer 7",),)
        with urllib.request.urlopen(metrics, timeout=10) as reply:
            assert b"\nhushql_statements_total{" in reply.read()
        assert len(demo.processes()) == 3  # the demo, the database, hushql serve
        process.send_signal(signal.SIGINT)
        _, complained = process.communicate(timeout=60)
    assert (process.returncode, complained) == (0, "")
    demo.assert_nothing_left()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_load_leaves_nothing_behind(demo: Demo, number: signal.Signals) -> None:
    with demo.running("--seconds", "60") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        process.send_signal(number)
        _, complained = process.communicate(timeout=60)
    assert (process.returncode, complained) == (130, "hushql: interrupted\n")
    demo.assert_nothing_left()


def test_a_database_that_cannot_be_made_is_one_clear_line(demo: Demo, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("mariadb-install-db", "mariadbd"):
        (programs / name).write_text("#!/bin/sh\necho 'ERROR: no space left'\nexit 1\n")
        (programs / name).chmod(0o755)
    demo.environment["PATH"] = f"{programs}:{demo.environment['PATH']}"
    code, said, complained = demo.run()
    assert (code, said) == (1, "")
    assert complained == "hushql: mariadb-install-db failed: ERROR: no space left\n"
    demo.assert_nothing_left()


def test_a_load_whose_database_dies_is_one_clear_line(demo: Demo) -> None:
    with demo.running("--seconds", "60") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        [pid] = [
            int(entry.name)
            for entry in Path("/proc").glob("[0-9]*")
            if str(demo.folder).encode() in _command_line(entry) and b"--skip-networking" in _command_line(entry)
        ]
        os.kill(pid, signal.SIGKILL)
        _, complained = process.communicate(timeout=60)
    assert process.returncode == 1
    assert re.fullmatch(r"hushql: the load failed: .+\n", complained), complained
    demo.assert_nothing_left()


def _command_line(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:  # it has just ended
        return b""
