"""What the README shows is what a newcomer gets: its commands, run as they stand, from an installation of their own."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from .conftest import free_port
from .drivers.pymysql import PYMYSQL
from .proxies import ROOT
from .servers import Server

README = (ROOT / "README.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def block(containing: str) -> str:
    [found] = [text for _, text in BLOCKS if containing in text]
    return found


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `hushql`, installed as pipx does it: into an environment that holds nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    checkout = folder / "checkout"
    shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(".venv", ".git", ".*_cache", "build", "*.egg-info"))
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    pip = [str(folder / "venv/bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "."]
    subprocess.run(pip, cwd=checkout, check=True, timeout=300)
    return folder / "venv/bin"


class Shell:
    """Runs the README's lines against the server under the tests instead of its example names and ports."""

    def __init__(self, installed: Path, server: Server, folder: Path) -> None:
        self.port, self.admin = free_port(), free_port()
        self.folder = folder
        self.environment = os.environ | {"PATH": f"{installed}:{os.environ['PATH']}"}
        account = server.account
        self.replaced = {
            "db.example:3306": f"{server.host}:{server.port} --upstream-tls preferred --admin 127.0.0.1:{self.admin} "
            f"--listen 127.0.0.1:{self.port}",
            "-P 3307": f"-P {self.port}",
            "127.0.0.1:3307": f"127.0.0.1:{self.port}",
            "127.0.0.1:9307": f"127.0.0.1:{self.admin}",
            "-u app -p": shlex.join(["-u", account.user, f"-p{account.password}"]),
        }
        self.started: list[subprocess.Popen[str]] = []

    def line(self, text: str) -> str:
        for shown, real in self.replaced.items():
            text = text.replace(shown, real)
        if text.endswith("&"):
            argv = text.removesuffix("&").split()
            self.started.append(subprocess.Popen(argv, cwd=self.folder, env=self.environment, text=True))
            self.wait_until_ready()
            return ""
        done = subprocess.run(
            ["bash", "-euc", text],
            check=False,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, (text, done.stderr)
        return done.stdout

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                with urlopen(f"http://127.0.0.1:{self.admin}/readyz", timeout=5):
                    return
            except URLError:
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def close(self) -> None:
        for process in self.started:
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0


@pytest.fixture
def shell(installed: Path, server: Server, tmp_path: Path) -> Iterator[Shell]:
    found = Shell(installed, server, tmp_path)
    yield found
    found.close()


def test_the_first_use_against_a_database(shell: Shell) -> None:
    install, *lines = block("pipx install").splitlines()
    assert install == "pipx install ."
    serve, query, tail, curl = lines
    shell.line(serve)
    assert shell.line(query) == "1\n1\n"
    time.sleep(0.3)  # a person is slower; lines are written every 50 ms
    assert [json.loads(line).get("query") for line in shell.line(tail).splitlines()] == ["select ?", None]
    metrics = shell.line(curl)
    assert 'hushql_statements_total{command="COM_QUERY",verdict="forwarded"}' in metrics
    assert "hushql_statement_duration_seconds_bucket" in metrics


def test_the_settings_file(shell: Shell, server: Server) -> None:
    yaml = block("upstream-tls: verify-identity").replace("verify-identity", "preferred")
    yaml = yaml.replace("db.example:3306", f"{server.host}:{server.port}")
    for shown in ("127.0.0.1:3307", "127.0.0.1:9307"):
        yaml = yaml.replace(shown, shell.replaced[shown])
    (shell.folder / "hushql.yaml").write_text(yaml)
    shell.line(block("--config hushql.yaml").strip() + " &")


def test_the_doctor(shell: Shell, server: Server) -> None:
    PYMYSQL.login(server.target(tls=True), server.account)
    shell.replaced["--user app"] = f"--user {server.account.user}"
    shell.environment["HUSHQL_PASSWORD"] = server.account.password
    said = shell.line(block("hushql doctor"))
    assert "its word is trusted" in said


def test_the_commands_of_make_are_there() -> None:
    for line in ("make demo", "make check", "make test"):
        assert line in README
        subprocess.run(["make", "--dry-run", *line.split()[1:]], cwd=ROOT, check=True, capture_output=True, timeout=60)


def test_the_round_trips_of_the_example() -> None:
    """They are what `hushql demo` sends, and counts: see test_demo.py."""
    assert len(block("SET autocommit=0").splitlines()) == 4
    from proxy.demo import load

    source = Path(load.__file__ or "").read_text()
    for line in ("SET autocommit=0", "COMMIT", "SET autocommit=1"):
        assert line in source


def test_every_block_is_run() -> None:
    ran = (
        "make demo",
        "pipx install",
        "hushql doctor",
        "--config hushql.yaml",
        "upstream-tls: verify-identity",
        "make check\nmake test",
    )
    for language, text in BLOCKS:
        assert language == "sql" or any(one in text for one in ran), text
