"""Fixtures of the live tests: a real server, and `hushql serve` in front of it."""

import contextlib
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .certificates import Certificate, make_certificate
from .drivers.scenario import Fixed, write_rows
from .proxies import Proxy, serving
from .servers import Mariadbd, Server, own_mariadbd, own_server, outside_server

StartProxy = Callable[..., Proxy]


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """A folder with a path short enough for unix sockets (108 bytes), which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="hushql-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def server(short_folder: Path) -> Iterator[Server]:
    """The server under the tests: HUSHQL_TEST_SERVER's, or a private MariaDB."""
    dsn = os.environ.get("HUSHQL_TEST_SERVER")
    if dsn:
        with outside_server(dsn) as outside:
            yield outside
        return
    folder = short_folder / "own"
    folder.mkdir()
    with own_server(folder, free_port()) as (own, _):
        yield own
