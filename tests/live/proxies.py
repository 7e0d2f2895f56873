"""`hushql serve` as a real process: started, watched, and judged when it ends."""

import contextlib
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from .targets import Target

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "proxy.cli", "serve")
START_SECONDS = 20
STOP_SECONDS = 40

_LISTENING = re.compile(r"hushql: listening on (\S+?)[,;]? .*admin on (http://[^\s;,]+)")


@dataclass
class Proxy:
    """A running proxy: where it listens and what can be read from it."""

    process: subprocess.Popen[bytes]
    host: str
    port: int
    socket: Path | None
    admin_url: str
    log_path: Path
    stderr_path: Path
    ca: Path | None = None
    expects_blind: bool = False
    expected_stderr: tuple[str, ...] = ()

    @property
    def pid(self) -> int:
        return self.process.pid

    def target(self, server: Target, *, tls: bool = False) -> Target:
        """The way through this proxy to a server, for a client which verifies the proxy's own certificate."""
        socket = str(self.socket) if self.socket else None
        ca = str(self.ca) if tls else None
        return replace(server, host=self.host, port=self.port, socket=socket, ca=ca, checks_name=True)

    def log_lines(self) -> list[dict[str, Any]]:
        """What the statement log holds so far."""
        return [json.loads(line) for line in self.log_path.read_text().splitlines()]

    def metrics(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Every sample of /metrics: its value by its name and labels."""
        with urlopen(f"{self.admin_url}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        families = text_string_to_metric_families(text)
        return {(s.name, frozenset(s.labels.items())): s.value for f in families for s in f.samples}

    def total(self, name: str) -> float:
        """The sum of a metric over all its labels."""
        return sum(value for (sample, _), value in self.metrics().items() if sample == name)

    def blind(self) -> float:
        """How many connections have gone blind."""
        return self.total("hushql_blind_connections_total")

    def unexpected_stderr(self) -> list[str]:
        """The lines on stderr which neither announce the addresses nor were expected."""
        lines = self.stderr_path.read_text().splitlines()
        expected = (_LISTENING.pattern, *self.expected_stderr)
        return [line for line in lines if not any(re.search(pattern, line) for pattern in expected)]

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def check(self) -> None:
        """Assert that nothing went wrong: no connection went blind, exit code 0, nothing unexpected said."""
        running = self.process.poll() is None
        try:
            if running and not self.expects_blind:
                blind = {k: v for k, v in self.metrics().items() if k[0] == "hushql_blind_connections_total" and v}
                assert not blind, f"connections went blind: {blind}\n{self.stderr_path.read_text()}"
        finally:
            code = self.stop()
        assert code == 0, f"exit code {code}\n{self.stderr_path.read_text()}"
        unexpected = self.unexpected_stderr()
        assert not unexpected, "\n".join(unexpected)


@contextlib.contextmanager
def serving(
    folder: Path,
    *options: str,
    upstream: str,
    listen: str = "127.0.0.1:0",
    ca: Path | None = None,
    expected_stderr: tuple[str, ...] = (),
) -> Iterator[Proxy]:
    """`hushql serve` in front of `upstream`, its files in `folder`; checked when it ends.

    `ca` is the authority of the certificate it was given; `expected_stderr` has regular expressions of the lines which
    may stand on stderr beside the first. Options that are given win.
    """
    folder.mkdir(exist_ok=True)
    log, errors = folder / "statements.jsonl", folder / "stderr"
    fixed = ("--upstream", upstream, "--listen", listen, "--admin", "127.0.0.1:0")
    defaults = ("--log", str(log), "--drain-grace", "0s", "--drain-timeout", "10s")
    with errors.open("wb") as stderr:
        process = subprocess.Popen([*COMMAND, *fixed, *defaults, *options], cwd=ROOT, stderr=stderr)
    try:
        address, admin_url = _announced(process, errors)
        host, port, socket = _parsed(address)
        proxy = Proxy(process, host, port, socket, admin_url, log, errors, ca, expected_stderr=expected_stderr)
        yield proxy
        proxy.check()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(STOP_SECONDS)


def _announced(process: subprocess.Popen[bytes], errors: Path) -> tuple[str, str]:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if found := _LISTENING.search(errors.read_text()):
            return found[1], found[2]
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise RuntimeError(f"hushql serve did not start (exit code {process.poll()}): {errors.read_text()}")


def _parsed(address: str) -> tuple[str, int, Path | None]:
    if address.startswith("unix:"):
        return "localhost", 0, Path(address.removeprefix("unix:"))
    host, _, port = address.rpartition(":")
    return host, int(port), None
