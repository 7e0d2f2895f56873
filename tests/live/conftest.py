"""Fixtures of the live tests: a real server, and `hushql serve` in front of it."""

import contextlib
import gc
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .drivers.connector_j import CONNECTOR_J
from .proxies import Proxy, serving
from .servers import Server, outside_server, own_server

StartProxy = Callable[..., Proxy]
"""Takes further options of `hushql serve`; by name `upstream` (else the server), and what `serving` takes."""

LENIENT = [
    pytest.mark.usefixtures("collected"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
"""For tests in which connections fail: drivers leave those to the garbage collector, and some then trip over them."""

_ABSENT = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """A folder with a path short enough for unix sockets (108 bytes), which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="hushql-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def server(short_folder: Path, pytestconfig: pytest.Config) -> Iterator[Server]:
    """The server under the tests: HUSHQL_TEST_SERVER's, or a private MariaDB."""
    with contextlib.ExitStack() as stack:
        if dsn := os.environ.get("HUSHQL_TEST_SERVER"):
            found = stack.enter_context(outside_server(dsn))
        else:
            folder = Path(tempfile.mkdtemp(dir=short_folder))
            found, _ = stack.enter_context(own_server(folder, free_port()))
        pytestconfig.stash[_ABSENT] = [f"{found.kind} {found.version}", *found.absent]
        yield found


@pytest.fixture(scope="session", autouse=True)
def jvm() -> Iterator[None]:
    """Connector/J's, if a test started it, ends with the session."""
    yield
    CONNECTOR_J.close()


@pytest.fixture
def collected() -> Iterator[None]:
    """Let go of what drivers left before the next test, which may mind."""
    yield
    gc.collect()


@pytest.fixture
def hushql(short_folder: Path, server: Server) -> Iterator[StartProxy]:
    """Starts `hushql serve` in front of the server, and checks at the end that all went well."""
    with contextlib.ExitStack() as stack:

        def start(*options: str, upstream: str = "", **settings: Any) -> Proxy:
            folder = Path(tempfile.mkdtemp(dir=short_folder))
            address = upstream or f"{server.host}:{server.port}"
            return stack.enter_context(serving(folder, *options, upstream=address, **settings))

        yield start


def free_port() -> int:
    """A port which nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which server was used, and what could not be tried on it."""
    if lines := config.stash.get(_ABSENT, None):
        terminalreporter.line(f"live server: {lines[0]}")
        for line in lines[1:]:
            terminalreporter.line(f"not tried: {line}")
