"""The programs that the demo starts and stops: a database server and hushql itself."""

import asyncio
import os
import re
import shutil
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from proxy.demo.shop import INIT

PATIENCE = 30.0
"""Seconds that a program may take to be ready, and to stop."""


class DemoError(Exception):
    """A part of the demo failed; says which, and why, in one line."""


@asynccontextmanager
async def program(name: str, argv: list[str], output: Path) -> AsyncIterator[Process]:
    """Run a program, its output in a file, and stop it on leaving.

    It has a session of its own: a Ctrl-C at the terminal reaches the demo alone, which stops things in order.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HUSHQL_")}
    with output.open("wb") as file:
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, stdin=DEVNULL, stdout=file, stderr=STDOUT, env=environment, start_new_session=True
            )
        except OSError as error:
            raise DemoError(f"{name} could not be started: {error}") from error
    try:
        yield process
    finally:
        await _stop(process)


async def _stop(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), PATIENCE)
    finally:  # also after a second Ctrl-C
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ready(name: str, process: Process, output: Path, check: Callable[[], Awaitable[bool]]) -> None:
    """Wait until `check` says so; raise DemoError where the program ends first or takes too long."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not await check():
        if process.returncode is not None:
            raise DemoError(f"{name} ended while it started: {last_words(output)}")
        if asyncio.get_running_loop().time() > deadline:
            raise DemoError(f"{name} was not ready after {PATIENCE:.0f} s: {last_words(output)}")
        await asyncio.sleep(0.05)


def last_words(output: Path) -> str:
    """Return the line of a program's output that tells most: its last error, else its last line."""
    lines = [line for line in output.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "ERROR" in line.upper()]
    return (errors or lines or ["it said nothing"])[-1].strip()[:300]


async def accepts(socket: Path) -> bool:
    """Say whether a Unix socket takes connections."""
    try:
        _, writer = await asyncio.open_unix_connection(socket)
    except OSError:
        return False
    writer.close()
    return True


# ---- the database ----


@dataclass(frozen=True)
class Database:
    """A running database server."""

    name: str
    upstream: str
    """As `hushql serve --upstream` takes it."""


def mariadbd() -> tuple[str, str] | None:
    """Return the paths of mariadb-install-db and mariadbd, if PATH leads to both.

    An ordinary user's PATH has no sbin, where Debian keeps mariadbd: it is also looked for beside the first's bin.
    """
    install = shutil.which("mariadb-install-db")
    if install is None:
        return None
    prefix = Path(install).resolve().parent.parent
    beside = [str(prefix / folder) for folder in ("sbin", "libexec", "bin")]
    server = shutil.which("mariadbd", path=os.pathsep.join([os.environ.get("PATH", ""), *beside]))
    return None if server is None else (install, server)


@asynccontextmanager
async def database(folder: Path) -> AsyncIterator[Database]:
    """Run a database server with the demo's tables: MariaDB where there is one, else the embedded one."""
    socket, output = folder / "database.sock", folder / "database.log"
    found = mariadbd()
    if found is None:
        name, argv = "mysql-mimic", [sys.executable, "-m", "proxy.demo.embedded", str(socket)]
    else:
        name, argv = "MariaDB", await _mariadb(*found, folder, socket)
    async with program(name, argv, output) as process:
        await ready(name, process, output, lambda: accepts(socket))
        yield Database(name, f"unix:{socket}")


async def _mariadb(install: str, server: str, folder: Path, socket: Path) -> list[str]:
    """Make a data directory; return the server's command line."""
    data, output, init = folder / "data", folder / "install.log", folder / "init.sql"
    data.mkdir()
    init.write_text(INIT)
    as_root = ["--user=root"] if os.geteuid() == 0 else []
    # --rpm: as root the script would otherwise change the owner of a system folder, for PAM.
    argv = [install, "--no-defaults", "--rpm", *as_root, f"--datadir={data}"]
    argv += ["--auth-root-authentication-method=normal", "--skip-test-db"]
    async with program("mariadb-install-db", argv, output) as process:
        if await process.wait() != 0:
            raise DemoError(f"mariadb-install-db failed: {last_words(output)}")
    return [
        *[server, "--no-defaults", *as_root, f"--datadir={data}", f"--socket={socket}"],
        *["--skip-networking", f"--pid-file={folder / 'database.pid'}", f"--init-file={init}"],
        *["--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=2"],
    ]


# ---- hushql ----


@dataclass(frozen=True)
class Proxy:
    """A running `hushql serve`."""

    port: int
    admin: str
    """The base URL of its admin address."""
    log: Path
    """The statement log."""
    output: Path
    """What it says on stderr."""


@asynccontextmanager
async def proxy(folder: Path, upstream: str) -> AsyncIterator[Proxy]:
    """Run `hushql serve` in front of a server, on free ports of loopback."""
    output, log = folder / "hushql.log", folder / "statements.jsonl"
    argv = [sys.executable, "-c", "from proxy.cli import main; main()", "serve"]
    argv += ["--upstream", upstream, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log", str(log)]
    argv += ["--drain-grace", "0s"]
    async with program("hushql serve", argv, output) as process:

        async def listens() -> bool:
            return addresses(output.read_text()) is not None

        await ready("hushql serve", process, output, listens)
        if (found := addresses(output.read_text())) is None:
            raise DemoError(f"hushql serve does not say where it listens: {last_words(output)}")
        yield Proxy(*found, log, output)


def addresses(said: str) -> tuple[int, str] | None:
    """Return the port and the admin URL from the line in which `hushql serve` tells them."""
    match = re.search(r"listening on [^ ,]*:(\d+)\b.*admin on (http://[^\s,;]+)", said)
    return match and (int(match[1]), match[2].rstrip("/"))
