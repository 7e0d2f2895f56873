"""The demo from its beginning to its end."""

import asyncio
import signal
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import click

from proxy.demo import screen
from proxy.demo.figures import Reader
from proxy.demo.load import load
from proxy.demo.programs import DemoError, database, last_words, proxy

SETTLE = 0.3
"""Seconds after which the log has been written and the counts are complete."""


async def play(seconds: float, stay: bool) -> None:
    """Start everything, run the load, say what was seen; with `stay`, wait to be cancelled before all is stopped."""
    _cancel_on_signals()
    async with AsyncExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="hushql-demo-")))
        server = await running.enter_async_context(database(folder))
        hushql = await running.enter_async_context(proxy(folder, server.upstream))
        if server.name != "MariaDB":
            click.echo(
                "PATH leads to no mariadbd: a server in Python stands in, so the counts tell more than the times"
            )
        click.echo(f"application -> hushql on 127.0.0.1:{hushql.port} -> {server.name}, for {seconds:g} s")
        reader = Reader(hushql.admin, hushql.log)
        await _watched(reader, load(hushql.port, seconds))
        figures = await reader.read()
        if not figures.session_only.statements:
            raise DemoError(f"hushql saw no statements of the load: {last_words(hushql.output)}")
        screen.conclude(figures, seconds, server)
        click.echo(screen.samples(await reader.metrics(), hushql))
        if stay:
            click.echo(screen.invitation(hushql))
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()


def _cancel_on_signals() -> None:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def _watched(reader: Reader, work: Coroutine[None, None, None]) -> None:
    """Do the work, showing the figures the while; return when they are complete."""
    watching = asyncio.create_task(screen.watch(reader))
    try:
        await work
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    await asyncio.sleep(SETTLE)
