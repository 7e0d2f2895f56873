"""What the demo shows: a live view, and a summary that answers what the round trips were for."""

import asyncio
from itertools import islice

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from proxy.demo.figures import Figures, Reader
from proxy.demo.programs import Database, Proxy
from proxy.demo.shop import DATABASE, USER

PERIOD = 0.5
"""Seconds between two readings on a terminal."""

TELLING = (
    'hushql_statements_total{command="COM_QUERY"',
    "hushql_statement_duration_seconds_count",
    "hushql_overhead_seconds_sum",
)
"""The beginnings of the lines of /metrics that are shown."""


def share(part: float, whole: float) -> str:
    """Say a part in percent."""
    return f"{100 * part / whole:.0f} %" if whole else "0 %"


async def watch(reader: Reader) -> None:
    """Show the figures until cancelled: a table on a terminal, a line a second elsewhere."""
    console = Console()
    period = PERIOD if console.is_terminal else 1.0
    clock = asyncio.get_running_loop().time
    started, last, seen = clock(), clock(), 0
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            await asyncio.sleep(period)
            figures = await reader.read()
            now = clock()
            rate = (figures.statements - seen) / (now - last)
            last, seen = now, figures.statements
            if console.is_terminal:
                live.update(table(figures, rate), refresh=True)
            else:
                click.echo(line(figures, rate, now - started))


def table(figures: Figures, rate: float) -> Table:
    """Return the live view."""
    only = share(figures.session_only.statements, figures.statements)
    view = Table(title=f"{rate:,.0f} statements/s, {only} of them only manage the session", title_justify="left")
    view.add_column("statement", max_width=60, no_wrap=True, overflow="ellipsis")
    for heading in ("count", "p50 ms", "p99 ms", "share of time"):
        view.add_column(heading, justify="right")
    for shape in islice(figures.shapes, 10):
        view.add_row(
            Text(shape.text, style="dim" if shape.session_only else ""),
            f"{shape.count:,}",
            f"{shape.percentile(50):.2f}",
            f"{shape.percentile(99):.2f}",
            share(shape.seconds, figures.seconds),
        )
    return view


def line(figures: Figures, rate: float, elapsed: float) -> str:
    """Return the live view in one line."""
    spread = ", ".join(
        f"{shape.word} {shape.percentile(50):.2f}/{shape.percentile(99):.2f}" for shape in islice(figures.shapes, 10)
    )
    only = share(figures.session_only.statements, figures.statements)
    return f"{elapsed:3.0f} s: {rate:,.0f} statements/s, {only} only manage the session; p50/p99 ms: {spread}"


def conclude(figures: Figures, seconds: float, server: Database) -> None:
    """Show the last state of the live view, and say what the round trips were for."""
    console = Console()
    if console.is_terminal:
        console.print(table(figures, figures.statements / seconds))
    click.echo(summary(figures, seconds, server))


def summary(figures: Figures, seconds: float, server: Database) -> str:
    """Say what the round trips were for."""
    only = figures.session_only
    work = figures.statements - only.statements
    overhead = figures.overhead / figures.statements * 1e6
    return (
        f"In {seconds:.1f} s hushql saw {figures.statements:,} statements for {work:,} units of work"
        f" = {figures.statements / work:.2f} round trips per query.\n"
        f"  {only.statements:,} of them ({share(only.statements, figures.statements)}) only manage the session"
        " (SET autocommit, COMMIT): they ask for no data.\n"
        f"  Waiting for {server.name} took {figures.seconds:.2f} s in all,"
        f" {only.seconds:.2f} s of it ({share(only.seconds, figures.seconds)}) for those.\n"
        f"  hushql itself worked {overhead:.0f} µs on a statement. Lines lost by its log: {figures.dropped}."
    )


def samples(metrics: str, proxy: Proxy) -> str:
    """Show where the metrics and the statement log are, and a few lines of each."""
    lines = metrics.splitlines()
    telling = [next(filter(lambda text: text.startswith(metric), lines)) for metric in TELLING]
    with proxy.log.open() as file:
        logged = [text.rstrip("\n") for text in islice(file, 2)]
    return "\n".join([f"\nMetrics: {proxy.admin}/metrics", *telling, f"\nStatement log: {proxy.log}", *logged])


def invitation(proxy: Proxy) -> str:
    """Say how to go on while the demo stays up."""
    return (
        f"\nIt stays up. Connect:  mariadb -h127.0.0.1 -P{proxy.port} -u{USER} {DATABASE}\n"
        f"Follow:                tail -f {proxy.log}\n"
        f"Look:                  {proxy.admin}/metrics\n"
        "Stop:                  Ctrl-C"
    )
